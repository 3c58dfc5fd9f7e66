"""The reference of the settings names every setting there is, and none that there is not."""

import importlib

from tests.tidy import tree

REFERENCE = tree.ROOT / "docs" / "reference" / "settings.md"


def documented_settings(text: str) -> list[str]:
    """The first cell of every row of the tables whose first column is headed `setting`."""
    return sorted(
        row[0] for header, rows in tree.markdown_tables(text) if header[0] == "setting" for row in rows
    )


def known_settings() -> list[str]:
    """The rows of the settings table, and each contract's options as `contract.option`."""
    own = [setting.name for setting in importlib.import_module("orderwire.settings").TABLE]
    contracts = importlib.import_module("orderwire.contracts").ALL
    return sorted(own + [f"{one.name}.{option.name}" for one in contracts for option in one.options])


def test_the_reference_names_exactly_the_settings_there_are():
    assert documented_settings(REFERENCE.read_text(encoding="utf-8")) == known_settings()


def test_every_setting_says_what_it_is_for():
    table = importlib.import_module("orderwire.settings").TABLE
    assert [setting.name for setting in table if not setting.help.strip()] == []


def test_documented_settings_are_read_from_setting_tables_only():
    text = """# Settings

| setting | default | what |
|---|---|---|
| `port` | 8080 | where to listen |
| `plum.window` | a \\| b | how long |

| variable | what |
|---|---|
| `HOME` | not a setting |
"""
    assert documented_settings(text) == ["plum.window", "port"]
    assert documented_settings(text.replace("| setting |", "| Setting |")) == ["plum.window", "port"]
    assert documented_settings("`port` alone") == []

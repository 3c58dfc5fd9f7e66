"""Every command helps: quickly, with an example at its end."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from orderwire import __version__
from orderwire.cli import main
from tests.server import ROOT, environment

# What may be loaded to print a help text, and nothing heavier.
LIGHT = {"click", "orderwire", "__future__", "__main__"}
SPY = """
import sys
before = set(sys.modules)
from orderwire.cli import main
try:
    main(sys.argv[1:], prog_name="orderwire")
except SystemExit as end:
    code = end.code
loaded = {name for name in set(sys.modules) - before if hasattr(sys.modules[name], "__file__")}
third = sorted(n for n in loaded if n.partition(".")[0] not in sys.stdlib_module_names)
print("\\n\\0", code, *third)
"""


def every_command(group: click.Group = main, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from every_command(command, (*path, name))
        else:
            yield (*path, name)


def spy(*arguments: str) -> tuple[str, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", SPY, *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    text, _, told = done.stdout.partition("\n\0")
    code, *modules = told.split()
    assert code in ("0", "None"), done
    return text, modules


@pytest.mark.parametrize("path", list(every_command()), ids=" ".join)
def test_help_ends_in_an_example_and_loads_nothing_heavy(path):
    text, modules = spy(*path, "--help")
    assert "\b" not in text, "a mark for click went to the reader"
    assert text.startswith("Usage: orderwire")
    _, heading, example = text.rpartition("\n  Example:\n")
    assert heading
    assert example.strip()
    assert all("orderwire" in line for line in example.splitlines() if line.strip())
    own = {name for name in modules if name.startswith("orderwire.")}
    assert {name.partition(".")[0] for name in modules} <= LIGHT
    assert all(name.startswith("orderwire.cli") for name in own), own


def test_files_in_examples_are_there():
    for path in every_command():
        _, _, example = spy(*path, "--help")[0].rpartition("\n  Example:\n")
        named = [word for word in example.split() if word.startswith("examples/")]
        assert [one for one in named if not (ROOT / one).is_file()] == []


def test_the_spy_sees_what_a_command_loads():
    _, modules = spy("token", "kinds")
    assert {"orderwire.contracts", "msgspec"} <= set(modules)


def test_version(cli):
    assert cli.succeed("version") == f"orderwire {__version__}\n"
    assert json.loads(cli.succeed("version", "--json"))["version"] == __version__


def test_usage_errors(cli):
    for arguments in (("no-such",), ("import", "x.csv"), ("orders", "list"), ("version", "--loud")):
        assert "Usage:" in cli.refuse(2, *arguments)


def test_the_reference_names_every_command():
    text = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    commands = [" ".join(path) for path in every_command() if path]
    assert [name for name in commands if f"`{name}" not in text] == []

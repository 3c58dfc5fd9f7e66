"""The changelog tells users of every release: newest first, the version of this tree among them."""

import re
import tomllib

from tests.tidy import tree

CHANGELOG = tree.ROOT / "CHANGELOG.md"
RELEASE = re.compile(r"## \[?(?P<version>\d+\.\d+\.\d+)\]?(?: [-–(]+ ?\d{4}-\d{2}-\d{2}\)?)?$")
UNRELEASED = re.compile(r"## \[?Unreleased\]?$")


def problems(text: str, version: str) -> list[str]:
    """What is wrong with a changelog, for a tree of this version."""
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    found = [line for line in headings if not RELEASE.match(line) and not UNRELEASED.match(line)]
    found += [line for line in headings[1:] if UNRELEASED.match(line)]
    releases = [release["version"] for line in headings if (release := RELEASE.match(line))]
    order = [tuple(map(int, release.split("."))) for release in releases]
    if order != sorted(set(order), reverse=True):
        found.append("releases are not newest first, each once")
    newest_is_open = bool(headings) and bool(UNRELEASED.match(headings[0]))
    if version not in releases[:1] and not (newest_is_open and not releases):
        found.append(f"the newest release is not {version}")
    found += [line for line in headings if not (tree.markdown_section(text, line) or "").strip()]
    return found


def test_the_changelog_tells_of_this_version():
    project = tomllib.loads((tree.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert problems(CHANGELOG.read_text(encoding="utf-8"), project["version"]) == []


def test_a_wrong_changelog_is_found():
    fine = "# Changelog\n\n## Unreleased\n\n- c\n\n## 0.2.0 (2026-12-01)\n\n- b\n"
    fine += "\n## 0.1.0 - 2026-11-22\n\n- a\n"
    assert problems(fine, "0.2.0") == []
    assert problems("# Changelog\n\n## Unreleased\n\n- a\n", "0.1.0") == []
    assert problems(fine, "0.3.0") == ["the newest release is not 0.3.0"]
    assert problems(fine.replace("0.1.0", "0.3.0"), "0.2.0") == ["releases are not newest first, each once"]
    assert problems(fine.replace("- a\n", ""), "0.2.0") == ["## 0.1.0 - 2026-11-22"]
    assert problems(fine + "## Soon\n- x\n", "0.2.0") == ["## Soon"]
    assert problems("", "0.1.0") == ["the newest release is not 0.1.0"]

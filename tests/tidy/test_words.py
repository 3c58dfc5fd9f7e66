"""Words that may not stand in the tree: unfinished marks, where it was made, and goldens without a source."""

import re
from pathlib import Path

from tests.tidy import tree

UNFINISHED = re.compile(r"\b(?:TO" + "DO|FIX" + "ME|XX" + "X|NotImplemented" + r"Error)\b")


def spelled(*pieces: str) -> str:
    """A pattern for a word that this file itself may not contain."""
    return "".join(pieces)


# A reader of this tree installs from an index of their own choice, on a machine of their own; and what made a
# change is no part of the change. Each pattern is put together here so as not to find itself.
FOREIGN = re.compile(
    "|".join(
        (
            spelled(r"\bpypi\.", "org"),
            spelled("python", r"hosted\."),
            spelled(r"\bregistry\.", "npmjs"),
            spelled(r"\bdeb\.", "debian"),
            spelled("index", "[-_]url"),
            spelled("find", "[-_]links"),
            spelled(r"(?<![\w.}])/", r"(?:work|opt|root)\b(?!\.)"),
            spelled(r"(?<![\w.}])/", r"tmp/bash_"),
            spelled("farm", "[-_ ]studio"),
            spelled(r"\bclau", "de"),
            spelled(r"\banthro", "pic"),
            spelled(r"\bchat", "gpt"),
            spelled(r"\bcopi", r"lot\b"),
            spelled(r"\bco-authored", "-by:"),
            spelled(r"\b(?:ai|llm)[- ]", r"(?:generated|written|assist\w*|agents?)\b"),
            spelled(r"\bsub-?", r"agents?\b"),
            spelled(r"\blanguage ", "models?"),
        )
    ),
    re.IGNORECASE,
)
GOLDEN_SOURCE = re.compile(r"# From: \S")


def lines_with(pattern: re.Pattern[str], root: Path, paths: list[Path]) -> list[str]:
    return [
        f"{tree.where(root, path, number)}: {found[0]}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if (found := pattern.search(line))
    ]


def foreign_paths(root: Path) -> list[str]:
    return [name for path in tree.tracked_files(root) if FOREIGN.search(name := tree.where(root, path))]


def goldens_without_source(root: Path) -> list[str]:
    found = []
    for path in sorted((root / "tests" / "contracts").glob("*/golden/**/*")):
        if path.is_file():
            first = path.read_text(encoding="utf-8", errors="replace").partition("\n")[0]
            if not GOLDEN_SOURCE.match(first):
                found.append(tree.where(root, path))
    return found


def test_nothing_in_src_is_unfinished():
    files = [path for path in tree.tracked_files(tree.ROOT) if path.is_relative_to(tree.ROOT / "src")]
    assert lines_with(UNFINISHED, tree.ROOT, files) == []


def test_the_tree_says_nothing_of_where_it_was_made():
    assert lines_with(FOREIGN, tree.ROOT, tree.tracked_files(tree.ROOT)) == []
    assert foreign_paths(tree.ROOT) == []


def test_every_golden_names_its_document():
    assert goldens_without_source(tree.ROOT) == []


def test_unfinished_marks_are_found(tmp_path):
    path = tmp_path / "a.py"
    path.write_text("todo = 1\n# TO" + "DO: later\nraise NotImplemented" + "Error\nTODOS = 2\n")
    assert lines_with(UNFINISHED, tmp_path, [path]) == [
        "a.py:2: TO" + "DO",
        "a.py:3: NotImplemented" + "Error",
    ]


def test_foreign_words_are_found(tmp_path):
    fine = [
        "Debian",
        "https://example.com/work/1",
        "/api/v1/work",
        "user agent",
        "rootless",
        "group_order/rooted",
    ]
    bad = [
        "see /" + "work/x",
        "'/" + "root'",
        "https://PyPI." + "org/simple",
        "--find" + "-links=a",
        "farm" + "-studio",
    ]
    path = tmp_path / "notes.md"
    path.write_text("\n".join(fine + bad))
    found = lines_with(FOREIGN, tmp_path, [path])
    assert [line.split(":")[1] for line in found] == [str(len(fine) + n) for n in range(1, len(bad) + 1)]
    assert tree.tracked_files(tmp_path) == [path]
    (tmp_path / ("clau" + "de.md")).write_text("")
    assert foreign_paths(tmp_path) == ["clau" + "de.md"]


def test_goldens_without_a_source_are_found(tmp_path):
    golden = tmp_path / "tests" / "contracts" / "plum" / "golden"
    (golden / "errors").mkdir(parents=True)
    (golden / "good.http").write_text("# From: Get order details, example 1\n{}")
    (golden / "bare.http").write_text("{}\n# From: below\n")
    (golden / "errors" / "empty.http").write_text("# From: \n")
    assert goldens_without_source(tmp_path) == [
        "tests/contracts/plum/golden/bare.http",
        "tests/contracts/plum/golden/errors/empty.http",
    ]

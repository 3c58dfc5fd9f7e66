"""The README and then the guide to importing, typed word by word into one folder."""

from __future__ import annotations

import re
import shlex
import shutil

from tests.server import ROOT


def blocks(path, language):
    """The fenced blocks of a language, without their indentation."""
    text = (ROOT / path).read_text(encoding="utf-8")
    found = re.findall(r"^( *)```(\w*)\n(.*?)^\1```$", text, re.DOTALL | re.MULTILINE)
    return [
        re.sub(f"^{indent}", "", block, flags=re.MULTILINE) for indent, of, block in found if of == language
    ]


def commands(path):
    """What is typed after `orderwire`, without what serves or goes on elsewhere."""
    lines = [line for block in blocks(path, "sh") for line in block.splitlines()]
    typed = [shlex.split(line)[1:] for line in lines if line.startswith("orderwire ")]
    return [words for words in typed if words[0] not in ("serve", "demo", "user")]


def test_what_the_readme_and_the_guide_to_importing_tell_to_type(cli):
    shutil.copytree(ROOT / "examples", cli.folder / "examples")
    for words in commands("README.md"):
        # Reports go to the test's own folder.
        cli.succeed(*(str(cli.folder) if word == "/tmp" else word for word in words))
    guide = "docs/guides/import.md"
    least, more = blocks(guide, "toml")[:2]
    (cli.folder / "shop.csv").write_text(next(one for one in blocks(guide, "") if one.startswith("Order;")))
    (cli.folder / "shop.toml").write_text(least)
    said = []
    for words in commands(guide):
        done = cli.run(*words)
        # In the first try, prices can't be read; then the reader says more.
        assert done.returncode == (5 if "--dry-run" in words else 0), done
        said.append(done.stdout)
        if "--dry-run" in words:
            mended = least.replace("[file]", '[file]\ndecimal = ","')
            (cli.folder / "shop.toml").write_text(mended + more)
    printed = [one for one in blocks(guide, "") if re.match("[0-9]+ rows of", one)]
    assert len(printed) == 3
    for one in printed:
        assert [text for text in said if text.startswith(one)], (one, said)

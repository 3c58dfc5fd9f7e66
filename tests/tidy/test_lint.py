"""The linters have nothing to say: what `make lint` checks is checked by the tests, too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tidy import tree

BIN = Path(sys.executable).parent


def run(*command: str) -> tuple[int, str]:
    """Exit code and output of a command of the virtual environment."""
    done = subprocess.run(
        [str(BIN / command[0]), *command[1:]], cwd=tree.ROOT, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("mypy", "src"),
        ("mypy", "tests"),
    ],
    ids=" ".join,
)
def test_nothing_is_left_to_say(command: tuple[str, ...]) -> None:
    code, said = run(*command)
    assert code == 0, said


def test_a_fault_is_noticed(tmp_path: Path) -> None:
    faulty = tmp_path / "faulty.py"
    faulty.write_text("import os\n\n\ndef f(x) -> int:\n    return 'x'\n")
    assert run("ruff", "check", "--no-cache", str(faulty))[0] == 1
    assert run("mypy", "--strict", "--cache-dir", str(tmp_path), str(faulty))[0] == 1

"""The real command in a folder of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests import forked
from tests.server import environment


class Commands:
    """Runs `orderwire` with a folder as working folder, so that the book is `orderwire.db` in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(
        self, *arguments: str, env: Mapping[str, str] | None = None, given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end; `given` is its standard input."""
        return forked.run(*arguments, folder=self.folder, env=environment(env), given=given)

    def succeed(self, *arguments: str, given: str = "") -> str:
        """Run, expect exit code 0, give what it printed."""
        done = self.run(*arguments, given=given)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout

    def json(self, *arguments: str, given: str = "") -> Any:
        """Run with --json, expect exit code 0, give the value."""
        return json.loads(self.succeed(*arguments, "--json", given=given))

    def refuse(self, code: int, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        """Run, expect this exit code and nothing on standard output, give the message."""
        done = self.run(*arguments, env=env)
        assert (done.returncode, done.stdout) == (code, ""), done
        assert "Traceback" not in done.stderr
        return done.stderr

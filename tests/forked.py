"""`orderwire` in a process of its own, forked from one that has loaded the program: a start takes no second.

Arguments, folder, environment, streams and exit are those of a plain start. What must begin with an
interpreter of its own (other modules, a signal, a pipe that breaks) is started by its test itself.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
# What Alembic runs by itself, and what needs a package that a test takes away.
NOT_LOADED = ("orderwire.store.migrations.", "orderwire.exporter.parquet")


class Stem:
    """The process that the commands are forked from; it ends with this one."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            start_new_session=True,
        )
        self.lock = threading.Lock()
        atexit.register(self.end)

    def run(
        self, arguments: tuple[str, ...], folder: str, env: Mapping[str, str], given: str, seconds: float
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end. Raises TimeoutExpired."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.TemporaryDirectory(prefix="orderwire-command-") as name:
            streams = [Path(name, stream) for stream in ("stdin", "stdout", "stderr")]
            streams[0].write_text(given, "utf-8")
            asked = {
                "arguments": arguments,
                "folder": folder,
                "env": dict(env),
                "streams": list(map(str, streams)),
            }
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
            if not select.select([self._process.stdout], [], [], seconds)[0]:
                self.end()
                raise subprocess.TimeoutExpired(arguments, seconds)
            code = int(self._process.stdout.readline() or "-1")
            said = [stream.read_text("utf-8") for stream in streams[1:]]
        return subprocess.CompletedProcess(arguments, code, *said)

    @property
    def is_alive(self) -> bool:
        """True until it was ended."""
        return self._process.poll() is None

    def end(self) -> None:
        """End it, and the command that it waits for."""
        atexit.unregister(self.end)
        if self.is_alive:
            os.killpg(self._process.pid, signal.SIGKILL)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()
        self._process.wait()


_stems: list[Stem] = []


def run(
    *arguments: str, folder: Path | None, env: Mapping[str, str], given: str = "", seconds: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """Run `orderwire` with these arguments to its end, one command at a time. Raises TimeoutExpired."""
    if not _stems or not _stems[0].is_alive:
        _stems[:] = [Stem()]
    with _stems[0].lock:
        return _stems[0].run(arguments, str(folder or Path.cwd()), env, given, seconds)


def _serve() -> None:
    """Fork a process for each line that is read; in that one it returns, to go on as the command."""
    import orderwire

    for module in pkgutil.walk_packages(orderwire.__path__, "orderwire."):
        if not module.name.startswith(NOT_LOADED):
            importlib.import_module(module.name)
    gc.freeze()
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            answers.close()
            _become(json.loads(line))
            return
        _, status = os.waitpid(pid, 0)
        answers.write(f"{os.waitstatus_to_exitcode(status)}\n")
        answers.flush()
    # Nobody asks any more: there is no command to go on as.
    os._exit(0)


def _become(asked: dict[str, Any]) -> None:
    """Take over what the command was given."""
    for number, (path, mode) in enumerate(zip(asked["streams"], ("r", "w", "w"), strict=True)):
        with open(path, mode) as stream:
            os.dup2(stream.fileno(), number)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False, buffering=1)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["env"])
    # Modules that a test puts in front of others are found; those of the program are loaded.
    sys.path[:0] = asked["env"].get("PYTHONPATH", "").split(os.pathsep)
    sys.argv = ["orderwire", *asked["arguments"]]


if __name__ == "__main__":
    _serve()
    from orderwire.__main__ import main

    main()

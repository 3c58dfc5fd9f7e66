"""Workers that are killed are replaced, however often; the service ends only when none can be started."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orderwire.workers import MAX_FAILED_STARTS
from tests.server import environment

PATIENCE_SECONDS = 30.0
COUNT = 2
# Each worker says that it listens in a file of its own; without the folder none can.
PROGRAM = f"""
import os, signal, sys
from pathlib import Path
from orderwire.workers import Workers

def serve(listening):
    Path(sys.argv[1], str(os.getpid())).touch()
    listening()
    signal.pause()

Workers({COUNT}, serve).run(None)
"""


class Watched:
    """A process that watches over workers; the names of the files in `folder` are their process ids."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        command = [sys.executable, "-c", PROGRAM, str(folder)]
        self.process = subprocess.Popen(
            command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def listening(self) -> set[int]:
        """The workers that have come to listen, those included that were killed since."""
        return {int(path.name) for path in self.folder.iterdir()}

    def wait_for(self, is_so: Callable[[], bool]) -> None:
        """Look again and again: nothing tells what another process does."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < end, self.listening()
            select.select([], [], [], 0.01)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    made = Watched(tmp_path / "workers")
    made.wait_for(lambda: len(made.listening()) == COUNT)
    yield made
    made.process.kill()
    made.process.communicate()


def test_workers_that_are_killed_again_and_again_are_replaced(watched: Watched) -> None:
    killed: set[int] = set()
    while len(killed) <= MAX_FAILED_STARTS:
        before = watched.listening()
        for pid in before - killed:
            os.kill(pid, signal.SIGKILL)
        killed |= before
        watched.wait_for(lambda before=before: len(watched.listening() - before) == COUNT)  # type: ignore[misc]
    watched.process.send_signal(signal.SIGTERM)
    assert watched.process.wait(PATIENCE_SECONDS) == 0


def test_when_no_worker_can_be_started_any_more_the_service_ends(watched: Watched) -> None:
    pids = watched.listening()
    for path in watched.folder.iterdir():
        path.unlink()
    watched.folder.rmdir()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    _, said = watched.process.communicate(timeout=PATIENCE_SECONDS)
    assert watched.process.returncode == 1
    assert b"workers end as soon as they are started" in said


def test_while_one_worker_serves_the_others_are_tried_again(watched: Watched) -> None:
    first, second = watched.listening()
    watched.folder.rename(watched.folder.with_name("away"))
    os.kill(first, signal.SIGKILL)
    children = Path(f"/proc/{watched.process.pid}/task/{watched.process.pid}/children")
    tried: set[int] = set()

    def is_tried_often() -> bool:
        tried.update(map(int, children.read_text().split()))
        return len(tried - {first, second}) > MAX_FAILED_STARTS

    watched.wait_for(is_tried_often)
    watched.folder.with_name("away").rename(watched.folder)
    watched.wait_for(lambda: len(watched.listening()) == COUNT + 1)
    assert second in map(int, children.read_text().split())

"""Several processes that serve the same book on one port, and the one that watches over them.

Each worker listens by itself (SO_REUSEPORT), so that the kernel spreads the connections. They share
nothing but the store: sessions, kept answers and leases are there.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import structlog

from orderwire.server import STOP_SIGNALS, StartRefused, follow_parent

log = structlog.get_logger("orderwire.workers")

# A worker that ends sooner than this after its start is replaced after a pause, which doubles with each
# further one in a row.
SHORT_LIFE_SECONDS = 2.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 5.0
# So many in a row that ended before they listened, and nobody left who listens: the service ends.
MAX_FAILED_STARTS = 5

# Serves in the calling process until it is told to stop; calls what it is given once it listens.
Serve = Callable[[Callable[[], None]], None]


@dataclass(slots=True)
class Worker:
    """A process: when it was started (seconds of the monotonic clock), and where it tells that it listens."""

    born: float
    reader: int
    listens: bool = False

    def has_listened(self) -> bool:
        """True once it has told so, though it may have ended since."""
        if not self.listens:
            with suppress(BlockingIOError):
                self.listens = os.read(self.reader, 1) != b""
        return self.listens


class Workers:
    """`count` processes that run `serve`, and are started again when they die."""

    def __init__(self, count: int, serve: Serve) -> None:
        self._count = count
        self._serve = serve
        self._workers: dict[int, Worker] = {}
        self._short_lives = self._failed_starts = 0

    def run(self, started: Callable[[], None] | None) -> None:
        """Run until SIGINT or SIGTERM; `started` is called once every worker listens.

        Must be called before this process has threads. Raises StartRefused when workers can't start.
        """
        signals = {*STOP_SIGNALS, signal.SIGCHLD}
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        try:
            for worker in [self._start() for _ in range(self._count)]:
                # Waits until it listens, or has ended.
                os.set_blocking(worker.reader, True)
                if not worker.has_listened():
                    raise StartRefused("a worker could not start; the log says why")
            if started is not None:
                started()
            self._watch(signals)
        finally:
            self._stop_all()
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _watch(self, signals: set[signal.Signals]) -> None:
        """Start a worker for each that ends, until told to stop. Raises StartRefused when none can start."""
        following = 0.0
        while True:
            is_whole = len(self._workers) == self._count
            pause = LONGEST_PAUSE_SECONDS if is_whole else max(following - time.monotonic(), 0.0)
            told = signal.sigtimedwait(signals, pause)
            if told is not None and told.si_signo != signal.SIGCHLD:
                return
            if self._bury():
                if self._failed_starts >= MAX_FAILED_STARTS and not self._is_served():
                    raise StartRefused("workers end as soon as they are started; the log says why")
                following = time.monotonic() + self._pause_seconds()
            if time.monotonic() >= following:
                for _ in range(self._count - len(self._workers)):
                    self._start()

    def _is_served(self) -> bool:
        return any(worker.has_listened() for worker in self._workers.values())

    def _pause_seconds(self) -> float:
        if not self._short_lives:
            return 0.0
        doubled = min(self._short_lives - 1, 10)
        return min(FIRST_PAUSE_SECONDS * 2.0**doubled, LONGEST_PAUSE_SECONDS)

    def _start(self) -> Worker:
        reader, writer = os.pipe()
        pid = os.fork()
        if pid:
            os.close(writer)
            os.set_blocking(reader, False)
            self._workers[pid] = Worker(time.monotonic(), reader)
            return self._workers[pid]
        os.close(reader)
        code = 1
        try:
            code = self._work(writer)
        finally:
            # Nothing of the watching process may run on in a worker.
            os._exit(code)

    def _work(self, writer: int) -> int:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())

        def listening() -> None:
            # Nobody waits for a worker that takes another one's place.
            with suppress(BrokenPipeError):
                os.write(writer, b"1")
            os.close(writer)

        try:
            follow_parent()
            self._serve(listening)
        except Exception:
            log.exception("worker failed")
            return 1
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
        return 0

    def _bury(self) -> bool:
        """True if any worker has ended since; counts the short lives and the starts that failed."""
        before = len(self._workers)
        for pid in list(self._workers):
            if os.waitpid(pid, os.WNOHANG) != (0, 0):
                worker = self._workers.pop(pid)
                log.error("worker ended", pid=pid)
                is_short = time.monotonic() - worker.born < SHORT_LIFE_SECONDS
                self._short_lives = self._short_lives + 1 if is_short else 0
                self._failed_starts = 0 if worker.has_listened() else self._failed_starts + 1
                os.close(worker.reader)
        return len(self._workers) < before

    def _stop_all(self) -> None:
        for pid in self._workers:
            os.kill(pid, signal.SIGTERM)
        for pid in list(self._workers):
            os.waitpid(pid, 0)
            os.close(self._workers.pop(pid).reader)

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

import structlog

from orderwire.server import STOP_SIGNALS, StartRefused, follow_parent

log = structlog.get_logger("orderwire.workers")

# A worker that ends sooner than this after its start counts as one that can't start.
SHORT_LIFE_SECONDS = 2.0
# So many of those in a row, and the service ends.
MAX_SHORT_LIVES = 5

# Serves in the calling process until it is told to stop; calls what it is given once it listens.
Serve = Callable[[Callable[[], None]], None]


class Workers:
    """`count` processes that run `serve`, and are started again when they die."""

    def __init__(self, count: int, serve: Serve) -> None:
        self._count = count
        self._serve = serve
        self._born: dict[int, float] = {}
        self._short_lives = 0

    def run(self, started: Callable[[], None] | None) -> None:
        """Run until SIGINT or SIGTERM; `started` is called once every worker listens.

        Must be called before this process has threads. Raises StartRefused when workers can't start.
        """
        signals = {*STOP_SIGNALS, signal.SIGCHLD}
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        try:
            listening = [self._start() for _ in range(self._count)]
            for reader in listening:
                with os.fdopen(reader, "rb") as pipe:
                    if not pipe.read(1):
                        self._stop_all()
                        raise StartRefused("a worker could not start; the log says why")
            if started is not None:
                started()
            self._watch(signals)
        finally:
            self._stop_all()
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if self._short_lives >= MAX_SHORT_LIVES:
            raise StartRefused("workers end as soon as they are started; the log says why")

    def _watch(self, signals: set[signal.Signals]) -> None:
        while self._short_lives < MAX_SHORT_LIVES:
            if signal.sigwait(signals) != signal.SIGCHLD:
                return
            for pid in self._bury():
                log.error("worker ended", pid=pid)
                os.close(self._start())

    def _start(self) -> int:
        """Start a worker; gives the end of a pipe that tells when it listens."""
        reader, writer = os.pipe()
        pid = os.fork()
        if pid:
            os.close(writer)
            self._born[pid] = time.monotonic()
            return reader
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

    def _bury(self) -> list[int]:
        """The workers that have ended since; counts the short lives."""
        ended = []
        for pid in list(self._born):
            found, _ = os.waitpid(pid, os.WNOHANG)
            if found:
                is_short = time.monotonic() - self._born.pop(pid) < SHORT_LIFE_SECONDS
                self._short_lives = self._short_lives + 1 if is_short else 0
                ended.append(pid)
        return ended

    def _stop_all(self) -> None:
        for pid in self._born:
            os.kill(pid, signal.SIGTERM)
        for pid in list(self._born):
            os.waitpid(pid, 0)
            del self._born[pid]

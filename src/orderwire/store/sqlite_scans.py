"""Reads that look at many rows, beside the loop: two threads, each with its connection, and a time limit."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import Any

from orderwire.book.errors import FieldInvalid

from .pages import Page
from .priorities import SCANNER, step_back
from .rows import Row

THREADS = 2
# A list that takes longer looks at far too many orders; nobody waits for it.
LIMIT_SECONDS = 5.0
# How many steps of SQLite's machine pass between two looks at the clock: some milliseconds.
STEPS = 20_000


class Scanner:
    """Runs reads on its own threads. `open_` makes a connection; each thread opens one when it needs it."""

    def __init__(self, open_: Callable[[], sqlite3.Connection], limit_seconds: float = LIMIT_SECONDS) -> None:
        self._open = open_
        self._limit_seconds = limit_seconds
        self._free: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        self._threads = ThreadPoolExecutor(
            THREADS, "orderwire-scanner", initializer=step_back, initargs=(SCANNER,)
        )

    async def rows(self, sql: str, values: Sequence[Any], *, is_page: bool = False) -> Sequence[Row]:
        """All rows, or as many as a page may hold. Raises FieldInvalid when it takes longer than the
        limit, sqlite3.Error."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._run, sql, values, is_page)

    def close(self) -> None:
        """Wait for the reads under way, then let go of the connections."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        while True:
            try:
                self._free.get_nowait().close()
            except Empty:
                return

    def _run(self, sql: str, values: Sequence[Any], is_page: bool) -> Sequence[Row]:
        try:
            connection = self._free.get_nowait()
        except Empty:
            connection = self._open()
        end = time.monotonic() + self._limit_seconds
        connection.set_progress_handler(lambda: time.monotonic() > end, STEPS)
        try:
            found = connection.execute(sql, values)
            if not is_page:
                return found.fetchall()
            page = Page()
            page.take(found)
            found.close()
            return page.rows
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                reason = f"takes more than {self._limit_seconds:g} s: ask for less"
                raise FieldInvalid("query", reason) from error
            raise
        finally:
            self._free.put(connection)

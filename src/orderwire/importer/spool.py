"""Brings the rows of each order together, wherever in the file they stand, in bounded memory.

The rows go through a temporary SQLite file (in TMPDIR, gone when it is closed): about as large as the
export itself.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from types import TracebackType

from .rows import Fault, Row

_SCHEMA = (
    "PRAGMA journal_mode = OFF",
    "PRAGMA synchronous = OFF",
    "CREATE TABLE keys (key TEXT PRIMARY KEY, first INTEGER NOT NULL) WITHOUT ROWID",
    # `first` is the line on which the order's key was first seen: orders come out in that sort. A row
    # without a key (`keyed` is 0) stands alone, at its own line.
    "CREATE TABLE rows (first INTEGER, line INTEGER, part INTEGER, keyed INTEGER, fields TEXT, fault TEXT,"
    " PRIMARY KEY (first, line, part)) WITHOUT ROWID",
)


class Spool:
    """A context manager: `add` rows, then read them back by `rows`."""

    def __init__(self) -> None:
        # An empty name is a file of SQLite's own that nobody else sees. One thread at a time uses it.
        self._file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for statement in _SCHEMA:
            self._file.execute(statement)
        self._file.execute("BEGIN")
        self._alone = 0
        self._count = 0
        # The key of the row before, and where its order began.
        self._last = ("", 0)

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, rows: Iterable[tuple[str, Row]]) -> int:
        """Keep rows of (key, row), and give their number; the key is "" for a row of no order."""
        before = self._count
        self._file.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?)", self._encode(rows))
        return self._count - before

    @property
    def orders(self) -> int:
        """How many orders the rows are of; each row that belongs to none counts as one."""
        keyed = self._file.execute("SELECT count(*) FROM keys").fetchone()[0]
        return int(keyed + self._alone)

    def rows(self, after: tuple[int, int, int]) -> Iterator[tuple[int, bool, Row]]:
        """(order, whether it is one, row) of the rows after that one (order, line, part).

        The rows of one order come together, by line.
        """
        found = self._file.execute(
            "SELECT * FROM rows WHERE (first, line, part) > (?, ?, ?) ORDER BY first, line, part", after
        )
        for first, line, part, keyed, fields, told in found:
            fault = Fault(*json.loads(told)) if told else None
            yield first, bool(keyed), Row(line, json.loads(fields), fault, part)

    def _encode(
        self, rows: Iterable[tuple[str, Row]]
    ) -> Iterator[tuple[int, int, int, int, str, str | None]]:
        for key, row in rows:
            self._count += 1
            if not key:
                self._alone += 1
            elif key != self._last[0]:
                self._last = (key, self._first(key, row.line))
            fault = row.fault
            # ASCII, so that bytes which are no text of the file's encoding come back as they were.
            told = json.dumps((fault.column, fault.code, fault.value)) if fault else None
            place = self._last[1] if key else row.line
            yield place, row.line, row.part, int(bool(key)), json.dumps(row.fields), told

    def _first(self, key: str, line: int) -> int:
        raw = key.encode("utf-8", "surrogatepass")
        found = self._file.execute("SELECT first FROM keys WHERE key = ?", (raw,)).fetchone()
        if found is not None:
            return int(found[0])
        self._file.execute("INSERT INTO keys VALUES (?, ?)", (raw, line))
        return line

"""Brings the rows of each order together, wherever in the file they stand, in bounded memory.

The rows go through a temporary SQLite file (in TMPDIR, gone when it is closed): about as large as the
export itself.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import islice
from types import TracebackType

from .rows import Fault, Row

ROWS_AT_ONCE = 1_000
_SCHEMA = (
    "PRAGMA journal_mode = OFF",
    "PRAGMA synchronous = OFF",
    "CREATE TABLE keys (key TEXT PRIMARY KEY, first INTEGER NOT NULL) WITHOUT ROWID",
    # `first` is the line on which the order's key was first seen: orders come out in that sort.
    "CREATE TABLE rows (first INTEGER, line INTEGER, fields TEXT, fault TEXT, PRIMARY KEY (first, line))"
    " WITHOUT ROWID",
)


class Spool:
    """A context manager: `add` rows, then read them back by `rows`."""

    def __init__(self) -> None:
        # An empty name is a file of SQLite's own that nobody else sees.
        self._file = sqlite3.connect("", isolation_level=None)
        for statement in _SCHEMA:
            self._file.execute(statement)
        self._file.execute("BEGIN")

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, rows: Iterable[tuple[str, Row]]) -> None:
        """Keep rows of (key, row)."""
        encoded = self._encode(rows)
        while some := list(islice(encoded, ROWS_AT_ONCE)):
            self._file.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", some)

    def rows(self) -> Iterator[tuple[int, Row]]:
        """(order, row) of every row: the rows of one order together, by line; the order is a number."""
        for first, line, fields, fault in self._file.execute("SELECT * FROM rows ORDER BY first, line"):
            yield first, Row(line, json.loads(fields), Fault(*json.loads(fault)) if fault else None)

    def _encode(self, rows: Iterable[tuple[str, Row]]) -> Iterator[tuple[int, int, str, str | None]]:
        last_key, first = "", 0
        for key, row in rows:
            if key != last_key:
                last_key, first = key, self._first(key, row.line)
            fault = row.fault
            # ASCII, so that bytes which are no text of the file's encoding come back as they were.
            told = json.dumps((fault.column, fault.code, fault.value)) if fault else None
            yield first, row.line, json.dumps(row.fields), told

    def _first(self, key: str, line: int) -> int:
        raw = key.encode("utf-8", "surrogatepass")
        found = self._file.execute("SELECT first FROM keys WHERE key = ?", (raw,)).fetchone()
        if found is not None:
            return int(found[0])
        self._file.execute("INSERT INTO keys VALUES (?, ?)", (raw, line))
        return line

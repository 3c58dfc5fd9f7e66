"""The embedded store: SQLite in WAL mode, one file, one process that writes.

Reads of one order run on the loop thread; lists, which look at many rows, on threads of their own.
One writer thread takes every waiting piece of work into one transaction and commits it once
(`synchronous=FULL`), so that an answer leaves only after its commit is on disk. A checkpointer
thread moves the log into the file beside it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import structlog
from sqlalchemy.dialects import sqlite as sqlite_dialect

from orderwire.book.errors import StoreUnavailable
from orderwire.book.orders import bucket_of
from orderwire.book.stages import Advance, Status
from orderwire.book.store import Transaction

from . import statements as st
from .compiling import STATEMENTS_COMPILED, Compiled, Statement, compile_statement
from .current import CurrentReads
from .numbers import Numbers
from .rows import Row, instant, micros, status_of
from .sqlite_batches import Job
from .sqlite_faults import taken
from .sqlite_scans import LIMIT_SECONDS, Scanner
from .sqlite_sign import Sign
from .sqlite_threads import Checkpointer, Writer
from .verbs import Writes

T = TypeVar("T")

log = structlog.get_logger("orderwire.store")

BUSY_TIMEOUT_MS = 5_000
# Pages that a connection keeps. What it reads the system keeps, too: more made no read cheaper. A large
# transaction is the better for it.
READ_CACHE_KIB, WRITE_CACHE_KIB = 4_096, 8_192
# Of one statement; the engine itself takes 32,766.
MAX_VALUES = 8_000

_DIALECT = sqlite_dialect.dialect(paramstyle="qmark")


@lru_cache(maxsize=STATEMENTS_COMPILED)
def compiled(statement: Statement) -> Compiled:
    """The statement in this engine's SQL, made when it is first used."""
    return compile_statement(statement, _DIALECT)


def prepare(statement: Statement, values: Sequence[Any]) -> tuple[str, Sequence[Any]]:
    """The statement's SQL, and the values as the driver wants them."""
    found = compiled(statement)
    return found.sql, values if found.arrange is None else found.arrange(values)


@lru_cache(maxsize=128)
def _insert_sql(statement: Statement, rows: int) -> str:
    """The SQL of an insert, for this many rows in one statement.

    One statement and not one for each row: the driver gives up the interpreter's lock for each, and
    beside a busy thread it would wait for it again and again.
    """
    whole = compiled(statement)
    row = f"({', '.join('?' * len(statement.params))})"
    start, found, end = whole.sql.partition(f"VALUES {row}")
    if not found or whole.arrange is not None:
        raise ValueError(f"{statement.name}: is no insert of whole rows")
    return f"{start}VALUES {', '.join([row] * rows)}{end}"


def connect(path: Path, *, readonly: bool = False) -> sqlite3.Connection:
    """A connection with the settings that the book needs. Raises sqlite3.Error."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.execute(f"PRAGMA cache_size=-{READ_CACHE_KIB if readonly else WRITE_CACHE_KIB}")
    if readonly:
        connection.execute("PRAGMA query_only=ON")
    return connection


def unavailable(error: sqlite3.Error) -> StoreUnavailable:
    """The fact behind an engine's error; the error itself goes to the log."""
    log.error("store unavailable", error=str(error))
    return StoreUnavailable(str(error))


class SqliteTransaction(Writes):
    """The verbs inside a transaction of the writer thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def _execute(self, statement: Statement, values: Sequence[Any]) -> sqlite3.Cursor:
        found = compiled(statement)
        arrange = found.arrange
        return self._connection.execute(found.sql, values if arrange is None else arrange(values))

    async def rows(self, statement: Statement, *values: Any) -> Sequence[Row]:
        return self._execute(statement, values).fetchall()

    async def advance_order(
        self, organisation_id: int, order_id: int, at: datetime
    ) -> tuple[Advance, Status | None] | None:
        # Nobody writes beside this transaction; to read first costs a third less than an update that returns.
        key = (bucket_of(order_id), order_id, organisation_id)
        row = self._execute(st.FETCH_STANDING, key).fetchone()
        if row is None:
            return None
        revision, number, now = row[0] + 1, row[1] + 1, micros(at)
        recorded, changed = max(row[2], now), max(row[3], now)
        self._execute(st.MOVE_STANDING, (revision, number, changed, recorded, *key))
        # Only where the clock was set back is it another instant than the one at hand.
        recorded_at = at if recorded == now else instant(recorded)
        advance = Advance(revision=revision, number=number, recorded_at=recorded_at)
        return advance, None if row[4] is None else status_of(row[4:])

    async def insert_many(self, statement: Statement, many: Iterable[Sequence[Any]]) -> int:
        rows, written = list(many), 0
        at_once = MAX_VALUES // len(statement.params)
        for start in range(0, len(rows), at_once):
            some = rows[start : start + at_once]
            sql = _insert_sql(statement, len(some))
            written += self._connection.execute(sql, tuple(chain.from_iterable(some))).rowcount
        return written


class SqliteStore(CurrentReads):
    """The embedded store. Opens the file at once; raises sqlite3.Error when that can't be done.

    A list may take `list_seconds`.
    """

    def __init__(self, path: Path, *, list_seconds: float = LIMIT_SECONDS) -> None:
        self._reader = connect(path, readonly=True)
        self._scanner = Scanner(lambda: connect(path, readonly=True), list_seconds)
        writing = connect(path)
        self._checkpointer = Checkpointer(connect(path))
        self._writer = Writer(writing, SqliteTransaction(writing), self._checkpointer)
        self._numbers = Numbers(self.write)
        self._sign = Sign(path)
        self._closed = False
        self._checkpointer.start()
        self._writer.start()

    def sign(self) -> bytes | None:
        return self._sign.now()

    async def rows(self, statement: Statement, *values: Any) -> Sequence[Row]:
        sql, arranged = prepare(statement, values)
        try:
            if statement.is_scattered and not statement.is_short:
                return await self._scanner.rows(sql, arranged, is_page=statement.is_page)
            return self._reader.execute(sql, arranged).fetchall()
        except sqlite3.Error as error:
            raise unavailable(error) from error

    async def row(self, statement: Statement, *values: Any) -> Row | None:
        if statement.is_scattered and not statement.is_short:
            some = await self.rows(statement, *values)
            return some[0] if some else None
        sql, arranged = prepare(statement, values)
        try:
            found: Row | None = self._reader.execute(sql, arranged).fetchone()
        except sqlite3.Error as error:
            raise unavailable(error) from error
        return found

    async def take_number(self, counter: str) -> int:
        return await self._numbers.take(counter)

    async def write(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        if self._closed:
            raise StoreUnavailable("closed")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._writer.add(Job(work, future))
        try:
            return await future
        except sqlite3.IntegrityError as error:
            fact = taken(error)
            if fact is None:
                raise
            raise fact from error
        except sqlite3.Error as error:
            raise unavailable(error) from error

    async def keep_house(self) -> None:
        """There is nothing: the log is kept short by its own thread."""

    async def close(self) -> None:
        """Finish the writes that wait, then let go of the file."""
        if self._closed:
            return
        self._closed = True
        self._writer.finish()
        await asyncio.to_thread(self._writer.stop)
        await asyncio.to_thread(self._checkpointer.stop)
        await asyncio.to_thread(self._scanner.close)
        self._reader.close()
        self._sign.close()

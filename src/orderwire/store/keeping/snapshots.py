"""A book as it was at one instant, read from end to end on either engine; memory does not grow with it."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import Table, bindparam, func, select, tuple_

from ..addresses import is_postgres, path_of
from ..compiling import Statement
from ..engines import reaching
from ..postgres_batches import plan_of
from ..postgres_pool import prepare as prepare_postgres
from ..rows import Row
from ..sqlite import BUSY_TIMEOUT_MS
from ..sqlite import prepare as prepare_sqlite
from ..tables import metadata

# Rows that are fetched at a time: of the largest documents there are, some 250 MB.
PAGE = 256
APPLICATION = "orderwire keeper"
CONNECT_SECONDS = 10.0


def key_columns(table: Table) -> tuple[str, ...]:
    """The names of the columns of the primary key, in its order."""
    return tuple(column.name for column in table.primary_key.columns)


def key_of(table: Table, row: Row) -> tuple[Any, ...]:
    """A whole row's primary key."""
    return tuple([row[place] for place in key_places(table)])


@lru_cache(maxsize=64)
def key_places(table: Table) -> tuple[int, ...]:
    """Where the columns of the primary key stand in a whole row."""
    names = [column.name for column in table.columns]
    return tuple(names.index(name) for name in key_columns(table))


@lru_cache(maxsize=64)
def scan_of(table: Table, *, is_behind: bool = False) -> Statement:
    """Whole rows by the primary key; `is_behind` those behind a key, which are the statement's values."""
    keys = list(table.primary_key.columns)
    clause: Any = select(*table.columns).order_by(*keys)
    params: tuple[str, ...] = ()
    if is_behind:
        params = tuple(f"after_{key.name}" for key in keys)
        clause = clause.where(tuple_(*keys) > tuple_(*(bindparam(name) for name in params)))
    return Statement(f"scan {table.name} {is_behind}", clause, params, is_scattered=True)


@lru_cache(maxsize=64)
def count_of(table: Table) -> Statement:
    """How many rows a table has."""
    return Statement(f"count {table.name}", select(func.count()).select_from(table), (), is_scattered=True)


class Snapshot(ABC):
    """A book at one instant. Every method raises CannotOpen when the book can't be read any further."""

    def __init__(self, database: str) -> None:
        self.database = database

    @abstractmethod
    def pages(self, statement: Statement, *values: Any) -> AsyncIterator[Sequence[Row]]:
        """The rows of a statement, PAGE of them at a time at most. Several may be read side by side."""

    @abstractmethod
    async def each(self, statement: Statement, many: Sequence[Sequence[Any]]) -> Sequence[Sequence[Row]]:
        """The rows of a look-up for each of these values."""

    async def rows(self, statement: Statement, *values: Any) -> Sequence[Row]:
        """All rows of a statement that has few."""
        return [row async for page in self.pages(statement, *values) for row in page]

    async def count(self, table: Table) -> int:
        """How many rows a table has."""
        ((count,),) = await self.rows(count_of(table))
        return int(count)

    def scan(self, table: Table, after: Sequence[Any] | None = None) -> AsyncIterator[Sequence[Row]]:
        """Every row of a table by its primary key, from behind the key `after` on."""
        if after is None:
            return self.pages(scan_of(table))
        return self.pages(scan_of(table, is_behind=True), *after)


class SqliteSnapshot(Snapshot):
    """A read transaction on a file, and the log beside it."""

    def __init__(self, database: str, connection: sqlite3.Connection) -> None:
        super().__init__(database)
        self._connection = connection

    async def pages(self, statement: Statement, *values: Any) -> AsyncIterator[Sequence[Row]]:
        with reaching(self.database):
            cursor = self._connection.execute(*prepare_sqlite(statement, values))
            page = cursor.fetchmany(PAGE)
        while page:
            yield page
            with reaching(self.database):
                page = cursor.fetchmany(PAGE)

    async def each(self, statement: Statement, many: Sequence[Sequence[Any]]) -> Sequence[Sequence[Row]]:
        with reaching(self.database):
            execute = self._connection.execute
            return [execute(*prepare_sqlite(statement, values)).fetchall() for values in many]

    def complaints(self, limit: int) -> Sequence[str]:
        """What SQLite itself finds wrong with the file; nothing for a sound one."""
        with reaching(self.database):
            found = self._connection.execute(f"PRAGMA integrity_check({limit})").fetchall()
        return [text for (text,) in found if text != "ok"]


class PostgresSnapshot(Snapshot):
    """A REPEATABLE READ transaction."""

    def __init__(self, database: str, connection: Any) -> None:
        super().__init__(database)
        self._connection = connection

    async def pages(self, statement: Statement, *values: Any) -> AsyncIterator[Sequence[Row]]:
        sql, arranged = prepare_postgres(statement, values)
        with reaching(self.database):
            cursor = await self._connection.cursor(sql, *arranged)
            page = await cursor.fetch(PAGE)
        while page:
            yield page
            if len(page) < PAGE:
                return
            with reaching(self.database):
                page = await cursor.fetch(PAGE)

    async def each(self, statement: Statement, many: Sequence[Sequence[Any]]) -> Sequence[Sequence[Row]]:
        plan = plan_of(statement)
        assert plan.vector is not None, f"{statement.name}: not for many"
        if not many:
            return []
        columns = [list(column) for column in zip(*many, strict=True)]
        sql, arranged = prepare_postgres(plan.vector.statement, columns)
        with reaching(self.database):
            return plan.share(await self._connection.fetch(sql, *arranged), many)


@asynccontextmanager
async def reading(database: str, *, is_alone: bool = False) -> AsyncIterator[Snapshot]:
    """The book as it is now, for as long as the block runs.

    `is_alone` keeps everybody from writing meanwhile. Raises CannotOpen, also when somebody writes.
    """
    if is_postgres(database):
        async with _reading_postgres(database, is_alone=is_alone) as snapshot:
            yield snapshot
        return
    path = path_of(database)
    with reaching(database):
        connection = connect_sqlite(path)
    try:
        with reaching(database):
            connection.execute("BEGIN IMMEDIATE" if is_alone else "BEGIN")
            # The instant is that of the first read.
            connection.execute("SELECT version_num FROM alembic_version").fetchall()
        yield SqliteSnapshot(database, connection)
    finally:
        # A scan that was broken off would keep the file, and its locks, until somebody clears it up.
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        connection.close()


def connect_sqlite(path: Path) -> sqlite3.Connection:
    """A connection to a file that is there, changing none of its settings. Raises sqlite3.Error.

    Not read-only: what a process that was killed left half-written is taken back by who opens next.
    """
    uri = f"{path.resolve().as_uri()}?mode=rw"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None)
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    return connection


async def connect_postgres(url: str, attributes: str) -> Any:
    """A connection whose statements may take their time, to a server with these session attributes
    (`any`, `read-write`). Raises what asyncpg raises."""
    return await asyncpg.connect(
        url,
        timeout=CONNECT_SECONDS,
        target_session_attrs=attributes,
        server_settings={
            "application_name": APPLICATION,
            "statement_timeout": "0",
            "idle_in_transaction_session_timeout": "0",
            "jit": "off",
        },
    )


async def end_postgres(connection: Any) -> None:
    """Let go of a connection, and with it of its transaction, in whatever state it is."""
    try:
        await connection.close(timeout=CONNECT_SECONDS)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection.terminate()


@asynccontextmanager
async def _reading_postgres(url: str, *, is_alone: bool) -> AsyncIterator[Snapshot]:
    with reaching(url):
        connection = await connect_postgres(url, "read-write" if is_alone else "any")
    try:
        with reaching(url):
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            if is_alone:
                # Before the first read, which makes the instant: nobody is writing then.
                every = ", ".join(f'"{name}"' for name in metadata.tables)
                await connection.execute(
                    f"SET LOCAL lock_timeout = {BUSY_TIMEOUT_MS}; LOCK TABLE {every} IN EXCLUSIVE MODE"
                )
            await connection.fetch("SELECT version_num FROM alembic_version")
        yield PostgresSnapshot(url, connection)
    finally:
        await end_postgres(connection)

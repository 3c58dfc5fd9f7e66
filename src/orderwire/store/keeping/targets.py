"""The book that a copy goes to: whole rows, many at a time, together with how far the copy came."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

from sqlalchemy import Table, bindparam, delete, select, update

from ..account_statements import FETCH_FACT, INSERT_FACT
from ..addresses import is_postgres, path_of
from ..compiling import Statement, insert_into
from ..engines import reaching
from ..postgres_pool import prepare as prepare_postgres
from ..rows import Row
from ..schema import COPYING
from ..sqlite import connect
from ..sqlite import prepare as prepare_sqlite
from ..tables import book_facts
from .snapshots import connect_postgres, end_postgres

# The file's log is moved into it after so many pages: 64 MiB.
LOG_PAGES = 16_384

_CHANGE_FACT = Statement(
    "change_fact",
    update(book_facts)
    .where(book_facts.c.name == bindparam("k_name"), book_facts.c.value == bindparam("was"))
    .values(value=bindparam("v_value"))
    .returning(book_facts.c.name),
    ("v_value", "k_name", "was"),
)
_DELETE_FACT = Statement(
    "delete_fact", delete(book_facts).where(book_facts.c.name == bindparam("name")), ("name",)
)
_DELETE_FACTS = Statement(
    "delete_facts", delete(book_facts).where(book_facts.c.name != bindparam("name")), ("name",)
)


class TakenOver(Exception):
    """Somebody else copies into the same book now."""


class Target(ABC):
    """A book that nobody else writes. Methods raise CannotOpen when it can't be written."""

    def __init__(self, database: str) -> None:
        self.database = database

    @abstractmethod
    async def run(self, statement: Statement, *values: Any) -> Sequence[Row]:
        """The rows that a statement gives."""

    @abstractmethod
    async def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """Write whole rows, and nothing of them if one can't be written."""

    @abstractmethod
    def transaction(self) -> Any:
        """An asynchronous context: all that is written within is kept, or nothing."""

    async def state(self) -> str | None:
        """How far the copy came that did not end, or None."""
        found = await self.run(FETCH_FACT, COPYING)
        return found[0][0] if found else None

    async def has_rows(self, table: Table) -> bool:
        """True unless the table is empty."""
        clause = select(select(next(iter(table.columns))).exists())
        ((is_there,),) = await self.run(Statement(f"any {table.name}", clause, (), is_scattered=True))
        return bool(is_there)

    async def begin(self, state: str) -> None:
        """Note that a copy begins. Raises TakenOver."""
        async with self.transaction():
            if not await self.run(INSERT_FACT, COPYING, state):
                raise TakenOver

    async def put(self, table: Table, rows: Sequence[Row], *, was: str, state: str) -> None:
        """Write rows, and that the copy has come from the state `was` to `state`. Raises TakenOver."""
        async with self.transaction():
            await self._change(was, state)
            await self.insert(table, rows)

    async def replace(self, table: Table, rows: Sequence[Row], *, was: str, state: str) -> None:
        """The same for a table whose rows so far go. Raises TakenOver."""
        async with self.transaction():
            await self._change(was, state)
            if table is book_facts:
                await self.run(_DELETE_FACTS, COPYING)
            else:
                await self.run(Statement(f"empty {table.name}", delete(table), ()))
            await self.insert(table, rows)

    async def end(self) -> None:
        """The copy is whole: the book may be opened from now on."""
        async with self.transaction():
            await self.run(_DELETE_FACT, COPYING)

    async def _change(self, was: str, state: str) -> None:
        if not await self.run(_CHANGE_FACT, state, COPYING, was):
            raise TakenOver


class SqliteTarget(Target):
    """A file."""

    def __init__(self, database: str, connection: sqlite3.Connection) -> None:
        super().__init__(database)
        self._connection = connection

    async def run(self, statement: Statement, *values: Any) -> Sequence[Row]:
        with reaching(self.database):
            return self._connection.execute(*prepare_sqlite(statement, values)).fetchall()

    async def insert(self, table: Table, rows: Sequence[Row]) -> None:
        sql, _ = prepare_sqlite(_whole(table), ())
        with reaching(self.database):
            self._connection.executemany(sql, rows)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        with reaching(self.database):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")


class PostgresTarget(Target):
    """A database, written by COPY."""

    def __init__(self, database: str, connection: Any) -> None:
        super().__init__(database)
        self._connection = connection

    async def run(self, statement: Statement, *values: Any) -> Sequence[Row]:
        sql, arranged = prepare_postgres(statement, values)
        with reaching(self.database):
            found: Sequence[Row] = await self._connection.fetch(sql, *arranged)
        return found

    async def insert(self, table: Table, rows: Sequence[Row]) -> None:
        columns = [column.name for column in table.columns]
        with reaching(self.database):
            await self._connection.copy_records_to_table(table.name, records=rows, columns=columns)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        with reaching(self.database):
            async with self._connection.transaction():
                yield


@lru_cache(maxsize=64)
def _whole(table: Table) -> Statement:
    return insert_into(table)


@asynccontextmanager
async def writing(database: str) -> AsyncIterator[Target]:
    """A migrated book to write whole rows to. Raises CannotOpen."""
    if is_postgres(database):
        with reaching(database):
            connection = await connect_postgres(database, "read-write")
        try:
            yield PostgresTarget(database, connection)
        finally:
            await end_postgres(connection)
        return
    with reaching(database):
        file = connect(path_of(database))
        file.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")
    try:
        yield SqliteTarget(database, file)
    finally:
        file.close()

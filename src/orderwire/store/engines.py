"""Which engine keeps a book, by its address: `sqlite:///path` or `postgresql://...`."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from orderwire.setting_values import hide_password

from . import migrations, postgres_schema, schema
from .postgres import PostgresStore
from .schema import COPYING, Standing, check_standing
from .sqlite import SqliteStore
from .sqlite_scans import LIMIT_SECONDS


class CannotOpen(Exception):
    """The book can't be reached or used; the message says why."""


def is_postgres(database: str) -> bool:
    """True if the address is one of PostgreSQL."""
    return database.startswith(("postgresql://", "postgres://"))


def path_of(database: str) -> Path:
    """The file of an embedded book."""
    return Path(database.removeprefix("sqlite:///"))


def show(database: str) -> str:
    """The address as it may be printed: a path, or a URL without its password."""
    return hide_password(database) if is_postgres(database) else str(path_of(database))


async def standing_of(database: str) -> Standing:
    """Where the book stands. Raises CannotOpen."""
    with reaching(database):
        if is_postgres(database):
            return await postgres_schema.standing_of(database)
        return schema.standing_of(path_of(database))


async def upgrade(database: str) -> None:
    """Bring the book to the newest schema. Raises CannotOpen."""
    with reaching(database):
        if is_postgres(database):
            await postgres_schema.upgrade(database)
        else:
            migrations.upgrade(path_of(database))


async def open_store(
    database: str,
    *,
    connections: int = 10,
    seconds: float = 5.0,
    list_seconds: float = LIMIT_SECONDS,
) -> SqliteStore | PostgresStore:
    """The store of a book that stands at the newest migration.

    `connections` is how many PostgreSQL may be asked for, `seconds` how long it is tried before a
    request is given up, `list_seconds` how long a list may take. Raises NotMigrated or CannotOpen.
    """
    check_standing(show(database), await standing_of(database))
    with reaching(database):
        store: SqliteStore | PostgresStore
        if is_postgres(database):
            store = await PostgresStore.open(database, connections, seconds)
        else:
            store = SqliteStore(path_of(database), list_seconds=list_seconds)
    try:
        if await store.fetch_fact(COPYING) is not None:
            raise CannotOpen(
                f"{show(database)} holds half a copy: type the `orderwire copy` again that made it"
            )
    except BaseException:
        await store.close()
        raise
    return store


@contextmanager
def reaching(database: str) -> Iterator[None]:
    """Within, what goes wrong with the book at this address is CannotOpen."""
    try:
        yield
    except sqlite3.Error as error:
        raise CannotOpen(f"{show(database)} can't be opened: {error}{_hint(path_of(database))}") from error
    except (SQLAlchemyError, CommandError) as error:
        reason = str(error).partition("\n")[0]
        raise CannotOpen(f"{show(database)} can't be migrated: {reason}") from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise CannotOpen(f"{show(database)} can't be used: {error}") from error
    except (OSError, TimeoutError) as error:
        raise CannotOpen(f"{show(database)} can't be reached: {str(error) or 'no answer in time'}") from error


def _hint(path: Path) -> str:
    """What stands in the way of opening a book that is itself in order, if anything is seen to."""
    beside = [path.with_name(path.name + end) for end in ("", "-wal", "-shm")]
    locked = [str(one) for one in beside if one.exists() and not os.access(one, os.W_OK)]
    return f" (not writable: {', '.join(locked)})" if locked else ""

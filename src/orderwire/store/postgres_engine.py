"""A book on PostgreSQL, as `engines` asks for it."""

from __future__ import annotations

import asyncpg

from .postgres import PostgresStore
from .postgres_hosts import Hosts
from .schema import WORKS_WITH, Standing

CONNECT_SECONDS = 10.0
ERRORS: tuple[type[Exception], ...] = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


def explain(database: str, error: Exception) -> str:
    """What the server or its driver says."""
    del database
    return f"can't be used: {error}"


async def standing_of(database: str) -> Standing:
    """Where the book stands. Raises what asyncpg raises."""
    connection = await Hosts(database).connect(timeout=CONNECT_SECONDS)
    try:
        revision = await connection.fetchval("SELECT version_num FROM alembic_version")
        fact = await connection.fetchval("SELECT value FROM book_facts WHERE name = $1", WORKS_WITH)
    except asyncpg.UndefinedTableError:
        return Standing(None)
    finally:
        await connection.close()
    return Standing(revision, fact)


async def open_store(
    database: str, *, connections: int, seconds: float, list_seconds: float
) -> PostgresStore:
    """The store. Raises what asyncpg raises."""
    del list_seconds
    return await PostgresStore.open(database, connections, seconds)

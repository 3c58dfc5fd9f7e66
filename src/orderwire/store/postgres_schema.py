"""Bringing a book on PostgreSQL up to date, and telling at which migration it stands."""

from __future__ import annotations

import asyncpg
from alembic import command
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from .migrations import configured
from .postgres_hosts import Hosts
from .schema import WORKS_WITH, Standing

CONNECT_SECONDS = 10.0


async def standing_of(url: str) -> Standing:
    """Where the book stands. Raises what asyncpg raises."""
    connection = await _connect(url)
    try:
        revision = await connection.fetchval("SELECT version_num FROM alembic_version")
        fact = await connection.fetchval("SELECT value FROM book_facts WHERE name = $1", WORKS_WITH)
    except asyncpg.UndefinedTableError:
        return Standing(None)
    finally:
        await connection.close()
    return Standing(revision, fact)


async def upgrade(url: str) -> None:
    """Bring the book to the newest schema; each revision is its own transaction.

    Raises what asyncpg and SQLAlchemy raise.
    """
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: _connect(url), poolclass=NullPool
    )
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_upgrade)
            await connection.commit()
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    command.upgrade(configured(connection), "head")


async def _connect(url: str) -> asyncpg.Connection:
    return await Hosts(url).connect(timeout=CONNECT_SECONDS)

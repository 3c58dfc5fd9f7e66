"""Bringing a book on PostgreSQL up to date."""

from __future__ import annotations

from alembic import command
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from .migrations import configured
from .postgres_hosts import Hosts

CONNECT_SECONDS = 10.0


async def upgrade(url: str) -> None:
    """Bring the book to the newest schema; each revision is its own transaction.

    Raises what asyncpg and SQLAlchemy raise.
    """
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: Hosts(url).connect(timeout=CONNECT_SECONDS),
        poolclass=NullPool,
    )
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_upgrade)
            await connection.commit()
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    command.upgrade(configured(connection), "head")

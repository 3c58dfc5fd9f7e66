"""The book's schema as it is spread over many machines: every table with a bucket in parts by its hash.

PostgreSQL then enforces what Citus asks for: that each key contains the bucket.
"""

from __future__ import annotations

import asyncpg
from sqlalchemy import Connection, MetaData
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from orderwire.store.tables import metadata

PARTS = 8
BUCKETED = tuple(table.name for table in metadata.sorted_tables if "bucket" in table.c)


async def partition(url: str) -> None:
    """Make the bucketed tables of an empty, migrated book anew, each in PARTS parts."""
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url), poolclass=NullPool
    )
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_partition)
    finally:
        await engine.dispose()


def _partition(connection: Connection) -> None:
    parted = MetaData()
    for table in metadata.sorted_tables:
        if table.name in BUCKETED:
            table.to_metadata(parted).dialect_kwargs["postgresql_partition_by"] = "HASH (bucket)"
    parted.drop_all(connection)
    parted.create_all(connection)
    for name in BUCKETED:
        for part in range(PARTS):
            connection.exec_driver_sql(
                f"CREATE TABLE {name}_{part} PARTITION OF {name}"
                f" FOR VALUES WITH (MODULUS {PARTS}, REMAINDER {part})"
            )

"""A book spread over many machines by Citus, which is PostgreSQL with an extension.

Every table that has a bucket is spread by it, all alike, so that the rows of one order lie together; the
others are on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import column, literal_column, select, table

from .compiling import Statement
from .postgres_hosts import Hosts
from .tables import metadata, orders

CONNECT_SECONDS = 10.0

_extensions = table("pg_extension", column("extname"), column("extversion"))
# A row if the database has Citus.
FETCH_CITUS = Statement(
    "fetch_citus",
    select(_extensions.c.extversion).where(_extensions.c.extname == literal_column("'citus'")),
    (),
    is_scattered=True,
)


class NoCitus(Exception):
    """The database has no Citus, so that nothing can be spread."""


def steps() -> Sequence[tuple[str, str]]:
    """Each table and the SQL that spreads it: first the one that others refer to, and lie with."""
    bucketed = [one.name for one in metadata.sorted_tables if "bucket" in one.c and one is not orders]
    everywhere = [one.name for one in metadata.sorted_tables if "bucket" not in one.c]
    return [
        (orders.name, f"SELECT create_distributed_table('{orders.name}', 'bucket')"),
        *(
            (name, f"SELECT create_distributed_table('{name}', 'bucket', colocate_with => '{orders.name}')")
            for name in bucketed
        ),
        *((name, f"SELECT create_reference_table('{name}')") for name in everywhere),
    ]


async def distribute(url: str) -> list[str]:
    """Spread the tables of a migrated book that are not spread yet; gives their names.

    Each is a transaction of its own, and writes to it wait meanwhile. Raises NoCitus, and what
    asyncpg raises.
    """
    connection = await Hosts(url).connect(timeout=CONNECT_SECONDS)
    try:
        if not await connection.fetch("SELECT 1 FROM pg_extension WHERE extname = 'citus'"):
            raise NoCitus
        rows = await connection.fetch("SELECT logicalrelid::regclass::text FROM pg_dist_partition")
        there = {row[0] for row in rows}
        done = []
        for name, sql in steps():
            if name not in there:
                await connection.execute(sql)
                done.append(name)
        return done
    finally:
        await connection.close()

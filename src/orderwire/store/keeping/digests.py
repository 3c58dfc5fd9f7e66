"""What tells whether two tables hold the same: how many rows, and a sum over their digests.

The sum does not depend on the sort, which two engines (and two languages of one) see differently.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

import msgspec
from msgspec import Struct
from sqlalchemy import Table

from ..rows import Row
from ..schema import COPYING
from ..tables import book_facts, counters, marks, metadata
from .snapshots import Snapshot

DIGEST_BYTES = 32
_MODULUS = 1 << 8 * DIGEST_BYTES
_pack = msgspec.msgpack.Encoder().encode

# Parents before children. Numbers come last: until then nobody can be given one. Marks are not
# copied: they tell who waits for a commit of this very database.
LAST: tuple[Table, ...] = (book_facts, counters)
TABLES: tuple[Table, ...] = (
    *(table for table in metadata.sorted_tables if table not in (*LAST, marks)),
    *LAST,
)


class Sum(Struct):
    """The rows of a table: how many, and the sum of their digests (hex)."""

    rows: int = 0
    digest: str = f"{0:064x}"


class Summing:
    """Adds rows to a sum."""

    def __init__(self, begun: Sum) -> None:
        self._rows = begun.rows
        self._digest = int(begun.digest, 16)

    def add(self, row: Row) -> int:
        """Add a whole row; gives the number of its bytes."""
        packed = _pack(tuple(row))
        digest = blake2b(packed, digest_size=DIGEST_BYTES).digest()
        self._rows += 1
        self._digest = (self._digest + int.from_bytes(digest, "big")) % _MODULUS
        return len(packed)

    @property
    def sum(self) -> Sum:
        """The rows so far."""
        return Sum(rows=self._rows, digest=f"{self._digest:064x}")


def is_copied(table: Table, row: Row) -> bool:
    """False for what a book knows of a copy into itself."""
    return table is not book_facts or row[0] != COPYING


async def sum_of(snapshot: Snapshot, table: Table, tell: Callable[[str, int], None]) -> Sum:
    """The sum over all rows of a table. Raises CannotOpen."""
    summing = Summing(Sum())
    async for page in snapshot.scan(table):
        for row in page:
            if is_copied(table, row):
                summing.add(row)
        tell(table.name, summing.sum.rows)
    return summing.sum

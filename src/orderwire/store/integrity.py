"""A unique constraint that was hit, as the fact it stands for: by table and columns, never by its name.

The book looks before it writes; a constraint speaks only when two writers looked at the same time.
(Citus adds a shard's number to constraint names, so they tell nothing.) What an engine's error says of
the table and the columns, `sqlite_faults` and `postgres_faults` read.
"""

from __future__ import annotations

from collections.abc import Sequence

from orderwire.book.errors import AlreadyExists

# What is unique, and what whoever asked calls it.
_FIELDS = {
    ("organisations", "name"): "organisation",
    ("persons", "username"): "person",
    ("applications", "slug"): "application",
    ("applications", "client_id"): "client_id",
    ("parties", "reference"): "reference",
}


def taken(table: str, columns: Sequence[str], value: str = "") -> AlreadyExists | None:
    """The fact, or None if the constraint stands for none; `value` is that of the last column.

    The last column of a key is what was asked for; those before it say where.
    """
    field = _FIELDS.get((table, columns[-1]))
    return None if field is None else AlreadyExists(field, value)

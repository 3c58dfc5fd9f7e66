"""A unique constraint that was hit, as the fact it stands for: by table and columns, never by its name.

The book looks before it writes; a constraint speaks only when two writers looked at the same time.
(Citus adds a shard's number to constraint names, so they tell nothing.)
"""

from __future__ import annotations

import re
import sqlite3

import asyncpg

from orderwire.book.errors import AlreadyExists

# What is unique, and what whoever asked calls it.
_FIELDS = {
    ("organisations", "name"): "organisation",
    ("persons", "username"): "person",
    ("applications", "slug"): "application",
    ("applications", "client_id"): "client_id",
    ("parties", "reference"): "reference",
}
_SQLITE = re.compile(r"UNIQUE constraint failed: (.*)")
_POSTGRES = re.compile(r"Key \((?P<columns>[^)]*)\)=\((?P<values>.*)\) already exists")


def taken(error: Exception) -> AlreadyExists | None:
    """The fact behind an integrity error, or None if it is a mistake of ours."""
    if isinstance(error, sqlite3.IntegrityError):
        found = _SQLITE.search(str(error))
        if found is None:
            return None
        columns = [one.strip().partition(".") for one in found[1].split(",")]
        return _taken(columns[0][0], [column for _, _, column in columns])
    if isinstance(error, asyncpg.UniqueViolationError):
        told = _POSTGRES.search(error.detail or "")
        if told is None:
            return None
        # A table that Citus spread has its shard's number behind its name.
        table = re.sub(r"_[0-9]{6,}\Z", "", error.table_name or "")
        return _taken(table, told["columns"].split(", "), told["values"].rpartition(", ")[2])
    return None


def _taken(table: str, columns: list[str], value: str = "") -> AlreadyExists | None:
    """The last column of a key is what was asked for; those before it say where."""
    field = _FIELDS.get((table, columns[-1]))
    return None if field is None else AlreadyExists(field, value)

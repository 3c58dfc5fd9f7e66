"""What an error of SQLite means for whoever asked."""

from __future__ import annotations

import re
import sqlite3

from orderwire.book.errors import AlreadyExists

from . import integrity

_UNIQUE = re.compile(r"UNIQUE constraint failed: (.*)")


def taken(error: sqlite3.IntegrityError) -> AlreadyExists | None:
    """The fact behind an integrity error, or None if it is a mistake of ours."""
    found = _UNIQUE.search(str(error))
    if found is None:
        return None
    columns = [one.strip().partition(".") for one in found[1].split(",")]
    return integrity.taken(columns[0][0], [column for _, _, column in columns])

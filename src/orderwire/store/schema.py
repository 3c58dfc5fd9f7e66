"""Bringing a book's schema up to date, and telling whether it is."""

from __future__ import annotations

import sqlite3
from pathlib import Path

# The newest migration; a test holds it against the migrations themselves.
HEAD = "0002"


class NotMigrated(Exception):
    """The book's schema is not the one this version works on. `found` is its revision, None for none."""

    def __init__(self, place: str, found: str | None) -> None:
        super().__init__(place, found)
        self.place = place
        self.found = found


def revision_of(path: Path) -> str | None:
    """The migration that the book at `path` stands at; None when there is no book. Raises sqlite3.Error."""
    if not path.exists():
        return None
    # Not read-only: what a process that was killed left half-written is taken back by who opens next.
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True)
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return None
        raise
    finally:
        connection.close()
    return None if row is None else str(row[0])


def check_migrated(path: Path) -> None:
    """Raises NotMigrated unless the book is there and stands at the newest migration."""
    found = revision_of(path)
    if found != HEAD:
        raise NotMigrated(str(path), found)

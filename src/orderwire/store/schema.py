"""Bringing a book's schema up to date, and telling whether it is."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

# The newest migration; a test holds it against the migrations themselves.
HEAD = "0003"


class NotMigrated(Exception):
    """The book's schema is not one that this version works on. `found` is its revision, None for none."""

    def __init__(self, place: str, found: str | None) -> None:
        super().__init__(place, found)
        self.place = place
        self.found = found


@dataclass(frozen=True, slots=True)
class Standing:
    """Which migration a book stands at (None: no book), and the oldest one whose code may work on it."""

    revision: str | None
    works_with: str | None = None


# The fact that a migration changes when older code can't work on its schema.
WORKS_WITH = "works_with"
# The fact that proves, to whoever opens the book, that its key is at hand.
KEY_PROOF = "key_proof"
# The fact that a copy into the book has not ended, and how far it came.
COPYING = "copying"


def check_standing(place: str, standing: Standing) -> None:
    """Raises NotMigrated unless this version may work on a book that stands there.

    A book that a newer version has migrated is worked on as long as the newer one says that it may be,
    so that the old version goes on serving while the new one is brought in.
    """
    revision, works_with = standing.revision, standing.works_with
    if revision == HEAD:
        return
    if revision is None or works_with is None or revision < HEAD or works_with > HEAD:
        raise NotMigrated(place, revision)


def standing_of(path: Path) -> Standing:
    """Where the book at `path` stands. Raises sqlite3.Error."""
    if not path.exists():
        return Standing(None)
    # Not read-only: what a process that was killed left half-written is taken back by who opens next.
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True)
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        fact = connection.execute("SELECT value FROM book_facts WHERE name = ?", (WORKS_WITH,)).fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return Standing(None)
        raise
    finally:
        connection.close()
    return Standing(None if row is None else str(row[0]), None if fact is None else str(fact[0]))

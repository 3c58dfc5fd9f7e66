"""A SQLite book written to a file while it is served, and put back from one."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from ..schema import COPYING, HEAD, KEY_PROOF, NotMigrated
from .snapshots import connect_sqlite
from .users import holding

# So much is copied between two looks at the clock: 16 MiB.
PAGES_AT_ONCE = 4_096
# What SQLite keeps beside a file.
BESIDE = ("-wal", "-shm", "-journal")
MOST_COMPLAINTS = 10
# How far a restored book's counters move on: beyond every number that can have been given since its
# backup (of orders, days at the highest rate of an embedded book), and far from the last there is.
MARGINS = {"order": 1_000_000_000, "party": 1_000_000}
OTHER_MARGIN = 10_000
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

# Told how many pages are copied, and of how many.
Tell = Callable[[int, int], None]


class BackupRefused(Exception):
    """Nothing was written; the message says why."""


class BackupDamaged(Exception):
    """What was read is no sound book; the message says how. Nothing was put in its place."""


class Backup(Struct, frozen=True):
    """A book in a file: its bytes, and how many rows each table has.

    `proof` is the text that its key opens; `revision` the migration that it stands at.
    """

    path: str
    bytes: int
    rows: dict[str, int]
    proof: str | None
    revision: str


class Restored(Struct, frozen=True):
    """A book that was put back; `replaced` is where the one that stood there is now."""

    backup: Backup
    replaced: str | None


def back_up(book: Path, file: Path, tell: Tell) -> Backup:
    """Write the book, as it is at one instant, to a file that is not there; others may go on writing.

    The file takes its name when it is whole, seen to be sound, and on disk. Raises NotMigrated when
    there is no book, BackupRefused, BackupDamaged, OSError.
    """
    if not book.exists():
        raise NotMigrated(str(book), None)
    if file.exists():
        raise BackupRefused(f"{file} is there already")
    with _part_of(file) as part, _refusing(book, file):
        with closing(connect_sqlite(book)) as source:
            # All that is read is of one instant, though it is read in pieces.
            source.execute("BEGIN")
            rows = _count(source, book)
            _copy(source, part, tell)
        found = _examine(part, file)
        wrong = [name for name in rows if found.rows.get(name) != rows[name]]
        if wrong:
            raise BackupDamaged(f"{file} would not have the rows of {book}: {', '.join(wrong)}")
        _settle(part, file)
    return found


def restore(file: Path, book: Path, tell: Tell, *, force: bool) -> Restored:
    """Put a book in place from a file; what stood there is moved aside, which takes `force`.

    Its counters move on, so that no id that was given after the backup, and is known elsewhere, is given
    again.

    Raises BackupRefused, BackupDamaged (then what stands there stays), InUse, OSError.
    """
    there = [one for one in (book, *_beside(book)) if one.exists()]
    if there and not force:
        raise BackupRefused(f"{there[0]} is there already: --force moves it aside")
    if not file.is_file() or file.resolve() == book.resolve():
        raise BackupRefused(f"{file} is no backup of {book}")
    with ExitStack() as stack:
        if book.exists():
            # Nobody may have it open, or come to open it, until the other one stands in its place.
            stack.enter_context(holding(book))
        part = stack.enter_context(_part_of(book))
        stack.enter_context(_refusing(file, book))
        with closing(connect_sqlite(file)) as source:
            source.execute("BEGIN")
            _count(source, file)
            _copy(source, part, tell)
        found = _examine(part, book)
        if found.revision > HEAD:
            raise BackupRefused(f"{file} stands at {found.revision}, this version knows {HEAD} at most")
        _advance_counters(part)
        replaced = _move_aside(there, book)
        _settle(part, book)
    return Restored(found, replaced)


def _beside(path: Path) -> list[Path]:
    return [path.with_name(path.name + end) for end in BESIDE]


@contextmanager
def _part_of(file: Path) -> Iterator[Path]:
    """A file that only its owner may read, `file` with `.part` behind it; gone unless it was settled."""
    part = file.with_name(f"{file.name}.part")
    for one in (part, *_beside(part)):
        one.unlink(missing_ok=True)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield part
    finally:
        for one in (part, *_beside(part)):
            one.unlink(missing_ok=True)


@contextmanager
def _refusing(read: Path, written: Path) -> Iterator[None]:
    """What SQLite can't read or write, as this module's facts."""
    try:
        yield
    except sqlite3.Error as error:
        # The least significant byte of the code tells the kind.
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:
            raise BackupDamaged(f"{read}: {error}") from error
        raise BackupRefused(f"{written} can't be made of {read}: {error}") from error


def _count(connection: sqlite3.Connection, path: Path) -> dict[str, int]:
    """How many rows each table has. Raises BackupRefused for what is no book."""
    told = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    names = [name for (name,) in told if not name.startswith("sqlite_")]
    if not {"alembic_version", "book_facts", "orders"} <= set(names):
        raise BackupRefused(f"{path} is no book of orders")
    sql = 'SELECT count(*) FROM "{}"'
    return {name: connection.execute(sql.format(name)).fetchone()[0] for name in names}


def _copy(source: sqlite3.Connection, part: Path, tell: Tell) -> None:
    with closing(sqlite3.connect(part, isolation_level=None)) as target:
        # It is brought to the disk in one go, before it gets its name.
        target.execute("PRAGMA synchronous=OFF")
        source.backup(target, pages=PAGES_AT_ONCE, progress=lambda _, left, pages: tell(pages - left, pages))


def _examine(part: Path, file: Path) -> Backup:
    """What a whole copy holds. Raises BackupDamaged, BackupRefused."""
    with closing(connect_sqlite(part)) as connection:
        one = connection.execute
        # One file and nothing beside it, so that it can be moved about; who serves it begins a log again.
        one("PRAGMA journal_mode=DELETE").fetchone()
        complaints = [text for (text,) in one(f"PRAGMA integrity_check({MOST_COMPLAINTS})") if text != "ok"]
        if complaints:
            raise BackupDamaged(f"{file} would be damaged: {'; '.join(complaints)}")
        facts = dict(one("SELECT name, value FROM book_facts").fetchall())
        if COPYING in facts:
            raise BackupRefused(f"{file} would hold half a copy of a book")
        ((revision,),) = one("SELECT version_num FROM alembic_version").fetchall()
        rows = _count(connection, file)
    return Backup(str(file), part.stat().st_size, rows, facts.get(KEY_PROOF), revision)


def _advance_counters(part: Path) -> None:
    with closing(connect_sqlite(part)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM counters")]
        sql = "UPDATE counters SET next = next + ? WHERE name = ?"
        connection.executemany(sql, [(MARGINS.get(name, OTHER_MARGIN), name) for name in names])


def _move_aside(there: list[Path], book: Path) -> str | None:
    """Give a book and what is beside it another name; the name, or None if nothing is there."""
    if not there:
        return None
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    aside = f"{book.name}.replaced-{stamp}"
    # The book first: without its log it would be opened as if it had none.
    for one in there:
        one.rename(one.with_name(aside + one.name.removeprefix(book.name)))
    return str(book.with_name(aside))


def _settle(part: Path, file: Path) -> None:
    """Bring a whole file to the disk, and give it its name."""
    _sync(part, os.O_RDWR)
    part.rename(file)
    _sync(file.parent, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

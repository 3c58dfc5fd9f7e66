"""A book in a file, as `engines` asks for it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from . import schema
from .addresses import path_of
from .schema import Standing
from .sqlite import SqliteStore

ERRORS: tuple[type[Exception], ...] = (sqlite3.Error,)


def explain(database: str, error: Exception) -> str:
    """What the error says, and what stands in the way of a file that is itself in order."""
    return f"can't be opened: {error}{_hint(path_of(database))}"


async def standing_of(database: str) -> Standing:
    """Where the book stands. Raises sqlite3.Error."""
    return schema.standing_of(path_of(database))


async def open_store(database: str, *, connections: int, seconds: float, list_seconds: float) -> SqliteStore:
    """The store. Raises sqlite3.Error."""
    del connections, seconds
    return SqliteStore(path_of(database), list_seconds=list_seconds)


def _hint(path: Path) -> str:
    beside = [path.with_name(path.name + end) for end in ("", "-wal", "-shm")]
    locked = [str(one) for one in beside if one.exists() and not os.access(one, os.W_OK)]
    return f" (not writable: {', '.join(locked)})" if locked else ""

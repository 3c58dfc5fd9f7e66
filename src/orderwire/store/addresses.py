"""The address of a book: `sqlite:///path` or `postgresql://...`."""

from __future__ import annotations

from pathlib import Path

from orderwire.setting_values import hide_password


def is_postgres(database: str) -> bool:
    """True if the address is one of PostgreSQL."""
    return database.startswith(("postgresql://", "postgres://"))


def path_of(database: str) -> Path:
    """The file of an embedded book."""
    return Path(database.removeprefix("sqlite:///"))


def show(database: str) -> str:
    """The address as it may be printed: a path, or a URL without its password."""
    return hide_password(database) if is_postgres(database) else str(path_of(database))

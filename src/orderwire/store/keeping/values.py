"""Values that a column can't hold, as SQLite would keep them all the same."""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import BigInteger, Integer, SmallInteger, String, Table, Text

from ..rows import Row

# Of whole numbers: 16, 32 and 64 bits; each type is also one of the types behind it.
_BITS = ((SmallInteger, 15), (BigInteger, 63), (Integer, 31))


def complaint(table: Table, row: Row) -> str | None:
    """What no column of this type can hold, of the first such value in a whole row; None for a sound row."""
    for value, (name, bound, is_text, may_miss) in zip(row, _limits(table), strict=True):
        if value is None:
            if not may_miss:
                return f"{name} is missing"
        elif is_text:
            if not isinstance(value, str):
                return f"{name} is no text"
            if bound and len(value) > bound:
                return f"{name} is longer than {bound} characters"
            if "\0" in value:
                return f"{name} holds a NUL character"
        elif not isinstance(value, int):
            return f"{name} is no whole number"
        elif not -bound - 1 <= value <= bound:
            return f"{name} is out of range"
    return None


@lru_cache(maxsize=64)
def _limits(table: Table) -> tuple[tuple[str, int, bool, bool], ...]:
    """Of each column: its name, its limit (characters, 0 for none; or the greatest number), whether it
    is a text, whether it may be missing."""
    found = []
    for column in table.columns:
        kind = column.type
        is_text = isinstance(kind, String | Text)
        bound = (kind.length or 0) if isinstance(kind, String) else 0
        if not is_text:
            bound = next(2**bits - 1 for type_, bits in _BITS if isinstance(kind, type_))
        found.append((column.name, bound, is_text, bool(column.nullable)))
    return tuple(found)

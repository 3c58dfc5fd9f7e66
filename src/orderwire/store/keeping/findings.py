"""What is wrong with a book, as it is found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct


class Finding(Struct, frozen=True):
    """One thing that is wrong: in which table, in the row with which key, and what.

    `what` never shows what is secret or somebody's own, such as a code or an address.
    """

    table: str
    key: str
    what: str


class Findings:
    """All that is found; the first `limit` of it is kept, the rest counted."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.kept: list[Finding] = []
        self.count = 0
        self.by_table: Counter[str] = Counter()

    def add(self, table: str, key: Iterable[object], what: str) -> None:
        """Take a finding down."""
        self.count += 1
        self.by_table[table] += 1
        if len(self.kept) < self._limit:
            self.kept.append(Finding(table, " ".join(_shown(part) for part in key), what))


def _shown(part: object) -> str:
    """A part of a key on one line, whatever is in it."""
    return "".join(mark if mark.isprintable() else "?" for mark in str(part))

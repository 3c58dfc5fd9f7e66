"""Pages of rows that stay within the memory that one answer may take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .rows import Row

# The texts of a page's rows together, in characters: thousands of usual orders, eight of the largest.
MAX_PAGE_LENGTH = 8_388_608


class CutShort(list[Row]):
    """The first rows of a page that would have been too large; there are more."""


class Page:
    """Takes rows until they are enough; the first is always taken."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._length = 0
        self._is_cut = False

    def take(self, rows: Iterable[Row]) -> bool:
        """Take rows as they come. False when no more are wanted."""
        for row in rows:
            self._length += sum(len(value) for value in row if isinstance(value, str))
            if self._rows and self._length > MAX_PAGE_LENGTH:
                self._is_cut = True
                return False
            self._rows.append(row)
        return True

    @property
    def rows(self) -> Sequence[Row]:
        """What was taken."""
        return CutShort(self._rows) if self._is_cut else self._rows

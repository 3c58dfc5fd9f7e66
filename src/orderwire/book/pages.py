"""Pages of a list: some records in their sort, and whether more follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

from .errors import FieldInvalid

T = TypeVar("T")

MAX_PAGE = 1_000


class Page(NamedTuple, Generic[T]):
    """The records of one page, and whether the list goes on behind its last."""

    items: Sequence[T]
    has_more: bool


def check_limit(limit: int) -> None:
    """Raises FieldInvalid unless a page may have this many records."""
    if not 1 <= limit <= MAX_PAGE:
        raise FieldInvalid("limit", f"must be 1 to {MAX_PAGE}")


def cut_page(found: Sequence[T], limit: int) -> Page[T]:
    """The first `limit` of what was found by asking for one more than that."""
    return Page(found[:limit], len(found) > limit)

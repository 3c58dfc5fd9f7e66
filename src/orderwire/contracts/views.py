"""Answers to reads, kept for as long as what they tell stands in the book."""

from __future__ import annotations

from collections.abc import Hashable

from orderwire.book.seen import Seen
from orderwire.book.store import Store
from orderwire.web.response import Response

# What an answer takes besides its body: its records, its key and its place in a dictionary.
OVERHEAD_BYTES = 1_024
# No answer may take more than this part of the room.
LARGEST_PART = 64


class Views:
    """Answers by what they depend on besides the book, at most `limit_bytes` of them.

    They stand in two generations: those asked for lately, and those before them. When the young have
    half of the room, the old go, and the young are the old. With no room nothing is kept.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._young: dict[Hashable, tuple[Seen, Response]] = {}
        self._old: dict[Hashable, tuple[Seen, Response]] = {}
        self._room = limit_bytes // 2

    async def get(self, store: Store, key: Hashable) -> Response | None:
        """The answer that was kept, if what it tells still stands in the store."""
        view = self._young.get(key)
        if view is None:
            view = self._old.pop(key, None)
            if view is None:
                return None
            self._put(key, view)
        return view[1] if await store.stands(view[0]) else None

    def keep(self, key: Hashable, seen: Seen, response: Response) -> Response:
        """Keep an answer that depends on nothing but its key and what was seen; gives it back."""
        can_stand = seen.revision is not None or seen.sign is not None
        if can_stand and len(response.body) + OVERHEAD_BYTES <= self._limit // LARGEST_PART:
            self._put(key, (seen, response))
        return response

    def _put(self, key: Hashable, view: tuple[Seen, Response]) -> None:
        if key not in self._young:
            self._room -= len(view[1].body) + OVERHEAD_BYTES
        self._young[key] = view
        if self._room < 0:
            self._old, self._young, self._room = self._young, {}, self._limit // 2


# For books of the past, whose orders never change and are seldom asked for twice.
NO_VIEWS = Views(0)

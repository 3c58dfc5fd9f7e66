"""Answers to reads, kept for as long as what they tell stands in the book."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from orderwire.book.seen import Seen
from orderwire.book.store import Store
from orderwire.web.response import Response

# What an answer takes besides its body: its records, its key and its place in a dictionary.
OVERHEAD_BYTES = 1_280
# No answer may take more than this part of the room.
LARGEST_PART = 64


class Views:
    """Answers by what they depend on besides the book, at most `limit_bytes` of them.

    The one that was asked for least lately goes first. With no room nothing is kept.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit = self._room = limit_bytes
        self._views: OrderedDict[Hashable, tuple[Seen, Response]] = OrderedDict()

    async def get(self, store: Store, key: Hashable) -> Response | None:
        """The answer that was kept, if what it tells still stands in the store."""
        view = self._views.get(key)
        if view is None:
            return None
        sign = store.sign()
        # Most stand by their sign, which takes no coroutine to be told.
        if (sign is None or view[0].sign != sign) and not await store.stands(view[0]):
            self._drop(key)
            return None
        if key in self._views:
            self._views.move_to_end(key)
        return view[1]

    def keep(self, key: Hashable, seen: Seen, response: Response) -> Response:
        """Keep an answer that depends on nothing but its key and what was seen; gives it back."""
        size = _size(response)
        can_stand = seen.revision is not None or seen.sign is not None
        if can_stand and size <= self._limit // LARGEST_PART:
            self._drop(key)
            # A copy of its very size: what an encoder gives has room left behind its end.
            response.body = memoryview(response.body).tobytes()
            self._views[key] = (seen, response)
            self._room -= size
            while self._room < 0:
                self._room += _size(self._views.popitem(last=False)[1][1])
        return response

    def _drop(self, key: Hashable) -> None:
        view = self._views.pop(key, None)
        if view is not None:
            self._room += _size(view[1])


def _size(response: Response) -> int:
    return len(response.body) + OVERHEAD_BYTES


# For books of the past, whose orders never change and are seldom asked for twice.
NO_VIEWS = Views(0)

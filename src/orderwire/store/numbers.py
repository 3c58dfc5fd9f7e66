"""Numbers that are given once: blocks of a counter row, so that most are taken without a write."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from .account_statements import TAKE_BLOCK

# How many numbers of a counter a process takes at once; what is left of a block is never given.
BLOCKS = {"order": 1_000}


class Numbers:
    """Gives numbers; `write` runs a work in a transaction of the store."""

    def __init__(self, write: Callable[[Callable[[Any], Awaitable[int]]], Awaitable[int]]) -> None:
        self._write = write
        self._blocks: dict[str, tuple[int, int]] = {}
        self._lock = asyncio.Lock()

    async def take(self, counter: str) -> int:
        """A number of this counter that was never given before; gaps are normal."""
        following, end = self._blocks.get(counter, (0, 0))
        if following < end:
            self._blocks[counter] = (following + 1, end)
            return following
        async with self._lock:
            # Whoever waited here finds the block that the first one took.
            following, end = self._blocks.get(counter, (0, 0))
            if following >= end:
                size = BLOCKS.get(counter, 1)
                end = await self._write(lambda tx: _take_block(tx, counter, size))
                following = end - size
            self._blocks[counter] = (following + 1, end)
            return following


async def _take_block(tx: Any, counter: str, size: int) -> int:
    taken = await tx.rows(TAKE_BLOCK, size, counter)
    end: int = taken[0][0]
    return end

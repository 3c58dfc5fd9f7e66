"""Lists on threads of their own, behind whoever reads a single order."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from orderwire.book.lists import OrderQuery
from orderwire.store.priorities import SCANNER
from tests.factories import make_book, make_organisation


def priorities() -> dict[int, int]:
    """The niceness of each thread of this process."""
    return {int(name): os.getpriority(os.PRIO_PROCESS, int(name)) for name in os.listdir("/proc/self/task")}


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own")
async def test_lists_step_back_behind_the_loop(tmp_path: Path) -> None:
    book = make_book(tmp_path)
    try:
        owner = await make_organisation(book)
        before = priorities()
        await book.store.list_orders(owner.id, OrderQuery())
        after = priorities()
        assert {after[thread] for thread in after.keys() - before.keys()} == {SCANNER}
        assert {thread: after[thread] for thread in before if thread in after} == before
    finally:
        await book.close()

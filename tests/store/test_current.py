"""What was read before stands until somebody commits, in this process or in another."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from orderwire.book.callers import Caller
from orderwire.book.operations import NewOrder, append_stage, delete_order, place_order
from orderwire.book.orders import Document, Order
from orderwire.book.queries import get_order
from orderwire.book.seen import Seen, seen_by_name, seen_order
from orderwire.book.stages import NewStage
from orderwire.book.store import Book
from orderwire.store import sqlite_sign
from orderwire.store.sqlite import SqliteStore
from tests.factories import make_book, make_caller, make_organisation
from tests.stores import SQLITE

BY_ANOTHER = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()"


def _is_locked(path: Path) -> bool:
    """True if this process holds a lock on the file."""
    end, locks = f":{path.stat().st_ino}", Path("/proc/locks")
    if not locks.exists():
        return False
    held = [line.split() for line in locks.read_text().splitlines()]
    return any(str(os.getpid()) in fields and any(one.endswith(end) for one in fields) for fields in held)


async def _place(book: Book, **names: str) -> tuple[Caller, Order]:
    caller = make_caller(await make_organisation(book))
    return caller, await place_order(book, caller, NewOrder(document=Document(names=names)))


async def test_an_order_stands_until_it_changes(book: Book) -> None:
    caller, order = await _place(book)
    seen = seen_order(order, None)
    assert await book.store.stands(seen)
    # Others' changes are none of its own.
    _, other = await _place(book)
    assert await book.store.stands(seen)
    await append_stage(book, caller, order, NewStage(stage="packed"))
    assert not await book.store.stands(seen)
    assert await book.store.stands(seen_order(await get_order(book, caller, order.id), None))
    gone = seen_order(other, None)
    assert await book.store.stands(gone)
    await delete_order(book, caller, other)
    assert not await book.store.stands(gone)


async def test_an_order_stands_in_its_own_organisation_only(book: Book) -> None:
    _, order = await _place(book)
    other = await make_organisation(book, "other")
    assert await book.store.stands(Seen(order.organisation_id, order.id, 1, order.recorded_at))
    assert not await book.store.stands(Seen(other.id, order.id, 1, order.recorded_at))


async def test_a_revision_that_was_given_twice_is_another(book: Book) -> None:
    _, order = await _place(book)
    before = order.recorded_at - timedelta(microseconds=1)
    assert not await book.store.stands(Seen(order.organisation_id, order.id, 1, before))


async def test_a_name_of_the_document_stands_with_its_order(book: Book) -> None:
    _, order = await _place(book, reference="A-1")
    sign = book.store.sign()
    assert seen_by_name(order, "reference", "A-1", sign) == seen_order(order, sign)
    # Found by its own id: an order that is placed with this very name would come first.
    assert seen_by_name(order, "t.id", str(order.id), sign).revision is None


@pytest.mark.stores(SQLITE)
async def test_the_whole_book_stands_until_anything_is_committed(book: Book) -> None:
    await _place(book)
    seen = Seen(1, sign=book.store.sign())
    assert seen.sign is not None
    assert await book.store.stands(seen)
    await _place(book)
    assert not await book.store.stands(seen)


@pytest.mark.stores(SQLITE)
async def test_a_commit_of_another_process_changes_the_sign(book: Book, tmp_path: Path) -> None:
    _, order = await _place(book)
    seen = seen_order(order, None)
    assert await book.store.stands(seen)
    before = book.store.sign()
    change = "UPDATE orders SET revision = revision + 1"
    arguments = ("-c", BY_ANOTHER, str(tmp_path / "book.db"), change)
    assert await (await asyncio.create_subprocess_exec(sys.executable, *arguments)).wait() == 0
    assert book.store.sign() != before
    assert not await book.store.stands(seen)


@pytest.mark.stores(SQLITE)
async def test_what_is_taken_back_changes_nothing(book: Book, tmp_path: Path) -> None:
    before = book.store.sign()
    with closing(sqlite3.connect(tmp_path / "book.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE organisations SET name = 'x'")
        other.execute("ROLLBACK")
    assert book.store.sign() == before


@pytest.mark.stores(SQLITE)
async def test_stores_of_one_book_share_a_mapping_until_the_last_is_closed(tmp_path: Path) -> None:
    first = make_book(tmp_path)
    second = SqliteStore(tmp_path / "book.db")
    assert len(sqlite_sign._shared) == 1
    assert second.sign() == first.store.sign()
    before = first.store.sign()
    tells_locks = _is_locked(tmp_path / "book.db-shm")
    await second.close()
    # The engine's mark that somebody has the book open: whoever finds none empties the index.
    assert _is_locked(tmp_path / "book.db-shm") == tells_locks
    await _place(first)
    assert first.store.sign() != before
    await first.close()
    assert first.store.sign() is None
    assert not sqlite_sign._shared
    if not tells_locks:
        pytest.skip("the rest holds; this system does not tell which locks a process has")


@pytest.mark.stores(SQLITE)
async def test_a_format_that_is_unknown_tells_nothing(tmp_path: Path) -> None:
    (tmp_path / "odd.db-shm").write_bytes(b"\x01" * 64)
    for name in ("odd.db", "missing.db"):
        sign = sqlite_sign.Sign(tmp_path / name)
        assert sign.now() is None
        sign.close()
    assert not sqlite_sign._shared

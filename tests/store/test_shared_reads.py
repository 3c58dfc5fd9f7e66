"""Reads on PostgreSQL: those that wait at the same time share a statement, and statements stay prepared."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from orderwire.book.operations import NewOrder, append_stage, place_order
from orderwire.book.orders import Document, Order
from orderwire.book.stages import NewStage
from orderwire.book.store import Book
from tests.factories import make_caller, make_organisation
from tests.stores import POSTGRES, Shelf

pytestmark = pytest.mark.stores(POSTGRES)


async def _place(book: Book, **names: str) -> Order:
    caller = make_caller(await make_organisation(book))
    return await place_order(book, caller, NewOrder(document=Document(names=names)))


def _note_statements(book: Book) -> list[tuple[str, Any]]:
    """The names and values of the statements that the store asks from now on."""
    store: Any = book.store
    asked, before = [], store._ask

    async def noted(statement: Any, values: Any, seconds: float) -> Any:
        asked.append((statement.name, values))
        return await before(statement, values, seconds)

    store._ask = noted
    return asked


async def test_what_many_wait_for_is_asked_for_once(book: Book) -> None:
    order = await _place(book)
    asked = _note_statements(book)
    found = await asyncio.gather(
        *(book.store.fetch_order(order.organisation_id, order.id) for _ in range(64))
    )
    assert found == [order] * 64
    # Two that found nobody before them, and one for all who came meanwhile.
    assert [name for name, _ in asked] == ["fetch_order"] * 3


async def test_what_differs_shares_a_statement_and_each_gets_its_own(book: Book) -> None:
    order = await _place(book, reference="A-1")
    asked = _note_statements(book)
    # No text holds a NUL there: such a name is found nowhere.
    names = ["A-1", "A-1", "A-1", "B-1", "A-1", "A\0", "B-1", "A\0"]
    found = await asyncio.gather(
        *(book.store.fetch_name(order.organisation_id, "reference", name) for name in names)
    )
    assert found == [order.id if name == "A-1" else None for name in names]
    assert [name for name, _ in asked] == ["fetch_name", "fetch_name", "fetch_name[]"]
    assert {len(column) for column in asked[-1][1]} == {3}


async def test_who_goes_away_takes_nobodys_answer_along(book: Book) -> None:
    order = await _place(book)
    readers = [
        asyncio.create_task(book.store.fetch_order(order.organisation_id, order.id)) for _ in range(20)
    ]
    # All have asked; two of them by themselves, the others wait.
    await asyncio.sleep(0)
    for reader in readers[2::2]:
        reader.cancel()
    found = await asyncio.gather(*readers, return_exceptions=True)
    gone = [isinstance(one, asyncio.CancelledError) for one in found]
    assert gone == [number >= 2 and number % 2 == 0 for number in range(20)]
    assert [one for one in found if not isinstance(one, BaseException)] == [order] * gone.count(False)


async def test_who_asks_after_a_commit_sees_it_whoever_asked_before(book: Book) -> None:
    caller = make_caller(await make_organisation(book))
    order = await place_order(book, caller, NewOrder())
    done = False

    async def read_on() -> None:
        while not done:
            await book.store.fetch_status(order.organisation_id, order.id)

    readers = [asyncio.create_task(read_on()) for _ in range(16)]
    try:
        for number in range(1, 51):
            await append_stage(book, caller, order, NewStage(stage=f"s{number}"))
            found = await asyncio.gather(
                *(book.store.fetch_status(order.organisation_id, order.id) for _ in range(4))
            )
            assert [status and status.stage for status in found] == [f"s{number}"] * 4
    finally:
        done = True
        await asyncio.gather(*readers)


async def test_a_statement_that_stays_prepared_outlives_a_change_of_the_schema(
    book: Book, shelf: Shelf, tmp_path: Path
) -> None:
    await book.store.write(lambda tx: tx.insert_fact("weather", "fair"))
    for kind in ("varchar(300)", "text"):
        # On every connection that is laid aside, alone and shared.
        for _ in range(2):
            found = await asyncio.gather(*(book.store.fetch_fact(name) for name in ["weather", "none"] * 4))
            assert found == ["fair", None] * 4
        asked = _note_statements(book)
        assert await book.store.fetch_fact("weather") == "fair"
        assert len(asked) == 1
        shelf.run(tmp_path, f"ALTER TABLE book_facts ALTER COLUMN value TYPE {kind}")
        assert await book.store.fetch_fact("weather") == "fair"
        # The server refused the old plan, on one connection or several; nobody but the store was told.
        assert len(asked) > 2

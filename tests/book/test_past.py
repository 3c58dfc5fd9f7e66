"""Lists of the past: every order that was there, whatever became of it and of those around it since."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from orderwire.book import past
from orderwire.book.callers import Caller
from orderwire.book.errors import FieldInvalid
from orderwire.book.groups import NewGroupOrder, record_group_order
from orderwire.book.lists import Moment, OrderQuery, Span
from orderwire.book.operations import NewOrder, append_stage, delete_order, place_order
from orderwire.book.orders import Order
from orderwire.book.past import book_at, moment_of, present_of
from orderwire.book.queries import get_group_order, list_orders
from orderwire.book.stages import NewStage
from orderwire.book.store import Book
from tests.factories import make_caller, make_organisation

START = datetime(2024, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
async def caller(book: Book, monkeypatch: pytest.MonkeyPatch) -> Caller:
    monkeypatch.setattr(past, "CHUNK", 2)
    monkeypatch.setattr(past, "MAX_LOOKED_AT", 6)
    book.clock = lambda: START
    return make_caller(await make_organisation(book))


async def place(book: Book, caller: Caller, count: int) -> list[Order]:
    return [await place_order(book, caller, NewOrder()) for _ in range(count)]


async def walk(book: Book, caller: Caller, moment: Moment, query: OrderQuery) -> list[tuple[int, ...]]:
    """The ids of each page from here on."""
    pages = []
    then = book_at(book, caller, moment, "as_of")
    while True:
        page = await list_orders(then, caller, query)
        pages.append(tuple(one.order.id for one in page.orders))
        if page.more is None:
            return pages
        query = OrderQuery(
            after=page.more,
            limit=query.limit,
            stages=query.stages,
            is_descending=query.is_descending,
            is_backward=query.is_backward,
        )


@pytest.mark.parametrize("is_descending", [False, True])
async def test_orders_deleted_then_leave_no_gap(book: Book, caller: Caller, is_descending: bool) -> None:
    placed = await place(book, caller, 6)
    for order in placed[1:3]:
        await delete_order(book, caller, order)
    book.clock = lambda: START + HOUR
    await delete_order(book, caller, placed[4])
    moment = Moment(as_of=START, known_at=START)
    ids = [order.id for order in placed if order not in placed[1:3]]
    query = OrderQuery(is_descending=is_descending)
    assert await walk(book, caller, moment, query) == [tuple(ids[::-1] if is_descending else ids)]


@pytest.mark.parametrize("is_backward", [False, True])
async def test_a_list_with_few_hits_says_where_to_go_on(
    book: Book, caller: Caller, is_backward: bool
) -> None:
    placed = await place(book, caller, 14)
    for order in placed[3], placed[13]:
        await append_stage(book, caller, order, NewStage(stage="x"))
    moment = Moment(as_of=START, known_at=START)
    query = OrderQuery(stages=("x",), is_backward=is_backward)
    pages = await walk(book, caller, moment, query)
    hits = {placed[3].id, placed[13].id}
    assert len(pages) > 1
    assert sorted(one for page in pages for one in page) == sorted(hits)
    none = await walk(book, caller, moment, OrderQuery(stages=("y",), is_backward=is_backward))
    assert set(none) == {()}


async def test_every_page_of_the_past_is_full(book: Book, caller: Caller) -> None:
    ids = [order.id for order in await place(book, caller, 5)]
    moment = Moment(as_of=START, known_at=START)
    pages = await walk(book, caller, moment, OrderQuery(limit=2))
    assert pages == [tuple(ids[:2]), tuple(ids[2:4]), tuple(ids[4:])]
    back = await walk(book, caller, moment, OrderQuery(limit=2, is_backward=True))
    assert back == [tuple(ids[3:]), tuple(ids[1:3]), tuple(ids[:1])]


async def test_the_past_of_a_past_is_the_later_one_asked_for(book: Book, caller: Caller) -> None:
    await place(book, caller, 1)
    early, late = (Moment(as_of=at, known_at=START) for at in (START - HOUR, START))
    assert moment_of(book) is None
    then = book_at(book_at(book, caller, early, "a"), caller, late, "b")
    assert moment_of(then) == late
    assert present_of(then).store is book.store
    assert len((await list_orders(then, caller, OrderQuery())).orders) == 1
    placed = Span(since=START + HOUR)
    assert (await list_orders(then, caller, OrderQuery(placed=placed))).orders == ()


async def test_a_group_order_counts_the_orders_of_then(
    book: Book, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "MAX_MEMBERS", 3)
    group = await record_group_order(book, caller, NewGroupOrder(id="g", total=4))
    member = NewOrder(group_order_id=group.id)
    await place_order(book, caller, member)
    book.clock = lambda: START + HOUR
    await place_order(book, caller, member)
    book.clock = lambda: START + 2 * HOUR
    await place_order(book, caller, member)
    then = Moment(as_of=START + HOUR, known_at=START + HOUR)
    assert (await get_group_order(book_at(book, caller, then, "as_of"), caller, "g")).accepted == 2
    await place_order(book, caller, member)
    # Too many to be looked at one by one: it says so, and counts none of them.
    with pytest.raises(FieldInvalid, match="as it stands only"):
        await get_group_order(book_at(book, caller, then, "as_of"), caller, "g")
    assert (await get_group_order(book, caller, "g")).accepted == 4

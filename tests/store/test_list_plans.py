"""Lists walk along the index meant for them, whatever else they are asked, and miss no order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from orderwire.book.lists import NameSought, OrderQuery, Span
from orderwire.book.operations import NewOrder, place_order
from orderwire.book.orders import Document, Party
from orderwire.book.stages import NewStage
from orderwire.book.store import Book
from orderwire.store.listing import plan_count, plan_list
from orderwire.store.sqlite import connect, prepare
from tests.factories import make_book, make_caller, make_organisation

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
ORDERS = 60
SINCE = Span(since=FIRST + timedelta(hours=20))
WALKS = {
    "id": (OrderQuery(), "orders_by_organisation"),
    "placed": (OrderQuery(sort="placed_at"), "orders_by_placing"),
    "changed": (OrderQuery(sort="changed_at"), "orders_by_change"),
    "lifecycle": (OrderQuery(lifecycles=("new",)), "orders_by_lifecycle"),
    "stage": (OrderQuery(stages=("packed",)), "order_statuses_by_stage"),
    "stage and lifecycle": (OrderQuery(stages=("packed",), kinds=("order",)), "order_statuses_by_stage"),
    "customer": (OrderQuery(customer_reference="C1"), "orders_by_customer"),
    "customer's id": (OrderQuery(customer_id=1), "orders_by_customer_id"),
    "customer, by placing": (OrderQuery(customer_reference="C1", sort="placed_at"), "orders_by_customer"),
    "customer, by change": (OrderQuery(customer_id=1, sort="changed_at"), "orders_by_customer_id"),
    "group": (OrderQuery(group_order_id="g"), "orders_by_group_and_id"),
    "span": (OrderQuery(placed=SINCE, sort="placed_at"), "orders_by_placing"),
    "name": (OrderQuery(name=NameSought(scheme="reference", name="R7")), "sqlite_autoindex_names_1"),
    "names": (
        OrderQuery(name=NameSought(scheme="reference", name="R", is_prefix=True), sort="name"),
        "names_by_name",
    ),
}


@pytest.fixture
async def filled(tmp_path: Path) -> AsyncIterator[tuple[Book, int]]:
    """A book with orders of every sort, and its organisation's id."""
    book = make_book(tmp_path)
    owner = await make_organisation(book)
    caller = make_caller(owner)
    for number in range(ORDERS):
        at = FIRST + timedelta(hours=number * 7 % 31)
        customer = Party(id=number % 3, reference=f"C{number % 3}") if number % 4 else None
        document = Document(
            names={"reference": f"R{number * 37 % 100}"}, total=Decimal(number), customer=customer
        )
        request = NewOrder(
            lifecycle=("new", "complete")[number % 2],
            placed_at=at,
            document=document,
            stages=(NewStage(stage=("packed", "sent")[number % 2], effective_at=at),) if number % 5 else (),
        )
        await place_order(book, caller, request)
    yield book, owner.id
    await book.close()


async def list_all(book: Book, owner: int, query: OrderQuery) -> list[int]:
    """The ids of every page of seven, in the sort in which they come."""
    found: list[int] = []
    page = await book.store.list_orders(owner, msgspec.structs.replace(query, limit=7))
    while True:
        found += [one.order.id for one in page.orders]
        if page.more is None:
            return found
        page = await book.store.list_orders(owner, msgspec.structs.replace(query, limit=7, after=page.more))


@pytest.mark.parametrize("what", WALKS)
@pytest.mark.parametrize("is_descending", [False, True])
async def test_each_list_walks_its_index(filled, tmp_path, what, is_descending):
    book, owner = filled
    query, index = WALKS[what]
    query = msgspec.structs.replace(query, is_descending=is_descending, limit=3)
    page = await book.store.list_orders(owner, query)
    queries = [query]
    if page.more is not None:
        queries.append(msgspec.structs.replace(query, after=page.more))
    with closing(connect(tmp_path / "book.db", readonly=True)) as reader:
        for one in queries:
            sql, values = prepare(*plan_list(owner, one))
            plan = [row[3] for row in reader.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
            assert plan[0].split(" USING ")[1].removeprefix("COVERING ").split()[1] == index, plan
            assert not any("SCAN" in step for step in plan), plan


@pytest.mark.parametrize("what", [what for what in WALKS if what != "group"])
@pytest.mark.parametrize("is_descending", [False, True])
async def test_each_list_gives_every_order_once(filled, what, is_descending):
    book, owner = filled
    query = msgspec.structs.replace(WALKS[what][0], is_descending=is_descending)
    rows = (await book.store.list_orders(owner, OrderQuery(limit=1_000))).orders
    assert len(rows) == ORDERS

    def meets(one):
        order, name = one.order, query.name
        customer = order.document.customer or Party()
        return (
            (not query.lifecycles or order.lifecycle in query.lifecycles)
            and (not query.stages or (one.status is not None and one.status.stage in query.stages))
            and query.customer_reference in (None, customer.reference)
            and query.customer_id in (None, customer.id)
            and (query.placed.since is None or order.placed_at >= query.placed.since)
            and (name is None or name.is_prefix or order.document.names[name.scheme] == name.name)
        )

    def position(one):
        order = one.order
        keys = {"id": order.id, "placed_at": order.placed_at, "changed_at": order.changed_at}
        return (keys.get(query.sort) or order.document.names["reference"], order.id)

    wanted = [one.order.id for one in sorted(filter(meets, rows), key=position, reverse=is_descending)]
    assert wanted, "nothing to be listed"
    assert await list_all(book, owner, query) == wanted
    assert await book.store.count_orders(owner, query) == len(wanted)


async def test_a_count_looks_at_no_status_unless_it_must(filled):
    _, owner = filled
    assert "order_statuses" not in prepare(*plan_count(owner, OrderQuery(lifecycles=("new",))))[0]
    assert "order_statuses" in prepare(*plan_count(owner, OrderQuery(stages=("packed",))))[0]

"""Two real-life kinds of export, read by nothing but their maps."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from orderwire.book.orders import Order
from orderwire.book.queries import list_stages
from orderwire.book.store import Book
from tests.factories import all_orders, make_caller, make_organisation
from tests.importer import importing


@pytest.fixture
async def retail(book: Book, tmp_path):
    path = tmp_path / "export.csv"
    shutil.copy(importing.SAMPLE, path)
    summary = await importing.run(book, path, importing.SAMPLE_MAP.read_text())
    return path, summary


async def placed_orders(book: Book) -> list[Order]:
    owner = await make_organisation(book)
    return await all_orders(book, owner)


async def named(book: Book, name: str, scheme: str = "reference") -> Order:
    order = await book.store.fetch_order_named((await make_organisation(book)).id, scheme, name)
    assert order is not None
    return order


async def test_every_line_of_the_sample_is_in_an_order(book, retail):
    path, summary = retail
    assert (summary.rows, summary.orders, summary.placed, summary.rejected_rows) == (999, 66, 66, 0)
    assert (summary.accepted_rows, summary.blank) == (999, 0)
    lines = importing.accepted(path)
    assert sorted(lines) == list(range(2, 1001))
    assert len(set(lines.values())) == 66
    orders = await placed_orders(book)
    assert sum(len(order.document.lines) for order in orders) == 999
    assert {order.id for order in orders} == set(lines.values())


async def test_cancellations_and_the_line_without_a_customer(book, retail):
    orders = await placed_orders(book)
    cancelled = {order.document.names["reference"] for order in orders if order.lifecycle == "cancelled"}
    assert cancelled == {"C536379", "C536383", "C536391", "C536506"}
    assert {order.lifecycle for order in orders} == {"cancelled", "complete"}
    nobody = [order.document.names["reference"] for order in orders if order.document.customer is None]
    assert nobody == ["536414"]


async def test_an_order_of_the_sample_whole(book, retail):
    order = await named(book, "536365", "planocore.order_id")
    assert order.document.names == {
        "reference": "536365",
        "po_number": "536365",
        "planocore.order_id": "536365",
    }
    assert (order.kind, order.currency, order.placed_at) == (
        "order",
        "GBP",
        datetime(2010, 12, 1, 8, 26, tzinfo=UTC),
    )
    assert order.document.total == Decimal("139.12")
    assert [line.item for line in order.document.lines][:2] == ["85123A", "71053"]
    first = order.document.lines[0]
    assert (first.quantity, first.unit_price, first.total) == (Decimal(6), Decimal("2.55"), Decimal("15.3"))
    customer, delivery = order.document.customer, order.document.delivery
    assert customer is not None
    assert delivery is not None
    assert (customer.id, customer.reference, customer.country, delivery.country) == (
        17850,
        "17850",
        "GB",
        "GB",
    )
    cancellation = await named(book, "C536391")
    assert cancellation.document.total == Decimal("-141.48")
    assert "planocore.order_id" not in cancellation.document.names


async def test_the_same_file_twice_adds_nothing(book, retail):
    path, _ = retail
    first = importing.accepted(path)
    again = await importing.run(book, path, importing.SAMPLE_MAP.read_text())
    assert (again.placed, again.already_there, again.rejected_rows) == (0, 66, 0)
    assert importing.accepted(path) == first
    assert len(await placed_orders(book)) == 66


async def test_a_map_is_enough_for_a_very_different_export(book, tmp_path):
    path = tmp_path / "market.csv"
    shutil.copy(importing.MARKETPLACE, path)
    summary = await importing.run(book, path, importing.MARKETPLACE_MAP.read_text())
    assert (summary.rows, summary.placed, summary.rejected_rows) == (5, 5, 0)
    delivered = await named(book, "53cdb2fc8bc7dce0b6741e2150273451", "market.order")
    document = delivered.document
    assert (delivered.lifecycle, delivered.payment, delivered.delivery) == ("complete", "paid", "delivered")
    assert (delivered.currency, document.total, document.shipping_fee) == (
        "BRL",
        Decimal("141.46"),
        Decimal("22.76"),
    )
    assert document.receiver is not None
    assert (document.receiver.name, document.notes) == ("Müller & Söhne", "fragile")
    assert document.delivery is not None
    # Three hours behind UTC; promised_on has no time of day: midnight there.
    assert document.delivery.delivered_at == datetime(2018, 8, 7, 18, 27, 45, tzinfo=UTC)
    assert document.delivery.desired_at == datetime(2018, 8, 13, 3, 0, tzinfo=UTC)
    assert document.attributes == {"market_status": "delivered", "goods": "118,70"}
    stages = await list_stages(book, make_caller(await make_organisation(book)), delivered)
    assert [stage.stage for stage in stages] == ["bought", "approved", "handed_over", "delivered"]
    assert stages[0].effective_at == datetime(2018, 7, 24, 23, 41, 37, tzinfo=UTC)


async def test_states_and_stages_of_orders_that_went_less_far(book, tmp_path):
    path = tmp_path / "market.csv"
    shutil.copy(importing.MARKETPLACE, path)
    await importing.run(book, path, importing.MARKETPLACE_MAP.read_text())
    caller = make_caller(await make_organisation(book))
    cancelled = await named(book, "47770eb9100c2d0c44946d9cf07ec65d")
    assert (cancelled.lifecycle, cancelled.payment, cancelled.delivery) == (
        "cancelled",
        "not_paid",
        "cancelled",
    )
    assert cancelled.document.total == Decimal("1179.12")
    assert [stage.stage for stage in await list_stages(book, caller, cancelled)] == ["bought"]
    shipped = await named(book, "949d5b44dbf5de918fe9c16f97b45f8a")
    assert (shipped.lifecycle, shipped.payment, shipped.delivery) == ("processing", "paid", "pending")
    # Bought in summer time: two hours behind UTC.
    assert shipped.placed_at == datetime(2017, 11, 18, 21, 28, 6, tzinfo=UTC)
    stranger = await named(book, "ad21c59c0840e6cb83a9ceb5573f8159")
    assert (stranger.document.receiver, stranger.document.notes) == (None, "€ 5 voucher used")

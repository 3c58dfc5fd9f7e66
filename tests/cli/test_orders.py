"""`orders show` and `orders list`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from orderwire import app
from orderwire.book.operations import NewOrder, append_stage, place_order
from orderwire.book.orders import Access, Document, NewVoucher, Voucher
from orderwire.book.stages import NewStage
from orderwire.settings import load
from tests.factories import make_caller, make_organisation

PLACED = datetime(2024, 5, 1, 10, tzinfo=UTC)
SHOW = ("orders", "show", "reference:A-1", "--organisation", "acme")


async def plant(folder):
    """An order with a voucher and two stages, and two plain ones; gives the id of the first."""
    book = await app.open_book(load({"ORDERWIRE_DATABASE": str(folder / "orderwire.db")}))
    try:
        caller = make_caller(await make_organisation(book))
        order = await place_order(
            book,
            caller,
            NewOrder(
                placed_at=PLACED,
                currency="EUR",
                document=Document(names={"reference": "A-1"}, access=Access(owner="0" * 64)),
                vouchers=(NewVoucher(voucher=Voucher(kind="code_pin"), code="SECRET-1", pin="4711"),),
                stages=(NewStage(stage="placed", effective_at=PLACED),),
            ),
        )
        await append_stage(
            book, caller, order, NewStage(stage="packed", effective_at=PLACED + timedelta(days=1))
        )
        for number in range(2):
            await place_order(
                book, caller, NewOrder(document=Document(names={"reference": f"B:{number}\x1b[2J"}))
            )
        return order.id
    finally:
        await book.close()


@pytest.fixture
def order_id(acme):
    return asyncio.run(plant(acme.folder))


def test_show_tells_the_order_its_names_status_and_stages(acme, order_id):
    shown = acme.json(*SHOW)
    assert (shown["id"], shown["document"]["names"]) == (order_id, {"reference": "A-1"})
    assert shown["status"] == {"stage": "packed", "since": "2024-05-02T10:00:00Z"}
    assert [stage["stage"] for stage in shown["stages"]] == ["placed", "packed"]
    assert acme.json("orders", "show", str(order_id), "--organisation", "acme") == shown
    text = acme.succeed(*SHOW)
    for line in (
        f"order {order_id}, revision 2",
        "  reference: A-1",
        "stage 1: placed at 2024-05-01T10:00:00Z",
    ):
        assert line in text.splitlines()


def test_show_keeps_vouchers_and_owners_to_itself(acme, order_id):
    for output in (acme.succeed(*SHOW), acme.succeed(*SHOW, "--json")):
        for secret in ("SECRET-1", "4711", "00000000", '"code"', '"pin"', '"access"'):
            assert secret not in output
    assert acme.json(*SHOW)["document"]["vouchers"] == [{"kind": "code_pin"}]


def test_show_as_it_stood_and_was_known(acme, order_id):
    first_day = acme.json(*SHOW, "--as-of", "2024-05-01T23:00:00Z")
    assert first_day["status"]["stage"] == "placed"
    assert [stage["stage"] for stage in first_day["stages"]] == ["placed"]
    assert acme.json(*SHOW, "--as-of", "2024-05-02T12:00:00+02:00")["status"]["stage"] == "packed"
    assert "no order" in acme.refuse(4, *SHOW, "--as-of", "2024-04-30")
    assert "no order" in acme.refuse(4, *SHOW, "--known-at", "2024-05-03T00:00:00Z")
    assert "--as-of must be an instant" in acme.refuse(2, *SHOW, "--as-of", "yesterday")


def test_show_nothing(acme, order_id):
    acme.succeed("organisation", "create", "other")
    for which in ("reference:none", "po_number:A-1", "1", str(2**53)):
        assert "no order" in acme.refuse(4, "orders", "show", which, "--organisation", "acme")
    assert "no order" in acme.refuse(4, "orders", "show", str(order_id), "--organisation", "other")
    assert "neither an id nor" in acme.refuse(2, "orders", "show", "A-1", "--organisation", "acme")


def test_list_pages_by_id(acme, order_id):
    everything = acme.json("orders", "list", "--organisation", "acme")
    ids = [one["id"] for one in everything]
    assert ids == sorted(ids)
    assert len(ids) == 3
    assert everything[0]["names"] == ["reference:A-1"]
    assert [o["id"] for o in acme.json("orders", "list", "--organisation", "acme", "--limit", "2")] == ids[:2]
    after = acme.json("orders", "list", "--organisation", "acme", "--after", str(ids[1]))
    assert [one["id"] for one in after] == ids[2:]


def test_lines_for_people_hold_no_control_characters(acme, order_id):
    text = acme.succeed("orders", "list", "--organisation", "acme")
    assert "\x1b" not in text
    assert "B:0?[2J" in text
    assert len(text.splitlines()) == 4

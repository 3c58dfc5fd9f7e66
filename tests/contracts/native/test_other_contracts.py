"""Whatever any contract shows of an order can be written here: a copy made over /v1 shows it, too."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from orderwire.book import queries
from orderwire.book.callers import Caller
from orderwire.book.operations import NewOrder, place_order
from orderwire.book.orders import Document, NewVoucher, Order, Voucher
from orderwire.book.stages import NewStage, StageDetail
from orderwire.book.store import Book
from orderwire.contracts.hostway import wire as hostway
from orderwire.contracts.native.wire_amend import ANSWERS_ONLY
from orderwire.contracts.planocore import wire_groups, wire_stages
from orderwire.contracts.plum import wire as plum
from orderwire.contracts.valomnia import wire as valomnia
from tests.contracts.native.conftest import make_token
from tests.contracts.native.test_orders import sample
from tests.factories import make_caller, make_organisation

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAMES = {
    "reference": "R-1",
    "po_number": "P-1",
    "plum.order_id": "11",
    "valomnia.id": "12",
    "planocore.order_id": "13",
    "planocore.order_request_id": "14",
    "hostway.order": f"{7:040x}",
}
CODES = [("CODE", "PIN"), ("https://example.com/code", "")]
# As PlanoCore's clients number things: 64 bits.
LARGE = 2**63 - 1


def whole_order() -> NewOrder:
    """An order in which every field of the book's records says something."""
    said = sample(msgspec.inspect.type_info(Document))
    said["names"] = NAMES
    del said["vouchers"]
    voucher = sample(msgspec.inspect.type_info(Voucher))
    detail = sample(msgspec.inspect.type_info(StageDetail))
    detail["client"]["id"] = LARGE
    detail["created_by_id"] = -LARGE
    addons = ["plain", 1.5, 3, True, None, {"name": "Twilight", "price": 12.5, "id": LARGE}]
    detail["details"]["addons"] = addons
    rich = msgspec.convert(detail, StageDetail)
    return NewOrder(
        kind="delivery_note",
        lifecycle="complete",
        payment="advance",
        delivery="rejected",
        currency="SEK",
        placed_at=datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC),
        changed_at=datetime(2025, 1, 1, tzinfo=UTC),
        group_line=7,
        document=msgspec.convert(said, Document),
        vouchers=tuple(
            NewVoucher(voucher=msgspec.convert({**voucher, "currency": "USD"}, Voucher), code=code, pin=pin)
            for code, pin in CODES
        ),
        stages=(
            NewStage(stage="ordered", effective_at=datetime(2024, 3, 2, tzinfo=UTC), detail=rich),
            NewStage(stage="mistaken", effective_at=datetime(2024, 3, 4, tzinfo=UTC), status="leave"),
            NewStage(stage="set back", effective_at=datetime(2024, 3, 1, tzinfo=UTC), status="set"),
            NewStage(stage="noted", effective_at=datetime(2024, 3, 3, tzinfo=UTC), supersedes=2),
        ),
    )


async def views(book: Book, caller: Caller, order: Order) -> dict[str, Any]:
    """What each of the other contracts shows of an order."""
    status = await queries.get_status(book, caller, order)
    stages = await queries.list_stages(book, caller, order)
    details = plum.render_order_details(
        order, lambda voucher: queries.open_voucher(book, caller, voucher), later_types=False
    )
    return {
        "hostway": hostway.render_order("http://host", "{base_url}/accounts/{number}", order),
        "plum": details.body,
        "valomnia": valomnia.render_operation(order, "acme", "v1.0", "http://host").body,
        "planocore member": wire_groups.render_member(order, status),
        "planocore stages": [
            msgspec.structs.replace(wire_stages.render_created(order, stage, status).order_stage, id=0)
            for stage in stages
        ],
        "planocore status": wire_stages.render_created(order, stages[0], status).order_status,
    }


def body_of(shown: dict[str, Any]) -> dict[str, Any]:
    """What to hand in for an order that is shown so, with its stages."""
    body = {name: value for name, value in shown.items() if name not in ANSWERS_ONLY}
    body["changed_at"] = shown["changed_at"]
    body["stages"] = [
        {
            "stage": stage["stage"],
            "effective_at": stage["effective_at"],
            "detail": stage["detail"],
            **({"status_at": stage["status_at"]} if stage["status_at"] else {"status": "leave"}),
        }
        for stage in sorted(shown["stages"], key=lambda one: one["number"])
    ]
    return body


async def test_a_copy_shows_the_same_through_every_contract(native):
    book = native.book
    book.clock = lambda: NOON
    caller = make_caller(native.organisation)
    original = await place_order(book, caller, whole_order())
    shown = (await native.ask("GET", f"/v1/orders/{original.id}?include=stages")).json()
    elsewhere = await make_organisation(book, "elsewhere")
    token = await make_token(book, elsewhere, caller.rights)
    made = await native.ask("POST", "/v1/orders", body_of(shown), token=token)
    assert made.status == 201, made.body
    there = make_caller(elsewhere)
    copy = await queries.get_order(book, there, made.json()["id"])
    assert await views(book, there, copy) == await views(book, caller, original)


async def test_an_empty_order_changed_into_a_copy_shows_the_same(native):
    book = native.book
    book.clock = lambda: NOON
    caller = make_caller(native.organisation)
    original = await place_order(book, caller, whole_order())
    shown = (await native.ask("GET", f"/v1/orders/{original.id}?include=stages")).json()
    elsewhere = await make_organisation(book, "elsewhere")
    token = await make_token(book, elsewhere, caller.rights)
    body = body_of(shown)
    # A change says itself when it changed the order, and stages are appended.
    kept = {name: body.pop(name) for name in ("changed_at", "stages")}
    start = {"placed_at": shown["placed_at"], "changed_at": kept["changed_at"]}
    path = (await native.ask("POST", "/v1/orders", start, token=token)).header("location")
    for stage in kept["stages"]:
        assert (await native.ask("POST", f"{path}/stages", stage, token=token)).status == 201
    changed = await native.ask("PATCH", path, body, token=token)
    assert changed.status == 200, changed.body
    there = make_caller(elsewhere)
    copy = await queries.get_order(book, there, changed.json()["id"])
    alike = msgspec.structs.replace(copy, changed_at=original.changed_at)
    assert await views(book, there, alike) == await views(book, caller, original)

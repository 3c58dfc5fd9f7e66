"""What the book takes and what it refuses."""

from __future__ import annotations

import asyncio
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwire.book.callers import READ, READ_OWN, WRITE
from orderwire.book.errors import (
    AlreadyExists,
    FieldInvalid,
    MailFailed,
    NotAllowed,
    OrderNotFound,
    ResendRefused,
)
from orderwire.book.operations import (
    NewOrder,
    append_stage,
    append_stage_by_id,
    delete_order,
    place_order,
    resend_vouchers,
)
from orderwire.book.orders import Access, Document, Line, NewVoucher, Party, Voucher
from orderwire.book.queries import get_order, open_voucher
from orderwire.book.stages import NewStage, StageDetail
from orderwire.book.store import Book
from orderwire.book.values import plain_number
from orderwire.vault import VaultError
from tests.factories import all_orders, make_caller, make_organisation, read_mails
from tests.stores import Shelf

FOREVER = datetime.max


@pytest.mark.parametrize(
    "request_",
    [
        NewOrder(kind="letter"),
        NewOrder(lifecycle="lost"),
        NewOrder(payment="maybe"),
        NewOrder(delivery="soon"),
        NewOrder(currency="eur"),
        NewOrder(currency="ÄÖÜ"),
        NewOrder(placed_at=datetime(2024, 1, 1)),
        NewOrder(document=Document(names={"": "x"})),
        NewOrder(document=Document(names={"reference": ""})),
        NewOrder(document=Document(names={"reference": "x" * 256})),
        NewOrder(document=Document(names={f"s{n}": "x" for n in range(33)})),
        NewOrder(document=Document(notes="a\0b")),
        NewOrder(document=Document(notes="\ud800")),
        NewOrder(document=Document(attributes={"\ud800": "x"})),
        NewOrder(document=Document(total=Decimal("NaN"))),
        NewOrder(document=Document(total=Decimal("1e12"))),
        NewOrder(document=Document(total=Decimal("1e-13"))),
        NewOrder(document=Document(lines=(Line(quantity=Decimal("Infinity")),))),
        NewOrder(document=Document(lines=(Line(),) * 4_001)),
        NewOrder(document=Document(notes="x" * 10_001)),
        NewOrder(document=Document(attributes={f"k{n}": "x" * 1_000 for n in range(1_100)})),
        NewOrder(document=Document(customer=Party(id=2**53 + 1))),
        NewOrder(vouchers=(NewVoucher(voucher=Voucher(), code="\ud800"),)),
        NewOrder(vouchers=(NewVoucher(voucher=Voucher(currency="x"), code="c"),)),
        NewOrder(stages=(NewStage(stage=""),)),
        NewOrder(stages=(NewStage(stage="x" * 256),)),
        NewOrder(stages=(NewStage(stage="a\0"),)),
        NewOrder(stages=(NewStage(stage="\ud800"),)),
        NewOrder(stages=(NewStage(stage="x", detail=StageDetail(notes="\ud800")),)),
        NewOrder(group_order_id="0b0f7a52-43a6-4a5b-9a51-4d0b3e6ce111"),
    ],
)
async def test_what_cannot_be_kept_is_refused_and_nothing_is_written(book: Book, request_: NewOrder) -> None:
    caller = make_caller(await make_organisation(book))
    with pytest.raises(FieldInvalid):
        await place_order(book, caller, request_)
    assert await all_orders(book, caller.organisation) == []


async def test_numbers_are_kept_plain(book: Book) -> None:
    caller = make_caller(await make_organisation(book))
    document = Document(
        total=Decimal("1572.00"), shipping_fee=Decimal("7E+2"), lines=(Line(unit_price=Decimal("2.550")),)
    )
    placed = await place_order(book, caller, NewOrder(document=document))
    read = await get_order(book, caller, placed.id)
    assert read == placed
    assert str(read.document.total) == "1572"
    assert str(read.document.shipping_fee) == "700"
    assert str(read.document.lines[0].unit_price) == "2.55"


@given(st.decimals(min_value=-(10**12) + 1, max_value=10**12 - 1, places=6))
def test_a_plain_number_is_the_same_number(value: Decimal) -> None:
    plain = plain_number("x", value)
    assert plain == value
    assert "E" not in str(plain)
    assert "." not in str(plain) or not str(plain).endswith("0")


async def test_a_name_is_given_once(book: Book) -> None:
    caller = make_caller(await make_organisation(book))
    first = await place_order(book, caller, NewOrder(document=Document(names={"reference": "A"})))
    with pytest.raises(AlreadyExists) as taken:
        await place_order(
            book, caller, NewOrder(document=Document(names={"po_number": "P", "reference": "A"}))
        )
    assert taken.value.order_id == first.id
    assert await book.store.fetch_name(caller.organisation_id, "po_number", "P") is None


async def test_a_claim_is_held_only_while_its_order_is_open(book: Book) -> None:
    caller = make_caller(await make_organisation(book))
    claiming: Any = {"claims": {"slot": "me"}}
    await place_order(book, caller, NewOrder(lifecycle="processing", **claiming))
    second = await place_order(book, caller, NewOrder(**claiming))
    with pytest.raises(AlreadyExists):
        await place_order(book, caller, NewOrder(**claiming))
    assert await book.store.fetch_name(caller.organisation_id, "slot", "me") == second.id


async def test_of_many_claims_at_once_one_wins(book: Book) -> None:
    caller = make_caller(await make_organisation(book))
    outcomes = await asyncio.gather(
        *(place_order(book, caller, NewOrder(claims={"slot": "me"})) for _ in range(32)),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, AlreadyExists) for outcome in outcomes) == 31


async def test_voucher_secrets_are_sealed_and_open_only_for_those_who_may(
    book: Book, shelf: Shelf, tmp_path: Path
) -> None:
    caller = make_caller(await make_organisation(book))
    new = NewVoucher(voucher=Voucher(kind="code_pin", amount=Decimal(10)), code="SECRET-1", pin="4711")
    order = await place_order(book, caller, NewOrder(vouchers=(new,)))
    read = await get_order(book, caller, order.id)
    assert open_voucher(book, caller, read.document.vouchers[0]) == ("SECRET-1", "4711")
    assert "SECRET" not in repr(new)
    await book.store.close()
    stored = shelf.dump(tmp_path)
    assert b"SECRET-1" not in stored
    assert order.document.vouchers[0].code
    assert order.document.vouchers[0].code.encode() in stored
    with pytest.raises(NotAllowed):
        open_voucher(book, make_caller(caller.organisation, frozenset({READ})), read.document.vouchers[0])


async def test_a_voucher_copied_to_another_organisation_does_not_open(book: Book) -> None:
    here = make_caller(await make_organisation(book, "here"))
    there = make_caller(await make_organisation(book, "there"))
    order = await place_order(book, here, NewOrder(vouchers=(NewVoucher(voucher=Voucher(), code="c"),)))
    with pytest.raises(VaultError):
        open_voucher(book, there, order.document.vouchers[0])


async def test_vouchers_are_sent_again_only_when_delivered(book: Book, tmp_path: Path) -> None:
    caller = make_caller(await make_organisation(book))
    vouchers = (NewVoucher(voucher=Voucher(amount=Decimal(10), currency="INR"), code="C-1", pin="77"),)
    to = Document(receiver=Party(email="ann@example.com"))
    pending = NewOrder(lifecycle="complete", delivery="pending", document=to, vouchers=vouchers)
    with pytest.raises(ResendRefused):
        await resend_vouchers(book, caller, await place_order(book, caller, pending))
    sent = NewOrder(lifecycle="complete", delivery="delivered", document=to, vouchers=vouchers)
    await resend_vouchers(book, caller, await place_order(book, caller, sent))
    (mail,) = read_mails(tmp_path / "mail")
    assert "To: ann@example.com" in mail
    assert "10 INR: C-1 (PIN 77)" in mail
    nobody = NewOrder(lifecycle="complete", delivery="delivered", vouchers=vouchers)
    with pytest.raises(MailFailed):
        await resend_vouchers(book, caller, await place_order(book, caller, nobody))


async def test_the_right_to_write_is_needed(book: Book) -> None:
    organisation = await make_organisation(book)
    order = await place_order(book, make_caller(organisation), NewOrder())
    reader = make_caller(organisation, frozenset({READ}))
    with pytest.raises(NotAllowed):
        await append_stage(book, reader, order, NewStage(stage="x"))
    with pytest.raises(NotAllowed):
        await delete_order(book, reader, order)
    writer = make_caller(organisation, frozenset({WRITE}))
    with pytest.raises(NotAllowed):
        await get_order(book, writer, order.id)


async def test_a_stage_appended_by_id_meets_what_a_read_of_the_order_would_meet(book: Book) -> None:
    organisation = await make_organisation(book)
    owner = make_caller(organisation)
    order, gone, owned = [
        await place_order(book, owner, NewOrder(document=Document(access=access)))
        for access in (None, None, Access(owner="o-1"))
    ]
    await delete_order(book, owner, gone)
    new, bad = NewStage(stage="x"), NewStage(stage="")
    stranger = make_caller(await make_organisation(book, "elsewhere"))
    reader = make_caller(organisation, frozenset({READ}))
    writer = make_caller(organisation, frozenset({WRITE, READ_OWN}))
    visitor = msgspec.structs.replace(writer, owner="o-1")

    stage, status = await append_stage_by_id(book, owner, order.id, new)
    assert (stage.order_id, stage.number, stage.revision) == (order.id, 1, 2)
    assert await book.store.fetch_stage(organisation.id, order.id, 1) == stage
    assert status == await book.store.fetch_status(organisation.id, order.id)
    assert (await append_stage_by_id(book, visitor, owned.id, new))[0].order_id == owned.id

    for caller, order_id, request, fault in (
        (owner, gone.id, new, OrderNotFound),
        (owner, 0, new, OrderNotFound),
        (owner, 2**70, new, OrderNotFound),
        (stranger, order.id, new, OrderNotFound),
        (reader, order.id, new, NotAllowed),
        (writer, order.id, new, NotAllowed),
        (owner, order.id, bad, FieldInvalid),
        # Of two reasons the order's comes first.
        (owner, gone.id, bad, OrderNotFound),
        (reader, gone.id, new, OrderNotFound),
        (writer, order.id, bad, NotAllowed),
    ):
        with pytest.raises(fault):
            await append_stage_by_id(book, caller, order_id, request)
    assert len(await book.store.list_stages(organisation.id, order.id, FOREVER, 10)) == 1


@pytest.mark.parametrize(
    "stage", ["nb\u00a0sp", "👩\u200d🔧 on site", "tab\there", "two\nlines", "ｗｉｄｅ", "x" * 255]
)
async def test_a_stage_may_be_any_text(book: Book, stage: str) -> None:
    caller = make_caller(await make_organisation(book))
    order = await place_order(book, caller, NewOrder())
    appended, status = await append_stage(book, caller, order, NewStage(stage=stage))
    assert appended.stage == stage
    assert status is not None
    assert (await book.store.list_stages(order.organisation_id, order.id, FOREVER, 10))[0] == appended

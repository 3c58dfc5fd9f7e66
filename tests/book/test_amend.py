"""Changing an order: what is checked, what is entered, and what becomes of names and vouchers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from orderwire.book import amend
from orderwire.book.amend import Amendment, amend_order
from orderwire.book.callers import READ, WRITE, Caller
from orderwire.book.errors import (
    AlreadyExists,
    BookError,
    FieldInvalid,
    NotAllowed,
    OrderClosed,
    OrderNotFound,
    StaleOrder,
)
from orderwire.book.history import get_history
from orderwire.book.operations import NewOrder, delete_order, place_order
from orderwire.book.orders import Access, Document, NewVoucher, Order, Party, Voucher
from orderwire.book.queries import get_order, get_order_named, list_revisions, open_voucher
from orderwire.book.store import Book
from tests.factories import make_caller, make_organisation

START = datetime(2024, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
async def caller(book: Book) -> Caller:
    book.clock = lambda: START
    return make_caller(await make_organisation(book))


def says(**fields: Any) -> Callable[[Order], Order]:
    """A change of fields of the order itself, or of its document."""
    inner = {name: value for name, value in fields.items() if name in Document.__struct_fields__}
    own = {name: value for name, value in fields.items() if name not in inner}

    def change(order: Order) -> Order:
        document = msgspec.structs.replace(order.document, **inner)
        return msgspec.structs.replace(order, **own, document=document)

    return change


async def change_at(book: Book, caller: Caller, order: Order, hours: int, **fields: Any) -> Order:
    """A change that is learned now and came true so many hours after the start."""
    request = Amendment(change=says(**fields), effective_at=START + hours * HOUR)
    return await amend_order(book, caller, order, request)


async def entries(book: Book, caller: Caller, order: Order) -> list[tuple[int, float, int | None]]:
    """Revision, hour and superseded revision of each entry of the change history."""
    found = await list_revisions(book, caller, order, 100)
    return [
        (one.revision.revision, (one.revision.effective_at - START) / HOUR, one.revision.supersedes)
        for one in found
    ]


async def test_a_change_is_one_entry_and_one_revision(book: Book, caller: Caller) -> None:
    order = await place_order(book, caller, NewOrder(document=Document(notes="a")))
    book.clock = lambda: START + HOUR
    after = await amend_order(book, caller, order, Amendment(change=says(notes="b", payment="paid")))
    assert (after.revision, after.document.notes, after.payment) == (2, "b", "paid")
    assert (after.changed_at, after.recorded_at, after.placed_at) == (START + HOUR, START + HOUR, START)
    assert await get_order(book, caller, order.id) == after
    assert await entries(book, caller, order) == [(1, 0, None), (2, 1, None)]


async def test_a_change_that_changes_nothing_leaves_no_entry(book: Book, caller: Caller) -> None:
    order = await place_order(book, caller, NewOrder(document=Document(notes="a")))
    book.clock = lambda: START + HOUR
    assert await amend_order(book, caller, order, Amendment(change=says(notes="a"))) == order
    assert await entries(book, caller, order) == [(1, 0, None)]


async def test_a_back_dated_change_holds_until_the_next_of_the_same_field(book: Book, caller: Caller) -> None:
    order = await place_order(book, caller, NewOrder(document=Document(notes="a", tag="x")))
    book.clock = lambda: START + 9 * HOUR
    await change_at(book, caller, order, 4, tag="y")
    await change_at(book, caller, order, 6, notes="c")
    after = await change_at(book, caller, order, 2, notes="b", tag="z")
    # At two both, at four the notes again (the tag was changed then), at six neither.
    assert await entries(book, caller, order) == [
        (1, 0, None),
        (2, 4, None),
        (3, 6, None),
        (4, 2, None),
        (5, 4, 2),
    ]
    assert (after.revision, after.document.notes, after.document.tag) == (5, "c", "y")
    again = await change_at(book, caller, order, 2, notes="d")
    assert (again.revision, again.document.notes) == (7, "c")
    assert (await entries(book, caller, order))[5:] == [(6, 2, 4), (7, 4, 5)]


@pytest.mark.parametrize(
    ("request_", "fault"),
    [
        (Amendment(change=says(kind="thing")), FieldInvalid),
        (Amendment(change=says(payment="lots")), FieldInvalid),
        (Amendment(change=says(currency="euro")), FieldInvalid),
        (Amendment(change=says(placed_at=datetime(2024, 1, 1))), FieldInvalid),
        (Amendment(change=says(notes="x\0")), FieldInvalid),
        (Amendment(change=says(notes="x" * 10_001)), FieldInvalid),
        (Amendment(change=says(names={f"s{n}": "x" for n in range(33)})), FieldInvalid),
        (Amendment(change=says(group_order_id="none")), FieldInvalid),
        (Amendment(change=says(), vouchers=(NewVoucher(voucher=Voucher(), code="x" * 501),)), FieldInvalid),
        (Amendment(change=says(notes="b"), effective_at=START + HOUR), FieldInvalid),
        (Amendment(change=says(notes="b"), effective_at=START - HOUR), FieldInvalid),
        (Amendment(change=says(notes="b"), expected=2), StaleOrder),
        (Amendment(change=says(names={"reference": "taken"})), AlreadyExists),
    ],
)
async def test_what_cannot_be_changes_nothing(
    book: Book, caller: Caller, request_: Amendment, fault: type[BookError]
) -> None:
    await place_order(book, caller, NewOrder(document=Document(names={"reference": "taken"})))
    order = await place_order(book, caller, NewOrder(document=Document(notes="a")))
    with pytest.raises(fault):
        await amend_order(book, caller, order, request_)
    assert await get_order(book, caller, order.id) == order
    assert await entries(book, caller, order) == [(1, 0, None)]


async def test_who_may_change_an_order(book: Book, caller: Caller) -> None:
    order = await place_order(book, caller, NewOrder())
    change = Amendment(change=says(notes="b"))
    for rights in (frozenset({READ}), frozenset({WRITE})):
        with pytest.raises(NotAllowed):
            await amend_order(book, make_caller(caller.organisation, rights), order, change)
    await delete_order(book, caller, order)
    with pytest.raises(OrderNotFound):
        await amend_order(book, caller, order, change)


async def test_an_order_that_left_new_is_not_opened_again(book: Book, caller: Caller) -> None:
    order = await place_order(book, caller, NewOrder())
    await amend_order(book, caller, order, Amendment(change=says(lifecycle="processing")))
    with pytest.raises(OrderClosed):
        await amend_order(book, caller, order, Amendment(change=says(lifecycle="new")))
    for lifecycle in ("complete", "cancelled", "processing"):
        changed = await amend_order(book, caller, order, Amendment(change=says(lifecycle=lifecycle)))
        assert changed.lifecycle == lifecycle


async def test_of_two_who_read_the_same_revision_one_changes_it(book: Book, caller: Caller) -> None:
    order = await place_order(book, caller, NewOrder())

    async def change(notes: str) -> bool:
        try:
            await amend_order(book, caller, order, Amendment(change=says(notes=notes), expected=1))
        except StaleOrder:
            return False
        return True

    assert sorted(await asyncio.gather(*(change(f"n{n}") for n in range(8)))) == [False] * 7 + [True]
    assert (await get_order(book, caller, order.id)).revision == 2


async def test_changes_of_different_fields_at_once_all_hold(book: Book, caller: Caller) -> None:
    order = await place_order(book, caller, NewOrder())
    changes = [says(notes="a"), says(tag="b"), says(payment="paid"), says(customer=Party(name="c"))]
    await asyncio.gather(*(amend_order(book, caller, order, Amendment(change=one)) for one in changes))
    after = await get_order(book, caller, order.id)
    document = after.document
    assert (after.revision, document.notes, document.tag, after.payment) == (5, "a", "b", "paid")
    assert document.customer == Party(name="c")


async def test_names_that_are_changed_go_on_leading_to_the_order(book: Book, caller: Caller) -> None:
    names = {"reference": "R1", "po_number": "7"}
    order = await place_order(book, caller, NewOrder(document=Document(names=names)))
    changed = await amend_order(book, caller, order, Amendment(change=says(names={"reference": "R2"})))
    assert changed.document.names == {"reference": "R2"}
    for scheme, name in (("reference", "R1"), ("reference", "R2"), ("po_number", "7")):
        assert (await get_order_named(book, caller, scheme, name)).id == order.id
    with pytest.raises(AlreadyExists):
        await place_order(book, caller, NewOrder(document=Document(names={"reference": "R1"})))
    back = await amend_order(book, caller, order, Amendment(change=says(names=names)))
    assert back.document.names == names


async def test_vouchers_in_clear_take_the_place_of_those_before(book: Book, caller: Caller) -> None:
    first = NewVoucher(voucher=Voucher(product_id=1), code="FIRST", pin="1")
    order = await place_order(book, caller, NewOrder(vouchers=(first,)))
    kept = await amend_order(book, caller, order, Amendment(change=says(notes="b")))
    assert kept.document.vouchers == order.document.vouchers
    second = NewVoucher(voucher=Voucher(product_id=2), code="SECOND")
    changed = await amend_order(book, caller, order, Amendment(change=says(), vouchers=(second,)))
    assert [open_voucher(book, caller, one) for one in changed.document.vouchers] == [("SECOND", "")]
    none = await amend_order(book, caller, order, Amendment(change=says(), vouchers=()))
    assert none.document.vouchers == ()


async def test_who_may_reach_the_order_is_changed_like_the_rest(book: Book, caller: Caller) -> None:
    order = await place_order(book, caller, NewOrder(document=Document(access=Access(owner="o"))))
    changed = await amend_order(
        book, caller, order, Amendment(change=says(access=Access(owner="o", users=(4,))))
    )
    assert changed.document.access == Access(owner="o", users=(4,))


async def test_a_back_dated_change_of_an_order_with_too_many_entries_is_refused(
    book: Book, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(amend, "MAX_ENTERED_AGAIN", 3)
    order = await place_order(book, caller, NewOrder())
    book.clock = lambda: START + 9 * HOUR
    for hour in range(1, 5):
        await change_at(book, caller, order, hour, notes=str(hour))
    for hour in (0, 3):
        with pytest.raises(FieldInvalid):
            await change_at(book, caller, order, hour, tag="x")
    # What comes after all of them enters none again.
    after = await amend_order(book, caller, order, Amendment(change=says(tag="x")))
    assert (after.revision, after.document.tag) == (6, "x")


async def test_the_history_says_what_a_change_changed(book: Book, caller: Caller) -> None:
    order = await place_order(book, caller, NewOrder(document=Document(notes="a")))
    book.clock = lambda: START + 9 * HOUR
    await change_at(book, caller, order, 4, notes="c")
    await change_at(book, caller, order, 2, notes="b")
    history = await get_history(book, caller, order.id, 0, 100)
    told = [
        (entry.before and entry.before.order.document.notes, entry.state and entry.state.order.document.notes)
        for entry in history.entries
    ]
    assert told == [(None, "a"), ("a", "c"), ("a", "b")]
    assert (history.is_deleted, history.more) == (False, None)

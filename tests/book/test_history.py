"""Stages, status and revisions: what was true when, and what was known when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from orderwire.book.callers import Caller
from orderwire.book.errors import FieldInvalid, NotAllowed, OrderClosed, OrderNotFound
from orderwire.book.lists import Moment
from orderwire.book.operations import NewOrder, append_stage, delete_order, place_order
from orderwire.book.orders import Document
from orderwire.book.past import book_at
from orderwire.book.queries import (
    get_order,
    get_order_at,
    get_order_known_as,
    get_order_named,
    get_status,
    list_stages,
)
from orderwire.book.stages import Appointment, Client, Details, NewStage, StageDetail, StatusRule
from orderwire.book.store import Book
from tests.factories import make_caller, make_organisation

START = datetime(2024, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def at(book: Book, caller: Caller, as_of: datetime, known_at: datetime) -> Book:
    """The book as it stood."""
    return book_at(book, caller, Moment(as_of=as_of, known_at=known_at), "as_of")


class Ticking:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at


async def test_as_of_and_known_at_tell_two_different_pasts(book: Book) -> None:
    clock = Ticking()
    book.clock = clock
    caller = make_caller(await make_organisation(book))
    order = await place_order(book, caller, NewOrder(stages=(NewStage(stage="ordered"),)))
    clock.at = START + 5 * HOUR
    await append_stage(book, caller, order, NewStage(stage="delivered"))
    clock.at = START + 8 * HOUR
    # Learned at eight, happened at two: it changes what was true at three, not what was known at six.
    await append_stage(book, caller, order, NewStage(stage="scheduled", effective_at=START + 2 * HOUR))

    at_three = START + 3 * HOUR
    for known_at, expected in ((START + 6 * HOUR, "ordered"), (START + 9 * HOUR, "scheduled")):
        stage = await get_status(at(book, caller, at_three, known_at), caller, order)
        assert stage is not None
        assert stage.stage == expected
    status = await get_status(book, caller, order)
    assert status is not None
    assert status.stage == "delivered", "a back-dated stage does not move the status"
    known = await list_stages(at(book, caller, START + 9 * HOUR, START + 6 * HOUR), caller, order)
    assert [stage.stage for stage in known] == ["ordered", "delivered"]
    everything = await list_stages(book, caller, order)
    assert [stage.stage for stage in everything] == ["ordered", "scheduled", "delivered"]
    assert [stage.number for stage in everything] == [1, 3, 2]


async def test_an_order_is_not_found_before_it_was_or_was_known(book: Book) -> None:
    clock = Ticking()
    book.clock = clock
    caller = make_caller(await make_organisation(book))
    placed = START - 48 * HOUR
    order = await place_order(book, caller, NewOrder(placed_at=placed))
    found = await get_order_at(book, caller, order.id, START, START)
    assert found.placed_at == placed
    with pytest.raises(OrderNotFound):
        await get_order_at(book, caller, order.id, placed - HOUR, START)
    with pytest.raises(OrderNotFound):
        await get_order_at(book, caller, order.id, START, START - HOUR)


@pytest.mark.parametrize(
    ("rule", "effective_at", "expected"),
    [
        ("follow", START + HOUR, "next"),
        ("follow", START - HOUR, "first"),
        ("set", START - HOUR, "next"),
        ("set", START + HOUR, "next"),
        ("leave", START + HOUR, "first"),
    ],
)
async def test_the_status_rule_decides_where_the_order_stands(
    book: Book, rule: StatusRule, effective_at: datetime, expected: str
) -> None:
    clock = Ticking()
    book.clock = clock
    caller = make_caller(await make_organisation(book))
    order = await place_order(book, caller, NewOrder(stages=(NewStage(stage="first"),)))
    clock.at = START + 2 * HOUR
    stage, status = await append_stage(
        book, caller, order, NewStage(stage="next", effective_at=effective_at, status=rule)
    )
    assert stage.stage == "next"
    assert stage.effective_at == effective_at
    assert status is not None
    assert status.stage == expected
    assert await get_status(book, caller, order) == status


async def test_a_status_keeps_what_a_later_stage_does_not_say(book: Book) -> None:
    caller = make_caller(await make_organisation(book))
    order = await place_order(book, caller, NewOrder())
    first = StageDetail(
        client=Client(id=5, billing_postal_code=80202),
        appointment=Appointment(id=9, confirmed="yes"),
        details=Details(notes="gate code", rush=True),
    )
    await append_stage(book, caller, order, NewStage(stage="scheduled", detail=first))
    second = StageDetail(client=Client(id=6), details=Details(rush=False))
    _, status = await append_stage(book, caller, order, NewStage(stage="moved", detail=second))
    assert status is not None
    assert status.detail.client == Client(id=6, billing_postal_code=80202)
    assert status.detail.appointment == first.appointment
    assert status.detail.details == Details(notes="gate code", rush=False)


async def test_another_appointment_takes_nothing_from_the_one_before(book: Book) -> None:
    caller = make_caller(await make_organisation(book))
    order = await place_order(book, caller, NewOrder())
    said = [
        Appointment(id=1, cancel_reason="rain"),
        Appointment(confirmed="yes"),
        Appointment(id=2, start_at="noon"),
    ]
    seen = []
    for appointment in said:
        detail = StageDetail(appointment=appointment)
        _, status = await append_stage(book, caller, order, NewStage(stage="x", detail=detail))
        assert status is not None
        seen.append(status.detail.appointment)
    assert seen == [said[0], Appointment(id=1, cancel_reason="rain", confirmed="yes"), said[2]]


async def test_an_owed_notice_keeps_a_repeat_from_adding_a_stage(book: Book) -> None:
    caller = make_caller(await make_organisation(book))
    order = await place_order(book, caller, NewOrder())
    request = NewStage(stage="delivered")
    first, _ = await append_stage(book, caller, order, request, repeat_key="k")
    again, _ = await append_stage(book, caller, order, request, repeat_key="k")
    other, _ = await append_stage(book, caller, order, request, repeat_key="other")
    assert again == first
    assert other.number == 2


async def test_deleting_hides_an_open_order_and_keeps_its_name(book: Book) -> None:
    clock = Ticking()
    book.clock = clock
    caller = make_caller(await make_organisation(book))
    order = await place_order(book, caller, NewOrder(document=Document(names={"reference": "R"})))
    clock.at = START + HOUR
    await delete_order(book, caller, order)
    with pytest.raises(OrderNotFound):
        await get_order(book, caller, order.id)
    with pytest.raises(OrderNotFound):
        await get_order_named(book, caller, "reference", "R")
    with pytest.raises(OrderNotFound):
        await delete_order(book, caller, order)
    assert await book.store.fetch_name(caller.organisation_id, "reference", "R") == order.id
    assert (await get_order_at(book, caller, order.id, START, clock.at)).id == order.id
    submitted = await place_order(book, caller, NewOrder(lifecycle="processing"))
    with pytest.raises(OrderClosed):
        await delete_order(book, caller, submitted)


async def test_a_number_never_means_two_orders(book: Book) -> None:
    caller = make_caller(await make_organisation(book))
    own = await place_order(book, caller, NewOrder())
    named = await place_order(book, caller, NewOrder(document=Document(names={"x.id": str(own.id)})))
    assert (await get_order_known_as(book, caller, "x.id", own.id)).id == named.id
    with pytest.raises(OrderNotFound):
        await get_order_known_as(book, caller, "x.id", named.id)
    assert (await get_order_known_as(book, caller, "y.id", own.id)).id == own.id


async def test_another_organisations_order_is_not_there(book: Book) -> None:
    here = make_caller(await make_organisation(book, "here"))
    there = make_caller(await make_organisation(book, "there"))
    order = await place_order(book, here, NewOrder(document=Document(names={"reference": "R"})))
    with pytest.raises(OrderNotFound):
        await get_order(book, there, order.id)
    with pytest.raises(OrderNotFound):
        await get_order_named(book, there, "reference", "R")
    with pytest.raises(OrderNotFound):
        await append_stage(
            book,
            there,
            msgspec.structs.replace(order, organisation_id=there.organisation_id),
            NewStage(stage="x"),
        )
    with pytest.raises(NotAllowed):
        await place_order(book, make_caller(here.organisation, frozenset()), NewOrder())
    other = await place_order(book, there, NewOrder(document=Document(names={"reference": "R"})))
    assert (await get_order_named(book, there, "reference", "R")).id == other.id


async def test_a_stage_brought_from_elsewhere_counts_from_its_own_instant(book: Book) -> None:
    caller = make_caller(await make_organisation(book))
    stages = (
        NewStage(stage="sent", effective_at=START),
        NewStage(stage="held", effective_at=START - HOUR, status_at=START + HOUR),
        NewStage(stage="packed", effective_at=START, status_at=START - HOUR),
    )
    order = await place_order(book, caller, NewOrder(stages=stages))
    status = await get_status(book, caller, order)
    assert status is not None
    assert (status.stage, status.since) == ("held", START + HOUR)
    for rule in ("set", "leave"):
        with pytest.raises(FieldInvalid):
            await append_stage(book, caller, order, NewStage(stage="x", status=rule, status_at=START))


async def test_a_clock_set_back_teaches_nothing_before_what_was_known(book: Book) -> None:
    clock = Ticking()
    book.clock = clock
    caller = make_caller(await make_organisation(book))
    order = await place_order(book, caller, NewOrder(stages=(NewStage(stage="first"),)))
    clock.at = START - 48 * HOUR
    stage, status = await append_stage(book, caller, order, NewStage(stage="second"))
    assert stage.recorded_at == START
    assert status is not None
    assert status.stage == "second"
    clock.at = START + HOUR
    known = await list_stages(at(book, caller, START, START - HOUR), caller, order)
    assert known == []

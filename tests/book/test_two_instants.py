"""Whatever becomes of an order, and whenever: each instant is told as it was, by what was known when.

The model keeps of each field a function of time, and one copy of all of them for each instant at which
the book learned something. The book must agree with it about every moment, now and later.
"""

from __future__ import annotations

import copy
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orderwire.book.amend import Amendment, amend_order
from orderwire.book.callers import READ, RIGHTS, Caller
from orderwire.book.errors import FieldInvalid, OrderNotFound
from orderwire.book.lists import Moment, OrderQuery
from orderwire.book.operations import NewOrder, append_stage, delete_order, place_order
from orderwire.book.orders import LIFECYCLES, Document, Order
from orderwire.book.past import book_at
from orderwire.book.queries import get_order, get_orders, get_status, list_orders
from orderwire.book.stages import NewStage
from orderwire.book.store import Book
from tests.factories import make_caller, make_organisation

START = datetime(2024, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
# Instants lie among so few that they often coincide.
SPAN = 12
FIELDS = ("notes", "tag", "payment")


@dataclass
class Timeline:
    """A value that changes at some instants and holds until the next."""

    times: list[datetime] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def at(self, when: datetime) -> Any:
        place = bisect_right(self.times, when)
        return self.values[place - 1] if place else None

    def change(self, when: datetime, value: Any) -> bool:
        """Let `value` hold from `when` until the value changes next; False if it holds already."""
        if self.at(when) == value:
            return False
        place = bisect_right(self.times, when)
        if place and self.times[place - 1] == when:
            place -= 1
            del self.times[place], self.values[place]
        self.times.insert(place, when)
        self.values.insert(place, value)
        # Neighbours that say the same are no change.
        for later in range(len(self.times) - 1, 0, -1):
            if self.values[later] == self.values[later - 1]:
                del self.times[later], self.values[later]
        return True


@dataclass
class Told:
    """A stage as the model keeps it."""

    number: int
    stage: str
    recorded_at: datetime
    status_at: datetime | None
    supersedes: int | None


@dataclass
class Known:
    """What is known of one order at an instant."""

    fields: dict[str, Timeline] = field(default_factory=lambda: {name: Timeline() for name in FIELDS})
    exists: Timeline = field(default_factory=Timeline)
    stages: list[Told] = field(default_factory=list)

    def stage_at(self, as_of: datetime) -> str | None:
        corrected = {told.supersedes for told in self.stages}
        counted = [
            (told.status_at, told.number, told.stage)
            for told in self.stages
            if told.status_at is not None and told.status_at <= as_of and told.number not in corrected
        ]
        return max(counted)[2] if counted else None

    def at(self, as_of: datetime) -> dict[str, Any] | None:
        if not self.exists.at(as_of):
            return None
        said = {name: timeline.at(as_of) for name, timeline in self.fields.items()}
        return {**said, "stage": self.stage_at(as_of)}


@dataclass
class Model:
    """One order: everything that the book learned of it, by the instant at which it did."""

    placed_at: datetime
    latest: datetime
    order: Order
    now: Known = field(default_factory=Known)
    learned: list[tuple[datetime, Known]] = field(default_factory=list)

    def learn(self, at: datetime) -> None:
        self.learned.append((at, copy.deepcopy(self.now)))

    @property
    def recorded_at(self) -> datetime:
        return self.learned[-1][0]

    def tell(self, as_of: datetime, known_at: datetime) -> dict[str, Any] | None:
        known = [state for at, state in self.learned if at <= known_at]
        return known[-1].at(as_of) if known else None


class World:
    """A book with a clock, some orders, and the model of each."""

    def __init__(self, book: Book, caller: Caller) -> None:
        self.book, self.caller = book, caller
        self.clock = START
        book.clock = lambda: self.clock
        self.models: list[Model] = []

    async def place(self, placed_at: datetime, said: dict[str, Any]) -> None:
        request = _with(NewOrder(placed_at=placed_at), said)
        order = await place_order(self.book, self.caller, request)
        model = Model(placed_at=placed_at, latest=placed_at, order=order)
        model.now.exists.change(placed_at, True)
        for name in FIELDS:
            model.now.fields[name].change(placed_at, said.get(name))
        model.learn(self.clock)
        self.models.append(model)

    async def amend(self, model: Model, effective_at: datetime | None, said: dict[str, Any]) -> None:
        now = max(self.clock, model.recorded_at)
        at = effective_at or max(now, model.latest)
        request = Amendment(change=lambda order: _with(order, said), effective_at=effective_at)
        if _is_gone(model):
            with pytest.raises(OrderNotFound):
                await amend_order(self.book, self.caller, model.order, request)
            return
        if (effective_at is not None and effective_at > now) or at < model.placed_at:
            with pytest.raises(FieldInvalid):
                await amend_order(self.book, self.caller, model.order, request)
            return
        after = await amend_order(self.book, self.caller, model.order, request)
        changed = [model.now.fields[name].change(at, value) for name, value in said.items()]
        if any(changed):
            model.latest = max(model.latest, at)
            model.learn(now)
        assert after == await get_order(self.book, self.caller, model.order.id)

    async def append(self, model: Model, effective_at: datetime, status: Any, corrects: int | None) -> None:
        known, now = model.now, max(self.clock, model.recorded_at)
        number = len(known.stages) + 1
        standing = {told.number for told in known.stages} - {told.supersedes for told in known.stages}
        supersedes = None if corrects is None else corrects % (number + 1)
        new = NewStage(
            stage=f"stage {number}", effective_at=effective_at, status=status, supersedes=supersedes
        )
        if _is_gone(model):
            with pytest.raises(OrderNotFound):
                await append_stage(self.book, self.caller, model.order, new)
            return
        if supersedes is not None and supersedes not in standing:
            with pytest.raises(FieldInvalid):
                await append_stage(self.book, self.caller, model.order, new)
            return
        await append_stage(self.book, self.caller, model.order, new)
        counted = [
            told.status_at
            for told in known.stages
            if told.status_at is not None and told.number in standing and told.number != supersedes
        ]
        since = max(counted, default=None)
        status_at: datetime | None = effective_at
        if status == "leave":
            status_at = None
        elif status == "set" and since is not None and effective_at < since:
            status_at = max(now, since)
        known.stages.append(Told(number, new.stage, now, status_at, supersedes))
        model.learn(now)

    async def delete(self, model: Model) -> None:
        if _is_gone(model):
            with pytest.raises(OrderNotFound):
                await delete_order(self.book, self.caller, model.order)
            return
        now = max(self.clock, model.recorded_at)
        await delete_order(self.book, self.caller, model.order, lifecycles=LIFECYCLES)
        model.latest = max(now, model.latest)
        model.now.exists.change(model.latest, False)
        model.learn(now)

    async def check(self, as_of: datetime, known_at: datetime) -> None:
        """The book agrees with the model about this moment, in every way it can be asked."""
        past = book_at(self.book, self.caller, Moment(as_of=as_of, known_at=known_at), "as_of")
        told = {model.order.id: model.tell(as_of, known_at) for model in self.models}
        there = {order_id: said for order_id, said in told.items() if said is not None}
        for order_id, said in told.items():
            if said is None:
                with pytest.raises(OrderNotFound):
                    await get_order(past, self.caller, order_id)
            else:
                order = await get_order(past, self.caller, order_id)
                status = await get_status(past, self.caller, order)
                assert _said(order, status) == said
        page = await list_orders(past, self.caller, OrderQuery())
        assert {one.order.id: _said(one.order, one.status) for one in page.orders} == there
        batch = await get_orders(past, self.caller, list(told))
        assert {one.order.id: _said(one.order, one.status) for one in batch} == there

    async def check_present(self) -> None:
        """What stands now is what all that is known makes of the latest instant."""
        for model in self.models:
            if _is_gone(model):
                continue
            order = await get_order(self.book, self.caller, model.order.id)
            status = await get_status(self.book, self.caller, order)
            assert _said(order, status) == model.now.at(datetime.max.replace(tzinfo=UTC))


def _is_gone(model: Model) -> bool:
    return not model.now.exists.at(datetime.max.replace(tzinfo=UTC))


def _with(order: Any, said: dict[str, Any]) -> Any:
    inner = {name: said[name] for name in ("notes", "tag") if name in said}
    own = {"payment": said["payment"]} if "payment" in said else {}
    return msgspec.structs.replace(order, **own, document=msgspec.structs.replace(order.document, **inner))


def _said(order: Order, status: Any) -> dict[str, Any]:
    document: Document = order.document
    return {
        "notes": document.notes,
        "tag": document.tag,
        "payment": order.payment,
        "stage": None if status is None else status.stage,
    }


instants = st.integers(-SPAN, SPAN).map(lambda minutes: START + minutes * MINUTE)
changes = st.fixed_dictionaries(
    {},
    optional={
        "notes": st.sampled_from(["a", "b", None]),
        "tag": st.sampled_from(["x", "y", None]),
        "payment": st.sampled_from(["paid", "not_paid", None]),
    },
)
steps = st.one_of(
    st.tuples(st.just("place"), instants, changes),
    st.tuples(st.just("amend"), st.integers(0, 1), st.none() | instants, changes),
    st.tuples(st.just("amend"), st.integers(0, 1), st.none() | instants, changes),
    st.tuples(
        st.just("append"),
        st.integers(0, 1),
        instants,
        st.sampled_from(["follow", "set", "leave"]),
        st.none() | st.integers(0, 8),
    ),
    st.tuples(st.just("delete"), st.integers(0, 1)),
)
# The clock moves by so much before each step; sometimes it is set back.
moves = st.integers(-3, 4).map(lambda minutes: minutes * MINUTE)


async def run(world: World, step: tuple[Any, ...]) -> None:
    verb, *rest = step
    if verb == "place":
        if len(world.models) < 2:
            await world.place(*rest)
    elif world.models:
        chosen, *values = rest
        await getattr(world, verb)(world.models[chosen % len(world.models)], *values)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=st.tuples(instants, changes),
    script=st.lists(st.tuples(moves, steps), max_size=14),
    moments=st.lists(st.tuples(instants, instants), min_size=4, max_size=4),
)
async def test_every_moment_is_told_as_the_model_tells_it(book, first, script, moments):
    world = World(book, make_caller(await make_organisation(book, str(uuid4()))))
    await world.place(*first)
    for move, step in script:
        world.clock += move
        await run(world, step)
        await world.check_present()
    edges = sorted({at for model in world.models for at, _ in model.learned} | {START})
    for known_at in edges:
        for as_of in (known_at, *(as_of for as_of, _ in moments)):
            await world.check(as_of, known_at)
    for as_of, known_at in moments:
        await world.check(as_of, known_at)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=st.tuples(instants, changes),
    script=st.lists(st.tuples(moves.map(abs), steps), min_size=2, max_size=10),
    moments=st.lists(instants, min_size=3, max_size=3),
)
async def test_what_was_known_stays_as_it_was_known(book, first, script, moments):
    world = World(book, make_caller(await make_organisation(book, str(uuid4()))))
    await world.place(*first)
    seen: dict[tuple[datetime, datetime], Any] = {}
    for move, step in script:
        world.clock += move
        await run(world, step)
        over = world.clock - MINUTE
        for as_of in moments:
            seen.setdefault((as_of, over), await answers(world, as_of, over))
    for (as_of, known_at), told in seen.items():
        assert await answers(world, as_of, known_at) == told


async def answers(world: World, as_of: datetime, known_at: datetime) -> list[Any]:
    """All that can be read of the orders at a moment, that the moment itself does not leave open."""
    past = book_at(world.book, world.caller, Moment(as_of=as_of, known_at=known_at), "as_of")
    page = await list_orders(past, world.caller, OrderQuery())
    return [
        (one.order.id, one.order.revision, one.order.recorded_at, one.order.document, one.status)
        for one in page.orders
    ]


async def test_without_the_right_what_was_deleted_since_is_not_told(book: Book) -> None:
    world = World(book, make_caller(await make_organisation(book)))
    await world.place(START, {})
    world.clock += MINUTE
    await world.delete(world.models[0])
    await world.check(START, START)
    reader = msgspec.structs.replace(world.caller, rights=frozenset({READ}))
    assert reader.rights < RIGHTS
    past = book_at(book, reader, Moment(as_of=START, known_at=START), "as_of")
    with pytest.raises(OrderNotFound):
        await get_order(past, reader, world.models[0].order.id)
    assert (await list_orders(past, reader, OrderQuery())).orders == ()


async def test_an_order_of_the_future_is_deleted_for_good(book: Book) -> None:
    world = World(book, make_caller(await make_organisation(book)))
    await world.place(START + 5 * MINUTE, {"notes": "a"})
    await world.delete(world.models[0])
    for minutes in (0, 5, 6, 12):
        await world.check(START + minutes * MINUTE, START)

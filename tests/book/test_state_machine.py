"""Whatever is done to orders, and whenever the clock says it is: history only grows, the status is the last
effective stage, and what was read at an instant is read again for that instant ever after.

What the book should say is told by `test_two_instants`; here the book is held against what it said before.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from orderwire.book.amend import Amendment, amend_order
from orderwire.book.answers import Answer
from orderwire.book.callers import Caller
from orderwire.book.errors import FieldInvalid, OrderClosed, OrderNotFound
from orderwire.book.lists import Moment, OrderQuery
from orderwire.book.once import Once, answer_once
from orderwire.book.operations import NewOrder, append_stage, delete_order, place_order
from orderwire.book.orders import LIFECYCLES, Order
from orderwire.book.past import book_at
from orderwire.book.queries import get_order, get_status, list_orders
from orderwire.book.stages import NewStage, Stage
from orderwire.book.store import Book, Reads
from tests.factories import make_caller, make_organisation
from tests.proofs.reader import Found
from tests.stores import POSTGRES, SQLITE, Shelf

T = TypeVar("T")

START = datetime(2024, 3, 1, 12, tzinfo=UTC)
# Later than anything that is said to be so.
EVER = datetime(9000, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SPAN = 10
MAX_ORDERS = 3
MAX_ENTRIES = 1_000
REFUSALS = (FieldInvalid, OrderClosed, OrderNotFound)
STEPS = 24

instants = st.integers(-SPAN, SPAN).map(lambda minutes: START + minutes * MINUTE)
earlier = st.integers(-SPAN, 2).map(lambda minutes: START + minutes * MINUTE)
places = st.integers(0, MAX_ORDERS - 1)
stages = st.builds(
    NewStage,
    stage=st.sampled_from(["a", "b", "c"]),
    effective_at=st.none() | instants,
    status=st.sampled_from(["follow", "set", "leave"]),
)
changes = st.fixed_dictionaries(
    {},
    optional={
        "payment": st.sampled_from(["paid", "not_paid", None]),
        "lifecycle": st.sampled_from(sorted(LIFECYCLES)),
        "notes": st.sampled_from(["x", "y", None]),
    },
)

# What a reader sees of an order, without what only the newest entry can say.
Seen = tuple[Any, ...]


@dataclass
class World:
    """A book that all examples share, each with an organisation of its own, and what was done in all."""

    book: Book
    runner: asyncio.Runner
    done: Counter[str] = field(default_factory=Counter)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end."""
        return self.runner.run(work)


def seen(order: Order, status: Any) -> Seen:
    """An order without its count of entries, which a state of the past does not tell."""
    state = (order.kind, order.lifecycle, order.payment, order.placed_at, order.document)
    return (order.id, *state, status)


class Machine(RuleBasedStateMachine):
    """Up to three orders, a clock that moves both ways, and all that was ever read of them."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.book, self.run = self.world.book, self.world.run
        self.clock = START
        self.book.clock = lambda: self.clock
        self.world.done["example"] += 1
        name = f"example-{self.world.done['example']}"
        self.caller: Caller = make_caller(self.run(make_organisation(self.book, name)))
        self.orders: list[Order] = []
        self.gone: set[int] = set()
        self.answers: dict[str, tuple[Callable[[Book], Awaitable[Any]], Answer]] = {}
        # Of each order its entries as they were last; of each moment what was read then.
        self.history: dict[int, tuple[list[Any], list[Stage]]] = {}
        self.reads: dict[datetime, list[Seen]] = {}
        self.recorded_at = START

    @rule(minutes=st.integers(-2, 6), micros=st.integers(0, 1))
    def time_passes(self, minutes: int, micros: int) -> None:
        self.clock += minutes * MINUTE + timedelta(microseconds=micros)

    @precondition(lambda self: len(self.orders) < MAX_ORDERS)
    @rule(placed_at=instants, first=st.lists(stages, max_size=2), said=changes, keyed=st.booleans())
    def place(self, placed_at: datetime, first: list[NewStage], said: dict[str, Any], keyed: bool) -> None:
        new = changed(NewOrder(placed_at=placed_at, stages=tuple(first)), said)
        self.do("place", lambda book: place_order(book, self.caller, new), keyed=keyed)

    @precondition(lambda self: self.orders)
    @rule(place=places, new=stages, keyed=st.booleans())
    def append(self, place: int, new: NewStage, keyed: bool) -> None:
        order = self.choose(place)
        is_dated = new.effective_at is not None and new.effective_at < self.clock
        what = "append back-dated" if is_dated else "append"
        self.do(what, lambda book: append_stage(book, self.caller, order, new), keyed=keyed)

    @precondition(lambda self: any(stages for _, stages in self.history.values()))
    @rule(place=places, new=stages, number=st.integers(1, 3), keyed=st.booleans())
    def supersede(self, place: int, new: NewStage, number: int, keyed: bool) -> None:
        order = self.choose(place)
        stage = msgspec.structs.replace(new, supersedes=number)
        self.do("supersede", lambda book: append_stage(book, self.caller, order, stage), keyed=keyed)

    @precondition(lambda self: self.orders)
    @rule(place=places, effective_at=st.none() | earlier, said=changes, keyed=st.booleans())
    def amend(self, place: int, effective_at: datetime | None, said: dict[str, Any], keyed: bool) -> None:
        order = self.choose(place)
        request = Amendment(change=lambda before: changed(before, said), effective_at=effective_at)
        what = "amend" if effective_at is None else "amend back-dated"
        self.do(what, lambda book: amend_order(book, self.caller, order, request), keyed=keyed)

    @precondition(lambda self: len(self.orders) - len(self.gone) > 1)
    @rule(place=places)
    def delete(self, place: int) -> None:
        order = self.choose(place)
        self.do(
            "delete",
            lambda book: delete_order(book, self.caller, order, lifecycles=LIFECYCLES),
            keyed=False,
        )
        self.gone.add(order.id)

    @precondition(lambda self: self.answers)
    @rule(place=st.integers(0, 20))
    def repeat(self, place: int) -> None:
        """The same request again gives the same answer, and does nothing."""
        key = sorted(self.answers)[place % len(self.answers)]
        operation, first = self.answers[key]
        before = self.run(self.entries())
        assert self.run(self.once(key, operation)) == first
        assert self.run(self.entries()) == before
        self.world.done["repeat"] += 1

    def choose(self, place: int) -> Order:
        """An order, now and then one that was deleted."""
        there = [one for one in self.orders if one.id not in self.gone]
        chosen = self.orders if not there or place == MAX_ORDERS - 1 else there
        return chosen[place % len(chosen)]

    def do(self, what: str, operation: Callable[[Book], Awaitable[Any]], *, keyed: bool) -> None:
        """Do it; what is refused leaves no trace."""
        before = self.run(self.entries())
        key = f"key-{len(self.answers)}"
        try:
            if keyed:
                self.answers[key] = (operation, self.run(self.once(key, operation)))
                if what == "place":
                    self.orders.append(self.run(self.newest()))
            else:
                made = self.run(as_coroutine(operation(self.book)))
                if what == "place":
                    self.orders.append(made)
        except REFUSALS:
            assert self.run(self.entries()) == before
            self.world.done["refused"] += 1
        else:
            self.world.done[what] += 1

    async def once(self, key: str, operation: Callable[[Book], Awaitable[Any]]) -> Answer:
        async def render(reads: Reads, result: Any) -> Answer:
            stages = [await reads.list_stages(self.owner, one.id, EVER, MAX_ENTRIES) for one in self.orders]
            return Answer(status=200, headers=(), body=f"{result} {stages}".encode())

        request = Once(key=key, request_digest="0" * 64)
        return await answer_once(self.book, self.caller, request, operation, render)

    async def newest(self) -> Order:
        page = await list_orders(self.book, self.caller, OrderQuery(sort="id", is_descending=True, limit=1))
        return page.orders[0].order

    @property
    def owner(self) -> int:
        return self.caller.organisation_id

    async def entries(self) -> dict[int, tuple[list[Any], list[Stage]]]:
        """Of each order its states, and its stages by number."""
        found = {}
        for order in self.orders:
            states = [
                msgspec.structs.replace(one, order=msgspec.structs.replace(one.order, stage_count=0))
                for one in await self.book.store.list_states(self.owner, order.id, 0, MAX_ENTRIES)
            ]
            told = await self.book.store.list_stages(self.owner, order.id, EVER, MAX_ENTRIES)
            found[order.id] = (states, sorted(told, key=lambda one: one.number))
        return found

    async def read(self, book: Book) -> list[Seen]:
        """What there is, one by one; it must be what there is in a list."""
        there = []
        for order in self.orders:
            try:
                found = await get_order(book, self.caller, order.id)
            except OrderNotFound:
                continue
            there.append(seen(found, await get_status(book, self.caller, found)))
        page = await list_orders(book, self.caller, OrderQuery())
        assert sorted(there, key=lambda one: one[0]) == [seen(one.order, one.status) for one in page.orders]
        return there

    def at(self, as_of: datetime, known_at: datetime) -> Book:
        return book_at(self.book, self.caller, Moment(as_of=as_of, known_at=known_at), "as_of")

    @invariant()
    def history_only_grows(self) -> None:
        now = self.run(self.entries())
        for order_id, (states, stages) in now.items():
            were, staged = self.history.get(order_id, ([], []))
            assert states[: len(were)] == were
            assert stages[: len(staged)] == staged
            told = {one.revision.revision for one in states} | {one.revision for one in stages}
            assert told == set(range(1, max(told) + 1))
            assert [one.number for one in stages] == list(range(1, len(stages) + 1))
            self.learn([one.revision.recorded_at for one in states[len(were) :]])
            self.learn([one.recorded_at for one in stages[len(staged) :]])
        self.history = now

    def learn(self, instants: list[datetime]) -> None:
        """Entries were made at these instants. With a clock that was set back, of another order than those
        that were read before: what was read at a later instant then tells less than is known of it."""
        for at in instants:
            self.recorded_at = max(self.recorded_at, at)
            self.reads = {known_at: told for known_at, told in self.reads.items() if known_at < at}

    @invariant()
    def the_status_is_the_last_effective_stage(self) -> None:
        present = {one[0]: one[-1] for one in self.run(self.read(self.book))}
        for order_id, status in present.items():
            stages = self.history[order_id][1]
            corrected = {one.supersedes for one in stages}
            counted = [
                (one.status_at, one.number, one.stage)
                for one in stages
                if one.status_at is not None and one.number not in corrected
            ]
            told = None if status is None else (status.since, status.stage_number, status.stage)
            assert told == max(counted, default=None)

    @invariant()
    def what_was_read_is_read_again(self) -> None:
        """What is read now is what is known from now on, until the book learns more at a later instant."""
        now = max(self.clock, self.recorded_at)
        self.reads[now] = self.run(self.read(self.book))
        assert self.run(self.read(self.at(EVER, now))) == self.reads[now]

    def teardown(self) -> None:
        """Every moment that was ever read is told as it was."""
        for known_at, told in self.reads.items():
            assert self.run(self.read(self.at(EVER, known_at))) == told


def changed(order: Any, said: dict[str, Any]) -> Any:
    """An order, placed or not, as it is with what is said."""
    own = {name: value for name, value in said.items() if name != "notes" and (value or name == "payment")}
    document = order.document
    if "notes" in said:
        document = msgspec.structs.replace(document, notes=said["notes"])
    return msgspec.structs.replace(order, **own, document=document)


async def as_coroutine(work: Awaitable[T]) -> T:
    return await work


@pytest.mark.stores(SQLITE, POSTGRES)
def test_history(tmp_path: Path, shelf: Shelf, store_name: str) -> None:
    with asyncio.Runner() as runner:
        world = World(runner.run(shelf.open(tmp_path)), runner)
        steered = type("Steered", (Machine,), {"world": world})
        # The same examples each time; on PostgreSQL, where each step is a journey, fewer.
        examples = settings(
            max_examples=150 if store_name == SQLITE else 60,
            stateful_step_count=STEPS,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        run_state_machine_as_test(steered, settings=examples)
        runner.run(world.book.close())
    for what in ("append", "append back-dated", "supersede", "amend", "amend back-dated", "delete", "repeat"):
        assert world.done[what], world.done
    found = Found.of(shelf.address(tmp_path))
    assert found.defects() == []
    assert len(found.orders) == world.done["place"]

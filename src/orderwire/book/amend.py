"""Amending an order: what it says from an instant on, without overwriting what it said before.

A change that is back-dated alters what was true then: it is entered at its instant, and every later
entry of the history that says the same of a changed field as the entry before it is entered again
with the change. What was known before stays readable as it was known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

import msgspec
from msgspec import Struct

from .callers import Caller
from .errors import AlreadyExists, FieldInvalid, OrderClosed, OrderNotFound, StaleOrder
from .lists import State
from .operations import (
    OPEN,
    check_group,
    check_may_write,
    check_order,
    keep_document,
    not_before,
    seal_vouchers,
)
from .orders import Document, NewVoucher, Order
from .queries import check_may_read
from .stages import Origin, Revision
from .store import Book, Transaction

# Of an order with more entries, none is back-dated any more: each might be entered again.
MAX_ENTERED_AGAIN = 1_000
_STATE_FIELDS = (
    "kind",
    "lifecycle",
    "payment",
    "delivery",
    "currency",
    "placed_at",
    "group_order_id",
    "group_line",
)


class Amendment(Struct, frozen=True, kw_only=True):
    """A change to an order.

    `change` gives the order as it is to be from the order as it is: a function of values only, run
    inside the transaction. `effective_at` is when it came true (now if None), `expected` the revision
    that the change was made against, if it matters. `vouchers`, in clear, take the place of the
    document's.
    """

    change: Callable[[Order], Order]
    effective_at: datetime | None = None
    expected: int | None = None
    vouchers: tuple[NewVoucher, ...] | None = None


async def amend_order(book: Book, caller: Caller, order: Order, request: Amendment) -> Order:
    """Change an order, and give it as it stands now; a change that changes nothing leaves no entry.

    A name that is changed or taken away goes on leading to the order, and a new one must be free.
    Raises NotAllowed, FieldInvalid, AlreadyExists, StaleOrder (not the expected revision),
    OrderClosed (an order that left `new` can't be open again) or OrderNotFound.
    """
    check_may_write(caller)
    check_may_read(caller, order)
    asked_at = book.clock()
    origin = caller.origin
    sealed = None if request.vouchers is None else seal_vouchers(book, caller, request.vouchers)

    def change(before: Order) -> Order:
        after = request.change(before)
        if sealed is not None:
            after = msgspec.structs.replace(
                after, document=msgspec.structs.replace(after.document, vouchers=sealed)
            )
        return _checked(before, after)

    async def work(tx: Transaction) -> Order:
        # Held, so that a change which came to be made meanwhile is waited for and built upon.
        current = await tx.hold_order(order.organisation_id, order.id)
        if current is None:
            raise OrderNotFound(str(order.id))
        if request.expected is not None and request.expected != current.revision:
            raise StaleOrder(request.expected, current.revision)
        now = not_before(current, asked_at)
        if request.effective_at is not None and request.effective_at > now:
            raise FieldInvalid("effective_at", "lies in the future")
        newest = await tx.fetch_state(current.organisation_id, current.id, datetime.max)
        assert newest is not None, "an order without an entry"
        # Without an instant of its own, a change comes after all that is held to be so.
        effective_at = request.effective_at or max(now, newest.revision.effective_at)
        held = await _held_from(tx, current, effective_at, newest)
        entries = _entries(held, effective_at, change)
        if not entries:
            return current
        is_last = newest.revision.effective_at <= entries[-1].effective_at
        return await _enter(tx, current, entries, now, origin, is_last=is_last)

    return await book.store.write(work)


class _Entry(Struct, frozen=True, kw_only=True):
    """An entry to be made: the order as it is from `effective_at` on."""

    order: Order
    effective_at: datetime
    supersedes: int | None = None


def _entries(held: Sequence[State], effective_at: datetime, change: Callable[[Order], Order]) -> list[_Entry]:
    """The entries that a change makes at `effective_at`, in the sort in which they hold."""
    before = held[0].order
    after = change(before)
    changed = _differences(before, after)
    if not changed:
        return []
    is_same_instant = held[0].revision.effective_at == effective_at
    supersedes = held[0].revision.revision if is_same_instant else None
    entries = [_Entry(order=after, effective_at=effective_at, supersedes=supersedes)]
    for earlier, later in pairwise(held):
        # What a later entry changed by itself stays as that entry says.
        for field in _differences(earlier.order, later.order):
            changed.pop(field, None)
        if not changed:
            break
        again = _with(later.order, changed)
        entries.append(
            _Entry(
                order=again,
                effective_at=later.revision.effective_at,
                supersedes=later.revision.revision,
            )
        )
    return entries


async def _held_from(
    tx: Transaction, current: Order, effective_at: datetime, newest: State
) -> Sequence[State]:
    """What was held to be so at `effective_at` and since: one state for each instant at which it changed."""
    if newest.revision.effective_at <= effective_at:
        return [newest]
    base = await tx.fetch_state(current.organisation_id, current.id, effective_at)
    if base is None:
        raise FieldInvalid("effective_at", "lies before the order was placed")
    states = await tx.list_states(current.organisation_id, current.id, 0, MAX_ENTERED_AGAIN + 1)
    if len(states) > MAX_ENTERED_AGAIN:
        raise FieldInvalid("effective_at", f"the order has more than {MAX_ENTERED_AGAIN} entries")
    later: dict[datetime, State] = {}
    for state in states:
        if state.revision.effective_at > effective_at:
            later[state.revision.effective_at] = state
    return [base, *(later[at] for at in sorted(later))]


async def _enter(
    tx: Transaction,
    current: Order,
    entries: Sequence[_Entry],
    now: datetime,
    origin: Origin,
    *,
    is_last: bool,
) -> Order:
    """Make the entries. With `is_last` the order stands as the last of them says; else later entries,
    which were not entered again, still hold."""
    state = entries[-1].order if is_last else current
    row = msgspec.structs.replace(
        state,
        revision=current.revision + len(entries),
        stage_count=current.stage_count,
        changed_at=max(current.changed_at, entries[-1].effective_at),
        recorded_at=now,
    )
    await check_group(tx, row)
    _, encoded = keep_document(row.document)
    if not await tx.update_order(row, encoded, was=current.revision, deleted=False):
        raise StaleOrder(current.revision, row.revision)
    for revision, entry in enumerate(entries, start=current.revision + 1):
        await _take_names(tx, current, entry.order)
        said = Revision(
            revision=revision,
            effective_at=entry.effective_at,
            recorded_at=now,
            origin=origin,
            supersedes=entry.supersedes,
        )
        _, encoded = keep_document(entry.order.document)
        await tx.insert_revision(entry.order, encoded, said, deleted=False)
    return row


async def _take_names(tx: Transaction, current: Order, made: Order) -> None:
    for scheme, name in made.document.names.items():
        if current.document.names.get(scheme) == name:
            continue
        if not await tx.insert_name(made.organisation_id, scheme, name, made.id):
            holder = await tx.fetch_name(made.organisation_id, scheme, name)
            if holder != made.id:
                raise AlreadyExists(scheme, name, holder)


def _checked(before: Order, after: Order) -> Order:
    """The order as it is to be, seen to be one that can be kept."""
    if before.lifecycle != OPEN and after.lifecycle == OPEN:
        raise OrderClosed(before.lifecycle)
    check_order(after)
    document, _ = keep_document(after.document)
    return msgspec.structs.replace(after, document=document)


def _differences(before: Order, after: Order) -> dict[str, Any]:
    """The fields of the order and of its document that differ, with what `after` says."""
    own = {name: getattr(after, name) for name in _STATE_FIELDS}
    own |= {f"document.{name}": getattr(after.document, name) for name in Document.__struct_fields__}
    return {name: value for name, value in own.items() if _get(before, name) != value}


def _get(order: Order, field: str) -> Any:
    inner = field.removeprefix("document.")
    return getattr(order, field) if inner == field else getattr(order.document, inner)


def _with(order: Order, changes: dict[str, Any]) -> Order:
    own = {name: value for name, value in changes.items() if "." not in name}
    inner = {name.removeprefix("document."): value for name, value in changes.items() if "." in name}
    return msgspec.structs.replace(order, **own, document=msgspec.structs.replace(order.document, **inner))

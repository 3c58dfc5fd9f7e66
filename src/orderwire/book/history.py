"""An order's history: its stages and revisions in one timeline, each with the difference it made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from .callers import READ_DELETED, Caller
from .errors import FieldInvalid, OrderNotFound
from .lists import Moment, State
from .past import moment_of, present_of
from .queries import MAX_ORDER_ID, check_may_read
from .stages import Stage, Status
from .statuses import next_status, standing, status_after
from .store import Book, Reads

MAX_ENTRIES = 1_000
MAX_STAGES = 100_000


class Entry(Struct, frozen=True, kw_only=True):
    """One entry of the history: a stage, or a state of the order (its first, a change, its deletion).

    Of a state, `before` is what was held to be so at its instant until then; of a stage,
    `status_before` and `status` tell where the order stood without and with it.
    """

    revision: int
    stage: Stage | None = None
    state: State | None = None
    before: State | None = None
    status_before: Status | None = None
    status: Status | None = None

    @property
    def recorded_at(self) -> datetime:
        """When the book learned of it."""
        if self.stage is not None:
            return self.stage.recorded_at
        assert self.state is not None
        return self.state.revision.recorded_at

    @property
    def effective_at(self) -> datetime:
        """When it came true."""
        if self.stage is not None:
            return self.stage.effective_at
        assert self.state is not None
        return self.state.revision.effective_at


class History(Struct, frozen=True, kw_only=True):
    """Entries by revision; `more` is the revision to go on after, None at the end."""

    order_id: int
    is_deleted: bool
    entries: tuple[Entry, ...]
    more: int | None


async def get_history(book: Book, caller: Caller, order_id: int, after: int, limit: int) -> History:
    """The entries of the order's history with revisions after `after`, oldest recorded first.

    All entries of one revision stand on one page, so that a page may be longer than `limit`; of a book
    as it stood, only those that were so and were known then, so that it may be shorter. The history of
    a deleted order is read with the right to read deleted orders. Raises OrderNotFound, NotAllowed or
    FieldInvalid.
    """
    if not 1 <= limit <= MAX_ENTRIES:
        raise FieldInvalid("limit", f"must be 1 to {MAX_ENTRIES}")
    moment, book = moment_of(book), present_of(book)
    owner, store = caller.organisation_id, book.store
    last = await _last_state(store, owner, order_id, moment)
    is_deleted = last.deleted
    if READ_DELETED not in caller.rights and (is_deleted or await store.fetch_order(owner, order_id) is None):
        raise OrderNotFound(str(order_id))
    check_may_read(caller, last.order)
    states = await store.list_states(owner, order_id, after, limit + 1)
    stages = sorted(
        await store.list_stages(owner, order_id, datetime.max, MAX_STAGES), key=lambda one: one.number
    )
    entries = [await _changed(book, state) for state in states]
    entries += [Entry(revision=stage.revision, stage=stage) for stage in stages if stage.revision > after]
    entries.sort(key=lambda entry: (entry.revision, entry.stage.number if entry.stage else 0))
    page = _page(entries, limit)
    more = page[-1].revision if len(page) < len(entries) else None
    shown = _with_statuses(page, stages)
    if moment is not None:
        shown = [entry for entry in shown if _was_so(entry, moment)]
    return History(order_id=order_id, is_deleted=is_deleted, entries=tuple(shown), more=more)


async def _last_state(store: Reads, owner: int, order_id: int, moment: Moment | None) -> State:
    """What is held to be so of the order, or was at the moment. Raises OrderNotFound."""
    last = None
    if 0 < order_id <= MAX_ORDER_ID:
        if moment is None:
            last = await store.fetch_state(owner, order_id, datetime.max)
        else:
            last = await store.fetch_state(owner, order_id, moment.as_of, known_at=moment.known_at)
    if last is None:
        raise OrderNotFound(str(order_id))
    return last


async def _changed(book: Book, state: State) -> Entry:
    said, order = state.revision, state.order
    before = await book.store.fetch_state(
        order.organisation_id, order.id, said.effective_at, before=said.revision
    )
    return Entry(revision=said.revision, state=state, before=before)


def _with_statuses(entries: Sequence[Entry], stages: Sequence[Stage]) -> list[Entry]:
    """The entries, those of stages with where the order stood; `stages` are all of the order's, by number.

    A correction has the status told anew by all stages before it: only where it is asked for.
    """
    wanted = {entry.stage.number for entry in entries if entry.stage is not None}
    told: dict[int, tuple[Status | None, Status | None]] = {}
    status: Status | None = None
    is_told = True
    for place, stage in enumerate(stages):
        is_wanted = stage.number in wanted
        if is_wanted and not is_told:
            status, is_told = status_after(standing(stages[:place])), True
        before = status
        if stage.supersedes is None:
            status = next_status(status, stage)
        elif is_wanted:
            status = status_after(standing(stages[: place + 1]))
        else:
            is_told = False
        if is_wanted:
            told[stage.number] = (before, status)
    return [
        entry
        if entry.stage is None
        else msgspec.structs.replace(
            entry, status_before=told[entry.stage.number][0], status=told[entry.stage.number][1]
        )
        for entry in entries
    ]


def _page(entries: Sequence[Entry], limit: int) -> Sequence[Entry]:
    """The first `limit` entries, and those that share the revision of the last."""
    if len(entries) <= limit:
        return entries
    last = entries[limit - 1].revision
    return [entry for entry in entries if entry.revision <= last]


def _was_so(entry: Entry, moment: Moment) -> bool:
    return entry.effective_at <= moment.as_of and entry.recorded_at <= moment.known_at

"""The book as it stood: every read of orders answers for one moment, and nothing can be written."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, NoReturn, cast

import msgspec

from .callers import READ_DELETED, Caller
from .errors import FieldInvalid
from .lists import Listed, Moment, OrderQuery, Page, Position, Span, page_of
from .orders import GroupOrder, Order
from .stages import Stage, Status
from .statuses import standing, status_after
from .store import Book, Mail, Store, Transaction

# More than any order has; a status is what all of them tell.
MAX_STAGES = 100_000
# A list of the past looks at so many orders for one page, whatever its conditions leave.
MAX_LOOKED_AT = 10_000
CHUNK = 100
MAX_MEMBERS = 1_000


def book_at(book: Book, caller: Caller, moment: Moment, told_by: str) -> Book:
    """The book as it stood at the moment, for this caller.

    What was deleted since is shown to those who may read deleted orders. `told_by` names what asked
    for the past, in the asker's words: a write raises FieldInvalid with it.
    """
    store = _PastStore(present_of(book).store, moment, READ_DELETED in caller.rights, told_by)
    return dataclasses.replace(book, store=cast("Store", store), mailbox=_NoMailbox(told_by))


def moment_of(book: Book) -> Moment | None:
    """The moment that the book's reads answer for; None is now."""
    return book.store.moment if isinstance(book.store, _PastStore) else None


def present_of(book: Book) -> Book:
    """The book as it stands, for reads only: what sends mail stays without."""
    return dataclasses.replace(book, store=book.store.present) if isinstance(book.store, _PastStore) else book


class _NoMailbox:
    """Nothing is sent from the past, either."""

    def __init__(self, told_by: str) -> None:
        self._told_by = told_by

    async def send(self, _mail: Mail) -> None:
        raise FieldInvalid(self._told_by, "the past can only be read")


class _PastStore:
    """The store's reads of orders, at a moment; all else is the store's own."""

    def __init__(self, store: Store, moment: Moment, with_deleted: bool, told_by: str) -> None:
        self.present = store
        self.moment = moment
        self._with_deleted = with_deleted
        self._told_by = told_by

    def __getattr__(self, name: str) -> Any:
        return getattr(self.present, name)

    async def write(self, _work: Callable[[Transaction], Awaitable[Any]]) -> NoReturn:
        """Nothing is written in the past."""
        raise FieldInvalid(self._told_by, "the past can only be read")

    async def fetch_order(self, organisation_id: int, order_id: int) -> Order | None:
        moment = self.moment
        return await self.present.fetch_order_at(
            organisation_id, order_id, moment.as_of, moment.known_at, with_deleted=self._with_deleted
        )

    async def fetch_order_and_status(
        self, organisation_id: int, order_id: int
    ) -> tuple[Order, Status | None] | None:
        order = await self.fetch_order(organisation_id, order_id)
        if order is None or not order.stage_count:
            return None if order is None else (order, None)
        return order, await self.fetch_status(organisation_id, order_id)

    async def fetch_order_named(self, organisation_id: int, scheme: str, name: str) -> Order | None:
        order_id = await self.present.fetch_name(organisation_id, scheme, name)
        return None if order_id is None else await self.fetch_order(organisation_id, order_id)

    async def list_stages(
        self, organisation_id: int, order_id: int, known_at: datetime, limit: int
    ) -> Sequence[Stage]:
        known = await self.present.list_stages(
            organisation_id, order_id, _earlier(known_at, self.moment.known_at), limit
        )
        return [stage for stage in standing(known) if stage.effective_at <= self.moment.as_of]

    async def fetch_status(self, organisation_id: int, order_id: int) -> Status | None:
        moment = self.moment
        known = await self.present.list_stages(organisation_id, order_id, moment.known_at, MAX_STAGES)
        return status_after(
            stage
            for stage in standing(known)
            if stage.status_at is not None and stage.status_at <= moment.as_of
        )

    async def list_orders(self, organisation_id: int, query: OrderQuery) -> Page:
        """By id only. So many orders are looked at; a page ends there, however few met the conditions."""
        if query.sort != "id":
            raise FieldInvalid("sort", "orders of the past are sorted by id only")
        is_descending = query.is_descending != query.is_backward
        last = query.after.id if query.after is not None else (2**62 if is_descending else 0)
        found: list[Listed] = []
        for _ in range(MAX_LOOKED_AT // CHUNK):
            some = await self.present.list_orders_at(
                organisation_id,
                self.moment,
                last,
                CHUNK,
                is_descending=is_descending,
                with_deleted=self._with_deleted,
            )
            for order in some:
                # Where it stood is told by all its stages: asked for last, and only if the rest holds.
                if not _meets(order, query):
                    continue
                status = await self.fetch_status(organisation_id, order.id)
                if not query.stages or (status.stage if status is not None else None) in query.stages:
                    found.append(Listed(order=order, status=status))
                if len(found) > query.limit:
                    return page_of(query, found)
            if len(some) < CHUNK:
                return page_of(query, found)
            last = some[-1].id
        page = page_of(query, found)
        return msgspec.structs.replace(page, more=Position(value=last, id=last))

    async def fetch_orders(self, organisation_id: int, ids: Sequence[int]) -> Sequence[Listed]:
        found = []
        for order_id in ids:
            order = await self.fetch_order(organisation_id, order_id)
            if order is not None:
                status = await self.fetch_status(organisation_id, order_id)
                found.append(Listed(order=order, status=status))
        return found

    async def count_orders(self, _organisation_id: int, _query: OrderQuery) -> NoReturn:
        """Nobody counts the past."""
        raise FieldInvalid("total", "orders of the past are not counted")

    async def fetch_group_order(self, organisation_id: int, group_order_id: str) -> GroupOrder | None:
        group = await self.present.fetch_group_order(organisation_id, group_order_id)
        if group is None or group.created_at > min(self.moment.as_of, self.moment.known_at):
            return None
        now = await self.present.list_members(organisation_id, group_order_id, MAX_MEMBERS + 1)
        if len(now) > MAX_MEMBERS:
            raise FieldInvalid(
                self._told_by,
                f"a group order of more than {MAX_MEMBERS:,} orders can be read as it stands only",
            )
        members = await self._as_then(organisation_id, group_order_id, now)
        return msgspec.structs.replace(group, accepted=len(members))

    async def list_members(
        self, organisation_id: int, group_order_id: str, limit: int
    ) -> Sequence[tuple[Order, Status | None]]:
        now = await self.present.list_members(organisation_id, group_order_id, limit)
        return await self._as_then(organisation_id, group_order_id, now)

    async def _as_then(
        self, organisation_id: int, group_order_id: str, now: Sequence[tuple[Order, Status | None]]
    ) -> Sequence[tuple[Order, Status | None]]:
        """Those of today's members that were members then, as they stood."""
        then = await self.fetch_orders(organisation_id, [order.id for order, _ in now])
        return [(one.order, one.status) for one in then if one.order.group_order_id == group_order_id]


def _earlier(one: datetime, other: datetime) -> datetime:
    """The earlier of two instants; one without zone stands for "ever"."""
    return other if one.tzinfo is None else min(one, other)


def _meets(order: Order, query: OrderQuery) -> bool:
    """True if the order as it stood meets every condition of the query but that on its stage."""
    customer = order.document.customer
    total = order.document.total
    words = (
        (query.kinds, order.kind),
        (query.lifecycles, order.lifecycle),
        (query.payments, order.payment),
        (query.deliveries, order.delivery),
        (query.currencies, order.currency),
    )
    single = (
        (query.customer_id, customer.id if customer is not None else None),
        (query.customer_reference, customer.reference if customer is not None else None),
        (query.group_order_id, order.group_order_id),
        (query.revision, order.revision),
    )
    spans = (
        (query.placed, order.placed_at),
        (query.changed, order.changed_at),
        (query.recorded, order.recorded_at),
    )
    least, most = query.total.least, query.total.most
    return (
        all(not asked or said in asked for asked, said in words)
        and all(asked is None or said == asked for asked, said in single)
        and all(_is_within(span, at) for span, at in spans)
        and (least is None or (total is not None and total >= least))
        and (most is None or (total is not None and total <= most))
        and (query.name is None or order.document.names.get(query.name.scheme) == query.name.name)
    )


def _is_within(span: Span, at: datetime) -> bool:
    return (span.since is None or at >= span.since) and (span.until is None or at < span.until)

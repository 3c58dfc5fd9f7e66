"""The orders of an export, page by page, each whole: its document and its stages agree.

No transaction is held while an export runs: one that lasts keeps the log of the book from being emptied
and makes whoever writes wait. Each page is read at once, and of an order's stages only those that its row
counts, so that an order is given as it stood at one instant.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import msgspec

from orderwire.book import queries
from orderwire.book.callers import Caller
from orderwire.book.lists import MAX_IDS, Listed, Moment, OrderQuery, Span
from orderwire.book.orders import Order
from orderwire.book.past import CHUNK, book_at
from orderwire.book.stages import Stage
from orderwire.book.store import Book

from .request import Exported, ExportRequest

PAGE = 200
# A page of the past is what one look at the history gives, and one more order is needed to know the end.
PAST_PAGE = CHUNK - 1
# Documents can be a megabyte each: pages get smaller as their orders get larger.
PAGE_LINES = 20_000
MAX_STAGES = 100_000
# Orders with more stages are read one by one.
FEW_STAGES = 200


async def read_orders(
    book: Book, caller: Caller, request: ExportRequest
) -> AsyncIterator[Sequence[Exported]]:
    """Pages of the orders that meet the conditions, each order once; those placed meanwhile are left out.

    Raises NotAllowed, FieldInvalid or StoreUnavailable.
    """
    moment = request.moment
    # What is known at an instant does not grow, and may hold orders that were deleted since.
    last = await _last_id(book, caller) if moment is None else queries.MAX_ORDER_ID
    reading = book if moment is None else book_at(book, caller, moment, "export")
    query = _walk(request.query, is_past=moment is not None)
    while True:
        page = await queries.list_orders(reading, caller, query)
        wanted = [one for one in page.orders if one.order.id <= last and _is_wanted(one, request.query)]
        stages = await _read_stages(reading, wanted, request)
        yield [_export(reading, caller, one, stages.get(one.order.id, ()), request) for one in wanted]
        if page.more is None or (query.sort == "id" and page.more.id >= last):
            return
        limit = query.limit if moment is not None else _page_size(page.orders)
        query = msgspec.structs.replace(query, after=page.more, limit=limit)


async def _last_id(book: Book, caller: Caller) -> int:
    """The id of the newest order: without it an export could run after those who place orders for ever."""
    page = await queries.list_orders(book, caller, OrderQuery(is_descending=True, limit=1))
    return page.orders[0].order.id if page.orders else 0


def _walk(query: OrderQuery, *, is_past: bool) -> OrderQuery:
    """The query that walks once through the orders by id, which never changes, or by the names sought.

    Of two ends of a span only the first is asked of the store: with both it would look them all up anew
    for every page, and sort them by id.
    """
    is_prefix = query.name is not None and query.name.is_prefix
    return msgspec.structs.replace(
        query,
        placed=_open(query.placed),
        changed=_open(query.changed),
        sort="name" if is_prefix else "id",
        is_descending=False,
        is_backward=False,
        after=None,
        limit=PAST_PAGE if is_past else PAGE,
    )


def _open(span: Span) -> Span:
    return span if span.since is None else Span(since=span.since)


def _is_wanted(listed: Listed, query: OrderQuery) -> bool:
    """True unless the walk came to the order without all conditions holding."""
    order, name = listed.order, query.name
    if query.placed.until is not None and order.placed_at >= query.placed.until:
        return False
    if query.changed.until is not None and order.changed_at >= query.changed.until:
        return False
    # A name that it bore earlier leads to the order, too.
    return name is None or not name.is_prefix or order.document.names.get(name.scheme) == listed.sorted_name


def _page_size(orders: Sequence[Listed]) -> int:
    largest = max((len(one.order.document.lines) for one in orders), default=0)
    return max(1, min(PAGE, PAGE_LINES // max(1, largest)))


def _export(
    book: Book, caller: Caller, listed: Listed, stages: Sequence[Stage], request: ExportRequest
) -> Exported:
    secrets = None
    if request.with_vouchers:
        vouchers = listed.order.document.vouchers
        secrets = [queries.open_voucher(book, caller, voucher) for voucher in vouchers]
    return Exported(order=listed.order, status=listed.status, stages=stages, secrets=secrets)


async def _read_stages(
    book: Book, page: Sequence[Listed], request: ExportRequest
) -> dict[int, Sequence[Stage]]:
    """The stages of each order of the page that has any, by number."""
    if not request.with_stages:
        return {}
    orders = [one.order for one in page if one.order.stage_count]
    if request.moment is not None:
        return {order.id: await _stages_at(book, order, request.moment) for order in orders}
    found: dict[int, Sequence[Stage]] = {}
    for order in orders:
        if order.stage_count > FEW_STAGES:
            found[order.id] = await _stages(book, order)
    few = [order for order in orders if order.stage_count <= FEW_STAGES]
    for some in (few[at : at + MAX_IDS] for at in range(0, len(few), MAX_IDS)):
        found |= await _stages_of(book, some)
    return found


async def _stages_of(book: Book, orders: Sequence[Order]) -> dict[int, Sequence[Stage]]:
    counts = {order.id: order.stage_count for order in orders}
    found: dict[int, list[Stage]] = {order_id: [] for order_id in counts}
    for stage in await book.store.list_stages_of(orders[0].organisation_id, list(counts)):
        if stage.number <= counts[stage.order_id]:
            found[stage.order_id].append(stage)
    return {order_id: sorted(some, key=_number) for order_id, some in found.items()}


async def _stages(book: Book, order: Order) -> Sequence[Stage]:
    found = await book.store.list_stages(order.organisation_id, order.id, datetime.max, MAX_STAGES)
    return sorted(found, key=_number)[: order.stage_count]


async def _stages_at(book: Book, order: Order, moment: Moment) -> Sequence[Stage]:
    found = await book.store.list_stages(order.organisation_id, order.id, datetime.max, MAX_STAGES)
    stages = enumerate(sorted(found, key=_number), start=1)
    return [_renumbered(stage, number, moment) for number, stage in stages]


def _number(stage: Stage) -> int:
    return stage.number


def _renumbered(stage: Stage, number: int, moment: Moment) -> Stage:
    """The stage as one of those that held at the moment: none of them was superseded then."""
    status_at = stage.status_at
    return msgspec.structs.replace(
        stage,
        number=number,
        supersedes=None,
        status_at=None if status_at is not None and status_at > moment.as_of else status_at,
    )

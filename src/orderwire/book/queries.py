"""The read verbs of the book. Each says who may ask, and asks the store once where it can."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from .callers import READ, READ_OWN, VOUCHERS, Caller
from .errors import FieldInvalid, GroupOrderNotFound, NotAllowed, OrderNotFound
from .lists import MAX_IDS, Listed, Moment, OrderQuery, Page, State, check_query
from .orders import GroupOrder, Order, Voucher
from .past import book_at, moment_of
from .stages import Stage, Status
from .statuses import standing
from .store import Book

MAX_ORDER_ID = 2**53 - 1
MAX_STAGES = 10_000
MAX_MEMBERS = 1_000


async def get_order(book: Book, caller: Caller, order_id: int) -> Order:
    """The order with this id. Raises OrderNotFound or NotAllowed."""
    order = None
    if 0 < order_id <= MAX_ORDER_ID:
        order = await book.store.fetch_order(caller.organisation_id, order_id)
    if order is None:
        raise OrderNotFound(str(order_id))
    check_may_read(caller, order)
    return order


async def get_order_and_status(book: Book, caller: Caller, order_id: int) -> tuple[Order, Status | None]:
    """The order with this id, and where it stands. Raises OrderNotFound or NotAllowed."""
    found = None
    if 0 < order_id <= MAX_ORDER_ID:
        found = await book.store.fetch_order_and_status(caller.organisation_id, order_id)
    if found is None:
        raise OrderNotFound(str(order_id))
    check_may_read(caller, found[0])
    return found


async def get_order_named(book: Book, caller: Caller, scheme: str, name: str) -> Order:
    """The order that bears this name. Raises OrderNotFound or NotAllowed."""
    order = await book.store.fetch_order_named(caller.organisation_id, scheme, name)
    if order is None:
        raise OrderNotFound(name)
    check_may_read(caller, order)
    return order


async def get_order_known_as(book: Book, caller: Caller, scheme: str, number: int) -> Order:
    """The order that bears `number` as a name in `scheme`, or else has it as its own id.

    Names given elsewhere come first: they were there before the order came here. An order that has
    a name in `scheme` is not found by its own id, so one number never means two orders.
    Raises OrderNotFound or NotAllowed.
    """
    order = await seek_order(book, caller, scheme, number)
    if order is None:
        raise OrderNotFound(str(number))
    check_may_read(caller, order)
    return order


async def seek_order(
    book: Book, caller: Caller, scheme: str, number: int, *, own_id: bool = True
) -> Order | None:
    """The order known by `number` as in `get_order_known_as` (without `own_id` by its name alone), or None.

    For operations that only write: does not ask whether the caller may read the order.
    """
    order = await book.store.fetch_order_named(caller.organisation_id, scheme, str(number))
    if order is None and own_id and 0 < number <= MAX_ORDER_ID:
        order = await book.store.fetch_order(caller.organisation_id, number)
        if order is not None and scheme in order.document.names:
            order = None
    return order


async def get_order_at(
    book: Book, caller: Caller, order_id: int, as_of: datetime, known_at: datetime
) -> Order:
    """The order as it stood at `as_of`, by what the book had recorded at `known_at`.

    Raises OrderNotFound (also when it did not exist then, or was deleted since and the caller may not
    read deleted orders) or NotAllowed.
    """
    past = book_at(book, caller, Moment(as_of=as_of, known_at=known_at), "as_of")
    return await get_order(past, caller, order_id)


async def get_status(book: Book, caller: Caller, order: Order) -> Status | None:
    """Where the order stands, or None while no stage has given it a status."""
    return await book.store.fetch_status(caller.organisation_id, order.id)


async def list_stages(book: Book, caller: Caller, order: Order) -> Sequence[Stage]:
    """The stages of the order that none has superseded, oldest effective first (at most MAX_STAGES)."""
    found = await book.store.list_stages(caller.organisation_id, order.id, datetime.max, MAX_STAGES)
    return standing(found)


async def list_revisions(book: Book, caller: Caller, order: Order, limit: int) -> Sequence[State]:
    """The first entries of the order's change history, oldest recorded first; those of the book's moment."""
    found = await book.store.list_states(caller.organisation_id, order.id, 0, limit)
    moment = moment_of(book)
    if moment is None:
        return found
    return [
        state
        for state in found
        if state.revision.effective_at <= moment.as_of and state.revision.recorded_at <= moment.known_at
    ]


async def list_orders(book: Book, caller: Caller, query: OrderQuery) -> Page:
    """A page of the organisation's orders. Raises NotAllowed or FieldInvalid."""
    check_may_list(caller)
    check_query(query)
    return await book.store.list_orders(caller.organisation_id, query)


async def count_orders(book: Book, caller: Caller, query: OrderQuery) -> int:
    """How many orders meet the query's conditions, on all pages. Raises NotAllowed or FieldInvalid."""
    check_may_list(caller)
    check_query(query)
    return await book.store.count_orders(caller.organisation_id, query)


async def get_orders(book: Book, caller: Caller, ids: Sequence[int]) -> Sequence[Listed]:
    """The orders with these ids (at most MAX_IDS), as they were asked for; who is not there is left out.

    Raises NotAllowed or FieldInvalid.
    """
    check_may_list(caller)
    if not 1 <= len(ids) <= MAX_IDS:
        raise FieldInvalid("ids", f"must be 1 to {MAX_IDS}")
    wanted = [one for one in ids if 0 < one <= MAX_ORDER_ID]
    found = await book.store.fetch_orders(caller.organisation_id, wanted) if wanted else ()
    by_id = {one.order.id: one for one in found}
    return [by_id[one] for one in dict.fromkeys(wanted) if one in by_id]


def check_may_list(caller: Caller) -> None:
    """Raises NotAllowed unless the caller may read every order."""
    if READ not in caller.rights:
        raise NotAllowed(READ, identified=caller.is_identified)


async def get_group_order(book: Book, caller: Caller, group_order_id: str) -> GroupOrder:
    """The group order with this id. Raises GroupOrderNotFound, also for another person's.

    A caller without the right to read every order sees only the group orders it uploaded itself.
    """
    group = await book.store.fetch_group_order(caller.organisation_id, group_order_id)
    if group is None or not (READ in caller.rights or _has_uploaded(caller, group)):
        raise GroupOrderNotFound(group_order_id)
    return group


def _has_uploaded(caller: Caller, group: GroupOrder) -> bool:
    if caller.person is not None and caller.person.id == group.user_id:
        return True
    return group.job is not None and caller.is_identified and caller.origin.caller == group.job.request.caller


async def list_members(
    book: Book, caller: Caller, group: GroupOrder
) -> Sequence[tuple[Order, Status | None]]:
    """The orders of a group order with where each stands, by their line in the upload."""
    return await book.store.list_members(caller.organisation_id, group.id, MAX_MEMBERS)


def open_voucher(book: Book, caller: Caller, voucher: Voucher) -> tuple[str, str]:
    """Code and pin of a voucher in clear ("" where there is none). Raises NotAllowed."""
    if VOUCHERS not in caller.rights:
        raise NotAllowed(VOUCHERS, identified=caller.is_identified)
    place = voucher_place(caller.organisation_id)
    code = book.vault.open(voucher.code, place) if voucher.code else ""
    pin = book.vault.open(voucher.pin, place) if voucher.pin else ""
    return code, pin


def voucher_place(organisation_id: int) -> str:
    """What a voucher's secrets are sealed for: one organisation's can't be opened in another's."""
    return f"organisation:{organisation_id}:voucher"


def check_may_read(caller: Caller, order: Order) -> None:
    """Raises NotAllowed unless the caller may read every order, or this one is its own."""
    if not is_readable(caller, order):
        raise NotAllowed(READ, identified=caller.is_identified)


def is_readable(caller: Caller, order: Order) -> bool:
    """True if the caller may read every order, or this one is its own."""
    if READ in caller.rights:
        return True
    access = order.document.access
    if READ_OWN not in caller.rights or access is None:
        return False
    if caller.owner is not None and caller.owner == access.owner:
        return True
    return caller.person is not None and caller.person.id in access.users

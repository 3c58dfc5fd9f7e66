"""How orders are read: the book to ask, and an order as its reader may see it."""

from __future__ import annotations

from typing import Any

from orderwire.book import queries
from orderwire.book.callers import VOUCHERS, WRITE, Caller
from orderwire.book.lists import Moment
from orderwire.book.orders import Order
from orderwire.book.past import book_at
from orderwire.book.stages import Status
from orderwire.book.store import Book
from orderwire.contracts.contract import Mount

from . import wire_orders, wire_reading
from .wire_reading import EVERYTHING, MAX_INCLUDED, Included, Reading

JSON = (b"content-type", b"application/json")
# What a token may see is nobody else's, and may change at any time.
PRIVATE = (b"cache-control", b"private, no-cache")


def reading_book(mount: Mount, caller: Caller, moment: wire_reading.Moment | None) -> Book:
    """The book that answers: as it stands, or as it stood at the moment."""
    if moment is None:
        return mount.book
    now = mount.book.clock()
    then = Moment(as_of=moment.as_of or now, known_at=moment.known_at or now)
    return book_at(mount.book, caller, then, "as_of")


async def read(book: Book, caller: Caller, order_id: int, reading: Reading) -> tuple[Order, Status | None]:
    """The order with this id, and where it stands if that is to be shown."""
    if reading.wants("status"):
        return await queries.get_order_and_status(book, caller, order_id)
    return await queries.get_order(book, caller, order_id), None


async def stand(book: Book, caller: Caller, order: Order) -> Status | None:
    """Where the order stands; one without stages stands nowhere, and nothing is read."""
    return await queries.get_status(book, caller, order) if order.stage_count else None


async def render(
    book: Book, caller: Caller, order: Order, status: Status | None, reading: Reading = EVERYTHING
) -> bytes:
    """The order as the caller may see it."""
    return wire_reading.render_order(await show(book, caller, order, status, reading))


async def show(book: Book, caller: Caller, order: Order, status: Status | None, reading: Reading) -> Any:
    """The order as the caller may see it, of a list or by itself: whole, or a dictionary of what is asked."""
    secrets = None
    if VOUCHERS in caller.rights and reading.wants("vouchers"):
        secrets = [queries.open_voucher(book, caller, voucher) for voucher in order.document.vouchers]
    shown = wire_orders.show_order(
        order, caller.organisation.name, status, secrets, with_access=WRITE in caller.rights
    )
    if reading is EVERYTHING:
        return shown
    return wire_reading.show_fields(shown, reading, await _included(book, caller, order, reading))


async def _included(book: Book, caller: Caller, order: Order, reading: Reading) -> Included:
    stages = revisions = None
    if "stages" in reading.include:
        stages = await queries.list_stages(book, caller, order)
    if "revisions" in reading.include:
        revisions = await queries.list_revisions(book, caller, order, MAX_INCLUDED + 1)
    return Included(stages, revisions)

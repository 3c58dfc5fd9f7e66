"""The operations of our own API on many orders, and on the many entries of one order's history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from orderwire.book import history, queries
from orderwire.book.callers import WRITE, Caller
from orderwire.book.lists import Listed
from orderwire.book.store import Book
from orderwire.contracts.contract import Mount
from orderwire.web.request import Request
from orderwire.web.response import Response

from . import wire, wire_history, wire_lists
from .routes_reading import JSON, PRIVATE, reading_book, show
from .wire_reading import Reading


async def list_orders(mount: Mount, caller: Caller, request: Request) -> Response:
    """GET /v1/orders: a page of the orders that meet some conditions, or the orders with these ids."""
    asked = wire_lists.parse_list(request, caller.organisation_id)
    book = reading_book(mount, caller, asked.reading.moment)
    if isinstance(asked, wire_lists.BatchRequest):
        found = await queries.get_orders(book, caller, asked.ids)
        there = {one.order.id for one in found}
        missing = [one for one in asked.ids if one not in there]
        body = wire_lists.render_batch(await _shown(book, caller, asked.reading, found), missing)
        return Response(200, (JSON, PRIVATE), body)
    page = await queries.list_orders(book, caller, asked.query)
    total = await queries.count_orders(book, caller, asked.query) if asked.is_counted else None
    body = wire_lists.render_list(await _shown(book, caller, asked.reading, page.orders), total)
    return Response(200, (JSON, PRIVATE, *wire_lists.render_links(asked, page)), body)


async def get_history(mount: Mount, caller: Caller, request: Request) -> Response:
    """GET /v1/orders/{id}/history: the order's stages and changes, each with the difference it made."""
    asked = wire_history.parse_history(request)
    order_id = wire.parse_id(request.params[0])
    book = reading_book(mount, caller, asked.moment)
    found = await history.get_history(book, caller, order_id, asked.after, asked.limit)
    head: tuple[tuple[bytes, bytes], ...] = (JSON, PRIVATE)
    if found.more is not None:
        query = urlencode({**asked.given, "after": found.more})
        head = (*head, (b"link", f'</v1/orders/{order_id}/history?{query}>; rel="next"'.encode()))
    return Response(200, head, wire_history.render_history(found, with_access=WRITE in caller.rights))


async def _shown(
    book: Book, caller: Caller, reading: Reading, found: Sequence[Listed]
) -> list[dict[str, Any]]:
    return [await show(book, caller, one.order, one.status, reading) for one in found]

"""The operations of our own API on one order."""

from __future__ import annotations

import msgspec

from orderwire.book import amend, operations, queries
from orderwire.book.callers import Caller
from orderwire.book.orders import LIFECYCLES, Order
from orderwire.book.past import moment_of
from orderwire.book.seen import seen_order
from orderwire.book.stages import Stage, Status
from orderwire.book.statuses import first_stages
from orderwire.book.store import Book
from orderwire.contracts.contract import Mount, Route
from orderwire.web.request import Request
from orderwire.web.response import Response

from . import (
    routes_accounts,
    routes_groups,
    routes_lists,
    routes_once,
    routes_parties,
    routes_reading,
    wire,
    wire_amend,
    wire_answers,
)
from .routes_reading import JSON, PRIVATE
from .wire_reading import EVERYTHING, READING, Reading, check_no_parameters, parse_parameters, parse_reading


async def create_order(mount: Mount, caller: Caller, request: Request) -> Response:
    """POST /v1/orders: place an order."""
    check_no_parameters(request)
    new = wire.parse_order(request)

    async def answer(book: Book, order: Order) -> Response:
        location = (b"location", b"/v1/orders/%d" % order.id)
        _, status = first_stages(order.id, new.stages, order.recorded_at, caller.origin)
        body = await routes_reading.render(book, caller, order, status)
        return Response(201, (JSON, PRIVATE, location, _etag(order)), body)

    if routes_once.repeat_key(request) is not None:
        return await routes_once.repeat(
            mount, caller, request, lambda book: operations.place_order(book, caller, new), answer
        )
    return await answer(mount.book, await operations.place_order(mount.book, caller, new))


async def get_order(mount: Mount, caller: Caller, request: Request) -> Response:
    """GET /v1/orders/{id}: the order now, or as it stood at `as_of` by what was known at `known_at`."""
    reading = _parse_reading(request)
    order_id = wire.parse_id(request.params[0])
    key = (order_id, caller.sight)
    if reading is EVERYTHING and (kept := await mount.views.get(mount.book.store, key)) is not None:
        return wire.unless_unchanged(request, kept)
    sign = mount.book.store.sign()
    book = routes_reading.reading_book(mount, caller, reading.moment)
    order, status = await routes_reading.read(book, caller, order_id, reading)
    answer = await _answer(book, caller, order, status, reading)
    if reading is EVERYTHING:
        mount.views.keep(key, seen_order(order, sign), answer)
    return wire.unless_unchanged(request, answer)


async def get_order_by_name(mount: Mount, caller: Caller, request: Request) -> Response:
    """GET /v1/orders/by/{scheme}/{name}: the order that bears a name now, as it stands or stood."""
    scheme, name = request.params
    reading = _parse_reading(request)
    book = routes_reading.reading_book(mount, caller, reading.moment)
    order = await queries.get_order_named(book, caller, scheme, name)
    status = await routes_reading.stand(book, caller, order) if reading.wants("status") else None
    return wire.unless_unchanged(request, await _answer(book, caller, order, status, reading))


async def amend_order(mount: Mount, caller: Caller, request: Request) -> Response:
    """PATCH /v1/orders/{id}: merge a patch into the order, from now on or from an instant of the past on."""
    check_no_parameters(request)
    order_id, change = wire.parse_id(request.params[0]), wire_amend.parse_amendment(request)

    async def operation(book: Book) -> Order:
        order = await queries.get_order(book, caller, order_id)
        expected = wire_amend.expected_revision(request, order)
        return await amend.amend_order(
            book, caller, order, msgspec.structs.replace(change, expected=expected)
        )

    async def answer(book: Book, order: Order) -> Response:
        status = await routes_reading.stand(book, caller, order)
        body = await routes_reading.render(book, caller, order, status)
        return Response(200, (JSON, PRIVATE, _etag(order)), body)

    if routes_once.repeat_key(request) is not None:
        return await routes_once.repeat(mount, caller, request, operation, answer)
    return await answer(mount.book, await operation(mount.book))


async def delete_order(mount: Mount, caller: Caller, request: Request) -> Response:
    """DELETE /v1/orders/{id}: the order is gone; its names stay taken and its history stays."""
    check_no_parameters(request)
    order = await queries.get_order(mount.book, caller, wire.parse_id(request.params[0]))
    expected = wire_amend.expected_revision(request, order)
    await operations.delete_order(mount.book, caller, order, expected=expected, lifecycles=LIFECYCLES)
    return Response(204, (PRIVATE,))


async def append_stage(mount: Mount, caller: Caller, request: Request) -> Response:
    """POST /v1/orders/{id}/stages: append a stage to the order's history."""
    check_no_parameters(request)
    order_id, new = wire.parse_id(request.params[0]), wire.parse_stage(request)

    async def operation(book: Book) -> tuple[Stage, Status | None]:
        return await operations.append_stage_by_id(book, caller, order_id, new)

    if routes_once.repeat_key(request) is not None:
        return await routes_once.repeat(mount, caller, request, operation, _answer_stage)
    return await _answer_stage(mount.book, await operation(mount.book))


async def _answer_stage(_book: Book, made: tuple[Stage, Status | None]) -> Response:
    return Response(201, (JSON, PRIVATE), wire_answers.render_stage(*made))


async def _answer(
    book: Book, caller: Caller, order: Order, status: Status | None, reading: Reading
) -> Response:
    body = await routes_reading.render(book, caller, order, status, reading)
    # What stood in the past has no revision of its own to ask again by.
    head = (JSON, PRIVATE, _etag(order)) if moment_of(book) is None else (JSON, PRIVATE)
    return Response(200, head, body)


def _parse_reading(request: Request) -> Reading:
    return parse_reading(parse_parameters(request, READING)) if request.query else EVERYTHING


def _etag(order: Order) -> tuple[bytes, bytes]:
    return (b"etag", wire.render_etag(order).encode())


ROUTES: tuple[Route, ...] = (
    Route("POST", "/v1/orders", create_order),
    Route("GET", "/v1/orders", routes_lists.list_orders),
    Route("GET", "/v1/orders/{id}", get_order),
    Route("PATCH", "/v1/orders/{id}", amend_order),
    Route("DELETE", "/v1/orders/{id}", delete_order),
    Route("GET", "/v1/orders/by/{scheme}/{name}", get_order_by_name),
    Route("POST", "/v1/orders/{id}/stages", append_stage),
    Route("GET", "/v1/orders/{id}/history", routes_lists.get_history),
    *routes_parties.ROUTES,
    *routes_accounts.ROUTES,
    *routes_groups.ROUTES,
)

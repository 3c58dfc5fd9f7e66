"""The operations of our own API."""

from __future__ import annotations

from orderwire.book import operations, queries
from orderwire.book.callers import VOUCHERS, Caller
from orderwire.book.lists import Moment
from orderwire.book.orders import Order
from orderwire.book.past import book_at
from orderwire.contracts.contract import Mount, Route
from orderwire.web.request import Request
from orderwire.web.response import Response

from . import routes_accounts, routes_groups, routes_parties, wire

JSON = (b"content-type", b"application/json")
# What a token may see is nobody else's, and may change at any time.
PRIVATE = (b"cache-control", b"private, no-cache")


async def create_order(mount: Mount, caller: Caller, request: Request) -> Response:
    """POST /v1/orders: place an order."""
    order = await operations.place_order(mount.book, caller, wire.parse_order(request))
    body = await _render(mount, caller, order)
    location = (b"location", b"/v1/orders/%d" % order.id)
    return Response(201, (JSON, PRIVATE, location, _etag(order)), body)


async def get_order(mount: Mount, caller: Caller, request: Request) -> Response:
    """GET /v1/orders/{id}: the order now, or as it stood at `as_of` by what was known at `known_at`."""
    moment = wire.parse_moment(request)
    order_id = wire.parse_id(request.params[0])
    if moment is not None:
        return await _answer_then(mount, caller, order_id, moment)
    return await _answer(mount, caller, request, await queries.get_order(mount.book, caller, order_id))


async def get_order_by_name(mount: Mount, caller: Caller, request: Request) -> Response:
    """GET /v1/orders/by/{scheme}/{name}: the order that bears a name now, as it stands or stood."""
    scheme, name = request.params
    moment = wire.parse_moment(request)
    order = await queries.get_order_named(mount.book, caller, scheme, name)
    if moment is not None:
        return await _answer_then(mount, caller, order.id, moment)
    return await _answer(mount, caller, request, order)


async def append_stage(mount: Mount, caller: Caller, request: Request) -> Response:
    """POST /v1/orders/{id}/stages: append a stage to the order's history."""
    order = await queries.get_order(mount.book, caller, wire.parse_id(request.params[0]))
    stage, status = await operations.append_stage(mount.book, caller, order, wire.parse_stage(request))
    return Response(201, (JSON, PRIVATE), wire.render_stage(stage, wire.standing_now(status)))


async def _answer(mount: Mount, caller: Caller, request: Request, order: Order) -> Response:
    if wire.is_unchanged(request, wire.render_etag(order)):
        return Response(304, (PRIVATE, _etag(order)))
    return Response(200, (JSON, PRIVATE, _etag(order)), await _render(mount, caller, order))


async def _answer_then(mount: Mount, caller: Caller, order_id: int, moment: wire.Moment) -> Response:
    now = mount.book.clock()
    then = (moment.as_of or now, moment.known_at or now)
    past = book_at(mount.book, caller, Moment(as_of=then[0], known_at=then[1]), "as_of")
    order = await queries.get_order(past, caller, order_id)
    status = await queries.get_status(past, caller, order)
    secrets = _open(mount, caller, order)
    body = wire.render_order(order, caller.organisation.name, wire.standing_now(status), secrets)
    return Response(200, (JSON, PRIVATE), body)


async def _render(mount: Mount, caller: Caller, order: Order) -> bytes:
    # An order without stages has no status: nothing to read.
    status = await queries.get_status(mount.book, caller, order) if order.stage_count else None
    standing = wire.standing_now(status)
    return wire.render_order(order, caller.organisation.name, standing, _open(mount, caller, order))


def _open(mount: Mount, caller: Caller, order: Order) -> list[tuple[str, str]] | None:
    if VOUCHERS not in caller.rights:
        return None
    return [queries.open_voucher(mount.book, caller, voucher) for voucher in order.document.vouchers]


def _etag(order: Order) -> tuple[bytes, bytes]:
    return (b"etag", wire.render_etag(order).encode())


ROUTES: tuple[Route, ...] = (
    Route("POST", "/v1/orders", create_order),
    Route("GET", "/v1/orders/{id}", get_order),
    Route("GET", "/v1/orders/by/{scheme}/{name}", get_order_by_name),
    Route("POST", "/v1/orders/{id}/stages", append_stage),
    *routes_parties.ROUTES,
    *routes_accounts.ROUTES,
    *routes_groups.ROUTES,
)

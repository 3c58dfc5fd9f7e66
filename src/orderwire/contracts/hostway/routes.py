"""The operations of Hostway orders."""

from __future__ import annotations

from orderwire.book import operations, queries
from orderwire.book.callers import Caller
from orderwire.book.errors import CredentialMissing, OrderNotFound
from orderwire.book.operations import NewOrder
from orderwire.book.orders import Access, Document, Order
from orderwire.book.seen import seen_by_name
from orderwire.contracts.contract import Mount, Route
from orderwire.web.request import Request
from orderwire.web.response import Response

from . import auth, wire

CORS = (b"access-control-allow-origin", b"*")
JSON = ((b"content-type", b"application/json; charset=UTF-8"), CORS)
ORDER_METHODS = b"GET, DELETE, OPTIONS"
COLLECTION_METHODS = b"POST, OPTIONS"


async def post_orders(mount: Mount, caller: Caller, request: Request) -> Response:
    """POST /orders: a new, empty order for the cookie's owner, or for a new one."""
    body = wire.parse_order(request)
    address = request.client or None
    if "clientIp" in body:
        auth.check_may_name_client(caller)
        address = wire.parse_client_ip(body["clientIp"])
    caller, cookie = await auth.take_owner(mount, caller, request)
    order = await operations.place_order(mount.book, caller, _new_order(mount, caller, address))
    base_url = mount.options["base_url"]
    head = (
        *JSON,
        (b"location", wire.order_url(base_url, order).encode()),
        (b"set-cookie", wire.render_cookie(cookie).encode()),
    )
    return Response(201, head, wire.render_created(base_url, order))


async def options_orders(mount: Mount, request: Request) -> Response:
    """OPTIONS /orders."""
    return _options(COLLECTION_METHODS)


async def get_order(mount: Mount, caller: Caller, request: Request) -> Response:
    """GET /orders/{orderId}."""
    text = request.params[0]
    key = (text, caller.sight)
    if (kept := await mount.views.get(mount.book.store, key)) is not None:
        return kept
    sign = mount.book.store.sign()
    order = await _order(mount, caller, request)
    body = wire.render_order(mount.options["base_url"], mount.options["account_url"], order)
    seen = seen_by_name(order, wire.ORDER_SCHEME, text, sign)
    return mount.views.keep(key, seen, Response(200, JSON, body))


async def options_order(mount: Mount, request: Request) -> Response:
    """OPTIONS /orders/{orderId}: anybody may ask, but only about an order that exists."""
    await _order(mount, await auth.look_up(mount, request), request)
    return _options(ORDER_METHODS)


async def delete_order(mount: Mount, caller: Caller, request: Request) -> Response:
    """DELETE /orders/{orderId}: only an order that was never submitted."""
    order = await _order(mount, caller, request)
    await operations.delete_order(mount.book, caller, order)
    return Response(204, (CORS,))


async def get_open_order(mount: Mount, caller: Caller, request: Request) -> Response:
    """GET /order: the owner's open order."""
    order = await _open_order(mount, _owner(caller))
    body = wire.render_open_order(mount.options["base_url"], mount.options["account_url"], order)
    return Response(200, JSON, body)


async def options_open_order(mount: Mount, request: Request) -> Response:
    """OPTIONS /order: 404 without an open order."""
    await _open_order(mount, await auth.look_up(mount, request))
    return _options(ORDER_METHODS)


async def delete_open_order(mount: Mount, caller: Caller, request: Request) -> Response:
    """DELETE /order: the owner's open order."""
    order = await _open_order(mount, _owner(caller))
    await operations.delete_order(mount.book, caller, order)
    return Response(204, (CORS,))


def _new_order(mount: Mount, caller: Caller, address: str | None) -> NewOrder:
    now = mount.book.clock()
    assert caller.owner is not None
    users = (caller.person.id,) if caller.person is not None else ()
    return NewOrder(
        placed_at=now,
        document=Document(
            names={wire.ORDER_SCHEME: wire.make_order_id(now, mount.options["node"])},
            access=Access(owner=caller.owner, users=users),
            client_address=address,
        ),
        claims={wire.OPEN_SCHEME: caller.owner},
    )


async def _order(mount: Mount, caller: Caller, request: Request) -> Order:
    """The order that the path names: by its order id, or by its own id where it has none."""
    text = request.params[0]
    own_id = wire.parse_own_id(text)
    if own_id is not None:
        return await queries.get_order_known_as(mount.book, caller, wire.ORDER_SCHEME, own_id)
    return await queries.get_order_named(mount.book, caller, wire.ORDER_SCHEME, text)


async def _open_order(mount: Mount, caller: Caller) -> Order:
    """The open order of the caller's owner. Raises OrderNotFound."""
    owner = caller.owner
    if owner is None:
        raise OrderNotFound("open order")
    order = await queries.get_order_named(mount.book, caller, wire.OPEN_SCHEME, owner)
    if order.lifecycle != operations.OPEN:
        raise OrderNotFound("open order")
    return order


def _owner(caller: Caller) -> Caller:
    if caller.owner is None:
        raise CredentialMissing
    return caller


def _options(methods: bytes) -> Response:
    return Response(200, ((b"access-control-allow-methods", methods), (b"allow", methods), CORS))


ROUTES: tuple[Route, ...] = (
    Route("POST", "/orders", post_orders),
    Route("OPTIONS", "/orders", options_orders, public=True),
    Route("GET", "/orders/{orderId}", get_order),
    Route("OPTIONS", "/orders/{orderId}", options_order, public=True),
    Route("DELETE", "/orders/{orderId}", delete_order),
    Route("GET", "/order", get_open_order),
    Route("OPTIONS", "/order", options_open_order, public=True),
    Route("DELETE", "/order", delete_open_order),
)

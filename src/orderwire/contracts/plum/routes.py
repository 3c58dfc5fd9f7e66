"""Plum's routes: one path for every remote call, and the tokens."""

from __future__ import annotations

from functools import partial

from orderwire.book import operations, queries
from orderwire.book.callers import Caller
from orderwire.book.errors import FieldInvalid, OrderNotFound
from orderwire.book.orders import Order
from orderwire.book.seen import seen_by_name
from orderwire.contracts.contract import Mount, Route
from orderwire.web.errors import MethodUnknown
from orderwire.web.request import Request
from orderwire.web.response import Response
from orderwire.web.routing import ANY_METHOD

from . import auth, wire, wire_tokens

RPC_PATH = "/chef/v1/oauth/api"


async def call_operation(mount: Mount, caller: Caller, request: Request) -> Response:
    """A remote call: the body's `query` names the operation."""
    message = wire.parse_message(request)
    operation = OPERATIONS.get(message.query)
    if operation is None:
        raise FieldInvalid("query", "no such operation")
    return await operation(mount, caller, message)


async def refuse_method(mount: Mount, caller: Caller, request: Request) -> Response:
    """Any other method on the path of remote calls: told only to who shows a credential."""
    raise MethodUnknown(("POST",))


async def get_order_details(mount: Mount, caller: Caller, message: wire.Message) -> Response:
    """The details of an order with its vouchers in clear; on demand they are mailed once more."""
    asked = wire.parse_order_request(message)
    key = (asked.order_id, asked.po_number, caller.sight)
    if not asked.resend and (kept := await mount.views.get(mount.book.store, key)) is not None:
        return kept
    sign = mount.book.store.sign()
    order = await find_order(mount, caller, asked)
    if asked.resend:
        await operations.resend_vouchers(mount.book, caller, order)
    open_voucher = partial(queries.open_voucher, mount.book, caller)
    answer = wire.render_order_details(order, open_voucher, later_types=mount.options["later_types"])
    return mount.views.keep(key, seen_by_name(order, *wire.name_asked(asked), sign), answer)


async def find_order(mount: Mount, caller: Caller, asked: wire.OrderRequest) -> Order:
    """The order by its id, or else by its PO number; with both given it must bear both."""
    if asked.order_id is None:
        po_number = asked.po_number or ""
        return await queries.get_order_named(mount.book, caller, wire.PO_NUMBER_SCHEME, po_number)
    order = await queries.get_order_known_as(mount.book, caller, wire.ID_SCHEME, asked.order_id)
    if asked.po_number is not None and order.document.names.get(wire.PO_NUMBER_SCHEME) != asked.po_number:
        raise OrderNotFound(asked.po_number)
    return order


async def refresh_token(mount: Mount, request: Request) -> Response:
    """A new pair of tokens for a refresh token, which ends with it."""
    asked = wire_tokens.parse_refresh(request)
    (access, refresh), issued_at = await auth.refresh_pair(mount, request, asked)
    return wire_tokens.render_pair(access, refresh, issued_at)


async def validate_token(mount: Mount, caller: Caller, request: Request) -> Response:
    """How long the access token shown still lives."""
    left = auth.seconds_left(caller.token, mount.book.clock()) if caller.token is not None else 0
    return wire_tokens.render_validation(auth.read_bearer(request), left)


OPERATIONS = {"plumProAPI.mutation.getOrderDetails": get_order_details}

ROUTES = (
    Route("POST", RPC_PATH, call_operation),
    Route(ANY_METHOD, RPC_PATH, refuse_method),
    Route("POST", "/chef/v1/oauth/token/user", refresh_token, public=True),
    Route("GET", "/chef/v1/oauth/token", validate_token),
)

"""What PlanoCore serves: one handler per published operation."""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from orderwire.book.callers import Caller
from orderwire.book.errors import FieldInvalid
from orderwire.book.notices import append_stage_with_notice
from orderwire.book.operations import append_stage, check_may_write
from orderwire.book.orders import Order
from orderwire.book.queries import get_group_order, is_readable, list_members, seek_order
from orderwire.book.seen import Seen
from orderwire.book.stages import NewStage
from orderwire.book.store import Book
from orderwire.contracts.contract import Mount, Route
from orderwire.web.request import Request
from orderwire.web.response import Response

from . import auth, wire, wire_groups, wire_stages


async def group_orders_read(mount: Mount, caller: Caller, request: Request) -> Response:
    """One group order by its `_id`, in one of four views. Document: "Order API V3 Read API"."""
    asked = wire_groups.parse_read(request.scratch)
    base_url = mount.options["base_url"] or request.base_url
    session = auth.session_object(mount, caller, request.scratch)
    key = (asked.id, asked.view, base_url, caller.sight)
    if session is UNSET and (kept := await mount.views.get(mount.book.store, key)) is not None:
        return kept
    sign = mount.book.store.sign()
    group = await get_group_order(mount.book, caller, asked.id)
    members = await list_members(mount.book, caller, group) if asked.shows_orders else ()
    data = wire_groups.render_group_order(group, members, asked.view, base_url)
    answer = wire.render_success(data, session)
    if session is not UNSET:
        # It shows when it was last used, which no sign of the book tells.
        return answer
    return mount.views.keep(key, Seen(caller.organisation_id, sign=sign), answer)


async def order_stages_create(mount: Mount, caller: Caller, request: Request) -> Response:
    """A new stage of an order, told to somebody if its event has a notification.

    Document: "Order Stages Create API".
    """
    asked = wire_stages.parse_create(request.scratch)
    check_may_write(caller)
    order = await order_meant(mount.book, caller, asked)
    new = await signed(mount.book, caller, asked.new)
    recipient = mount.options["notifications"].get(new.detail.event)
    if recipient is None:
        stage, status = await append_stage(mount.book, caller, order, new)
    else:
        mail = wire_stages.render_notice(order, new, recipient)
        key = wire_stages.repeat_key(asked)
        stage, status = await append_stage_with_notice(mount.book, caller, order, new, mail, key)
    data = wire_stages.render_created(order, stage, status if is_readable(caller, order) else None)
    session = auth.session_object(mount, caller, request.scratch)
    application = auth.application_object(caller, request.scratch, asked.application_view)
    return wire.render_success(data, session, application)


async def order_meant(book: Book, caller: Caller, asked: wire_stages.StageRequest) -> Order:
    """The order that both numbers, or the one given, mean. Raises FieldInvalid."""
    order = None
    if asked.order_id is not None:
        order = await seek_order(book, caller, wire.ORDER_ID, asked.order_id)
        if order is None:
            raise FieldInvalid("order_id", "no such order")
    if asked.order_request_id is not None:
        named = await seek_order(book, caller, wire.ORDER_REQUEST_ID, asked.order_request_id, own_id=False)
        if named is None or (order is not None and named.id != order.id):
            raise FieldInvalid("order_request_id", "no such order, or not that of order_id")
        order = named
    assert order is not None, "parse_create asks for one of the two"
    return order


async def signed(book: Book, caller: Caller, new: NewStage) -> NewStage:
    """The stage with its created_by: as sent, or else the name of the user with created_by_id.

    Raises FieldInvalid for an unknown user whose name was not sent, either.
    """
    said = new.detail
    if said.created_by is not None or said.created_by_id is None:
        return new
    person = await book.store.fetch_person(caller.organisation_id, said.created_by_id)
    if person is None:
        raise FieldInvalid("created_by_id", "no such user")
    detail = msgspec.structs.replace(said, created_by=person.full_name or None)
    return msgspec.structs.replace(new, detail=detail)


ROUTES: tuple[Route, ...] = (
    Route("POST", "/api/v1/group_orders/read", group_orders_read),
    Route("POST", "/api/v1/order_stages/create", order_stages_create),
)

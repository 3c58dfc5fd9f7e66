"""The operations on group orders: uploads that are imported behind the answer, and their files."""

from __future__ import annotations

import asyncio
import os
from datetime import datetime
from typing import BinaryIO
from uuid import uuid4

from orderwire.book import groups, queries
from orderwire.book.callers import Caller
from orderwire.book.errors import FieldInvalid
from orderwire.book.operations import check_may_write
from orderwire.book.orders import GroupOrder
from orderwire.book.store import Book
from orderwire.contracts.contract import Mount, Route
from orderwire.web.errors import RouteUnknown, RouteWithheld
from orderwire.web.multipart import MEDIA_TYPE, read_form
from orderwire.web.request import Request
from orderwire.web.response import FileResponse, Response

from . import routes_once, wire, wire_groups
from .wire_pages import check_no_parameters

JSON = (b"content-type", b"application/json")
PRIVATE = (b"cache-control", b"private, no-cache")
# A large spreadsheet is made behind the answer.
LATER = (b"retry-after", b"10")


async def create_group_order(mount: Mount, caller: Caller, request: Request) -> Response:
    """POST /v1/group-orders: import an uploaded file, or write down a group order from elsewhere."""
    check_no_parameters(request)
    check_may_write(caller)
    if request.media_type == MEDIA_TYPE:
        return await _take_upload(mount, caller, request)
    assert request.stream is not None, "a route that takes uploads has one"
    request.body = await request.stream.read()
    new = wire_groups.parse_group_order(request)

    async def operation(book: Book) -> GroupOrder:
        return await groups.record_group_order(book, caller, new)

    async def answer(_book: Book, group: GroupOrder) -> Response:
        return _answer(201, caller, group)

    if routes_once.repeat_key(request) is not None:
        return await routes_once.repeat(mount, caller, request, operation, answer)
    return await answer(mount.book, await operation(mount.book))


async def list_group_orders(mount: Mount, caller: Caller, request: Request) -> Response:
    """GET /v1/group-orders: group orders, newest first."""
    limit, after = wire_groups.parse_group_page(request)
    before = (datetime.max, "")
    if after:
        last = await mount.book.store.fetch_group_order(caller.organisation_id, after)
        if last is None:
            raise FieldInvalid("after", "no such group order")
        before = (last.created_at, last.id)
    found = await groups.list_group_orders(mount.book, caller, before, limit + 1)
    following = f"/v1/group-orders?limit={limit}&after={found[limit - 1].id}" if len(found) > limit else None
    body = wire_groups.render_group_orders(found[:limit], caller.organisation.name, following)
    return Response(200, (JSON, PRIVATE, *_link(following)), body)


async def get_group_order(mount: Mount, caller: Caller, request: Request) -> Response:
    """GET /v1/group-orders/{id}: the group order and how far its import came."""
    check_no_parameters(request)
    return _answer(200, caller, await _sought(mount, caller, request))


async def list_group_order_rejections(mount: Mount, caller: Caller, request: Request) -> Response:
    """GET /v1/group-orders/{id}/rejections: what was not taken, by line."""
    group = await _sought(mount, caller, request)
    limit, after = wire_groups.parse_rejection_page(request)
    found = await groups.list_rejections(mount.book, caller, group, int(after or -1), limit + 1)
    following = None
    if len(found) > limit:
        following = f"/v1/group-orders/{group.id}/rejections?limit={limit}&after={found[limit - 1].line}"
    body = wire_groups.render_rejections(found[:limit], following)
    return Response(200, (JSON, PRIVATE, *_link(following)), body)


async def get_group_order_file(mount: Mount, caller: Caller, request: Request) -> Response:
    """GET /v1/group-orders/{id}/files/{file}: the rows normalised, accepted or rejected."""
    check_no_parameters(request)
    group = await _sought(mount, caller, request)
    name, desk = request.params[1], mount.book.desk
    if name not in wire_groups.FILES or desk is None or group.job is None or not group.is_complete:
        raise RouteUnknown
    if not await desk.make_file(group.job, name):
        body = wire_groups.render_group_order(group, caller.organisation.name)
        return Response(202, (JSON, PRIVATE, LATER), body)
    file = desk.open_file(group.job, name)
    if file is None:
        raise RouteUnknown
    return _send(request, file, group, name)


async def cancel_group_order(mount: Mount, caller: Caller, request: Request) -> Response:
    """POST /v1/group-orders/{id}/cancel: end the import; what it has placed stays."""
    check_no_parameters(request)
    check_may_write(caller)
    group = await _sought(mount, caller, request)
    group = await groups.cancel_group_order(mount.book, caller, group)
    if mount.book.desk is not None:
        mount.book.desk.tell()
    return _answer(200, caller, group)


def _send(request: Request, file: BinaryIO, group: GroupOrder, name: str) -> Response:
    seen = os.fstat(file.fileno())
    etag = b'"%x-%x"' % (seen.st_mtime_ns, seen.st_size)
    if wire.is_unchanged(request, etag.decode()):
        file.close()
        return Response(304, (PRIVATE, (b"etag", etag)))
    head = (
        (b"content-type", wire_groups.MEDIA_TYPES[name.rpartition(".")[2]]),
        (b"content-disposition", b'attachment; filename="%s-%s"' % (group.id.encode(), name.encode())),
        (b"x-content-type-options", b"nosniff"),
        (b"etag", etag),
        PRIVATE,
    )
    return FileResponse(200, head, file)


async def _take_upload(mount: Mount, caller: Caller, request: Request) -> Response:
    desk = mount.book.desk
    if desk is None:
        raise RouteWithheld(service=False)
    assert request.stream is not None, "a route that takes uploads has one"
    group_order_id = str(uuid4())
    with desk.upload(caller.organisation_id, group_order_id) as folder:
        content_type = request.header(b"content-type") or ""
        form = await read_form(request.stream.chunks(), content_type, folder, wire_groups.accept_part)
        given = wire_groups.parse_upload(form)
        if given.map is not None:
            desk.keep_map(folder, given.map)
    async with desk.placing(mount.book.store, caller.organisation_id, group_order_id):
        return await _place(mount, caller, request, given, group_order_id)


async def _place(
    mount: Mount, caller: Caller, request: Request, given: wire_groups.Upload, group_order_id: str
) -> Response:
    asked = groups.request_of(
        caller,
        name=given.name,
        file_format=given.format,
        policy=given.policy,
        has_map=given.map is not None,
        files_at=wire_groups.files_at(group_order_id),
    )

    async def operation(book: Book) -> GroupOrder:
        return await groups.place_group_order(book, caller, group_order_id, asked, given.file.size)

    async def answer(_book: Book, group: GroupOrder) -> Response:
        return _answer(202, caller, group)

    if routes_once.repeat_key(request) is None:
        return await answer(mount.book, await operation(mount.book))
    digest = await asyncio.to_thread(wire_groups.digest_of, given, " ".join(sorted(caller.rights)))
    return await routes_once.repeat(mount, caller, request, operation, answer, digest)


async def _sought(mount: Mount, caller: Caller, request: Request) -> GroupOrder:
    return await queries.get_group_order(mount.book, caller, wire_groups.parse_id(request.params[0]))


def _answer(status: int, caller: Caller, group: GroupOrder) -> Response:
    location = ((b"location", f"/v1/group-orders/{group.id}".encode()),) if status != 200 else ()
    return Response(
        status, (JSON, PRIVATE, *location), wire_groups.render_group_order(group, caller.organisation.name)
    )


def _link(following: str | None) -> tuple[tuple[bytes, bytes], ...]:
    return () if following is None else ((b"link", f'<{following}>; rel="next"'.encode()),)


ROUTES: tuple[Route, ...] = (
    Route("POST", "/v1/group-orders", create_group_order, upload=True),
    Route("GET", "/v1/group-orders", list_group_orders, has_past=False),
    Route("GET", "/v1/group-orders/{id}", get_group_order, has_past=False),
    Route("GET", "/v1/group-orders/{id}/rejections", list_group_order_rejections, has_past=False),
    Route("GET", "/v1/group-orders/{id}/files/{file}", get_group_order_file, has_past=False),
    Route("POST", "/v1/group-orders/{id}/cancel", cancel_group_order),
)

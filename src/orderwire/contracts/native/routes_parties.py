"""The operations on parties: who orders, who receives, who takes orders down."""

from __future__ import annotations

from orderwire.book import registry
from orderwire.book.callers import Caller
from orderwire.book.parties import RegisteredParty
from orderwire.book.store import Book
from orderwire.contracts.contract import Mount, Route
from orderwire.web.request import Request
from orderwire.web.response import Response

from . import routes_once
from . import wire_parties as wire
from .wire import is_unchanged
from .wire_pages import check_no_parameters, parse_expected, parse_record_id

JSON = (b"content-type", b"application/json")
# What a token may see is nobody else's, and may change at any time.
PRIVATE = (b"cache-control", b"private, no-cache")


async def list_parties(mount: Mount, caller: Caller, request: Request) -> Response:
    """GET /v1/parties: the organisation's parties, page by page."""
    query, given = wire.parse_party_query(request)
    page = await registry.list_parties(mount.book, caller, query)
    link = wire.next_parties(page, given)
    head = (JSON, PRIVATE) if link is None else (JSON, PRIVATE, (b"link", link))
    return Response(200, head, wire.render_parties(page))


async def create_party(mount: Mount, caller: Caller, request: Request) -> Response:
    """POST /v1/parties: keep a party."""
    check_no_parameters(request)
    given = wire.parse_party(request)

    async def operation(book: Book) -> RegisteredParty:
        return await registry.register_party(book, caller, given.role, given.party)

    if routes_once.repeat_key(request) is not None:
        return await routes_once.repeat(mount, caller, request, operation, _answer_new)
    return await _answer_new(mount.book, await operation(mount.book))


async def get_party(mount: Mount, caller: Caller, request: Request) -> Response:
    """GET /v1/parties/{id}: a party as it stands."""
    check_no_parameters(request)
    party = await registry.get_party(mount.book, caller, parse_record_id("party", request.params[0]))
    if is_unchanged(request, wire.render_party_etag(party).decode()):
        return Response(304, (PRIVATE, _etag(party)))
    return await _answer(mount.book, party)


async def update_party(mount: Mount, caller: Caller, request: Request) -> Response:
    """PATCH /v1/parties/{id}: change some fields of a party."""
    check_no_parameters(request)
    party_id = parse_record_id("party", request.params[0])
    changes, expected = wire.parse_party_patch(request), parse_expected(request)

    async def operation(book: Book) -> RegisteredParty:
        return await registry.amend_party(book, caller, party_id, changes, expected)

    if routes_once.repeat_key(request) is not None:
        return await routes_once.repeat(mount, caller, request, operation, _answer)
    return await _answer(mount.book, await operation(mount.book))


async def delete_party(mount: Mount, caller: Caller, request: Request) -> Response:
    """DELETE /v1/parties/{id}: remove a party."""
    check_no_parameters(request)
    party_id = parse_record_id("party", request.params[0])
    await registry.remove_party(mount.book, caller, party_id, parse_expected(request))
    return Response(204, (PRIVATE,))


async def _answer(_book: Book, party: RegisteredParty) -> Response:
    return Response(200, (JSON, PRIVATE, _etag(party)), wire.render_party(party))


async def _answer_new(_book: Book, party: RegisteredParty) -> Response:
    location = (b"location", b"%s/%d" % (wire.PATH.encode(), party.id))
    return Response(201, (JSON, PRIVATE, location, _etag(party)), wire.render_party(party))


def _etag(party: RegisteredParty) -> tuple[bytes, bytes]:
    return (b"etag", wire.render_party_etag(party))


ROUTES: tuple[Route, ...] = (
    Route("GET", "/v1/parties", list_parties, has_past=False),
    Route("POST", "/v1/parties", create_party),
    Route("GET", "/v1/parties/{id}", get_party, has_past=False),
    Route("PATCH", "/v1/parties/{id}", update_party),
    Route("DELETE", "/v1/parties/{id}", delete_party),
)

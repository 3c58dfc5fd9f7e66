"""The operations on accounts: users, applications and tokens of the caller's organisation."""

from __future__ import annotations

from orderwire.book import management
from orderwire.book.callers import Caller
from orderwire.contracts.contract import Mount, Route
from orderwire.web.request import Request
from orderwire.web.response import Response

from . import wire_accounts as wire
from .auth import TOKEN_SCHEME
from .wire_pages import check_no_parameters, parse_record_id

JSON = (b"content-type", b"application/json")
PRIVATE = (b"cache-control", b"private, no-cache")
# Secrets are in it: nobody on the way keeps a copy.
SECRET = (b"cache-control", b"no-store")


async def list_users(mount: Mount, caller: Caller, request: Request) -> Response:
    """GET /v1/users: users by username, or the one of a name."""
    after, limit, given = wire.parse_name_page(request, wire.USER_PARAMETERS)
    username = given.get("username")
    if username is not None:
        page = await management.find_user(mount.book, caller, username)
    else:
        page = await management.list_users(mount.book, caller, after, limit)
    return _page(wire.render_users(page), wire.next_users(page, given))


async def create_user(mount: Mount, caller: Caller, request: Request) -> Response:
    """POST /v1/users: a new user."""
    check_no_parameters(request)
    wire.check_no_repeat_key(request)
    person = await management.create_user(mount.book, caller, *wire.parse_user(request))
    location = (b"location", b"%s/%d" % (wire.USERS.encode(), person.id))
    return Response(201, (JSON, PRIVATE, location), wire.render_user(person))


async def get_user(mount: Mount, caller: Caller, request: Request) -> Response:
    """GET /v1/users/{id}: a user, without anything secret."""
    check_no_parameters(request)
    person = await management.get_user(mount.book, caller, parse_record_id("user", request.params[0]))
    return Response(200, (JSON, PRIVATE), wire.render_user(person))


async def update_user(mount: Mount, caller: Caller, request: Request) -> Response:
    """PATCH /v1/users/{id}: change the profile, the password, or whether the user may come in."""
    check_no_parameters(request)
    wire.check_no_repeat_key(request)
    user_id = parse_record_id("user", request.params[0])
    change = wire.parse_user_patch(request)
    person = await management.amend_user(mount.book, caller, user_id, change)
    return Response(200, (JSON, PRIVATE), wire.render_user(person))


async def list_applications(mount: Mount, caller: Caller, request: Request) -> Response:
    """GET /v1/applications: applications by slug."""
    after, limit, given = wire.parse_name_page(request, wire.APPLICATION_PARAMETERS)
    page = await management.list_applications(mount.book, caller, after, limit)
    return _page(wire.render_applications(page), wire.next_applications(page, given))


async def create_application(mount: Mount, caller: Caller, request: Request) -> Response:
    """POST /v1/applications: a new application; its client secret is shown here only."""
    check_no_parameters(request)
    wire.check_no_repeat_key(request)
    given = wire.parse_application(request)
    made, secret = await management.create_application(
        mount.book, caller, given.slug, given.name, given.client_id
    )
    location = (b"location", b"%s/%d" % (wire.APPLICATIONS.encode(), made.id))
    return Response(201, (JSON, SECRET, location), wire.render_new_application(made, secret))


async def get_application(mount: Mount, caller: Caller, request: Request) -> Response:
    """GET /v1/applications/{id}: an application, without its secret."""
    check_no_parameters(request)
    application_id = parse_record_id("application", request.params[0])
    found = await management.get_application(mount.book, caller, application_id)
    return Response(200, (JSON, PRIVATE), wire.render_application(found))


async def list_tokens(mount: Mount, caller: Caller, request: Request) -> Response:
    """GET /v1/tokens: tokens of every contract, without anything that lets in."""
    query, given = wire.parse_token_query(request)
    page = await management.list_tokens(mount.book, caller, query)
    return _page(wire.render_tokens(page), wire.next_tokens(page, given))


async def create_token(mount: Mount, caller: Caller, request: Request) -> Response:
    """POST /v1/tokens: a token for this API; it is shown here only."""
    check_no_parameters(request)
    wire.check_no_repeat_key(request)
    asked = wire.parse_token(request, TOKEN_SCHEME, caller.organisation_id)
    token, secret = await management.issue_token(mount.book, caller, asked)
    return Response(201, (JSON, SECRET), wire.render_new_token(token, secret))


async def revoke_token(mount: Mount, caller: Caller, request: Request) -> Response:
    """DELETE /v1/tokens/{id}: take a token of any contract out of use."""
    check_no_parameters(request)
    await management.revoke_token(mount.book, caller, request.params[0])
    return Response(204, (PRIVATE,))


def _page(body: bytes, link: bytes | None) -> Response:
    return Response(200, (JSON, PRIVATE) if link is None else (JSON, PRIVATE, (b"link", link)), body)


ROUTES: tuple[Route, ...] = (
    Route("GET", "/v1/users", list_users, has_past=False),
    Route("POST", "/v1/users", create_user),
    Route("GET", "/v1/users/{id}", get_user, has_past=False),
    Route("PATCH", "/v1/users/{id}", update_user),
    Route("GET", "/v1/applications", list_applications, has_past=False),
    Route("POST", "/v1/applications", create_application),
    Route("GET", "/v1/applications/{id}", get_application, has_past=False),
    Route("GET", "/v1/tokens", list_tokens, has_past=False),
    Route("POST", "/v1/tokens", create_token),
    Route("DELETE", "/v1/tokens/{id}", revoke_token),
)

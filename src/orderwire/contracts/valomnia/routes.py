"""Valomnia's routes: the log-in, and the operations it opens."""

from __future__ import annotations

from typing import cast

from orderwire.book import queries
from orderwire.book.callers import Caller, Person
from orderwire.book.seen import seen_by_name
from orderwire.contracts.contract import Mount, Route
from orderwire.web.request import Request
from orderwire.web.response import Response

from . import auth, wire, wire_login


async def show_operation(mount: Mount, caller: Caller, request: Request) -> Response:
    """One operation by its id."""
    version, text = request.params
    wire.parse_version(version)
    number = wire.parse_id(text)
    base = wire.base_url(mount.options["base_url"], request)
    key = (number, version, base, caller.sight)
    if (kept := await mount.views.get(mount.book.store, key)) is not None:
        return kept
    sign = mount.book.store.sign()
    order = await queries.get_order_known_as(mount.book, caller, wire.ID_SCHEME, number)
    answer = wire.render_operation(order, caller.organisation.name, version, base)
    return mount.views.keep(key, seen_by_name(order, wire.ID_SCHEME, str(number), sign), answer)


async def show_operation_by_reference(mount: Mount, caller: Caller, request: Request) -> Response:
    """One operation by the reference that its organisation gave it."""
    version, reference = request.params
    wire.parse_version(version)
    order = await queries.get_order_named(mount.book, caller, wire.REFERENCE_SCHEME, reference)
    base = wire.base_url(mount.options["base_url"], request)
    return wire.render_operation(order, caller.organisation.name, version, base)


async def authenticate(mount: Mount, request: Request) -> Response:
    """The log-in: a form with a username and a password becomes a session."""
    # Kept for the error map: a refused log-in is answered in another way than a refused session.
    request.scratch = login = wire_login.parse_login(request)
    session = await auth.open_session(mount, request, login)
    return wire_login.render_login(session, wire.base_url(mount.options["base_url"], request))


async def ajax_success(mount: Mount, caller: Caller, request: Request) -> Response:
    """Where a log-in leads: the session once more, and the person behind it."""
    person = cast("Person", caller.person)
    return wire_login.render_account(request.cookie(auth.COOKIE) or "", caller.organisation, person)


async def authfail(mount: Mount, request: Request) -> Response:
    """Where a refused log-in leads."""
    return wire_login.render_login_failure()


ROUTES = (
    Route("GET", "/api/{version}/orders/{id}", show_operation),
    Route("GET", "/api/{version}/orders/reference/{id}", show_operation_by_reference),
    Route("POST", "/j_spring_security_check", authenticate, public=True),
    Route("GET", "/login/ajaxSuccess", ajax_success),
    Route("POST", "/login/ajaxSuccess", ajax_success),
    Route("GET", "/login/authfail", authfail, public=True),
)

"""Who asks PlanoCore: session and application tokens in the one `token` parameter, roles, deployment.

Documents: "Order API V3 Read API" and "Order Stages Create API", parameters `token`, `application`
and `session_view`, statuses invalid-token, session-expired, client-required, route-not-found and
service-not-found.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from orderwire.book.accounts import NewToken
from orderwire.book.callers import (
    READ,
    READ_OWN,
    WRITE,
    Application,
    Caller,
    Credential,
    Organisation,
    Person,
)
from orderwire.book.credentials import note_use, read_credential_of
from orderwire.book.errors import CredentialMissing, CredentialUnknown, RoleMissing
from orderwire.contracts.contract import Mount, TokenKind
from orderwire.web.errors import RouteWithheld
from orderwire.web.request import Request

from . import wire

SESSION = "planocore.session"
APPLICATION = "planocore.application"

SESSION_LIFETIME_S = 7 * 24 * 3600
SESSION_IDLE_LIMIT_S = 72 * 3600

READS_AND_WRITES = frozenset({READ, WRITE})
RIGHTS_OF_ROLE = {
    "client": frozenset({READ_OWN, WRITE}),
    "employee": READS_AND_WRITES,
    "liaison": READS_AND_WRITES,
}
# Which of a user's roles is taken on for an application; without one, the strongest.
STRONGEST_FIRST = ("employee", "liaison", "client")
ROLES_FOR_APPLICATION = {
    "planoorder": ("client", "liaison", "employee"),
    "planox2": STRONGEST_FIRST,
    "planoauth": STRONGEST_FIRST,
}


async def identify(mount: Mount, request: Request) -> Caller:
    """The caller behind the body's token; the decoded parameters stay in `request.scratch`.

    Raises RouteWithheld, ContentTypeWrong, BodyMalformed, FieldMissing, CredentialMissing,
    CredentialUnknown, CredentialExpired or RoleMissing: checked in this order.
    """
    check_deployed(mount, request)
    params = wire.decode_params(request)
    secret = params.get("token")
    if secret is None or secret == "":
        raise CredentialMissing
    if not isinstance(secret, str):
        raise CredentialUnknown
    credential = await read_credential_of(mount.book, (SESSION, APPLICATION), secret)
    if credential.token.scheme == APPLICATION:
        return application_caller(request, credential)
    return session_caller(mount, request, credential)


def check_deployed(mount: Mount, request: Request) -> None:
    """Raises RouteWithheld when the option `undeployed` names the route, or its whole service."""
    undeployed = mount.options["undeployed"]
    if undeployed:
        service, action = request.path.split("/")[3:5]
        if service in undeployed:
            raise RouteWithheld(service=True)
        if f"{service}/{action}" in undeployed:
            raise RouteWithheld(service=False)


def application_caller(request: Request, credential: Credential) -> Caller:
    """The caller behind an application token; it may do what the token was issued for."""
    return Caller(
        organisation=credential.organisation,
        contract="planocore",
        rights=credential.token.rights,
        application=credential.application,
        token=credential.token,
        request_id=request.id,
    )


def session_caller(mount: Mount, request: Request, credential: Credential) -> Caller:
    """The caller behind a session token, in the role that `application` picks. Raises RoleMissing."""
    person, token = credential.person, credential.token
    if person is None:
        raise CredentialUnknown
    if token.remember:
        # It never grows stale, so nobody else notes that it was used.
        note_use(mount.book, token)
    role = role_for(request.scratch.get("application"), person.profile.roles)
    caller = Caller(
        organisation=credential.organisation,
        contract="planocore",
        rights=RIGHTS_OF_ROLE[role] if role is not None else frozenset(),
        person=person,
        application=credential.application,
        role=role,
        token=token,
        request_id=request.id,
    )
    if role is None:
        raise RoleMissing(session_object(mount, caller, request.scratch))
    return caller


def role_for(application: Any, roles: tuple[str, ...]) -> str | None:
    """The role taken on for an application (any value: a wrong one is refused later), or None."""
    wanted = ROLES_FOR_APPLICATION.get(application) if isinstance(application, str) else None
    return next((role for role in wanted or STRONGEST_FIRST if role in roles), None)


def session_object(
    mount: Mount, caller: Caller, params: dict[str, Any]
) -> wire.Session | wire.SessionUser | wire.MinimalSession | UnsetType:
    """The session in the view that the request asks for; left out for an application token."""
    person, token = caller.person, caller.token
    if person is None or token is None:
        return UNSET
    profile = person.profile
    full = wire.Session(
        token=params["token"],
        user=wire.User(person.id, profile.email, profile.first_name, profile.last_name),
        role=caller.role,
        roles=tuple(role for role in profile.roles if role in RIGHTS_OF_ROLE),
        application=application_slug(caller, params),
        remember_me=token.remember,
        created_at=token.issued_at,
        last_used_at=mount.book.noted_uses.get(token.digest, token.last_used_at),
    )
    return wire.view_session(full, params.get("session_view"))


def application_slug(caller: Caller, params: dict[str, Any]) -> str | None:
    """The application of the request: the token's own, or else the one asked for."""
    if caller.application is not None:
        return caller.application.slug
    asked = params.get("application")
    return asked if isinstance(asked, str) and asked in wire.APPLICATIONS else None


def application_object(
    caller: Caller, params: dict[str, Any], view: str | None
) -> wire.ApplicationObject | wire.MinimalApplication | UnsetType | None:
    """The application of the request in the view asked for; left out when no view is."""
    slug = application_slug(caller, params)
    own = caller.application
    name = own.name if own is not None else wire.APPLICATIONS.get(slug or "", "")
    return wire.view_application(slug, name, view)


def session_tokens(
    organisation: Organisation, person: Person | None, application: Application | None
) -> dict[str, NewToken]:
    """A session of seven days that may rest for 72 hours."""
    return {
        "session_token": NewToken(
            scheme=SESSION,
            organisation_id=organisation.id,
            user_id=person.id if person is not None else None,
            application_id=application.id if application is not None else None,
            lifetime_s=SESSION_LIFETIME_S,
            idle_limit_s=SESSION_IDLE_LIMIT_S,
        )
    }


def remembered_session_tokens(
    organisation: Organisation, person: Person | None, application: Application | None
) -> dict[str, NewToken]:
    """A session of a user who is remembered: it has no end."""
    session = session_tokens(organisation, person, application)["session_token"]
    return {"session_token": replace(session, lifetime_s=None, idle_limit_s=None, remember=True)}


def application_tokens(
    organisation: Organisation, _person: Person | None, application: Application | None
) -> dict[str, NewToken]:
    """An application's token: it has no end."""
    return {
        "application_token": NewToken(
            scheme=APPLICATION,
            organisation_id=organisation.id,
            application_id=application.id if application is not None else None,
            rights=READS_AND_WRITES,
        )
    }


TOKEN_KINDS = (
    TokenKind("session", "a user's session: seven days, or 72 hours unused", session_tokens, "user"),
    TokenKind(
        "remembered-session",
        "the session of a user with remember_me: no end",
        remembered_session_tokens,
        "user",
    ),
    TokenKind("application", "an application's token: no end", application_tokens, "application"),
)

"""Who asks for Hostway orders: a stranger with an OwnerId cookie, or a user by HTTP Basic."""

from __future__ import annotations

import uuid

import msgspec

from orderwire.book.accounts import NewToken, issue_tokens
from orderwire.book.attempts import Claim
from orderwire.book.callers import READ, READ_OWN, WRITE, Caller, Organisation, Person
from orderwire.book.credentials import check_password, owner_of, read_credential
from orderwire.book.errors import CredentialMissing, CredentialUnknown, NotAllowed, OrderNotFound
from orderwire.contracts.contract import Mount
from orderwire.web.request import Request

from .wire import CLIENT_ADDRESS, COOKIE, parse_basic

OWNER_SCHEME = "hostway.owner"

# What a user may do besides, by the roles of the profile.
STAFF, ELEVATED = "staff", "elevated"
_EVERYBODY = frozenset({READ_OWN, WRITE})
_BY_ROLE = {STAFF: frozenset({READ}), ELEVATED: frozenset({CLIENT_ADDRESS})}


async def identify(mount: Mount, request: Request) -> Caller:
    """The caller: the cookie's owner, and the user if Authorization is given.

    Raises CredentialUnknown if Authorization is given and wrong, whatever the cookie, or TooManyAttempts;
    CredentialMissing if no organisation can be told.
    """
    organisation = await mount.home_organisation(request)
    if organisation is None:
        raise CredentialMissing
    person = await _read_person(mount, organisation, request)
    cookie = request.cookie(COOKIE)
    rights = _EVERYBODY
    if person is not None and person.profile.roles:
        rights = rights.union(*(_BY_ROLE.get(role, frozenset()) for role in person.profile.roles))
    return Caller(
        organisation=organisation,
        contract=mount.name,
        rights=rights,
        person=person,
        owner=owner_of(cookie) if cookie else None,
        # Only what writes leaves a trace, and only then is an id worth making.
        request_id=request.id if request.method != "GET" else None,
    )


async def look_up(mount: Mount, request: Request) -> Caller:
    """A caller for questions about existence only, which need no credential. Raises OrderNotFound."""
    organisation = await mount.home_organisation(request)
    if organisation is None:
        raise OrderNotFound(request.path)
    cookie = request.cookie(COOKIE)
    return Caller(
        organisation=organisation,
        contract=mount.name,
        rights=frozenset({READ}),
        owner=owner_of(cookie) if cookie else None,
    )


async def take_owner(mount: Mount, caller: Caller, request: Request) -> tuple[Caller, str]:
    """The owner to place an order for, and the cookie's value that names it.

    A value that was not issued here, to this organisation, is never taken over: a new owner is made.
    """
    cookie = request.cookie(COOKIE)
    if cookie and await _is_issued(mount, caller, cookie):
        return caller, cookie
    owner = str(uuid.uuid4())
    await issue_tokens(
        mount.book,
        [NewToken(scheme=OWNER_SCHEME, organisation_id=caller.organisation_id, secret=owner)],
    )
    return msgspec.structs.replace(caller, owner=owner_of(owner)), owner


def check_may_name_client(caller: Caller) -> None:
    """Raises NotAllowed unless the caller may say for which address an order is placed."""
    if CLIENT_ADDRESS not in caller.rights:
        raise NotAllowed(CLIENT_ADDRESS, identified=caller.is_identified)


async def _is_issued(mount: Mount, caller: Caller, cookie: str) -> bool:
    try:
        credential = await read_credential(mount.book, OWNER_SCHEME, cookie)
    except CredentialUnknown:
        return False
    return credential.organisation.id == caller.organisation_id


async def _read_person(mount: Mount, organisation: Organisation, request: Request) -> Person | None:
    header = request.header(b"authorization")
    if header is None:
        return None
    given = parse_basic(header)
    if given is None:
        raise CredentialUnknown
    username, password = given
    person = await mount.book.store.fetch_person_named(organisation.id, username)
    claim = Claim(
        scheme=mount.name, organisation_id=organisation.id, username=username, address=request.client
    )
    return await check_password(mount.book, claim, person, password)

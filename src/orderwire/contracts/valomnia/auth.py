"""Who asks: a session, opened by a log-in and shown again as the cookie `JSESSIONID`."""

from __future__ import annotations

import secrets

from orderwire.book.accounts import NewToken, issue_tokens
from orderwire.book.attempts import Claim
from orderwire.book.callers import READ, Caller
from orderwire.book.credentials import check_password, read_credential
from orderwire.book.errors import CredentialMissing
from orderwire.contracts.contract import Mount
from orderwire.web.request import Request

from .wire_login import Login

SCHEME = "valomnia.session"
COOKIE = "JSESSIONID"
# A session of Valomnia's reads every operation of its organisation.
SESSION_RIGHTS = frozenset({READ})


async def identify(mount: Mount, request: Request) -> Caller:
    """The caller behind the session cookie; an `Authorization` header is not looked at.

    Raises CredentialMissing, CredentialUnknown or CredentialExpired.
    """
    session = request.cookie(COOKIE)
    if not session:
        raise CredentialMissing
    credential = await read_credential(mount.book, SCHEME, session)
    return Caller(
        organisation=credential.organisation,
        contract="valomnia",
        rights=credential.token.rights,
        person=credential.person,
        token=credential.token,
    )


async def open_session(mount: Mount, request: Request, login: Login) -> str:
    """A new session for whom the log-in proves to be: 32 capital hex digits.

    The person is sought in the organisation that the host is bound to, or else among all; a username
    that several organisations know then belongs to nobody. Raises CredentialUnknown or TooManyAttempts.
    """
    book = mount.book
    organisation = await mount.bound_organisation(request)
    if organisation is not None:
        sought = await book.store.fetch_person_named(organisation.id, login.username)
    else:
        found = await book.store.list_persons_named(login.username, 2)
        sought = found[0] if len(found) == 1 else None
    claim = Claim(
        scheme=mount.name,
        organisation_id=None if organisation is None else organisation.id,
        username=login.username,
        address=request.client,
    )
    person = await check_password(book, claim, sought, login.password)
    session = NewToken(
        scheme=SCHEME,
        organisation_id=person.organisation_id,
        user_id=person.id,
        rights=SESSION_RIGHTS,
        secret=secrets.token_hex(16).upper(),
        idle_limit_s=mount.options["session_idle_minutes"] * 60,
    )
    return (await issue_tokens(book, [session]))[0]

"""Who asks: a bearer token that belongs to an application, and how a pair of tokens is renewed."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from orderwire.book.accounts import NewToken, issue_tokens
from orderwire.book.attempts import Claim
from orderwire.book.callers import READ, VOUCHERS, Application, Caller, Organisation, Person, Token
from orderwire.book.credentials import check_client, read_credential
from orderwire.book.errors import CredentialMissing, CredentialUnknown
from orderwire.contracts.contract import Mount, TokenKind
from orderwire.web.request import Request

from . import wire_tokens
from .wire_tokens import ACCESS_LIFETIME_S, REFRESH_LIFETIME_S, RefreshRequest

ACCESS_SCHEME = "plum.access"
REFRESH_SCHEME = "plum.refresh"
ACCESS_RIGHTS = frozenset({READ, VOUCHERS})

_BEARER = re.compile(r"(?i:bearer) +([^ ]+)")


def read_bearer(request: Request) -> str:
    """The access token in the `Authorization` header. Raises CredentialMissing."""
    found = _BEARER.fullmatch(request.header(b"authorization") or "")
    if found is None:
        raise CredentialMissing
    return found[1]


async def identify(mount: Mount, request: Request) -> Caller:
    """The caller behind the access token.

    Raises CredentialMissing, CredentialUnknown or CredentialExpired.
    """
    credential = await read_credential(mount.book, ACCESS_SCHEME, read_bearer(request))
    return Caller(
        organisation=credential.organisation,
        contract="plum",
        rights=credential.token.rights,
        person=credential.person,
        application=credential.application,
        token=credential.token,
    )


async def refresh_pair(mount: Mount, request: Request, asked: RefreshRequest) -> tuple[list[str], datetime]:
    """A new access and refresh token in place of the refresh token shown, and when they were issued.

    The old refresh token ends at once, and only if the new ones are kept; the old access token lives
    on to its end. Raises CredentialUnknown (client, secret, token, or a token of another client's),
    CredentialExpired or TooManyAttempts.
    """
    book = mount.book
    claim = Claim(scheme=mount.name, organisation_id=None, username=asked.client_id, address=request.client)
    application = await check_client(book, claim, asked.client_secret)
    bound = await mount.bound_organisation(request)
    credential = await read_credential(book, REFRESH_SCHEME, asked.refresh_token)
    if credential.token.application_id != application.id:
        raise CredentialUnknown
    if bound is not None and bound.id != application.organisation_id:
        raise CredentialUnknown
    issued_at = book.clock()
    pair = new_pair(application, issued_at)
    return await issue_tokens(book, list(pair.values()), replaces=credential.token), issued_at


def new_pair(application: Application, issued_at: datetime) -> dict[str, NewToken]:
    """An access and a refresh token to issue to an application, by the names they are shown under."""
    access = wire_tokens.access_token(application.name, issued_at, wire_tokens.new_nonce())
    return {
        "access_token": NewToken(
            scheme=ACCESS_SCHEME,
            organisation_id=application.organisation_id,
            application_id=application.id,
            rights=ACCESS_RIGHTS,
            secret=access,
            lifetime_s=ACCESS_LIFETIME_S,
            issued_at=issued_at,
        ),
        "refresh_token": NewToken(
            scheme=REFRESH_SCHEME,
            organisation_id=application.organisation_id,
            application_id=application.id,
            secret=wire_tokens.new_refresh_token(),
            lifetime_s=REFRESH_LIFETIME_S,
            issued_at=issued_at,
        ),
    }


def seconds_left(token: Token, now: datetime) -> int:
    """Whole seconds that the token still lives."""
    return 0 if token.expires_at is None else max(0, int((token.expires_at - now).total_seconds()))


def _make_pair(
    _organisation: Organisation, _person: Person | None, application: Application | None
) -> dict[str, NewToken]:
    assert application is not None, "a pair needs an application"
    return new_pair(application, datetime.now(UTC))


PAIR = TokenKind(
    name="pair",
    help="the first access token (15 days) and refresh token (30 days) of an application",
    make=_make_pair,
    needs="application",
)

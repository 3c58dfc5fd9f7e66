"""Who asks our own API: a bearer token, whose rights are its scope."""

from __future__ import annotations

import msgspec

from orderwire.book.accounts import NewToken
from orderwire.book.callers import ORDER_RIGHTS, RIGHTS, Application, Caller, Organisation, Person
from orderwire.book.credentials import read_credential
from orderwire.book.errors import CredentialMissing
from orderwire.contracts.contract import Mount, TokenKind
from orderwire.web.request import Request

TOKEN_SCHEME = "native.token"  # noqa: S105 - the name of a scheme


async def identify(mount: Mount, request: Request) -> Caller:
    """The caller behind the bearer token. Raises CredentialMissing, -Unknown or -Expired."""
    kind, _, secret = (request.header(b"authorization") or "").partition(" ")
    if kind.lower() != "bearer":
        raise CredentialMissing
    credential = await read_credential(mount.book, TOKEN_SCHEME, secret.strip(" "))
    return Caller(
        organisation=credential.organisation,
        contract=mount.contract.name,
        rights=credential.token.rights,
        person=credential.person,
        application=credential.application,
        token=credential.token,
        # Only what writes leaves a trace, and only then is an id worth making.
        request_id=request.id if request.method != "GET" else None,
    )


def _make_token(
    organisation: Organisation, person: Person | None, application: Application | None
) -> dict[str, NewToken]:
    return {
        "token": NewToken(
            scheme=TOKEN_SCHEME,
            organisation_id=organisation.id,
            user_id=person.id if person is not None else None,
            application_id=application.id if application is not None else None,
            rights=ORDER_RIGHTS,
        )
    }


def _make_manager_token(
    organisation: Organisation, person: Person | None, application: Application | None
) -> dict[str, NewToken]:
    token = _make_token(organisation, person, application)["token"]
    return {"token": msgspec.structs.replace(token, rights=RIGHTS)}


TOKEN_KINDS = (
    TokenKind(
        name="token",
        help="A bearer token with every right on the organisation's orders; it does not expire.",
        make=_make_token,
        needs="application",
    ),
    TokenKind(
        name="manager-token",
        help="The same, and the right to manage users, applications and tokens; it does not expire.",
        make=_make_manager_token,
        needs="application",
    ),
)

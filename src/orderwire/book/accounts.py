"""Who may ask: organisations, persons, applications and their tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from orderwire.vault import digest, hash_password, new_token

from .callers import RIGHTS, Application, Organisation, Person, Profile, Token
from .errors import CredentialUnknown, FieldInvalid
from .store import Book, Transaction
from .values import check_text, keep

MAX_PROFILE_BYTES = 16_384
MAX_PASSWORD_LENGTH = 1_024
# Contracts write it into credentials, which have a limit of their own.
MAX_APPLICATION_NAME_LENGTH = 255
ENDED_TOKENS_KEPT = timedelta(days=90)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_decode_profile = msgspec.json.Decoder(Profile).decode


class NewToken(Struct, frozen=True, kw_only=True):
    """A token to issue. `secret` is made up when not given; `lifetime_s` and `idle_limit_s` are
    seconds, None for no end; `issued_at` and `last_used_at` are now when not given."""

    scheme: str
    organisation_id: int
    rights: frozenset[str] = frozenset()
    user_id: int | None = None
    application_id: int | None = None
    secret: str | None = None
    lifetime_s: int | None = None
    idle_limit_s: int | None = None
    remember: bool = False
    family: str | None = None
    issued_at: datetime | None = None
    last_used_at: datetime | None = None

    def __repr__(self) -> str:
        return f"NewToken(scheme={self.scheme!r})"


async def create_organisation(book: Book, name: str, directory: str | None = None) -> Organisation:
    """A new owner of orders. Raises FieldInvalid for a name that is no plain word, AlreadyExists."""
    if not _NAME.fullmatch(name):
        raise FieldInvalid("name", "must be 1 to 64 letters, digits, dots, dashes or underscores")
    now = book.clock()
    organisation = Organisation(
        id=await book.store.take_number("organisation"),
        name=name,
        directory=directory or f"{name}-{int(now.timestamp() * 1000)}",
    )
    await book.store.write(lambda tx: tx.insert_organisation(organisation, now))
    return organisation


async def create_person(
    book: Book, organisation: Organisation, username: str, password: str | None, profile: Profile
) -> Person:
    """A new user of the organisation. Raises FieldInvalid or AlreadyExists."""
    if not 1 <= len(username) <= 255 or not username.isprintable() or ":" in username:
        raise FieldInvalid("username", "must be 1 to 255 printable characters without a colon")
    if password is not None and not 1 <= len(password) <= MAX_PASSWORD_LENGTH:
        raise FieldInvalid("password", f"must have 1 to {MAX_PASSWORD_LENGTH} characters")
    kept, _ = keep("profile", profile, MAX_PROFILE_BYTES, _decode_profile)
    person = Person(
        id=await book.store.take_number("person"),
        organisation_id=organisation.id,
        username=username,
        password_hash=hash_password(password) if password is not None else None,
        profile=kept,
    )
    now = book.clock()
    await book.store.write(lambda tx: tx.insert_person(person, now))
    return person


async def create_application(
    book: Book,
    organisation: Organisation,
    slug: str,
    name: str,
    client_id: str | None = None,
    secret: str | None = None,
) -> tuple[Application, str]:
    """A new registered program, and its client secret (shown once). Raises FieldInvalid, AlreadyExists.

    `client_id` and `secret` are made up when not given.
    """
    if not _NAME.fullmatch(slug):
        raise FieldInvalid("slug", "must be 1 to 64 letters, digits, dots, dashes or underscores")
    if len(name) > MAX_APPLICATION_NAME_LENGTH:
        raise FieldInvalid("name", f"longer than {MAX_APPLICATION_NAME_LENGTH} characters")
    check_text("name", name)
    secret = secret or new_token()
    application = Application(
        id=await book.store.take_number("application"),
        organisation_id=organisation.id,
        slug=slug,
        name=name or slug,
        client_id=client_id or new_token()[:22],
        secret_digest=digest(secret),
    )
    now = book.clock()
    await book.store.write(lambda tx: tx.insert_application(application, now))
    return application, secret


async def issue_tokens(book: Book, requests: Sequence[NewToken], replaces: Token | None = None) -> list[str]:
    """Issue tokens together, and take the one they replace out of use in the same transaction.

    Returns what the clients must show. Raises CredentialUnknown if `replaces` was revoked meanwhile.
    """
    now = book.clock()
    secrets = [request.secret or new_token() for request in requests]
    tokens = [_token(request, secret, now) for request, secret in zip(requests, secrets, strict=True)]

    async def work(tx: Transaction) -> None:
        if replaces is not None and not await tx.revoke_token(replaces.digest, now):
            raise CredentialUnknown
        for token in tokens:
            await tx.insert_token(token)

    await book.store.write(work)
    return secrets


async def revoke_token(book: Book, secret: str) -> None:
    """Take a token out of use. Raises CredentialUnknown if it is not one in use."""
    key = digest(secret)
    now = book.clock()
    if not await book.store.write(lambda tx: tx.revoke_token(key, now)):
        raise CredentialUnknown
    book.credentials.entries.pop(key, None)


async def forget_ended_tokens(book: Book) -> int:
    """Delete the tokens that ended long ago, and give their number.

    For ENDED_TOKENS_KEPT after its end a token is still known to have expired, not merely unknown.
    """
    before = book.clock() - ENDED_TOKENS_KEPT
    return await book.store.write(lambda tx: tx.delete_ended_tokens(before))


def _token(request: NewToken, secret: str, now: datetime) -> Token:
    unknown = request.rights - RIGHTS
    if unknown:
        raise FieldInvalid("rights", f"unknown: {', '.join(sorted(unknown))}")
    issued_at = request.issued_at or now
    ends = None if request.lifetime_s is None else issued_at + timedelta(seconds=request.lifetime_s)
    return Token(
        digest=digest(secret),
        scheme=request.scheme,
        organisation_id=request.organisation_id,
        user_id=request.user_id,
        application_id=request.application_id,
        rights=request.rights,
        issued_at=issued_at,
        expires_at=ends,
        last_used_at=request.last_used_at or issued_at,
        idle_limit_s=request.idle_limit_s,
        remember=request.remember,
        family=request.family,
    )

"""Who may ask: organisations, persons, applications and their tokens."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from orderwire.vault import digest, hash_password, new_token

from .callers import (
    RIGHTS,
    TOKEN_ID_LENGTH,
    Application,
    ListedToken,
    Organisation,
    Person,
    Profile,
    Token,
)
from .errors import CredentialUnknown, FieldInvalid, RecordNotFound
from .store import Book, Transaction
from .values import check_text, keep

MAX_PROFILE_BYTES = 16_384
MAX_PASSWORD_LENGTH = 1_024
# Contracts write it into credentials, which have a limit of their own.
MAX_APPLICATION_NAME_LENGTH = 255
MAX_CLIENT_ID_LENGTH = 255
MAX_DIRECTORY_LENGTH = 255
MAX_LABEL_LENGTH = 255
# Ten years: whoever needs longer issues a token without end.
MAX_LIFETIME_S = 315_360_000
ENDED_TOKENS_KEPT = timedelta(days=90)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TOKEN_ID = re.compile(rf"[0-9a-f]{{{TOKEN_ID_LENGTH}}}")
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
    label: str | None = None

    def __repr__(self) -> str:
        return f"NewToken(scheme={self.scheme!r})"


class PersonChange(Struct, frozen=True, kw_only=True):
    """What to change of a person: fields of the profile by their names, and what is not UNSET.

    Without a password (None) the person can sign in with tokens only.
    """

    profile: dict[str, Any] = field(default_factory=dict)
    disabled: bool | UnsetType = UNSET
    password: str | UnsetType | None = UNSET

    def __repr__(self) -> str:
        return "PersonChange(...)"


async def create_organisation(book: Book, name: str, directory: str | None = None) -> Organisation:
    """A new owner of orders. Raises FieldInvalid for a name that is no plain word, AlreadyExists."""
    if not _NAME.fullmatch(name):
        raise FieldInvalid("name", "must be 1 to 64 letters, digits, dots, dashes or underscores")
    if directory and not (directory.isprintable() and len(directory) <= MAX_DIRECTORY_LENGTH):
        raise FieldInvalid("directory", f"must be 1 to {MAX_DIRECTORY_LENGTH} printable characters")
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
    kept, _ = keep("profile", profile, MAX_PROFILE_BYTES, _decode_profile)
    hashed = await _hash(book, password)
    person = Person(
        id=await book.store.take_number("person"),
        organisation_id=organisation.id,
        username=username,
        password_hash=hashed,
        profile=kept,
    )
    now = book.clock()
    await book.store.write(lambda tx: tx.insert_person(person, now))
    return person


async def amend_person(
    book: Book, organisation_id: int, user_id: int, change: PersonChange, spared: Token | None = None
) -> Person:
    """Change a person's profile, password, or whether they may come in at all.

    A new password and disabling end every token of the person's at once, save `spared`; enabling
    revives none. Raises RecordNotFound or FieldInvalid.
    """
    hashed = UNSET if change.password is UNSET else await _hash(book, change.password)
    now = book.clock()

    async def work(tx: Transaction) -> Person:
        person = await tx.hold_person(organisation_id, user_id)
        if person is None:
            raise RecordNotFound("user", str(user_id))
        profile = msgspec.structs.replace(person.profile, **change.profile)
        kept, _ = keep("profile", profile, MAX_PROFILE_BYTES, _decode_profile)
        changed = msgspec.structs.replace(
            person,
            profile=kept,
            disabled=person.disabled if change.disabled is UNSET else change.disabled,
            password_hash=person.password_hash if hashed is UNSET else hashed,
        )
        await tx.update_person(changed)
        if change.disabled is True or hashed is not UNSET:
            kept_digest = spared.digest if spared is not None else b""
            await tx.revoke_tokens_of_person(organisation_id, user_id, now, kept_digest)
        return changed

    changed = await book.store.write(work)
    book.credentials.forget_person(user_id)
    return changed


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
    if client_id is not None:
        check_client_id(client_id)
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

    Returns what the clients must show. Raises CredentialUnknown if `replaces` was revoked, or the
    user disabled, meanwhile.
    """
    return [secret for _, secret in await _issue(book, requests, replaces)]


async def issue_token(book: Book, request: NewToken) -> tuple[ListedToken, str]:
    """Issue one token; gives what a list will show of it, and what the client must show.

    Raises FieldInvalid, or CredentialUnknown if the user was disabled meanwhile.
    """
    ((token, secret),) = await _issue(book, [request], None)
    return _listed(token), secret


async def _issue(book: Book, requests: Sequence[NewToken], replaces: Token | None) -> list[tuple[Token, str]]:
    now = book.clock()
    secrets = [request.secret or new_token() for request in requests]
    tokens = [_token(request, secret, now) for request, secret in zip(requests, secrets, strict=True)]

    async def work(tx: Transaction) -> None:
        if replaces is not None and not await tx.revoke_token(replaces.digest, now):
            raise CredentialUnknown
        for token in tokens:
            if token.user_id is not None:
                person = await tx.hold_person(token.organisation_id, token.user_id)
                if person is None or person.disabled:
                    raise CredentialUnknown
            await tx.insert_token(token)

    await book.store.write(work)
    return list(zip(tokens, secrets, strict=True))


async def revoke_token(book: Book, secret: str) -> None:
    """Take a token out of use. Raises CredentialUnknown if it is not one in use."""
    key = digest(secret)
    now = book.clock()
    if not await book.store.write(lambda tx: tx.revoke_token(key, now)):
        raise CredentialUnknown
    book.credentials.entries.pop(key, None)


async def revoke_token_by_id(book: Book, organisation_id: int, token_id: str) -> None:
    """Take a token out of use, if it still is in use.

    Raises RecordNotFound, or FieldInvalid should the id name two tokens.
    """
    now = book.clock()

    async def work(tx: Transaction) -> bytes:
        if not _TOKEN_ID.fullmatch(token_id):
            raise RecordNotFound("token", token_id)
        digests = await tx.list_digests(organisation_id, token_id, 2)
        if not digests:
            raise RecordNotFound("token", token_id)
        if len(digests) > 1:
            raise FieldInvalid("id", "names more than one token")
        await tx.revoke_token(digests[0], now)
        return digests[0]

    key = await book.store.write(work)
    book.credentials.entries.pop(key, None)


async def forget_ended_tokens(book: Book) -> int:
    """Delete the tokens that ended long ago, and give their number.

    For ENDED_TOKENS_KEPT after its end a token is still known to have expired, not merely unknown.
    """
    before = book.clock() - ENDED_TOKENS_KEPT
    return await book.store.write(lambda tx: tx.delete_ended_tokens(before))


def check_client_id(client_id: str) -> None:
    """Raises FieldInvalid for what can't be kept as a client id."""
    if not (client_id.isprintable() and 1 <= len(client_id) <= MAX_CLIENT_ID_LENGTH):
        raise FieldInvalid("client_id", f"must be 1 to {MAX_CLIENT_ID_LENGTH} printable characters")


async def _hash(book: Book, password: str | None) -> str | None:
    """The hash of a password, made on a thread for such work. Raises FieldInvalid."""
    if password is None:
        return None
    if not 1 <= len(password) <= MAX_PASSWORD_LENGTH:
        raise FieldInvalid("password", f"must have 1 to {MAX_PASSWORD_LENGTH} characters")
    check_text("password", password)
    return await asyncio.get_running_loop().run_in_executor(book.hashers, hash_password, password)


def _token(request: NewToken, secret: str, now: datetime) -> Token:
    unknown = request.rights - RIGHTS
    if unknown:
        raise FieldInvalid("rights", f"unknown: {', '.join(sorted(unknown))}")
    if request.label is not None:
        if not 1 <= len(request.label) <= MAX_LABEL_LENGTH:
            raise FieldInvalid("label", f"must have 1 to {MAX_LABEL_LENGTH} characters")
        check_text("label", request.label)
    if request.lifetime_s is not None and not 0 <= request.lifetime_s <= MAX_LIFETIME_S:
        raise FieldInvalid("lifetime_s", f"must be 0 to {MAX_LIFETIME_S}")
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
        label=request.label,
    )


def _listed(token: Token) -> ListedToken:
    """What a list shows of a token that was just issued."""
    return ListedToken(
        id=token.id,
        scheme=token.scheme,
        label=token.label,
        rights=tuple(sorted(token.rights)),
        user_id=token.user_id,
        application_id=token.application_id,
        issued_at=token.issued_at,
        expires_at=token.expires_at,
        last_used_at=token.last_used_at,
        idle_limit_s=token.idle_limit_s,
        revoked_at=None,
    )

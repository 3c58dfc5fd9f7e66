"""Callers: who asks, and what they may do; with the accounts and tokens behind them.

A credential is kept as the digest of what the client shows. Its `scheme` is given by the contract
(such as `native.token`), so a new contract brings a scheme and never a column.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct, field

from .orders import Name, Text
from .stages import Origin

READ = "orders.read"
READ_OWN = "orders.read.own"
READ_DELETED = "orders.read.deleted"
WRITE = "orders.write"
VOUCHERS = "vouchers.read"
MANAGE = "accounts.manage"
# What concerns orders; and with it the right to say who else may do what.
ORDER_RIGHTS = frozenset({READ, READ_OWN, READ_DELETED, WRITE, VOUCHERS})
RIGHTS = ORDER_RIGHTS | {MANAGE}
# The most that a person can come to by signing in with a password, in any contract and any role.
SIGN_IN_RIGHTS = frozenset({READ, READ_OWN, WRITE})
# How many hex digits of its digest name a token.
TOKEN_ID_LENGTH = 16


class Organisation(Struct, frozen=True, kw_only=True):
    """The owner of orders. `directory` names its folder in published file paths."""

    id: int
    name: str
    directory: str


class Profile(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of a person besides the credentials."""

    first_name: Text = ""
    last_name: Text = ""
    email: Text = ""
    phone: Text = ""
    reference: Name | None = None
    roles: Annotated[tuple[Text, ...], Meta(max_length=16)] = ()


class Person(Struct, frozen=True, kw_only=True):
    """A user of one organisation, who signs in by `username`."""

    id: int
    organisation_id: int
    username: str
    password_hash: str | None
    profile: Profile
    disabled: bool = False

    def __repr__(self) -> str:
        return f"Person(id={self.id}, organisation_id={self.organisation_id})"

    @property
    def full_name(self) -> str:
        """First and last name, separated by a blank."""
        return f"{self.profile.first_name} {self.profile.last_name}".strip()


class Application(Struct, frozen=True, kw_only=True):
    """A registered program. `client_id` is what it calls itself where a contract asks for one."""

    id: int
    organisation_id: int
    slug: str
    name: str
    client_id: str | None = None
    secret_digest: bytes | None = None

    def __repr__(self) -> str:
        return f"Application(id={self.id}, slug={self.slug!r})"


class Token(Struct, frozen=True, kw_only=True):
    """What is kept of a credential. `idle_limit_s` is how long it may rest unused, in seconds."""

    digest: bytes
    scheme: str
    organisation_id: int
    user_id: int | None = None
    application_id: int | None = None
    rights: frozenset[str] = frozenset()
    issued_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime
    idle_limit_s: int | None = None
    remember: bool = False
    family: str | None = None
    revoked: bool = False
    label: str | None = None

    @property
    def id(self) -> str:
        """What names the token to people: the beginning of its digest."""
        return self.digest.hex()[:TOKEN_ID_LENGTH]

    def __repr__(self) -> str:
        return f"Token(scheme={self.scheme!r}, organisation_id={self.organisation_id})"


class ListedToken(Struct, frozen=True, kw_only=True):
    """A token as a list shows it: nothing that lets anybody in, and nothing to make that of.

    `id` is the beginning of its digest: enough to name it, too little to seek its secret by.
    """

    id: str
    scheme: str
    label: str | None
    rights: tuple[str, ...]
    user_id: int | None
    application_id: int | None
    issued_at: datetime
    expires_at: datetime | None
    last_used_at: datetime
    idle_limit_s: int | None
    revoked_at: datetime | None


class TokenPlace(Struct, frozen=True):
    """Where a page of tokens ends: before the first of them, if nothing is given."""

    scheme: str = ""
    id: str = ""


class Credential(Struct, frozen=True, kw_only=True):
    """A token with everything behind it, as one read of the store gives it."""

    token: Token
    organisation: Organisation
    person: Person | None
    application: Application | None


class Caller(Struct, frozen=True, kw_only=True):
    """Who asks now: organisation + application or person + rights.

    `owner` is the digest (hex) of an anonymous owner's credential; `role` the role taken on, where a
    contract has roles.
    """

    organisation: Organisation
    contract: str
    rights: frozenset[str]
    person: Person | None = None
    application: Application | None = None
    owner: str | None = None
    role: str | None = None
    token: Token | None = None
    request_id: str | None = None

    @property
    def organisation_id(self) -> int:
        """The first argument of every store verb."""
        return self.organisation.id

    @property
    def sight(self) -> tuple[object, ...]:
        """What decides which orders the caller sees, and what of them: equal for equal callers."""
        organisation, person, application = self.organisation, self.person, self.application
        return (
            self.contract,
            organisation.id,
            organisation.name,
            self.rights,
            self.owner,
            None if person is None else person.id,
            None if application is None else application.id,
        )

    @property
    def is_identified(self) -> bool:
        """True when a person or an application stands behind the caller."""
        return self.person is not None or self.application is not None

    @property
    def origin(self) -> Origin:
        """How the history names this caller."""
        if self.person is not None:
            name = f"user:{self.person.id}"
        elif self.application is not None:
            name = f"application:{self.application.id}"
        else:
            name = "owner" if self.owner else "anonymous"
        return Origin(
            contract=self.contract,
            caller=name,
            application=self.application.slug if self.application else None,
            request_id=self.request_id,
        )


class CredentialCache(Struct):
    """Credentials that were read, by digest.

    One is good while the store's sign is the one it was read under: nothing was committed since. Where
    the store has no sign, or another one now, it is good for `ttl_s` seconds from when it was read: a
    revocation is noticed that late at most.
    """

    ttl_s: float
    limit: int = 10_000
    entries: dict[bytes, tuple[float, bytes | None, Credential]] = field(default_factory=dict)

    def get(self, key: bytes, sign: bytes | None) -> Credential | None:
        """The credential, if it is still good; `sign` is the store's now."""
        entry = self.entries.get(key)
        if entry is None:
            return None
        until, then, credential = entry
        if (sign is not None and sign == then) or time.monotonic() < until:
            return credential
        return None

    def put(self, key: bytes, sign: bytes | None, credential: Credential) -> None:
        """Keep a credential; `sign` is the store's before it was read. A full cache starts again."""
        if self.ttl_s <= 0 and sign is None:
            return
        if len(self.entries) >= self.limit:
            self.entries.clear()
        self.entries[key] = (time.monotonic() + self.ttl_s, sign, credential)

    def forget_person(self, user_id: int) -> None:
        """Forget what stands behind the credentials of a person, because it changed."""
        self.entries = {
            key: entry
            for key, entry in self.entries.items()
            if entry[2].person is None or entry[2].person.id != user_id
        }

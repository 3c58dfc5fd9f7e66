"""The wire of accounts: users, applications, tokens. A secret is shown once, in the answer that makes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from orderwire.book.accounts import NewToken, PersonChange
from orderwire.book.callers import Application, ListedToken, Person, Profile, TokenPlace
from orderwire.book.errors import FieldInvalid
from orderwire.book.management import TokenQuery
from orderwire.book.pages import Page
from orderwire.web.request import Request

from .wire_pages import (
    parse_cursor,
    parse_json,
    parse_limit,
    parse_number,
    parse_parameters,
    render_next,
)
from .wire_strict import convert, strict

USERS, APPLICATIONS, TOKENS = "/v1/users", "/v1/applications", "/v1/tokens"
USER_PARAMETERS = frozenset({"username", "limit", "after"})
APPLICATION_PARAMETERS = frozenset({"limit", "after"})
TOKEN_PARAMETERS = frozenset({"scheme", "user_id", "application_id", "limit", "after"})

Right = Literal[
    "accounts.manage",
    "orders.read",
    "orders.read.deleted",
    "orders.read.own",
    "orders.write",
    "vouchers.read",
]
_AccountId = Annotated[int, Meta(ge=1, le=2**53)]
_Username = Annotated[str, Meta(min_length=1, max_length=255)]
_Password = Annotated[str, Meta(min_length=1, max_length=1_024)]

_PROFILE = msgspec.structs.fields(Profile)
_encode = msgspec.json.Encoder().encode


class NameCursor(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Where a page by name ends."""

    name: Annotated[str, Meta(max_length=255)]


class TokenCursor(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Where a page of tokens ends."""

    scheme: Annotated[str, Meta(max_length=64)]
    id: Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]


class UserBody(Profile, frozen=True, kw_only=True):
    """A user as it is handed in; without a password, one who uses tokens only."""

    username: _Username
    password: _Password | None = None

    def __repr__(self) -> str:
        return "UserBody(...)"


class AccessPatch(Struct, frozen=True, kw_only=True):
    """What to change of a user besides the profile."""

    disabled: bool | UnsetType = UNSET
    password: _Password | UnsetType | None = UNSET

    def __repr__(self) -> str:
        return "UserPatch(...)"


# Every field of a profile besides, to be changed, taken away (null), or left as it is.
UserPatch = msgspec.defstruct(
    "UserPatch",
    [(field.name, Union[field.type, None, UnsetType], UNSET) for field in _PROFILE],  # noqa: UP007
    bases=(AccessPatch,),
    frozen=True,
    kw_only=True,
)


class UserShown(Struct, frozen=True, kw_only=True):
    """A user as every answer shows it."""

    id: int
    username: str
    disabled: bool
    has_password: bool
    first_name: str
    last_name: str
    email: str
    phone: str
    reference: str | None
    roles: tuple[str, ...]


class UserList(Struct, frozen=True, kw_only=True):
    """A page of users."""

    users: tuple[UserShown, ...]


class ApplicationBody(Struct, frozen=True, kw_only=True):
    """An application as it is handed in; `name` is the slug and `client_id` made up if left out."""

    slug: Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    name: Annotated[str, Meta(max_length=255)] = ""
    client_id: Annotated[str, Meta(min_length=1, max_length=255)] | None = None


class ApplicationShown(Struct, frozen=True, kw_only=True):
    """An application as every answer shows it."""

    id: int
    slug: str
    name: str
    client_id: str | None


class ApplicationIssued(ApplicationShown, frozen=True, kw_only=True):
    """An application just made, with what is never shown again."""

    client_secret: str


class ApplicationList(Struct, frozen=True, kw_only=True):
    """A page of applications."""

    applications: tuple[ApplicationShown, ...]


class TokenBody(Struct, frozen=True, kw_only=True):
    """A token to issue, for a user, an application, or a user of an application."""

    rights: Annotated[tuple[Right, ...], Meta(max_length=16)]
    user_id: _AccountId | None = None
    application_id: _AccountId | None = None
    label: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    lifetime_s: Annotated[int, Meta(ge=1, le=315_360_000)] | None = None


class TokenIssued(ListedToken, frozen=True, kw_only=True):
    """A token just issued, with what is never shown again."""

    token: str

    def __repr__(self) -> str:
        return f"TokenIssued(id={self.id!r})"


class TokenList(Struct, frozen=True, kw_only=True):
    """A page of tokens."""

    tokens: tuple[ListedToken, ...]


STRICT_USER = strict(UserBody)
STRICT_USER_PATCH = strict(UserPatch)
STRICT_APPLICATION = strict(ApplicationBody)
STRICT_TOKEN = strict(TokenBody)


def parse_user(request: Request) -> tuple[str, str | None, Profile]:
    """Username, password and profile. Raises ContentTypeWrong, BodyMalformed, FieldMissing, FieldInvalid."""
    given = convert(parse_json(request), STRICT_USER)
    profile = Profile(**{field.name: getattr(given, field.name) for field in _PROFILE})
    return given.username, given.password, profile


def parse_user_patch(request: Request) -> PersonChange:
    """What to change of a user. Raises ContentTypeWrong, BodyMalformed or FieldInvalid."""
    given: Any = convert(parse_json(request, is_patch=True), STRICT_USER_PATCH)
    asked = {field.name: getattr(given, field.name) for field in _PROFILE}
    changes = {name: value for name, value in asked.items() if value is not UNSET}
    emptied = {field.name: field.default for field in _PROFILE if changes.get(field.name, UNSET) is None}
    return PersonChange(profile={**changes, **emptied}, disabled=given.disabled, password=given.password)


def parse_application(request: Request) -> ApplicationBody:
    """The application to make. Raises ContentTypeWrong, BodyMalformed, FieldMissing or FieldInvalid."""
    return convert(parse_json(request), STRICT_APPLICATION)


def parse_token(request: Request, scheme: str, organisation_id: int) -> NewToken:
    """The token to issue. Raises ContentTypeWrong, BodyMalformed, FieldMissing or FieldInvalid."""
    given = convert(parse_json(request), STRICT_TOKEN)
    return NewToken(
        scheme=scheme,
        organisation_id=organisation_id,
        rights=frozenset(given.rights),
        user_id=given.user_id,
        application_id=given.application_id,
        label=given.label,
        lifetime_s=given.lifetime_s,
    )


def parse_name_page(request: Request, known: frozenset[str]) -> tuple[str, int, dict[str, str]]:
    """Where a page by name begins, its limit, and the parameters that say so. Raises FieldInvalid."""
    given = parse_parameters(request, known)
    after = parse_cursor(given, NameCursor)
    return "" if after is None else after.name, parse_limit(given), given


def parse_token_query(request: Request) -> tuple[TokenQuery, dict[str, str]]:
    """Which tokens are asked for, and the parameters that say so. Raises FieldInvalid."""
    given = parse_parameters(request, TOKEN_PARAMETERS)
    after = parse_cursor(given, TokenCursor)
    query = TokenQuery(
        scheme=given.get("scheme"),
        user_id=parse_number(given, "user_id"),
        application_id=parse_number(given, "application_id"),
        after=TokenPlace() if after is None else TokenPlace(after.scheme, after.id),
        limit=parse_limit(given),
    )
    return query, given


def check_no_repeat_key(request: Request) -> None:
    """Raises FieldInvalid for a key: an answer with a secret, or to one, is not kept to be given again."""
    if request.header(b"idempotency-key") is not None:
        raise FieldInvalid("Idempotency-Key", "not taken here: what is secret is not kept")


def render_user(person: Person) -> bytes:
    """A user as every answer shows it."""
    return _encode(_shown_user(person))


def render_users(page: Page[Person]) -> bytes:
    """A page of users."""
    return _encode(UserList(users=tuple(_shown_user(person) for person in page.items)))


def next_users(page: Page[Person], given: Mapping[str, str]) -> bytes | None:
    """The `Link` to the next page, if there is one."""
    return render_next(USERS, given, NameCursor(page.items[-1].username)) if page.has_more else None


def render_application(application: Application) -> bytes:
    """An application as every answer shows it."""
    return _encode(_shown_application(application))


def render_new_application(application: Application, secret: str) -> bytes:
    """An application just made, with its client secret."""
    shown = msgspec.structs.asdict(_shown_application(application))
    return _encode(ApplicationIssued(**shown, client_secret=secret))


def render_applications(page: Page[Application]) -> bytes:
    """A page of applications."""
    shown = tuple(_shown_application(application) for application in page.items)
    return _encode(ApplicationList(applications=shown))


def next_applications(page: Page[Application], given: Mapping[str, str]) -> bytes | None:
    """The `Link` to the next page, if there is one."""
    return render_next(APPLICATIONS, given, NameCursor(page.items[-1].slug)) if page.has_more else None


def render_new_token(token: ListedToken, secret: str) -> bytes:
    """A token just issued, with its secret."""
    return _encode(TokenIssued(**msgspec.structs.asdict(token), token=secret))


def render_tokens(page: Page[ListedToken]) -> bytes:
    """A page of tokens."""
    return _encode(TokenList(tokens=tuple(page.items)))


def next_tokens(page: Page[ListedToken], given: Mapping[str, str]) -> bytes | None:
    """The `Link` to the next page, if there is one."""
    if not page.has_more:
        return None
    last = page.items[-1]
    return render_next(TOKENS, given, TokenCursor(last.scheme, last.id))


def _shown_user(person: Person) -> UserShown:
    return UserShown(
        id=person.id,
        username=person.username,
        disabled=person.disabled,
        has_password=person.password_hash is not None,
        **msgspec.structs.asdict(person.profile),
    )


def _shown_application(application: Application) -> ApplicationShown:
    return ApplicationShown(
        id=application.id, slug=application.slug, name=application.name, client_id=application.client_id
    )

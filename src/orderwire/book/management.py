"""What a caller may do about who may ask: users, applications and tokens of its own organisation.

Nobody hands out more than they have: a token's rights are among its issuer's, and whoever lets a person
sign in, or issues a token in a person's name, has all rights that signing in can give.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, Struct

from . import accounts
from .accounts import NewToken, PersonChange
from .callers import (
    MANAGE,
    RIGHTS,
    SIGN_IN_RIGHTS,
    Application,
    Caller,
    ListedToken,
    Person,
    Profile,
    TokenPlace,
)
from .errors import FieldInvalid, FieldMissing, NotAllowed, RecordNotFound
from .pages import Page, check_limit, cut_page
from .store import Book

MAX_ACCOUNT_ID = 2**53 - 1


class TokenQuery(Struct, frozen=True, kw_only=True):
    """Which tokens, by scheme and id: all, or by one of the three conditions."""

    scheme: str | None = None
    user_id: int | None = None
    application_id: int | None = None
    after: TokenPlace = TokenPlace()
    limit: int = 100


async def list_users(book: Book, caller: Caller, after: str, limit: int) -> Page[Person]:
    """Users by username, from behind `after`. Raises NotAllowed or FieldInvalid."""
    check_may_manage(caller)
    check_limit(limit)
    return cut_page(await book.store.list_persons(caller.organisation_id, after, limit + 1), limit)


async def find_user(book: Book, caller: Caller, username: str) -> Page[Person]:
    """The user of this name, if there is one. Raises NotAllowed."""
    check_may_manage(caller)
    found = await book.store.fetch_person_named(caller.organisation_id, username)
    return Page([] if found is None else [found], has_more=False)


async def get_user(book: Book, caller: Caller, user_id: int) -> Person:
    """The user with this id. Raises NotAllowed or RecordNotFound."""
    check_may_manage(caller)
    found = await _fetch_person(book, caller, user_id)
    if found is None:
        raise RecordNotFound("user", str(user_id))
    return found


async def create_user(
    book: Book, caller: Caller, username: str, password: str | None, profile: Profile
) -> Person:
    """A new user. Raises NotAllowed, FieldInvalid or AlreadyExists."""
    check_may_manage(caller)
    if password is not None or profile.roles:
        check_may_grant(caller, SIGN_IN_RIGHTS)
    return await accounts.create_person(book, caller.organisation, username, password, profile)


async def amend_user(book: Book, caller: Caller, user_id: int, change: PersonChange) -> Person:
    """Change a user; the token that the caller shows outlives its own user's new password.

    Raises NotAllowed, RecordNotFound or FieldInvalid (also for disabling oneself).
    """
    check_may_manage(caller)
    if lets_in(change):
        check_may_grant(caller, SIGN_IN_RIGHTS)
    if change.disabled is True and _is_self(caller, user_id):
        raise FieldInvalid("disabled", "nobody disables themselves")
    if not 0 < user_id <= MAX_ACCOUNT_ID:
        raise RecordNotFound("user", str(user_id))
    return await accounts.amend_person(book, caller.organisation_id, user_id, change, caller.token)


async def list_applications(book: Book, caller: Caller, after: str, limit: int) -> Page[Application]:
    """Applications by slug, from behind `after`. Raises NotAllowed or FieldInvalid."""
    check_may_manage(caller)
    check_limit(limit)
    return cut_page(await book.store.list_applications(caller.organisation_id, after, limit + 1), limit)


async def get_application(book: Book, caller: Caller, application_id: int) -> Application:
    """The application with this id. Raises NotAllowed or RecordNotFound."""
    check_may_manage(caller)
    found = await _fetch_application(book, caller, application_id)
    if found is None:
        raise RecordNotFound("application", str(application_id))
    return found


async def create_application(
    book: Book, caller: Caller, slug: str, name: str, client_id: str | None
) -> tuple[Application, str]:
    """A new application and its client secret. Raises NotAllowed, FieldInvalid or AlreadyExists."""
    check_may_manage(caller)
    return await accounts.create_application(book, caller.organisation, slug, name, client_id)


async def list_tokens(book: Book, caller: Caller, query: TokenQuery) -> Page[ListedToken]:
    """A page of tokens, ended ones included while they are kept. Raises NotAllowed or FieldInvalid."""
    check_may_manage(caller)
    check_limit(query.limit)
    store, owner, after, count = book.store, caller.organisation_id, query.after, query.limit + 1
    conditions = (query.scheme, query.user_id, query.application_id)
    if sum(one is not None for one in conditions) > 1:
        raise FieldInvalid("query", "only one of scheme, user_id and application_id")
    if query.scheme is not None:
        found = await store.list_tokens_of_scheme(owner, query.scheme, after, count)
    elif query.user_id is not None:
        found = await store.list_tokens_of_person(owner, query.user_id, after, count)
    elif query.application_id is not None:
        found = await store.list_tokens_of_application(owner, query.application_id, after, count)
    else:
        found = await store.list_tokens(owner, after, count)
    return cut_page(found, query.limit)


async def issue_token(book: Book, caller: Caller, request: NewToken) -> tuple[ListedToken, str]:
    """A new token for a user or an application of the caller's organisation, and its secret.

    Raises NotAllowed (for a right that the caller lacks), FieldMissing or FieldInvalid.
    """
    check_may_manage(caller)
    unknown = request.rights - RIGHTS
    if unknown:
        raise FieldInvalid("rights", f"unknown: {', '.join(sorted(unknown))}")
    check_may_grant(caller, request.rights)
    if request.user_id is not None and not _is_self(caller, request.user_id):
        # What a person uploaded or ordered is open to who comes in that person's name.
        check_may_grant(caller, SIGN_IN_RIGHTS)
    await _check_holder(book, caller, request)
    own = msgspec.structs.replace(request, organisation_id=caller.organisation_id)
    return await accounts.issue_token(book, own)


async def revoke_token(book: Book, caller: Caller, token_id: str) -> None:
    """Take a token of any scheme out of use at once. Raises NotAllowed, RecordNotFound or FieldInvalid."""
    check_may_manage(caller)
    await accounts.revoke_token_by_id(book, caller.organisation_id, token_id)


def check_may_manage(caller: Caller) -> None:
    """Raises NotAllowed unless the caller has the right to manage accounts."""
    if MANAGE not in caller.rights:
        raise NotAllowed(MANAGE, identified=caller.is_identified)


def check_may_grant(caller: Caller, rights: frozenset[str]) -> None:
    """Raises NotAllowed unless the caller has all of these rights itself."""
    missing = rights - caller.rights
    if missing:
        raise NotAllowed(min(missing), identified=caller.is_identified)


def lets_in(change: PersonChange) -> bool:
    """True for a change after which a person may sign in who could not, or as more than before."""
    has_password = change.password is not UNSET and change.password is not None
    return has_password or change.disabled is False or bool(change.profile.get("roles"))


def _is_self(caller: Caller, user_id: int) -> bool:
    return caller.person is not None and caller.person.id == user_id


async def _check_holder(book: Book, caller: Caller, request: NewToken) -> None:
    if request.user_id is None and request.application_id is None:
        raise FieldMissing("application_id")
    if request.user_id is not None:
        person = await _fetch_person(book, caller, request.user_id)
        if person is None or person.disabled:
            raise FieldInvalid("user_id", "no such user" if person is None else "the user is disabled")
    program_id = request.application_id
    if program_id is not None and await _fetch_application(book, caller, program_id) is None:
        raise FieldInvalid("application_id", "no such application")


async def _fetch_person(book: Book, caller: Caller, user_id: int) -> Person | None:
    if not 0 < user_id <= MAX_ACCOUNT_ID:
        return None
    return await book.store.fetch_person(caller.organisation_id, user_id)


async def _fetch_application(book: Book, caller: Caller, application_id: int) -> Application | None:
    if not 0 < application_id <= MAX_ACCOUNT_ID:
        return None
    return await book.store.fetch_application_by_id(caller.organisation_id, application_id)

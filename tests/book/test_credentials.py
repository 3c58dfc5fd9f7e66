"""Tokens and passwords: who they let in, and until when."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta

import pytest

from orderwire.book.accounts import (
    NewToken,
    create_application,
    create_person,
    forget_ended_tokens,
    issue_tokens,
    revoke_token,
)
from orderwire.book.callers import READ, CredentialCache, Profile
from orderwire.book.credentials import check_password, read_credential
from orderwire.book.errors import AlreadyExists, CredentialExpired, CredentialUnknown, FieldInvalid
from orderwire.book.store import Book
from orderwire.vault import digest
from tests.factories import claim_of, make_organisation

NOW = datetime(2024, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


async def issue(book: Book, **terms: object) -> str:
    """A session token of the organisation `acme`, issued at NOW."""
    organisation = await make_organisation(book)
    request = NewToken(scheme="t.session", organisation_id=organisation.id, **terms)  # type: ignore[arg-type]
    (secret,) = await issue_tokens(book, [request])
    return secret


@pytest.mark.parametrize(
    ("age", "unused", "expired"),
    [
        (7 * DAY, HOUR, False),
        (7 * DAY + timedelta(microseconds=1), HOUR, True),
        (DAY * 4, 72 * HOUR, False),
        (DAY * 4, 72 * HOUR + timedelta(microseconds=1), True),
    ],
)
async def test_a_session_ends_by_age_and_by_idleness(
    book: Book, age: timedelta, unused: timedelta, expired: bool
) -> None:
    book.clock = lambda: NOW
    secret = await issue(
        book,
        lifetime_s=7 * 86_400,
        idle_limit_s=72 * 3_600,
        issued_at=NOW - age,
        last_used_at=NOW - unused,
    )
    if expired:
        with pytest.raises(CredentialExpired):
            await read_credential(book, "t.session", secret)
    else:
        assert (await read_credential(book, "t.session", secret)).organisation.name == "acme"


async def test_use_is_noted_at_most_once_a_minute_and_keeps_a_session_alive(book: Book) -> None:
    times = [NOW]
    book.clock = lambda: times[0]
    secret = await issue(book, idle_limit_s=72 * 3_600)

    async def used(after: timedelta) -> datetime:
        times[0] = NOW + after
        await read_credential(book, "t.session", secret)
        await asyncio.gather(*book.tasks)
        kept = await book.store.fetch_credential(digest(secret))
        assert kept is not None
        return kept.token.last_used_at

    assert await used(timedelta(seconds=59)) == NOW
    assert await used(timedelta(seconds=61)) == NOW + timedelta(seconds=61)
    assert await used(timedelta(seconds=90)) == NOW + timedelta(seconds=61)
    assert await used(70 * HOUR) == NOW + 70 * HOUR
    assert await used(140 * HOUR) == NOW + 140 * HOUR


async def test_an_expired_session_is_not_revived_by_asking(book: Book) -> None:
    times = [NOW]
    book.clock = lambda: times[0]
    secret = await issue(book, idle_limit_s=3_600)
    times[0] = NOW + 2 * HOUR
    for _ in range(2):
        with pytest.raises(CredentialExpired):
            await read_credential(book, "t.session", secret)


async def test_what_is_not_a_token_of_this_scheme_is_unknown(book: Book) -> None:
    secret = await issue(book)
    for scheme, shown in (("t.other", secret), ("t.session", "nope"), ("t.session", "x" * 5_000)):
        with pytest.raises(CredentialUnknown):
            await read_credential(book, scheme, shown)


async def test_a_revoked_token_is_unknown_at_once_to_the_process_that_revoked_it(book: Book) -> None:
    book.credentials = CredentialCache(ttl_s=60)
    secret = await issue(book)
    await read_credential(book, "t.session", secret)
    await revoke_token(book, secret)
    with pytest.raises(CredentialUnknown):
        await read_credential(book, "t.session", secret)
    with pytest.raises(CredentialUnknown):
        await revoke_token(book, secret)


async def test_a_cached_credential_is_remembered_and_bounded(book: Book) -> None:
    cache = CredentialCache(ttl_s=60, limit=2)
    book.credentials = cache
    secrets = [await issue(book) for _ in range(3)]
    for secret in secrets:
        await read_credential(book, "t.session", secret)
    assert len(cache.entries) <= 2
    assert cache.get(digest(secrets[-1]), None) is not None


async def test_replacing_a_token_works_once(book: Book) -> None:
    secret = await issue(book)
    old = (await read_credential(book, "t.session", secret)).token
    new = NewToken(scheme="t.session", organisation_id=old.organisation_id)
    outcomes = await asyncio.gather(
        *(issue_tokens(book, [new], replaces=old) for _ in range(8)), return_exceptions=True
    )
    assert sum(isinstance(outcome, CredentialUnknown) for outcome in outcomes) == 7


async def test_unknown_rights_are_refused(book: Book) -> None:
    with pytest.raises(FieldInvalid):
        await issue(book, rights=frozenset({READ, "everything"}))


async def test_a_password_lets_in_whom_it_belongs_to(book: Book) -> None:
    organisation = await make_organisation(book)
    person = await create_person(book, organisation, "ann", "correct horse", Profile(first_name="Ann"))
    assert await check_password(book, claim_of("ann"), person, "correct horse") == person
    assert person.password_hash is not None
    assert book.vault.recalls("correct horse", person.password_hash)
    assert not book.vault.recalls("wrong", person.password_hash)
    for who, password in ((person, "wrong"), (person, ""), (None, "correct horse")):
        with pytest.raises(CredentialUnknown):
            await check_password(book, claim_of("ann"), who, password)
    with pytest.raises(AlreadyExists):
        await create_person(book, organisation, "ann", "x", Profile())
    assert "correct" not in repr(person)
    assert person.password_hash not in repr(person)


async def test_tokens_that_ended_long_ago_are_forgotten(book: Book) -> None:
    times = [NOW]
    book.clock = lambda: times[0]
    terms: list[dict[str, object]] = [{}, {"lifetime_s": 60}, {"idle_limit_s": 60}, {"remember": True}]
    kept, old, idle, remembered = [await issue(book, **one) for one in terms]
    revoked = await issue(book)
    await revoke_token(book, revoked)
    times[0] = NOW + 90 * DAY
    assert await forget_ended_tokens(book) == 0
    times[0] = NOW + 91 * DAY
    assert await forget_ended_tokens(book) == 3
    for secret, there in ((kept, True), (remembered, True), (old, False), (idle, False), (revoked, False)):
        assert (await book.store.fetch_credential(digest(secret)) is not None) == there


async def test_a_flood_of_wrong_passwords_stays_on_two_threads(book: Book) -> None:
    person = await create_person(book, await make_organisation(book), "ann", "right", Profile())
    outcomes = await asyncio.gather(
        *(check_password(book, claim_of("ann", f"192.0.2.{n}"), person, f"wrong {n}") for n in range(12)),
        check_password(book, claim_of("ann"), person, "right"),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [CredentialUnknown] * 12 + [type(person)]
    hashers = [thread for thread in threading.enumerate() if thread.name.startswith("orderwire-hasher")]
    assert 1 <= len(hashers) <= 2


async def test_a_client_id_belongs_to_one_application_of_all_organisations(book: Book) -> None:
    for name in ("here", "there"):
        organisation = await make_organisation(book, name)
        await create_application(book, organisation, "shop", "Shop")
        with pytest.raises(AlreadyExists):
            await create_application(book, organisation, "shop", "Shop")
    await create_application(book, organisation, "one", "One", "our-client")
    with pytest.raises(AlreadyExists) as taken:
        await create_application(book, await make_organisation(book, "here"), "two", "Two", "our-client")
    assert (taken.value.scheme, taken.value.name) == ("client_id", "our-client")

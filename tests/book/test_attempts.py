"""Wrong passwords are counted: who is refused for them, until when, and who knows of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orderwire import settings
from orderwire.book.accounts import create_application, create_person
from orderwire.book.attempts import Attempts, Claim
from orderwire.book.callers import Person, Profile
from orderwire.book.credentials import check_client, check_password, forget_ended_attempts
from orderwire.book.errors import CredentialUnknown, TooManyAttempts
from orderwire.book.store import Book
from orderwire.vault import Vault, new_key
from tests.factories import claim_of, make_organisation
from tests.stores import Shelf

NOW = datetime(2024, 3, 1, 12, tzinfo=UTC)
ANN = claim_of("ann")
LIMIT = 3
WINDOW = timedelta(seconds=60)


@pytest.fixture
async def ann(book: Book) -> Person:
    set_up(book)
    return await create_person(book, await make_organisation(book), "ann", "right", Profile())


@pytest.fixture
def counted(shelf: Shelf, tmp_path: Path) -> Callable[[], list[int]]:
    """The counts that are kept, as another connection sees them."""
    return lambda: [row[0] for row in shelf.rows(tmp_path, "SELECT failures FROM attempts ORDER BY failures")]


def set_up(book: Book, at: datetime = NOW) -> None:
    book.attempts = Attempts(LIMIT, WINDOW)
    book.clock = lambda: at


async def fail(book: Book, person: Person | None, times: int, claim: Claim = ANN) -> None:
    """Try wrong passwords, each of which is looked at."""
    for number in range(times):
        with pytest.raises(CredentialUnknown):
            await check_password(book, claim, person, f"wrong {number}")


async def seconds_refused(book: Book, person: Person | None, claim: Claim = ANN) -> int:
    """For how long the right password is refused."""
    with pytest.raises(TooManyAttempts) as refused:
        await check_password(book, claim, person, "right")
    return refused.value.retry_after_seconds


async def test_after_so_many_wrong_passwords_none_is_looked_at(
    book: Book, ann: Person, counted: Callable[[], list[int]]
) -> None:
    await fail(book, ann, LIMIT)
    assert await seconds_refused(book, ann) == 60
    with pytest.raises(TooManyAttempts):
        await check_password(book, ANN, ann, "wrong")
    assert counted() == [LIMIT]


async def test_a_password_that_was_right_before_is_refused_too(book: Book, ann: Person) -> None:
    assert await check_password(book, ANN, ann, "right") == ann
    await fail(book, ann, LIMIT)
    assert await seconds_refused(book, ann) == 60


async def test_another_name_address_scheme_or_organisation_is_not_refused(book: Book, ann: Person) -> None:
    await fail(book, ann, LIMIT)
    for claim in (
        claim_of("bob"),
        claim_of("ann", "192.0.2.2"),
        Claim(scheme="other", organisation_id=None, username="ann", address=ANN.address),
        Claim(scheme="test", organisation_id=1, username="ann", address=ANN.address),
    ):
        assert await check_password(book, claim, ann, "right") == ann


async def test_the_refusal_ends_with_the_window(
    book: Book, ann: Person, counted: Callable[[], list[int]]
) -> None:
    await fail(book, ann, LIMIT)
    book.clock = lambda: NOW + WINDOW - timedelta(milliseconds=1)
    assert await seconds_refused(book, ann) == 1
    book.clock = lambda: NOW + WINDOW
    await fail(book, ann, LIMIT - 1)
    assert counted() == [LIMIT - 1]
    assert await check_password(book, ANN, ann, "right") == ann


async def test_the_window_begins_with_the_first_wrong_password(book: Book, ann: Person) -> None:
    await fail(book, ann, LIMIT - 1)
    book.clock = lambda: NOW + WINDOW / 2
    await fail(book, ann, 1)
    assert await seconds_refused(book, ann) == 30


async def test_a_right_password_ends_the_count(
    book: Book, ann: Person, counted: Callable[[], list[int]]
) -> None:
    for _ in range(2):
        await fail(book, ann, LIMIT - 1)
        # One that recalls nothing, as after a restart.
        book.vault = Vault((new_key(),))
        assert await check_password(book, ANN, ann, "right") == ann
        assert counted() == []


async def test_a_right_password_writes_nothing(
    book: Book, ann: Person, counted: Callable[[], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the store was asked")

    monkeypatch.setattr(book.store, "write", refuse)
    assert await check_password(book, ANN, ann, "right") == ann
    monkeypatch.setattr(book.store, "fetch_attempt", refuse)
    assert await check_password(book, ANN, ann, "right") == ann
    assert counted() == []


async def test_an_unknown_name_counts_like_a_known_one(book: Book, ann: Person) -> None:
    await fail(book, None, LIMIT, claim_of("nobody"))
    assert await seconds_refused(book, None, claim_of("nobody")) == 60


async def test_tries_at_once_are_counted_one_by_one(
    book: Book, ann: Person, counted: Callable[[], list[int]]
) -> None:
    tries = (check_password(book, ANN, ann, f"wrong {number}") for number in range(4 * LIMIT))
    told = [type(one) for one in await asyncio.gather(*tries, return_exceptions=True)]
    assert told.count(CredentialUnknown) == LIMIT
    assert told.count(TooManyAttempts) == 3 * LIMIT
    assert counted() == [LIMIT]


async def test_many_names_at_once_are_counted_each(
    book: Book, ann: Person, counted: Callable[[], list[int]]
) -> None:
    tries = (fail(book, None, 2, claim_of(f"name {number}")) for number in range(20))
    await asyncio.gather(*tries)
    assert counted() == [2] * 20


async def test_without_a_limit_nothing_is_counted(
    book: Book, ann: Person, counted: Callable[[], list[int]]
) -> None:
    book.attempts = Attempts(0, WINDOW)
    await fail(book, ann, 2 * LIMIT)
    assert await check_password(book, ANN, ann, "right") == ann
    assert counted() == []


async def test_processes_on_one_book_agree(
    book: Book, ann: Person, shelf: Shelf, tmp_path: Path, counted: Callable[[], list[int]]
) -> None:
    other = await shelf.open(tmp_path)
    set_up(other)
    try:
        await fail(book, ann, 1)
        await fail(other, ann, LIMIT - 1)
        assert await seconds_refused(book, ann) == await seconds_refused(other, ann) == 60
        assert counted() == [LIMIT]
    finally:
        await other.close()


async def test_a_restart_remembers(shelf: Shelf, tmp_path: Path) -> None:
    before = await shelf.open(tmp_path)
    set_up(before)
    person = await create_person(before, await make_organisation(before), "ann", "right", Profile())
    await fail(before, person, LIMIT)
    await before.close()
    after = await shelf.open(tmp_path)
    set_up(after, NOW + WINDOW / 2)
    try:
        assert await seconds_refused(after, person) == 30
    finally:
        await after.close()


async def test_counts_that_are_over_are_deleted(
    book: Book, ann: Person, counted: Callable[[], list[int]]
) -> None:
    await fail(book, ann, 2)
    book.clock = lambda: NOW + WINDOW / 2
    await fail(book, ann, 1, claim_of("bob"))
    book.clock = lambda: NOW + WINDOW
    await forget_ended_attempts(book)
    assert counted() == [1]


async def test_client_secrets_are_counted_too(book: Book, counted: Callable[[], list[int]]) -> None:
    set_up(book)
    made, secret = await create_application(book, await make_organisation(book), "shop", "Shop")
    claim = claim_of(made.client_id or "")
    for _ in range(LIMIT - 1):
        with pytest.raises(CredentialUnknown):
            await check_client(book, claim, "wrong")
    assert await check_client(book, claim, secret) == made
    assert counted() == []
    for _ in range(LIMIT):
        with pytest.raises(CredentialUnknown):
            await check_client(book, claim, "wrong")
    with pytest.raises(TooManyAttempts):
        await check_client(book, claim, secret)


def test_what_is_counted_under_tells_no_name() -> None:
    assert len(ANN.key) == 64
    assert "ann" not in ANN.key
    assert Claim(scheme="a", organisation_id=1, username="b", address="c").key != claim_of("b", "c").key


def test_the_settings_say_the_same_as_the_rule() -> None:
    found = settings.load({})
    said = Attempts(found["login_failures"], timedelta(seconds=found["login_window_seconds"]))
    assert said == Attempts()

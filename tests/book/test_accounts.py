"""Users changed, tokens revoked by their ids: what each ends, and when it is noticed."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta

import pytest

from orderwire.book import management
from orderwire.book.accounts import (
    NewToken,
    PersonChange,
    amend_person,
    create_person,
    issue_token,
    issue_tokens,
    revoke_token_by_id,
)
from orderwire.book.callers import (
    READ,
    SIGN_IN_RIGHTS,
    Application,
    CredentialCache,
    Profile,
    Token,
    TokenPlace,
)
from orderwire.book.credentials import check_password, read_credential
from orderwire.book.errors import AlreadyExists, CredentialUnknown, FieldInvalid, NotAllowed, RecordNotFound
from orderwire.contracts.hostway import auth as hostway
from orderwire.contracts.hostway.wire import CLIENT_ADDRESS
from orderwire.contracts.planocore import auth as planocore
from orderwire.contracts.valomnia import auth as valomnia
from orderwire.vault import digest, hash_password
from tests.factories import claim_of, make_caller, make_organisation, now

NOW = datetime(2024, 3, 1, 12, tzinfo=UTC)


async def make_person(book, name="ann", password=None):
    """A user of `acme`, with the organisation."""
    organisation = await make_organisation(book)
    return organisation, await create_person(book, organisation, name, password, Profile())


async def open_session(book, person):
    """A session of the person: its secret."""
    request = NewToken(scheme="t.session", organisation_id=person.organisation_id, user_id=person.id)
    return (await issue_tokens(book, [request]))[0]


def test_signing_in_gives_no_more_than_the_book_believes():
    given = {*valomnia.SESSION_RIGHTS, *hostway._EVERYBODY}
    for rights in (*planocore.RIGHTS_OF_ROLE.values(), *hostway._BY_ROLE.values()):
        given |= rights
    # Hostway's own: whose address an order is placed for. It opens no order.
    assert given - {CLIENT_ADDRESS} == SIGN_IN_RIGHTS


@pytest.mark.parametrize("change", [PersonChange(disabled=True), PersonChange(password="new")])
async def test_what_ends_the_sessions_is_noticed_at_once_here(book, change):
    book.credentials = CredentialCache(ttl_s=60)
    organisation, person = await make_person(book, password="old")
    _, other = await make_person(book, "bob")
    sessions = [await open_session(book, one) for one in (person, person, other)]
    for secret in sessions:
        await read_credential(book, "t.session", secret)
    await amend_person(book, organisation.id, person.id, change)
    for secret in sessions[:2]:
        with pytest.raises(CredentialUnknown):
            await read_credential(book, "t.session", secret)
    await amend_person(book, organisation.id, person.id, PersonChange(disabled=False))
    with pytest.raises(CredentialUnknown):
        await read_credential(book, "t.session", sessions[0])
    assert (await read_credential(book, "t.session", sessions[2])).person == other


async def test_a_changed_role_is_noticed_at_once_here(book):
    book.credentials = CredentialCache(ttl_s=60)
    organisation, person = await make_person(book)
    secret = await open_session(book, person)
    await read_credential(book, "t.session", secret)
    await amend_person(book, organisation.id, person.id, PersonChange(profile={"roles": ("employee",)}))
    seen = (await read_credential(book, "t.session", secret)).person
    assert seen is not None
    assert seen.profile.roles == ("employee",)


async def test_a_disabled_user_signs_in_no_more_and_a_changed_password_counts(book):
    organisation, person = await make_person(book, password="old")
    changed = await amend_person(book, organisation.id, person.id, PersonChange(password="new"))
    assert await check_password(book, claim_of("ann"), changed, "new") == changed
    with pytest.raises(CredentialUnknown):
        await check_password(book, claim_of("ann"), changed, "old")
    disabled = await amend_person(book, organisation.id, person.id, PersonChange(disabled=True))
    with pytest.raises(CredentialUnknown):
        await check_password(book, claim_of("ann"), disabled, "new")
    with pytest.raises(CredentialUnknown):
        await open_session(book, disabled)
    bare = await amend_person(book, organisation.id, person.id, PersonChange(disabled=False, password=None))
    with pytest.raises(CredentialUnknown):
        await check_password(book, claim_of("ann"), bare, "new")


async def test_a_log_in_that_is_overtaken_by_disabling_opens_nothing(book):
    organisation, person = await make_person(book, password="old")
    found = await check_password(book, claim_of("ann"), person, "old")
    await amend_person(book, organisation.id, person.id, PersonChange(disabled=True))
    with pytest.raises(CredentialUnknown):
        await open_session(book, found)
    await amend_person(book, organisation.id, person.id, PersonChange(disabled=False))
    assert await book.store.list_tokens(organisation.id, TokenPlace(), 10) == []


async def test_passwords_are_hashed_on_the_threads_for_that(book, monkeypatch):
    seen = set()

    def hash_seen(password):
        seen.add(threading.current_thread().name.rpartition("_")[0])
        return hash_password(password)

    monkeypatch.setattr("orderwire.book.accounts.hash_password", hash_seen)
    organisation, person = await make_person(book, password="one")
    await amend_person(book, organisation.id, person.id, PersonChange(password="two"))
    assert seen == {"orderwire-hasher"}


@pytest.mark.parametrize("password", ["", "x" * 1_025, "a\0", "\ud800"])
async def test_passwords_that_cannot_be_kept(book, password):
    organisation, person = await make_person(book, password="old")
    with pytest.raises(FieldInvalid):
        await amend_person(book, organisation.id, person.id, PersonChange(password=password))
    with pytest.raises(FieldInvalid):
        await create_person(book, organisation, "bob", password, Profile())
    assert await check_password(book, claim_of("ann"), person, "old") == person


async def test_changes_say_nothing_of_secrets():
    assert "hunter2" not in repr(PersonChange(password="hunter2"))


async def test_nothing_of_a_change_that_is_refused_is_kept(book):
    organisation, person = await make_person(book, password="old")
    secret = await open_session(book, person)
    with pytest.raises(FieldInvalid):
        await amend_person(
            book, organisation.id, person.id, PersonChange(disabled=True, profile={"email": "\0"})
        )
    assert (await read_credential(book, "t.session", secret)).person == person


async def test_users_of_others_are_not_found(book):
    _, person = await make_person(book)
    other = await make_organisation(book, "other")
    for organisation_id, user_id in ((other.id, person.id), (person.organisation_id, 999)):
        with pytest.raises(RecordNotFound):
            await amend_person(book, organisation_id, user_id, PersonChange(disabled=True))
    assert await book.store.fetch_person(person.organisation_id, person.id) == person


async def test_a_token_is_revoked_by_its_id_and_at_once(book):
    book.credentials = CredentialCache(ttl_s=60)
    organisation, person = await make_person(book)
    request = NewToken(scheme="t.session", organisation_id=organisation.id, user_id=person.id, label="x")
    token, secret = await issue_token(book, request)
    await read_credential(book, "t.session", secret)
    assert token.id == digest(secret).hex()[:16]
    assert (token.label, token.revoked_at) == ("x", None)
    other = await make_organisation(book, "other")
    for organisation_id, token_id in (
        (other.id, token.id),
        (organisation.id, token.id[:15]),
        (organisation.id, "%"),
    ):
        with pytest.raises(RecordNotFound):
            await revoke_token_by_id(book, organisation_id, token_id)
    await revoke_token_by_id(book, organisation.id, token.id)
    with pytest.raises(CredentialUnknown):
        await read_credential(book, "t.session", secret)
    (first,) = await book.store.list_tokens(organisation.id, TokenPlace(), 10)
    await revoke_token_by_id(book, organisation.id, token.id)
    assert list(await book.store.list_tokens(organisation.id, TokenPlace(), 10)) == [first]
    assert first.revoked_at is not None


async def test_an_id_that_two_tokens_share_chooses_neither(book):
    organisation, _ = await make_person(book)
    start = digest("x")[:8]

    def token(end, organisation_id=organisation.id):
        return Token(
            digest=start + bytes([end]) * 24,
            scheme="t.session",
            organisation_id=organisation_id,
            issued_at=NOW,
            last_used_at=NOW,
        )

    other = await make_organisation(book, "other")

    async def work(tx):
        for one in (token(0), token(255), token(1, other.id)):
            await tx.insert_token(one)

    await book.store.write(work)
    with pytest.raises(FieldInvalid):
        await revoke_token_by_id(book, organisation.id, start.hex())
    await revoke_token_by_id(book, other.id, start.hex())
    revoked = [one.revoked_at is not None for one in await book.store.list_tokens(other.id, TokenPlace(), 9)]
    kept = [one.revoked_at is None for one in await book.store.list_tokens(organisation.id, TokenPlace(), 9)]
    assert (revoked, kept) == ([True], [True, True])


@pytest.mark.parametrize(
    "terms",
    [{"lifetime_s": -1}, {"lifetime_s": 315_360_001}, {"label": ""}, {"label": "x" * 256}, {"label": "\0"}],
)
async def test_tokens_that_cannot_be_issued(book, terms):
    organisation, _ = await make_person(book)
    with pytest.raises(FieldInvalid):
        await issue_token(book, NewToken(scheme="t.session", organisation_id=organisation.id, **terms))


async def test_a_token_that_ended_is_listed_until_it_is_forgotten(book):
    times = [NOW]
    book.clock = lambda: times[0]
    organisation, _ = await make_person(book)
    await issue_token(book, NewToken(scheme="t.session", organisation_id=organisation.id, lifetime_s=60))
    times[0] = NOW + timedelta(days=30)
    (token,) = await book.store.list_tokens(organisation.id, TokenPlace(), 10)
    assert token.expires_at == NOW + timedelta(seconds=60)


async def test_a_caller_of_one_organisation_issues_for_no_other(book):
    organisation, person = await make_person(book)
    other = await make_organisation(book, "other")
    request = NewToken(
        scheme="t.session", organisation_id=other.id, user_id=person.id, rights=frozenset({READ})
    )
    token, secret = await management.issue_token(book, make_caller(organisation), request)
    assert (await read_credential(book, "t.session", secret)).organisation == organisation
    with pytest.raises(FieldInvalid):
        await management.issue_token(book, make_caller(other), request)
    with pytest.raises(NotAllowed) as refused:
        await management.issue_token(book, make_caller(organisation, frozenset({"accounts.manage"})), request)
    assert refused.value.right == READ
    assert token.rights == (READ,)


async def test_of_many_applications_with_one_client_id_one_is_made(book):
    organisation = await make_organisation(book)
    made = [
        Application(
            id=number,
            organisation_id=organisation.id,
            slug=f"app-{number}",
            name="App",
            client_id="client-1",
            secret_digest=None,
        )
        for number in range(1, 33)
    ]
    outcomes = await asyncio.gather(
        *(book.store.write(lambda tx, one=one: tx.insert_application(one, now())) for one in made),
        return_exceptions=True,
    )
    refused = [one for one in outcomes if isinstance(one, BaseException)]
    assert len(refused) == 31
    assert all(isinstance(one, AlreadyExists) for one in refused), refused

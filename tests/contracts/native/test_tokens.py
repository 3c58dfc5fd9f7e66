"""Tokens: issued with chosen rights, listed without what lets in, taken out of use."""

from __future__ import annotations

import re
import typing

import pytest

from orderwire.book.accounts import NewToken, create_person, issue_tokens
from orderwire.book.callers import (
    READ,
    RIGHTS,
    CredentialCache,
    Profile,
)
from orderwire.contracts.native.wire_accounts import Right
from tests.contracts.native.account_calls import make_application, walk

TOKEN_ID = re.compile(r"[0-9a-f]{16}")


def test_the_rights_of_the_wire_are_those_of_the_book():
    assert set(typing.get_args(Right)) == RIGHTS


async def test_a_token_is_issued_listed_and_revoked(native):
    native.book.credentials = CredentialCache(ttl_s=60)
    shop = await make_application(native)
    asked = {"rights": [READ, READ], "application_id": shop["id"], "label": "till 3", "lifetime_s": 60}
    issued = await native.ask("POST", "/v1/tokens", asked)
    assert (issued.status, issued.header("cache-control")) == (201, "no-store")
    shown = issued.json()
    secret = shown.pop("token")
    assert TOKEN_ID.fullmatch(shown["id"])
    assert (shown["scheme"], shown["label"], shown["rights"]) == ("native.token", "till 3", [READ])
    assert (shown["application_id"], shown["user_id"], shown["revoked_at"]) == (shop["id"], None, None)
    assert shown["expires_at"] > shown["issued_at"]
    assert (await native.ask("GET", "/v1/parties", token=secret)).status == 200
    listed = await native.ask("GET", f"/v1/tokens?application_id={shop['id']}")
    assert listed.json() == {"tokens": [shown]}
    assert secret.encode() not in listed.body
    path = f"/v1/tokens/{shown['id']}"
    assert (await native.ask("DELETE", path)).status == 204
    assert (await native.ask("GET", "/v1/parties", token=secret)).status == 401
    (ended,), _ = await walk(native, f"/v1/tokens?application_id={shop['id']}", "tokens")
    assert ended["revoked_at"] is not None
    assert (await native.ask("DELETE", path)).status == 204
    assert (await walk(native, f"/v1/tokens?application_id={shop['id']}", "tokens"))[0] == [ended]


async def test_a_token_without_a_lifetime_has_no_end(native):
    shop = await make_application(native)
    shown = (await native.ask("POST", "/v1/tokens", {"rights": [], "application_id": shop["id"]})).json()
    assert (shown["expires_at"], shown["idle_limit_s"], shown["label"]) == (None, None, None)


async def test_tokens_of_every_contract_are_listed_and_revoked(native):
    person = await create_person(native.book, native.organisation, "ann", None, Profile())
    terms = {"organisation_id": native.organisation.id, "user_id": person.id}
    for scheme in ("valomnia.session", "planocore.session", "planocore.session"):
        await issue_tokens(native.book, [NewToken(scheme=scheme, **terms)])
    for number in range(5):
        secret = f"owner {number}"
        stranger = NewToken(scheme="hostway.owner", organisation_id=native.organisation.id, secret=secret)
        await issue_tokens(native.book, [stranger])
    everything, pages = await walk(native, "/v1/tokens?limit=2", "tokens")
    assert (len(everything), pages) == (9, 5)
    assert [one["scheme"] for one in everything] == sorted(one["scheme"] for one in everything)
    assert len({one["id"] for one in everything}) == 9
    for query, count in (
        ("scheme=hostway.owner", 5),
        ("scheme=planocore.session", 2),
        (f"user_id={person.id}", 3),
        ("user_id=999", 0),
        ("application_id=1", 0),
    ):
        for limit in (1, 100):
            found, _ = await walk(native, f"/v1/tokens?{query}&limit={limit}", "tokens")
            assert len({one["id"] for one in found}) == len(found) == count
    session = next(one for one in everything if one["scheme"] == "valomnia.session")
    assert (await native.ask("DELETE", f"/v1/tokens/{session['id']}")).status == 204
    both = await native.ask("GET", f"/v1/tokens?scheme=x&user_id={person.id}")
    assert (both.status, both.json()["field"]) == (422, "query")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "rights"),
        ({"rights": [READ]}, "application_id"),
        ({"rights": ["everything"], "application_id": 1}, "rights[0]"),
        ({"rights": [READ] * 17, "application_id": 1}, "rights"),
        ({"rights": READ, "application_id": 1}, "rights"),
        ({"rights": [], "application_id": 999}, "application_id"),
        ({"rights": [], "application_id": 2**53}, "application_id"),
        ({"rights": [], "user_id": 999}, "user_id"),
        ({"rights": [], "user_id": 0}, "user_id"),
        ({"rights": [], "user_id": "1"}, "user_id"),
        ({"rights": [], "user_id": True}, "user_id"),
        ({"rights": [], "application_id": 1, "lifetime_s": 0}, "lifetime_s"),
        ({"rights": [], "application_id": 1, "lifetime_s": 10**12}, "lifetime_s"),
        ({"rights": [], "application_id": 1, "label": ""}, "label"),
        ({"rights": [], "application_id": 1, "label": "x" * 256}, "label"),
        ({"rights": [], "application_id": 1, "scheme": "plum.access"}, "scheme"),
        ({"rights": [], "application_id": 1, "secret": "mine"}, "secret"),
        ({"rights": [], "application_id": 1, "organisation_id": 2}, "organisation_id"),
    ],
)
async def test_tokens_that_cannot_be_issued(native, body, field):
    before, _ = await walk(native, "/v1/tokens", "tokens")
    answer = await native.ask("POST", "/v1/tokens", body)
    assert (answer.status, answer.json()["field"]) == (422, field)
    assert (await walk(native, "/v1/tokens", "tokens"))[0] == before


async def test_a_label_may_not_hold_what_cannot_be_kept(native):
    shop = await make_application(native)
    body = {"rights": [], "application_id": shop["id"], "label": "\0"}
    answer = await native.ask("POST", "/v1/tokens", body)
    assert (answer.status, answer.json()["field"]) == (422, "label")


@pytest.mark.parametrize("token_id", ["0" * 16, "x", "0" * 15, "0" * 64, "%25", "A" * 16, "_" * 16])
async def test_tokens_that_are_not_there(native, token_id):
    answer = await native.ask("DELETE", f"/v1/tokens/{token_id}")
    assert (answer.status, answer.json()["code"]) == (404, "token_not_found")


@pytest.mark.parametrize("query", ["user_id=x", "user_id=0", "application_id=" + "9" * 20, "user_id="])
async def test_holders_that_are_none(native, query):
    answer = await native.ask("GET", f"/v1/tokens?{query}")
    assert (answer.status, answer.json()["field"]) == (422, query.partition("=")[0])

"""Users, applications and tokens, without the database shell; nobody hands out more than they have."""

from __future__ import annotations

import asyncio

import pytest

from orderwire.book.callers import (
    MANAGE,
    ORDER_RIGHTS,
    READ,
    RIGHTS,
    SIGN_IN_RIGHTS,
    CredentialCache,
)
from tests.contracts.native.account_calls import make_application, make_user, walk
from tests.factories import make_organisation


async def test_a_user_is_made_and_read(native):
    path, made = await make_user(
        native, first_name="Ann", email="ann@example.com", roles=["employee"], password="correct horse"
    )
    assert made == {
        "id": made["id"],
        "username": "ann",
        "disabled": False,
        "has_password": True,
        "first_name": "Ann",
        "last_name": "",
        "email": "ann@example.com",
        "phone": "",
        "reference": None,
        "roles": ["employee"],
    }
    assert path == f"/v1/users/{made['id']}"
    read = await native.ask("GET", path)
    assert read.json() == made
    assert b"correct" not in read.body
    assert b"argon2" not in read.body
    assert (await native.ask("GET", "/v1/users?username=ann")).json() == {"users": [made]}
    assert (await native.ask("GET", "/v1/users?username=bob")).json() == {"users": []}
    again = await native.ask("POST", "/v1/users", {"username": "ann"})
    assert (again.status, again.json()["code"]) == (409, "already_exists")


async def test_a_user_is_changed_field_by_field(native):
    path, made = await make_user(native, first_name="Ann", email="a@example.com", roles=["client"])
    patch = {"email": "b@example.com", "first_name": None, "roles": None, "reference": "E-1"}
    changed = await native.ask("PATCH", path, patch, headers={"content-type": "application/merge-patch+json"})
    assert changed.json() == {
        **made,
        "email": "b@example.com",
        "first_name": "",
        "roles": [],
        "reference": "E-1",
    }
    assert (await native.ask("PATCH", path, {})).json() == changed.json()
    assert (await native.ask("GET", path)).json() == changed.json()


async def test_two_managers_change_one_user(native):
    path, _ = await make_user(native)
    answers = await asyncio.gather(
        native.ask("PATCH", path, {"email": "a@example.com"}),
        native.ask("PATCH", path, {"phone": "1"}),
        native.ask("PATCH", path, {"disabled": True}),
    )
    assert [answer.status for answer in answers] == [200, 200, 200]
    user = (await native.ask("GET", path)).json()
    assert (user["email"], user["phone"], user["disabled"]) == ("a@example.com", "1", True)


async def test_disabling_ends_every_token_and_enabling_revives_none(native):
    native.book.credentials = CredentialCache(ttl_s=60)
    path, made = await make_user(native)
    issued = await native.ask("POST", "/v1/tokens", {"rights": [READ], "user_id": made["id"]})
    token = issued.json()["token"]
    assert (await native.ask("GET", "/v1/parties", token=token)).status == 200
    assert (await native.ask("PATCH", path, {"disabled": True})).json()["disabled"] is True
    for disabled in (True, False):
        assert (await native.ask("PATCH", path, {"disabled": disabled})).status == 200
        assert (await native.ask("GET", "/v1/parties", token=token)).status == 401
    (shown,), _ = await walk(native, f"/v1/tokens?user_id={made['id']}", "tokens")
    assert shown["revoked_at"] is not None
    await native.ask("PATCH", path, {"disabled": True})
    refused = await native.ask("POST", "/v1/tokens", {"rights": [READ], "user_id": made["id"]})
    assert (refused.status, refused.json()["field"]) == (422, "user_id")


async def test_a_new_password_ends_what_the_old_one_opened(native):
    path, made = await make_user(native, password="old password")
    other = (await native.ask("POST", "/v1/tokens", {"rights": [], "user_id": made["id"]})).json()["token"]
    own = await native.ask("POST", "/v1/tokens", {"rights": sorted(RIGHTS), "user_id": made["id"]})
    token = own.json()["token"]
    before = await native.book.store.fetch_person(native.organisation.id, made["id"])
    answer = await native.ask("PATCH", path, {"password": "new password"}, token=token)
    assert (answer.status, answer.json()["has_password"]) == (200, True)
    after = await native.book.store.fetch_person(native.organisation.id, made["id"])
    assert native.book.vault.verify("new password", after.password_hash)
    assert not native.book.vault.verify("old password", after.password_hash)
    assert before.password_hash != after.password_hash
    assert (await native.ask("GET", path, token=other)).status == 401
    assert (await native.ask("GET", path, token=token)).status == 200
    bare = await native.ask("PATCH", path, {"password": None}, token=token)
    assert (bare.status, bare.json()["has_password"]) == (200, False)
    myself = await native.ask("PATCH", path, {"disabled": True}, token=token)
    assert (myself.status, myself.json()["field"]) == (422, "disabled")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "username"),
        ({"username": ""}, "username"),
        ({"username": "a:b"}, "username"),
        ({"username": "a\n"}, "username"),
        ({"username": "x" * 256}, "username"),
        ({"username": 1}, "username"),
        ({"username": "a", "password": ""}, "password"),
        ({"username": "a", "password": "x" * 1_025}, "password"),
        ({"username": "a", "password": "x\0"}, "password"),
        ({"username": "a", "password": 1}, "password"),
        ({"username": "a", "roles": ["x"] * 17}, "roles"),
        ({"username": "a", "roles": "employee"}, "roles"),
        ({"username": "a", "first_name": "x" * 1_001}, "first_name"),
        ({"username": "a", "first_name": "\0"}, "first_name"),
        ({"username": "a", "disabled": True}, "disabled"),
        ({"username": "a", "id": 1}, "id"),
        ({"username": "a", "password_hash": "x"}, "password_hash"),
        ([], "body"),
    ],
)
async def test_users_that_cannot_be_made(native, body, field):
    answer = await native.ask("POST", "/v1/users", body)
    assert (answer.status, answer.json()["field"]) == (422, field)
    assert (await walk(native, "/v1/users", "users"))[0] == []


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"username": "bob"}, "username"),
        ({"disabled": None}, "disabled"),
        ({"disabled": "yes"}, "disabled"),
        ({"password": ""}, "password"),
        ({"email": 1}, "email"),
        ({"email": "\0"}, "email"),
        ({"organisation_id": 2}, "organisation_id"),
        (None, "body"),
    ],
)
async def test_changes_of_users_that_cannot_be_made(native, patch, field):
    path, made = await make_user(native)
    answer = await native.ask("PATCH", path, b"null" if patch is None else patch)
    assert (answer.status, answer.json()["field"]) == (422, field)
    assert (await native.ask("GET", path)).json() == made


async def test_an_application_shows_its_secret_once(native):
    made = await native.ask("POST", "/v1/applications", {"slug": "shop", "name": "Shop", "client_id": "c-1"})
    assert (made.status, made.header("cache-control")) == (201, "no-store")
    shown = made.json()
    secret = shown.pop("client_secret")
    assert len(secret) > 40
    assert shown == {"id": shown["id"], "slug": "shop", "name": "Shop", "client_id": "c-1"}
    read = await native.ask("GET", made.header("location"))
    assert read.json() == shown
    listed = await native.ask("GET", "/v1/applications")
    assert listed.json() == {"applications": [shown]}
    assert secret.encode() not in read.body + listed.body
    for taken in ({"slug": "shop"}, {"slug": "other", "client_id": "c-1"}):
        assert (await native.ask("POST", "/v1/applications", taken)).status == 409
    bare = (await native.ask("POST", "/v1/applications", {"slug": "bare"})).json()
    assert bare["name"] == "bare"
    assert len(bare["client_id"]) == 22


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "slug"),
        ({"slug": ""}, "slug"),
        ({"slug": "a b"}, "slug"),
        ({"slug": "x" * 65}, "slug"),
        ({"slug": "a", "name": "x" * 256}, "name"),
        ({"slug": "a", "name": "\0"}, "name"),
        ({"slug": "a", "client_id": ""}, "client_id"),
        ({"slug": "a", "client_id": "a\0"}, "client_id"),
        ({"slug": "a", "client_secret": "x"}, "client_secret"),
    ],
)
async def test_applications_that_cannot_be_made(native, body, field):
    answer = await native.ask("POST", "/v1/applications", body)
    assert (answer.status, answer.json()["field"]) == (422, field)


async def test_everything_about_accounts_asks_for_the_right_to_manage_them(native):
    path, _ = await make_user(native)
    shop = await make_application(native)
    issued = (await native.ask("POST", "/v1/tokens", {"rights": [], "application_id": shop["id"]})).json()
    asked = [
        ("GET", "/v1/users", None),
        ("GET", "/v1/users?username=ann", None),
        ("POST", "/v1/users", {"username": "bob"}),
        ("GET", path, None),
        ("PATCH", path, {"email": "x"}),
        ("GET", "/v1/applications", None),
        ("POST", "/v1/applications", {"slug": "x"}),
        ("GET", f"/v1/applications/{shop['id']}", None),
        ("GET", "/v1/tokens", None),
        ("POST", "/v1/tokens", {"rights": [], "application_id": shop["id"]}),
        ("DELETE", f"/v1/tokens/{issued['id']}", None),
    ]
    clerk = await native.token_with(*ORDER_RIGHTS)
    for method, target, body in asked:
        answer = await native.ask(method, target, body, token=clerk)
        assert (answer.status, answer.json()["code"]) == (403, "not_allowed"), (method, target)
        assert 'scope="accounts.manage"' in answer.header("www-authenticate")
    for method, target, body in asked:
        assert (await native.ask(method, target, body)).status < 300, (method, target)


async def test_nobody_hands_out_what_they_do_not_have(native):
    shop = await make_application(native)
    path, user = await make_user(native)
    manager = await native.token_with(MANAGE)
    for right in RIGHTS:
        body = {"rights": [MANAGE, right], "application_id": shop["id"]}
        answer = await native.ask("POST", "/v1/tokens", body, token=manager)
        assert answer.status == (201 if right == MANAGE else 403), right
    in_whose_name = await native.ask(
        "POST", "/v1/tokens", {"rights": [], "user_id": user["id"]}, token=manager
    )
    assert (in_whose_name.status, in_whose_name.json()["code"]) == (403, "not_allowed")
    for method, target, body in (
        ("POST", "/v1/users", {"username": "eve", "password": "x"}),
        ("POST", "/v1/users", {"username": "eve", "roles": ["employee"]}),
        ("PATCH", path, {"password": "x"}),
        ("PATCH", path, {"roles": ["staff"]}),
        ("PATCH", path, {"disabled": False}),
    ):
        answer = await native.ask(method, target, body, token=manager)
        assert (answer.status, answer.json()["code"]) == (403, "not_allowed"), body
    for body in ({"email": "x"}, {"roles": []}, {"password": None}, {"disabled": True}):
        assert (await native.ask("PATCH", path, body, token=manager)).status == 200
    officer = await native.token_with(MANAGE, *SIGN_IN_RIGHTS)
    body = {"password": "x", "roles": ["staff"], "disabled": False}
    assert (await native.ask("PATCH", path, body, token=officer)).status == 200
    own = await native.ask("POST", "/v1/tokens", {"rights": [MANAGE], "user_id": user["id"]}, token=officer)
    assert own.status == 201
    again = {"rights": [MANAGE], "user_id": user["id"]}
    assert (await native.ask("POST", "/v1/tokens", again, token=own.json()["token"])).status == 201


async def test_another_organisations_accounts_are_not_there(native):
    path, user = await make_user(native, email="secret@example.com")
    shop = await make_application(native)
    issued = (await native.ask("POST", "/v1/tokens", {"rights": [], "application_id": shop["id"]})).json()
    other = await make_organisation(native.book, "other")
    stranger = await native.token_with(*RIGHTS, organisation=other)
    for method, target, body, code in (
        ("GET", path, None, "user_not_found"),
        ("PATCH", path, {"email": "x"}, "user_not_found"),
        ("PATCH", path, {"disabled": True}, "user_not_found"),
        ("GET", f"/v1/applications/{shop['id']}", None, "application_not_found"),
        ("DELETE", f"/v1/tokens/{issued['id']}", None, "token_not_found"),
    ):
        answer = await native.ask(method, target, body, token=stranger)
        assert (answer.status, answer.json()["code"]) == (404, code)
    for holder in ({"user_id": user["id"]}, {"application_id": shop["id"]}):
        answer = await native.ask("POST", "/v1/tokens", {"rights": [], **holder}, token=stranger)
        assert (answer.status, answer.json()["code"]) == (422, "field_invalid")
    for target, key in (("users", "users"), ("applications", "applications")):
        assert (await native.ask("GET", f"/v1/{target}", token=stranger)).json() == {key: []}
    tokens = (await native.ask("GET", "/v1/tokens", token=stranger)).json()["tokens"]
    assert len(tokens) == 1
    theirs = await native.ask("GET", f"/v1/tokens?user_id={user['id']}", token=stranger)
    assert theirs.json() == {"tokens": []}
    assert (await native.ask("GET", path)).json() == user
    assert (await native.ask("GET", "/v1/parties", token=issued["token"])).status == 403


async def test_lists_of_accounts_go_on_where_they_ended(native):
    names = ["ann", "Bob", "cyd", "Ärger", "x.y", "z@example.com", "名前"]
    for name in names:
        await make_user(native, name)
        await make_application(native, f"app-{names.index(name)}")
    users, pages = await walk(native, "/v1/users?limit=2", "users")
    assert (sorted(one["username"] for one in users), pages) == (sorted(names), 4)
    applications, pages = await walk(native, "/v1/applications?limit=3", "applications")
    assert ([one["slug"] for one in applications], pages) == ([f"app-{n}" for n in range(7)], 3)


@pytest.mark.parametrize("path", ["/v1/users", "/v1/applications", "/v1/tokens"])
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("after=%21", "after"),
        ("after=WzFd", "after"),
        ("after=WyIiLCIiLCIiXQ", "after"),
        ("after=", "after"),
        ("offset=1", "offset"),
    ],
)
async def test_parameters_of_lists_that_cannot_be_taken(native, path, query, field):
    answer = await native.ask("GET", f"{path}?{query}")
    assert (answer.status, answer.json()["field"]) == (422, field)


async def test_what_is_no_list_takes_no_parameters(native):
    path, _ = await make_user(native)
    for method, target, body in (
        ("GET", path, None),
        ("PATCH", path, {"disabled": True}),
        ("POST", "/v1/users", {"username": "bob"}),
        ("GET", "/v1/applications/1", None),
        ("POST", "/v1/applications", {"slug": "x"}),
        ("POST", "/v1/tokens", {"rights": []}),
        ("DELETE", f"/v1/tokens/{'0' * 16}", None),
        ("POST", "/v1/parties", {"role": "customer", "party": {}}),
        ("GET", "/v1/parties/1", None),
        ("PATCH", "/v1/parties/1", {"party": {}}),
        ("DELETE", "/v1/parties/1", None),
    ):
        answer = await native.ask(method, f"{target}?dry_run=1", body)
        assert (answer.status, answer.json()["field"]) == (422, "dry_run"), (method, target)
    assert (await native.ask("GET", path)).json()["disabled"] is False
    assert len((await native.ask("GET", "/v1/users")).json()["users"]) == 1


async def test_what_makes_a_secret_is_never_answered_twice(native):
    shop = await make_application(native)
    user, _ = await make_user(native)
    for method, path, body in (
        ("POST", "/v1/users", {"username": "bob"}),
        ("PATCH", user, {"password": "x"}),
        ("POST", "/v1/applications", {"slug": "x"}),
        ("POST", "/v1/tokens", {"rights": [], "application_id": shop["id"]}),
    ):
        answer = await native.ask(method, path, body, headers={"idempotency-key": "k"})
        assert (answer.status, answer.json()["field"]) == (422, "Idempotency-Key")

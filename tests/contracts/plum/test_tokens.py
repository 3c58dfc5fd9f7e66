"""Access and refresh tokens: their shape, their time, and how one follows another."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from datetime import timedelta

import pytest

from orderwire.book.accounts import create_application
from orderwire.book.errors import FieldInvalid
from orderwire.contracts.plum import contract
from orderwire.contracts.plum.auth import PAIR
from tests.factories import make_organisation, now
from tests.inprocess import app_over, call

from .conftest import JSON, make_application, make_client, reward

DAY = timedelta(days=1)


async def test_a_token_tells_what_the_document_shows(book, client):
    content = json.loads(base64.b64decode(client.access_token, validate=True))
    assert list(content) == ["tokenContent", "a_t"]
    told = content["tokenContent"]
    assert list(told) == ["issuedFor", "scope", "issuedAt", "expiresAt", "token_type"]
    assert (told["issuedFor"], told["scope"], told["token_type"]) == ("Fresh Works", "", "USER")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", told["expiresAt"])
    assert len(content["a_t"]) >= 64
    assert re.fullmatch(r"[0-9a-f]{40}", client.refresh_token)


async def test_no_token_needs_padding(book, organisation):
    for number in range(6):
        application = await make_application(book, organisation, "x" * (number + 1))
        made = (await make_client(book, application)).access_token
        assert "=" not in made
        assert len(made) % 4 == 0


async def test_a_token_has_room_for_the_longest_name(book, organisation):
    with pytest.raises(FieldInvalid):
        await create_application(book, organisation, "long", "\x01" * 256)
    # Each of these takes six characters of JSON.
    application, _ = await create_application(book, organisation, "long", "\x01" * 255)
    assert (await (await make_client(book, application)).validate()).status == 200


async def test_access_lives_for_fifteen_days(book, client, place):
    await place(reward())
    start = book.clock()
    for after, status in ((15 * DAY - timedelta(minutes=1), 200), (15 * DAY + timedelta(minutes=1), 401)):
        book.clock = lambda at=start + after: at
        assert (await client.ask(orderId=1316578)).status == status
        assert (await client.validate()).status == status


async def test_validation_tells_the_seconds_left(book, client):
    at = book.clock() + 14 * DAY
    book.clock = lambda: at
    told = (await client.validate()).json()
    assert list(told) == ["access_token", "token_type", "expires_in"]
    assert (told["access_token"], told["token_type"]) == (client.access_token, "bearer")
    assert 86_390 < told["expires_in"] <= 86_400


@pytest.mark.parametrize(
    ("header", "status", "error"),
    [
        (None, 400, "invalid_request"),
        ("", 400, "invalid_request"),
        ("Bearer", 400, "invalid_request"),
        ("Bearer ", 400, "invalid_request"),
        ("Basic YTpi", 400, "invalid_request"),
        ("Bearer a b", 400, "invalid_request"),
        ("Bearer nonsense", 401, "invalid_token"),
        ("Bearer " + "x" * 5_000, 401, "invalid_token"),
    ],
)
async def test_headers_that_are_no_token(client, header, status, error):
    shown = {"Authorization": header} if header is not None else {}
    answer = await call(client.app, "GET", "/chef/v1/oauth/token", shown)
    assert (answer.status, answer.json()["error"]) == (status, error)
    assert list(answer.json()) == ["error", "error_description"]
    remote = await call(client.app, "POST", "/chef/v1/oauth/api", {**JSON, **shown}, "{}")
    assert (remote.status, remote.json()["errorId"]) == (401, "PIPE10013")


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "bEaReR"])
async def test_the_scheme_is_read_in_any_case(client, scheme):
    shown = {"Authorization": f"{scheme} {client.access_token}"}
    assert (await call(client.app, "GET", "/chef/v1/oauth/token", shown)).status == 200


async def test_a_refresh_token_is_no_access_token(client):
    client.access_token = client.refresh_token
    assert (await client.validate()).status == 401
    assert (await client.ask(orderId=1)).status == 401


async def test_a_refresh_gives_a_new_pair_and_ends_the_old_refresh_token(book, client, place):
    await place(reward())
    before = int(book.clock().timestamp() * 1000)
    answer = await client.refresh()
    assert answer.status == 200
    told = answer.json()
    assert list(told) == [
        "access_token",
        "token_type",
        "expires_in",
        "refresh_token",
        "access_token_expiry",
        "refresh_token_expiry",
    ]
    assert (told["token_type"], told["expires_in"]) == ("bearer", 1_296_000)
    assert 0 <= int(told["access_token_expiry"]) - before - 1_296_000_000 < 60_000
    assert int(told["refresh_token_expiry"]) - int(told["access_token_expiry"]) == 1_296_000_000
    assert told["access_token"] != client.access_token
    assert told["refresh_token"] != client.refresh_token
    # The old refresh token is spent, the old access token lives on.
    assert (await client.refresh()).status == 401
    assert (await client.ask(orderId=1316578)).status == 200
    client.access_token, client.refresh_token = told["access_token"], told["refresh_token"]
    assert (await client.ask(orderId=1316578)).status == 200
    assert (await client.refresh()).status == 200


async def test_of_many_refreshes_at_once_one_succeeds(client):
    answers = await asyncio.gather(*(client.refresh() for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [200, *[401] * 7]


async def test_a_refresh_token_lives_for_thirty_days(book, client):
    start = book.clock()
    book.clock = lambda at=start + 30 * DAY + timedelta(minutes=1): at
    assert (await client.refresh()).status == 401
    book.clock = lambda at=start + 30 * DAY - timedelta(minutes=1): at
    assert (await client.refresh()).status == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"client_secret": "wrong"},
        {"client_id": "nobody"},
        {"refresh_token": "0" * 40},
        {"client_id": "rival"},
    ],
)
async def test_a_refresh_token_is_good_for_its_own_client_only(book, organisation, client, fields):
    await make_application(book, organisation, "rival")
    answer = await client.refresh(**fields)
    assert answer.status == 401
    assert answer.json() == {"error": "invalid_token", "error_description": "invalid/expired token"}
    assert (await client.refresh()).status == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"grant_type": None},
        {"refresh_token": None},
        {"client_id": None},
        {"client_secret": None},
        {"grant_type": "password"},
        {"refresh_token": ""},
        {"refresh_token": 5},
        {"client_id": ["a"]},
        {"client_id": "a\0"},
        {"client_secret": "x" * 4_097},
    ],
    ids=lambda fields: str(fields)[:50],
)
async def test_parameters_of_a_refresh(client, fields):
    answer = await client.refresh(**fields)
    assert answer.status == 400
    assert answer.json() == {
        "error": "invalid_request",
        "error_description": "missing/invalid parameters authorization header",
    }


@pytest.mark.parametrize("body", ["", "[]", "{", '{"a":1,"a":2}', '"x"', b"\xff", '{"client_id":"\\ud800"}'])
async def test_bodies_of_a_refresh(client, body):
    answer = await call(client.app, "POST", "/chef/v1/oauth/token/user", JSON, body)
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request")


async def test_a_refresh_is_json(client):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await call(client.app, "POST", "/chef/v1/oauth/token/user", form, "grant_type=refresh_token")
    assert (answer.status, answer.json()["error"]) == (415, "invalid_request")


async def test_a_bound_host_takes_its_own_tokens_only(book, client):
    await make_organisation(book, "other")
    there = app_over(book, contract, organisation="other")
    here = app_over(book, contract, organisation="acme")
    for app, status in ((there, 401), (here, 200)):
        client.app = app
        assert (await client.validate()).status == status
        assert (await client.refresh()).status == status


async def test_the_first_pair_comes_from_the_command_line(organisation, application):
    made = PAIR.make(organisation, None, application)
    assert list(made) == ["access_token", "refresh_token"]
    assert made["access_token"].rights == {"orders.read", "vouchers.read"}
    assert made["refresh_token"].rights == frozenset()
    assert (made["access_token"].lifetime_s, made["refresh_token"].lifetime_s) == (1_296_000, 2_592_000)
    issued_at = made["access_token"].issued_at
    assert issued_at is not None
    assert abs(now() - issued_at) < timedelta(minutes=1)


async def test_after_too_many_wrong_secrets_the_right_one_is_refused(book, client):
    for _ in range(book.attempts.limit):
        assert (await client.refresh(client_secret="wrong")).status == 401
    answer = await client.refresh()
    (told,) = answer.json()["errors"]
    assert (answer.status, told["message"]) == (429, "auth.request_limit_exceeded")
    assert answer.header("retry-after") == str(told["penaltySeconds"])
    assert (await client.validate()).status == 200
    then = book.clock() + book.attempts.window
    book.clock = lambda: then
    assert (await client.refresh()).status == 200

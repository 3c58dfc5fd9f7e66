"""Logging in, and what a session is good for."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest

from orderwire.book.accounts import create_person
from orderwire.book.callers import Profile
from orderwire.book.operations import NewOrder
from orderwire.contracts.valomnia import contract
from tests.factories import make_organisation, now
from tests.inprocess import app_over, call

from .conftest import FORM, PASSWORD, USERNAME, Client

LOGIN = "/j_spring_security_check"


async def test_each_login_opens_a_session_of_its_own(client):
    first = client.session
    answer = await client.login()
    assert answer.status == 302
    assert answer.body == b""
    assert answer.header("location") == "http://testserver/login/ajaxSuccess"
    assert re.fullmatch(r"JSESSIONID=[0-9A-F]{32}; Path=/; HttpOnly", answer.header("set-cookie") or "")
    assert client.session != first
    for session in (first, client.session):
        client.session = session
        assert (await client.get("/login/ajaxSuccess")).json()["token"] == session


async def test_a_session_can_not_be_chosen_by_the_client(client):
    chosen = "A" * 32
    form = urlencode({"j_username": USERNAME, "j_password": PASSWORD, "ajax": "true"})
    headers = {**FORM, "Cookie": f"JSESSIONID={chosen}"}
    answer = await call(client.app, "POST", LOGIN, headers, form)
    assert answer.status == 302
    assert chosen not in (answer.header("set-cookie") or "")


@pytest.mark.parametrize(
    ("username", "password"),
    [(USERNAME, "wrong"), ("nobody@acme.example", PASSWORD), ("", ""), (USERNAME, ""), ("é", "ü")],
)
async def test_a_refused_login_leads_to_authfail(client, username, password):
    answer = await client.login(username, password)
    assert (answer.status, answer.header("set-cookie")) == (302, None)
    assert answer.header("location") == "http://testserver/login/authfail?ajax=true"
    shown = await client.get("/login/authfail?ajax=true")
    assert shown.status == 200
    assert list(shown.json()) == ["error"]


async def test_the_account_behind_the_session(client, organisation):
    for method in ("GET", "POST"):
        answer = await call(
            client.app, method, "/login/ajaxSuccess", {"Cookie": f"JSESSIONID={client.session}"}
        )
        assert answer.status == 200
        shown = answer.json()
        assert list(shown) == ["success", "token", "user"]
        assert shown["success"] is True
        user = shown["user"]
        assert (user["email"], user["firstName"], user["role"]) == (USERNAME, None, ["ROLE_USER"])
        assert user["uploadDirectory"] == f"/{organisation.directory}"


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({}, "nothing shown"),
        ({"Cookie": "JSESSIONID="}, "an empty cookie"),
        ({"Cookie": "JSESSIONID=" + "0" * 32}, "an unknown session"),
        ({"Cookie": "JSESSIONID=" + "0" * 9_000}, "a huge one"),
        ({"Cookie": "jsessionid={}"}, "the cookie's name in small letters"),
        ({"Authorization": "Bearer {}"}, "the session in another header"),
    ],
)
async def test_no_credentials(client, headers, why):
    shown = {name: value.replace("{}", client.session) for name, value in headers.items()}
    for path in ("/api/v1.0/orders/5", "/api/v1.0/orders/abc", "/login/ajaxSuccess"):
        answer = await call(client.app, "GET", path, shown)
        assert answer.status == 401, why
        assert list(answer.json()) == ["error", "error_description"]
        assert answer.json()["error"] == "no_credentials"


async def test_a_client_may_send_the_session_twice(client, place):
    order = await place(NewOrder())
    answer = await client.get(f"/api/v1.0/orders/{order.id}", Authorization="Bearer nonsense")
    assert answer.status == 200


async def test_a_session_ends_when_it_rests_too_long(book, client, place):
    order = await place(NewOrder())
    path = f"/api/v1.0/orders/{order.id}"
    start = now()
    for minutes, status in ((29, 200), (58, 200), (89, 401), (90, 401)):
        book.clock = lambda at=start + timedelta(minutes=minutes): at
        assert (await client.get(path)).status == status, minutes


async def test_how_long_a_session_may_rest_is_an_option(book, client):
    patient = Client(app_over(book, contract, {"session_idle_minutes": 1_440}))
    await patient.login()
    later = now() + timedelta(hours=23)
    book.clock = lambda: later
    assert (await patient.get("/login/ajaxSuccess")).status == 200
    assert (await client.get("/login/ajaxSuccess")).status == 401


async def test_a_username_of_two_organisations_needs_a_bound_host(book, client):
    other = await make_organisation(book, "other")
    await create_person(book, other, USERNAME, "their own", Profile())
    assert (await client.login()).header("set-cookie") is None
    hosts = {"acme.example": "acme", "other.example": "other"}
    app = app_over(book, contract, hosts=hosts)
    form = urlencode({"j_username": USERNAME, "j_password": "their own", "ajax": "true"})
    answer = await call(app, "POST", LOGIN, {**FORM, "Host": "other.example"}, form)
    assert answer.header("location") == "http://other.example/login/ajaxSuccess"
    session = {"Cookie": (answer.header("set-cookie") or "").partition(";")[0]}
    answers = {
        host: await call(app, "GET", "/login/ajaxSuccess", {**session, "Host": host}) for host in hosts
    }
    assert {host: answer.status for host, answer in answers.items()} == {
        "acme.example": 401,
        "other.example": 200,
    }
    answer = await call(app, "POST", LOGIN, {**FORM, "Host": "acme.example"}, form)
    assert answer.header("location") == "http://acme.example/login/authfail?ajax=true"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("j_password=a&ajax=true", "j_username parameter is missing"),
        ("j_username=a&ajax=true", "j_password parameter is missing"),
        ("j_username=a&j_password=b", "ajax parameter is missing"),
        ("", "j_username parameter is missing"),
        (
            "j_username=a&j_password=b&ajax=1",
            "An invalid value was specified for parameter: ajax (must be true)",
        ),
        (
            f"j_username={'a' * 256}&j_password=b&ajax=true",
            "An invalid value was specified for parameter: j_username (at most 255 characters)",
        ),
        (
            f"j_username=a&j_password={'b' * 1025}&ajax=true",
            "An invalid value was specified for parameter: j_password (at most 1024 characters)",
        ),
        (
            "j_username=a%00&j_password=b&ajax=true",
            "An invalid value was specified for parameter: j_username (no NUL character)",
        ),
    ],
)
async def test_forms_that_are_no_login(client, body, text):
    answer = await call(client.app, "POST", LOGIN, FORM, body)
    assert (answer.status, answer.json()["error_description"]) == (400, text)


@pytest.mark.parametrize(
    "body",
    [
        b"j_username=%ff&j_password=b&ajax=true",
        b"j_username=%ed%a0%80&j_password=b&ajax=true",
        "j_username=é&j_password=b&ajax=true".encode(),
        b"&".join(b"f%d=1" % number for number in range(17)),
        b"\xff\xfe\x00",
    ],
)
async def test_forms_that_can_not_be_read(client, body):
    answer = await call(client.app, "POST", LOGIN, FORM, body)
    assert (answer.status, answer.json()["error"]) == (400, "malformed_body")


@pytest.mark.parametrize("media_type", ["application/json", "multipart/form-data; boundary=x", ""])
async def test_a_login_is_a_form(client, media_type):
    answer = await call(client.app, "POST", LOGIN, {"Content-Type": media_type}, "{}")
    assert (answer.status, answer.json()["error"]) == (415, "unsupported_media_type")


async def test_after_too_many_wrong_passwords_the_right_one_is_refused_alike(book, client):
    refused = [await client.login(password="wrong") for _ in range(book.attempts.limit)]
    refused.append(await client.login())
    for answer in refused:
        assert (answer.status, answer.headers) == (302, refused[0].headers)
    assert refused[0].header("location") == "http://testserver/login/authfail?ajax=true"
    then = book.clock() + book.attempts.window
    book.clock = lambda: then
    assert (await client.login()).header("location") == "http://testserver/login/ajaxSuccess"

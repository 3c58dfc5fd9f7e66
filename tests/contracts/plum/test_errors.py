"""Every fact has its answer: flat for remote calls, in the form of OAuth for tokens."""

from __future__ import annotations

import json
from typing import cast, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orderwire.book import errors as book_errors
from orderwire.contracts.contract import Mount
from orderwire.contracts.plum import contract
from orderwire.contracts.plum.errors import render_error
from orderwire.vault import Vault, new_key
from orderwire.web import errors as web_errors
from orderwire.web.request import Request
from tests.inprocess import call

from .conftest import JSON, QUERY, reward

API = "/chef/v1/oauth/api"
# fact, status and errorId of a remote call, status and error on the token paths
FACTS = [
    (book_errors.OrderNotFound("x"), 404, "PLE10016", 404, "invalid_request"),
    (book_errors.GroupOrderNotFound("x"), 404, "PLE10016", 404, "invalid_request"),
    (book_errors.RecordNotFound("party", "x"), 404, "PLE10016", 404, "invalid_request"),
    (book_errors.NotAllowed("orders.read", identified=True), 401, "PIPE10013", 401, "invalid_token"),
    (book_errors.FieldMissing("orderId"), 400, "PLE10002", 400, "invalid_request"),
    (book_errors.FieldInvalid("orderId", "why"), 400, "PLE10002", 400, "invalid_request"),
    (book_errors.FieldMissing("query"), 400, None, 400, "invalid_request"),
    (book_errors.FieldInvalid("query", "why"), 400, None, 400, "invalid_request"),
    (book_errors.StaleOrder(1, 2), 409, None, 409, "invalid_request"),
    (book_errors.OrderClosed("complete"), 409, None, 409, "invalid_request"),
    (book_errors.ResendRefused(), 502, "PLE10034", 500, "server_error"),
    (book_errors.KeyReused("k"), 409, None, 500, "server_error"),
    (book_errors.RequestInFlight("k"), 409, None, 500, "server_error"),
    (book_errors.AlreadyExists("reference", "x"), 409, None, 409, "invalid_request"),
    (book_errors.CredentialMissing(), 401, "PIPE10013", 400, "invalid_request"),
    (book_errors.CredentialUnknown(), 401, "PIPE10013", 401, "invalid_token"),
    (book_errors.CredentialExpired(), 401, "PIPE10013", 401, "invalid_token"),
    (book_errors.RoleMissing(None), 401, "PIPE10013", 401, "invalid_token"),
    (book_errors.OrganisationUnknown("x"), 500, None, 500, "server_error"),
    (book_errors.MailFailed("x"), 502, "PLE10034", 500, "server_error"),
    (book_errors.StoreUnavailable(), 503, None, 503, "temporarily_unavailable"),
    (book_errors.OutcomeUnknown(), 503, None, 503, "temporarily_unavailable"),
    (web_errors.RouteUnknown(), 404, None, 404, "invalid_request"),
    (web_errors.MethodUnknown(("POST",)), 405, None, 405, "invalid_request"),
    (web_errors.UrlTooLong(), 414, None, 414, "invalid_request"),
    (web_errors.HeadersTooLarge(), 431, None, 431, "invalid_request"),
    (web_errors.HostInvalid(), 400, None, 400, "invalid_request"),
    (web_errors.HeaderRepeated("x"), 400, None, 400, "invalid_request"),
    (web_errors.BodyTooLarge(1), 413, None, 413, "invalid_request"),
    (web_errors.BodyTimedOut(), 408, None, 408, "invalid_request"),
    (web_errors.ContentTypeWrong(), 415, None, 415, "invalid_request"),
    (web_errors.BodyMalformed("x"), 400, None, 400, "invalid_request"),
    (web_errors.RouteWithheld(service=True), 404, None, 404, "invalid_request"),
    (web_errors.Crashed("x"), 500, None, 500, "server_error"),
]


@pytest.mark.parametrize(
    ("fact", "status", "error_id", "token_status", "token_error"),
    FACTS,
    ids=lambda value: type(value).__name__,
)
async def test_every_fact_has_its_answer(book, fact, status, error_id, token_status, token_error):
    mount = Mount(contract=contract, book=book, options={})
    flat = render_error(mount, Request("POST", API), fact)
    told = json.loads(flat.body)
    assert (flat.status, told["code"], told.get("errorId")) == (status, status, error_id)
    keys = ["code", "error"] if error_id is None else ["code", "errorId", "errorInfo", "error"]
    assert list(told) == keys
    assert told["error"]
    for path in ("/chef/v1/oauth/token", "/chef/v1/oauth/token/user"):
        oauth = render_error(mount, Request("POST", path), fact)
        told = json.loads(oauth.body)
        assert (oauth.status, told["error"]) == (token_status, token_error)
        assert list(told) == ["error", "error_description"]


def test_who_tries_too_often_is_told_for_how_long():
    mount = cast("Mount", None)
    for path in (API, "/chef/v1/oauth/token/user"):
        told = render_error(mount, Request("POST", path), book_errors.TooManyAttempts(7))
        assert (told.status, dict(told.head)[b"retry-after"]) == (429, b"7")
        assert told.body == b'{"errors":[{"message":"auth.request_limit_exceeded","penaltySeconds":7}]}'


def call_of(rest: str) -> str:
    """A remote call of getOrderDetails with the rest of its envelope."""
    return f'{{"query":"{QUERY}"{rest}}}'


def test_no_fact_is_left_out():
    known = {*get_args(book_errors.BookFault), *get_args(web_errors.WebFault)}
    assert {book_errors.TooManyAttempts, *(type(row[0]) for row in FACTS)} == known


@pytest.mark.parametrize(
    ("body", "error_id"),
    [
        ("", None),
        ("[]", None),
        ("null", None),
        ("{", None),
        ('{"query": β}', None),
        (b'{"query":"\xff"}', None),
        ('{"query":"a","query":"a"}', None),
        ('{"query":"\\ud800"}', None),
        ('{"a":' + "[" * 40 + "]" * 40 + "}", None),
        ('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", None),
        ('{"a":1e99999999999999999999}', None),
        ('{"a":' + "9" * 65 + "}", None),
        ('{"a":NaN}', None),
        ("{}", None),
        ('{"query":null}', None),
        ('{"query":5}', None),
        ('{"query":"plumProAPI.query.getBalance","tag":"plumProAPI","variables":{"data":{}}}', None),
        (call_of(""), "PLE10002"),
        (call_of(',"tag":"storeAdmin","variables":{"data":{"orderId":1}}'), "PLE10002"),
        (call_of(',"tag":"plumProAPI"'), "PLE10002"),
        (call_of(',"tag":"plumProAPI","variables":{}'), "PLE10002"),
        (call_of(',"tag":"plumProAPI","variables":{"data":[]}'), "PLE10002"),
        (call_of(',"tag":"plumProAPI","variables":[]'), "PLE10002"),
        (call_of(',"tag":"plumProAPI","variables":{"data":{"orderId":1e999999}}'), "PLE10002"),
        (call_of(',"tag":"plumProAPI","variables":{"data":{"orderId":1e-999999}}'), "PLE10002"),
    ],
    ids=lambda value: str(value)[:70],
)
async def test_envelopes_that_can_not_be_taken(client, body, error_id):
    answer = await client.post(body)
    told = answer.json()
    assert (answer.status, told["code"], told.get("errorId")) == (400, 400, error_id)
    assert told["error"] == "Bad request"


async def test_checks_come_in_the_order_of_the_document(client, place):
    await place(reward(delivery="pending"))

    def asking(order_id: str, flag: int) -> str:
        data = f'{{"orderId":{order_id},"sendMailToReceiver":{flag}}}'
        return call_of(f',"tag":"plumProAPI","variables":{{"data":{data}}}')

    other = {"Content-Type": "text/plain"}
    for method, headers, body, status in (
        ("GET", other, "{", 401),
        ("GET", {**client.headers, **other}, "{", 405),
        ("POST", {**client.headers, **other}, "{", 415),
        ("POST", client.headers, "{", 400),
        ("POST", client.headers, asking('"abc"', 1), 400),
        ("POST", client.headers, asking("7065", 1), 404),
        ("POST", client.headers, asking("1316578", 1), 502),
        ("POST", client.headers, asking("1316578", 0), 200),
    ):
        answer = await call(client.app, method, API, headers, body)
        assert answer.status == status
        if status == 405:
            assert answer.header("allow") == "POST"
        if status != 200:
            assert answer.json()["code"] == status


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"])
async def test_methods(client, method):
    answer = await call(client.app, method, API, client.headers)
    assert (answer.status, answer.header("allow")) == (405, "POST")
    answer = await call(client.app, method, "/chef/v1/oauth/token/user")
    assert (answer.status, answer.header("allow")) == (405, "POST")
    assert answer.json()["error"] == "invalid_request"


@pytest.mark.parametrize("path", ["/chef", "/chef/v1/oauth", "/chef/v1/oauth/api/getOrderDetails"])
async def test_other_paths_are_not_found(client, path):
    answer = await call(client.app, "POST", path, client.headers, "{}")
    assert (answer.status, answer.json()) == (404, {"code": 404, "error": "Not Found"})


async def test_a_voucher_that_can_not_be_opened_is_our_own_fault(book, client, place):
    await place(reward())
    book.vault = Vault((new_key(),))
    answer = await client.ask(orderId=1316578)
    assert (answer.status, answer.json()) == (500, {"code": 500, "error": "Internal server error"})


async def test_a_store_that_is_gone_is_no_fault_of_the_client(book, client):
    await book.store.close()
    answer = await client.ask(orderId=1316578)
    assert (answer.status, answer.json()["code"]) == (503, 503)


async def test_limits_are_answered_in_the_same_form(client):
    body = await client.post(b" " * 1_048_577)
    headers = await call(client.app, "POST", API, {f"x-{number}": "a" for number in range(101)})
    url = await call(client.app, "POST", f"{API}?{'a' * 9_000}", JSON, "{}")
    for answer, status in ((body, 413), (headers, 431), (url, 414)):
        assert (answer.status, answer.json()["code"]) == (status, status)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order_id=JSON_VALUES, po_number=JSON_VALUES, flag=JSON_VALUES)
async def test_no_data_breaks_it(client, order_id, po_number, flag):
    answer = await client.ask(orderId=order_id, poNumber=po_number, sendMailToReceiver=flag)
    assert answer.status in (400, 404)
    assert answer.json()["code"] == answer.status


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200) | JSON_VALUES.map(json.dumps))
async def test_no_body_breaks_it(client, body):
    for path in (API, "/chef/v1/oauth/token/user"):
        answer = await call(client.app, "POST", path, client.headers, body)
        assert answer.status == 400
        assert answer.json()["error"]

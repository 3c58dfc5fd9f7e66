"""Every fact has its status and body, and whatever is asked gets an answer in the contract's form."""

from __future__ import annotations

import json
import re
import typing
import uuid

import pytest

from orderwire.book import errors as book_errors
from orderwire.book.errors import BookFault
from orderwire.contracts.hostway import contract
from orderwire.web import errors as web_errors
from orderwire.web.errors import WebFault
from orderwire.web.request import Request

CASES = [
    (book_errors.OrderNotFound("x"), 404, "itemNotFound", "Resource not found", ""),
    (book_errors.GroupOrderNotFound("x"), 404, "itemNotFound", "Resource not found", ""),
    (book_errors.RecordNotFound("party", "x"), 404, "itemNotFound", "Resource not found", ""),
    (web_errors.RouteUnknown(), 404, "itemNotFound", "Resource not found", ""),
    (web_errors.RouteWithheld(service=True), 404, "itemNotFound", "Resource not found", ""),
    (web_errors.UrlTooLong(), 404, "itemNotFound", "Resource not found", ""),
    (
        book_errors.NotAllowed("hostway.client_address", identified=False),
        400,
        "badRequest",
        "User cannot specify the client IP address",
        "",
    ),
    (
        book_errors.NotAllowed("orders.read", identified=True),
        403,
        "forbidden",
        "Unauthorized: Order failed permission check",
        "",
    ),
    (book_errors.NotAllowed("orders.read", identified=False), 401, None, None, None),
    (book_errors.CredentialMissing(), 401, None, None, None),
    (book_errors.CredentialUnknown(), 401, None, None, None),
    (book_errors.CredentialExpired(), 401, None, None, None),
    (book_errors.RoleMissing(None), 401, None, None, None),
    (book_errors.TooManyAttempts(7), 429, "overLimit", "Too many failed authentications", ""),
    (book_errors.FieldMissing("note"), 400, "badRequest", "POST data error", {"note": "Required"}),
    (book_errors.FieldInvalid("a", "why"), 400, "badRequest", "POST data error", {"a": "why"}),
    (web_errors.BodyMalformed("x"), 400, "badRequest", "POST data error", ""),
    (web_errors.BodyTooLarge(1), 400, "badRequest", "POST data error", ""),
    (web_errors.BodyTimedOut(), 400, "badRequest", "POST data error", ""),
    (web_errors.ContentTypeWrong(), 400, "badRequest", "POST data error", ""),
    (web_errors.HeadersTooLarge(), 400, "badRequest", "Request header fields too large", ""),
    (web_errors.HostInvalid(), 400, "badRequest", "Invalid host", ""),
    (web_errors.HeaderRepeated("x"), 400, "badRequest", "Repeated header field", ""),
    (
        book_errors.AlreadyExists("hostway.open_order", "x", 1),
        409,
        "conflict",
        "A new order has already been created for this ownerID",
        "",
    ),
    (book_errors.AlreadyExists("reference", "x", 1), 409, "conflict", "Data conflict", ""),
    (book_errors.StaleOrder(1, 2), 409, "conflict", "Data conflict", ""),
    (book_errors.ResendRefused(), 409, "conflict", "Data conflict", ""),
    (book_errors.KeyReused("k"), 409, "conflict", "Data conflict", ""),
    (book_errors.RequestInFlight("k"), 409, "conflict", "Data conflict", ""),
    (book_errors.OrderClosed("processing"), 405, "badMethod", "Method not allowed", ""),
    (web_errors.MethodUnknown(("GET", "OPTIONS")), 405, "badMethod", "Method not allowed", ""),
    (book_errors.StoreUnavailable(), 502, "badGateway", "Bad Gateway", ""),
    (book_errors.OutcomeUnknown(), 502, "badGateway", "Bad Gateway", ""),
    (book_errors.MailFailed("x"), 502, "badGateway", "Bad Gateway", ""),
    (book_errors.OrganisationUnknown("x"), 502, "badGateway", "Bad Gateway", ""),
    (web_errors.Crashed("0"), 500, "internalError", "Internal Server Error", ""),
]


@pytest.mark.parametrize(
    ("fault", "status", "name", "message", "details"), CASES, ids=lambda value: type(value).__name__
)
def test_every_fact_has_its_answer(fault, status, name, message, details):
    answer = contract.render_error(typing.cast("typing.Any", None), Request("GET", "/orders/x"), fault)
    assert answer.status == status
    head = dict(answer.head)
    if name is None:
        assert head[b"content-type"] == b"text/plain; charset=UTF-8"
        return
    assert head[b"content-type"] == b"application/json; charset=UTF-8"
    assert (b"allow" in head) == (status == 405)
    assert (b"retry-after" in head) == (status == 429)
    body = json.loads(answer.body)
    assert list(body) == [name]
    assert list(body[name]) == ["guid", "message", "code", "details"]
    assert str(uuid.UUID(body[name]["guid"], version=4)) == body[name]["guid"]
    assert (body[name]["message"], body[name]["code"], body[name]["details"]) == (message, status, details)


def test_the_cases_are_all_the_facts_there_are():
    known = set(typing.get_args(BookFault)) | set(typing.get_args(WebFault))
    assert {type(case[0]) for case in CASES} == known


def test_each_fault_is_an_occurrence_of_its_own():
    fault = web_errors.RouteUnknown()
    bodies = {
        contract.render_error(typing.cast("typing.Any", None), Request("GET", "/"), fault).body for _ in "ab"
    }
    assert len(bodies) == 2


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/orders", "OPTIONS, POST"),
        ("GET", "/orders/", "OPTIONS, POST"),
        ("DELETE", "/orders", "OPTIONS, POST"),
        ("PUT", "/orders/{id}", "DELETE, GET, OPTIONS"),
        ("POST", "/orders/{id}", "DELETE, GET, OPTIONS"),
        ("PATCH", "/orders/{id}/", "DELETE, GET, OPTIONS"),
        ("POST", "/order", "DELETE, GET, OPTIONS"),
    ],
)
async def test_methods_that_a_path_does_not_have(hostway, method, path, allow):
    answer = await hostway.ask(method, path.replace("{id}", hostway.demo["order_id"]))
    assert answer.status == 405
    assert answer.header("allow") == allow
    assert answer.json()["badMethod"]["message"] == "Method not allowed"


@pytest.mark.parametrize(
    "path",
    [
        "/orders//",
        "/orders/{id}//",
        "/orders/{id}/account",
        "/orders/{ID}",
        "/orders/{id}%00",
        "/orders/%ff",
        "/orders/..%2f{id}",
        "/orders/{id}\xe9",
        "/orders/0",
        "/orders/-1",
        "/orders/9007199254740993",
        "/orders/9999999999999999",
        "/orders/٣",
        "/orders/" + "a" * 5_000,
        "/orders/" + "a" * 9_000,
        "/orders" + "/x" * 100,
    ],
)
async def test_paths_that_name_no_order(hostway, path):
    order_id = hostway.demo["order_id"]
    target = path.replace("{id}", order_id).replace("{ID}", order_id.upper())
    target = target.encode().decode("latin-1")
    answer = await hostway.ask("GET", target, cookie=hostway.demo["owner_id"])
    assert answer.status == 404
    assert answer.json()["itemNotFound"]["message"] == "Resource not found"


async def test_headers_beyond_the_limit_are_refused_in_the_contracts_form(hostway):
    answer = await hostway.ask("GET", "/orders/x", cookie="x" * 40_000)
    assert answer.status == 400
    assert list(answer.json()) == ["badRequest"]


async def test_head_is_get_without_a_body(hostway):
    path = f"/orders/{hostway.demo['order_id']}"
    got = await hostway.ask("GET", path, cookie=hostway.demo["owner_id"])
    head = await hostway.ask("HEAD", path, cookie=hostway.demo["owner_id"])
    assert (head.status, head.headers, head.body) == (200, got.headers, b"")


async def test_a_submitted_order_is_not_deleted(hostway):
    path = f"/orders/{hostway.demo['associated_order_id']}"
    answer = await hostway.ask("DELETE", path, cookie=hostway.demo["associated_owner_id"])
    assert answer.status == 405
    assert answer.header("allow") == "GET, OPTIONS"
    assert (await hostway.ask("GET", path, cookie=hostway.demo["associated_owner_id"])).status == 200


async def test_a_store_that_fails_is_a_bad_gateway(hostway):
    await hostway.book.store.close()
    answer = await hostway.ask("POST", "/orders")
    assert answer.status == 502
    assert re.fullmatch(r'\{"badGateway":\{"guid":"[0-9a-f-]{36}",.*\}\}', answer.body.decode())

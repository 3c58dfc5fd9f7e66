"""Every fact has its answer, in the two-key form."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orderwire.book import errors as book_errors
from orderwire.contracts.contract import Mount
from orderwire.contracts.valomnia import contract
from orderwire.contracts.valomnia.errors import render_error
from orderwire.web import errors as web_errors
from orderwire.web.request import Request
from tests.inprocess import call

from .conftest import FORM

FACTS = [
    (book_errors.OrderNotFound("x"), 404, "not_found"),
    (book_errors.GroupOrderNotFound("x"), 404, "not_found"),
    (book_errors.RecordNotFound("party", "x"), 404, "not_found"),
    (book_errors.NotAllowed("orders.read", identified=True), 403, "access_denied"),
    (book_errors.FieldMissing("ajax"), 400, "missing_param"),
    (book_errors.FieldInvalid("id", "why"), 400, "invalid_param_type"),
    (book_errors.FieldInvalid("ajax", "why"), 400, "invalid_param_type"),
    (book_errors.StaleOrder(1, 2), 400, "save_failed"),
    (book_errors.OrderClosed("complete"), 400, "save_failed"),
    (book_errors.ResendRefused(), 500, "server_error"),
    (book_errors.KeyReused("k"), 500, "server_error"),
    (book_errors.RequestInFlight("k"), 500, "server_error"),
    (book_errors.AlreadyExists("reference", "x"), 400, "not_unique"),
    (book_errors.CredentialMissing(), 401, "no_credentials"),
    (book_errors.CredentialUnknown(), 401, "no_credentials"),
    (book_errors.CredentialExpired(), 401, "no_credentials"),
    (book_errors.TooManyAttempts(7), 429, "too_many_attempts"),
    (book_errors.RoleMissing(None), 403, "access_denied"),
    (book_errors.OrganisationUnknown("x"), 500, "server_error"),
    (book_errors.MailFailed("x"), 500, "server_error"),
    (book_errors.StoreUnavailable(), 503, "server_error"),
    (book_errors.OutcomeUnknown(), 503, "server_error"),
    (web_errors.RouteUnknown(), 404, "not_found"),
    (web_errors.MethodUnknown(("GET", "POST")), 405, "method_not_allowed"),
    (web_errors.UrlTooLong(), 414, "uri_too_long"),
    (web_errors.HeadersTooLarge(), 431, "headers_too_large"),
    (web_errors.HostInvalid(), 400, "invalid_host"),
    (web_errors.HeaderRepeated("x"), 400, "repeated_header"),
    (web_errors.BodyTooLarge(1), 413, "body_too_large"),
    (web_errors.BodyTimedOut(), 408, "request_timeout"),
    (web_errors.ContentTypeWrong(), 415, "unsupported_media_type"),
    (web_errors.BodyMalformed("x"), 400, "malformed_body"),
    (web_errors.RouteWithheld(service=True), 404, "not_found"),
    (web_errors.Crashed("x"), 500, "server_error"),
]


@pytest.mark.parametrize(("fact", "status", "code"), FACTS, ids=lambda value: type(value).__name__)
async def test_every_fact_has_its_answer(book, fact, status, code):
    request = Request("GET", "/api/v1.0/orders/5")
    request.params = ("v1.0", "5")
    mount = Mount(contract=contract, book=book, options={"base_url": ""})
    response = render_error(mount, request, fact)
    assert response.status == status
    assert response.body.startswith(b'{"error":"%s","error_description":"' % code.encode())
    assert (b"content-type", b"application/json;charset=UTF-8") in response.head


def test_no_fact_is_left_out():
    known = {*get_args(book_errors.BookFault), *get_args(web_errors.WebFault)}
    assert {type(fact) for fact, _, _ in FACTS} == known


async def test_a_wrong_method_is_told_the_right_one(client):
    for method, path, allowed in (
        ("PUT", "/api/v1.0/orders/5", "GET"),
        ("DELETE", "/api/v1.0/orders/reference/a", "GET"),
        ("GET", "/j_spring_security_check", "POST"),
        ("PATCH", "/login/ajaxSuccess", "GET, POST"),
    ):
        answer = await call(client.app, method, path)
        assert (answer.status, answer.header("allow")) == (405, allowed)
        assert list(answer.json()) == ["error", "error_description"]


async def test_limits_are_answered_in_the_same_form(client):
    long_url = await client.get("/api/v1.0/orders/" + "9" * 9_000)
    headers = await client.get("/api/v1.0/orders/5", **{f"X-{number}": "a" for number in range(101)})
    body = await call(client.app, "POST", "/j_spring_security_check", FORM, b"a" * 1_048_577)
    assert [answer.status for answer in (long_url, headers, body)] == [414, 431, 413]
    for answer in (long_url, headers, body):
        assert list(answer.json()) == ["error", "error_description"]


async def test_a_store_that_is_gone_is_no_fault_of_the_client(book, client):
    await book.store.close()
    answer = await client.get("/api/v1.0/orders/5")
    assert answer.status == 503
    assert answer.json()["error"] == "server_error"


SEGMENTS = st.text(
    alphabet=st.characters(min_codepoint=33, max_codepoint=255, exclude_characters="?#"), max_size=40
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(segments=st.lists(SEGMENTS, max_size=3), by_reference=st.booleans())
async def test_no_path_breaks_it(client, segments, by_reference):
    middle = "orders/reference/" if by_reference else "orders/"
    answer = await client.get(f"/api/v1.0/{middle}{'/'.join(segments)}")
    assert answer.status in (400, 404)
    assert list(answer.json()) == ["error", "error_description"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.one_of(st.binary(max_size=200), st.text(max_size=100).map(lambda t: f"j_username={t}".encode()))
)
async def test_no_form_breaks_the_login(client, body):
    answer = await call(client.app, "POST", "/j_spring_security_check", FORM, body)
    assert answer.status == 400
    assert list(answer.json()) == ["error", "error_description"]

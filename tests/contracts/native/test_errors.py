"""Every fact has its problem, and whatever is sent gets one of them."""

from __future__ import annotations

import json
import typing
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orderwire.book import errors as book_errors
from orderwire.book.errors import BookFault
from orderwire.contracts.native import contract, wire
from orderwire.web import errors as web_errors
from orderwire.web.errors import WebFault
from orderwire.web.request import Request
from tests.factories import all_orders

CASES = [
    (web_errors.BodyMalformed("not JSON"), 400, "body_malformed", {}),
    (book_errors.CredentialMissing(), 401, "credential_missing", {}),
    (book_errors.CredentialUnknown(), 401, "credential_unknown", {}),
    (book_errors.RoleMissing(None), 401, "credential_unknown", {}),
    (book_errors.CredentialExpired(), 401, "credential_expired", {}),
    (book_errors.NotAllowed("orders.read", identified=True), 403, "not_allowed", {}),
    (book_errors.OrderNotFound("1"), 404, "order_not_found", {}),
    (book_errors.GroupOrderNotFound("1"), 404, "order_not_found", {}),
    (book_errors.RecordNotFound("party", "1"), 404, "party_not_found", {}),
    (web_errors.RouteUnknown(), 404, "route_unknown", {}),
    (web_errors.RouteWithheld(service=False), 404, "route_withheld", {}),
    (web_errors.MethodUnknown(("GET", "POST")), 405, "method_unknown", {}),
    (web_errors.BodyTimedOut(), 408, "timed_out", {}),
    (
        book_errors.AlreadyExists("a", "1", 7),
        409,
        "already_exists",
        {"scheme": "a", "name": "1", "order_id": 7},
    ),
    (book_errors.StaleOrder(1, 2), 412, "stale_order", {"revision": 2}),
    (book_errors.OrderClosed("complete"), 409, "order_closed", {}),
    (book_errors.ResendRefused(), 409, "resend_refused", {}),
    (book_errors.KeyReused("k"), 422, "key_reused", {}),
    (book_errors.RequestInFlight("k"), 409, "request_in_flight", {}),
    (web_errors.BodyTooLarge(5), 413, "body_too_large", {}),
    (web_errors.UrlTooLong(), 414, "url_too_long", {}),
    (web_errors.ContentTypeWrong(), 415, "content_type_wrong", {}),
    (book_errors.FieldMissing("stage"), 422, "field_missing", {"field": "stage"}),
    (book_errors.FieldInvalid("document.total", "why"), 422, "field_invalid", {"field": "total"}),
    (web_errors.HeadersTooLarge(), 431, "headers_too_large", {}),
    (web_errors.HostInvalid(), 400, "host_invalid", {}),
    (web_errors.HeaderRepeated("x"), 400, "header_repeated", {"field": "x"}),
    (web_errors.Crashed("abc"), 500, "crashed", {"request_id": "abc"}),
    (book_errors.MailFailed("x"), 502, "mail_failed", {}),
    (book_errors.TooManyAttempts(7), 429, "too_many_attempts", {}),
    (book_errors.OrganisationUnknown("x"), 503, "not_set_up", {}),
    (book_errors.StoreUnavailable(), 503, "store_unavailable", {}),
    (book_errors.OutcomeUnknown(), 503, "outcome_unknown", {}),
]
HEADERS = {401: b"www-authenticate", 403: b"www-authenticate", 405: b"allow", 429: b"retry-after"}
DOCUMENTED = {201, 400, 409, 413, 415, 422}


@pytest.mark.parametrize(("fault", "status", "code", "more"), CASES, ids=lambda value: type(value).__name__)
def test_every_fact_has_its_problem(fault, status, code, more):
    answer = contract.render_error(typing.cast("typing.Any", None), Request("GET", "/v1/orders/1"), fault)
    head = dict(answer.head)
    assert head[b"content-type"] == b"application/problem+json"
    assert HEADERS.get(status, b"content-type") in head
    assert (b"retry-after" in head) == (code in {"store_unavailable", "outcome_unknown", "too_many_attempts"})
    body = json.loads(answer.body)
    assert answer.status == body["status"] == status
    assert (body["type"], body["code"]) == ("about:blank", code)
    assert body["title"]
    assert body["detail"]
    rest = {name: body[name] for name in body if name not in {"type", "title", "status", "detail", "code"}}
    assert rest == more


def test_the_cases_are_all_the_facts_there_are():
    known = set(typing.get_args(BookFault)) | set(typing.get_args(WebFault))
    assert {type(case[0]) for case in CASES} == known


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"[]", "body"),
        (b"null", "body"),
        (b'{"x": 1}', "x"),
        (b'{"id": 1}', "id"),
        (b'{"access": {"owner": "x"}}', "access.owner"),
        (b'{"claims": {}}', "claims"),
        (b'{"lines": {}}', "lines"),
        (b'{"lines": [{}, {"x": 1}]}', "lines[1].x"),
        (b'{"lines": [{"quantity": true}]}', "lines[0].quantity"),
        (b'{"lines": [{"quantity": "1_000"}]}', "lines[0].quantity"),
        (b'{"lines": [{"id": 9007199254740993}]}', "lines[0].id"),
        (b'{"total": "NaN"}', "total"),
        (b'{"total": "1e9999"}', "total"),
        (b'{"total": "0x10"}', "total"),
        (b'{"total": " 1"}', "total"),
        (b'{"total": 1e12}', "total"),
        (b'{"total": 1e999999}', "total"),
        (b'{"total": 1e-13}', "total"),
        (b'{"visit": {"longitude": 1000000000000}}', "visit.longitude"),
        (b'{"visit": {"latitude": "1000000000000.5"}}', "visit.latitude"),
        (b'{"lines": [{"unit_price": "1000000000000.5"}]}', "lines.unit_price"),
        (b'{"payments": [{"amount": 0.00000000000001}]}', "payments.amount"),
        (b'{"kind": "thing"}', "kind"),
        (b'{"lifecycle": null}', "lifecycle"),
        (b'{"payment": "lots"}', "payment"),
        (b'{"delivery": {"city": "x"}}', "delivery"),
        (b'{"currency": "eur"}', "currency"),
        (b'{"placed_at": "2014-12-20T23:00:00"}', "placed_at"),
        (b'{"placed_at": "0001-01-01T00:00:00+14:00"}', "placed_at"),
        (b'{"placed_at": "9999-12-31T23:59:59-14:00"}', "placed_at"),
        (b'{"placed_at": 1419116400}', "placed_at"),
        (b'{"group_line": -1}', "group_line"),
        (b'{"group_line": 9223372036854775808}', "group_line"),
        (b'{"group_order_id": "none"}', "group_order_id"),
        (b'{"names": {"": "x"}}', "names"),
        (b'{"names": {"a": ""}}', "names[...]"),
        (b'{"names": {"a": "x\\u0000"}}', "names.a"),
        (b'{"notes": "x\\u0000y"}', "notes"),
        (b'{"vouchers": [{}]}', "vouchers[0].code"),
        (b'{"vouchers": [{"code": ""}]}', "vouchers[0].code"),
        (b'{"stages": [{}]}', "stages[0].stage"),
        (b'{"stages": [{"stage": "x", "status": "keep"}]}', "stages[0].status"),
        (
            b'{"stages": [{"stage": "x", "detail": {"started": {"text": "x"}}}]}',
            "stages[0].detail.started.at",
        ),
        (b'{"stages": [{"stage": "x\\u0000"}]}', "stage"),
    ],
)
async def test_a_field_that_cannot_be_taken_is_named(native, body, field):
    answer = await native.ask("POST", "/v1/orders", body)
    assert answer.status == 422, answer.body
    assert answer.json()["field"] == field
    assert await all_orders(native.book, native.organisation) == []


async def test_more_than_the_limits_is_refused(native):
    bodies: list[dict[str, object]] = [
        {"lines": [{}] * 4_001},
        {"names": {f"n{i}": "x" for i in range(33)}},
        {"notes": "x" * 10_001},
        {"stages": [{"stage": "x"}] * 1_001},
        {"x" * 100_000: 1},
    ]
    for body in bodies:
        answer = await native.ask("POST", "/v1/orders", body)
        assert answer.status == 422
        assert len(answer.body) < 2_000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a": 1, "a": 1}',
        b"\xff\xfe",
        b'{"notes": "\\ud800"}',
        b'{"total": Infinity}',
        b"[" * 100 + b"]" * 100,
        b'{"total": ' + b"1" * 65 + b"}",
    ],
)
async def test_bodies_that_are_not_json(native, body):
    answer = await native.ask("POST", "/v1/orders", body)
    assert (answer.status, answer.json()["code"]) == (400, "body_malformed")


async def test_a_body_too_large(native):
    answer = await native.ask("POST", "/v1/orders", b" " * 1_048_577)
    assert (answer.status, answer.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    "query",
    [
        "as_of=yesterday",
        "as_of=2026-01-01T00:00:00",
        "as_of=0001-01-01T00:00:00Z",
        "as_of=2026-01-01T00:00:00Z&as_of=2026-01-01T00:00:00Z",
        "known_at=",
        "asof=2026-01-01T00:00:00Z",
        "as_of=%ff",
        "as_of=2026-01-01T00:00:00Z\xe9",
        "&".join(["as_of=2026-01-01T00:00:00Z"] * 50),
    ],
)
async def test_parameters_that_cannot_be_taken(native, query):
    path = (await native.ask("POST", "/v1/orders", {})).header("location")
    answer = await native.ask("GET", f"{path}?{query}")
    assert (answer.status, answer.json()["code"]) == (422, "field_invalid")


@pytest.mark.parametrize(
    "order_id", ["0", "-1", "01", "1.0", "9007199254740993", "9" * 30, "x", "%00", "%ff", "٣"]
)
async def test_ids_that_are_none(native, order_id):
    path = f"/v1/orders/{order_id}".encode().decode("latin-1")
    assert (await native.ask("GET", path)).status == 404
    assert (await native.ask("POST", f"{path}/stages", {"stage": "x"})).status == 404


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic x", "Bearer a b", f"Bearer {'x' * 5_000}"]
)
async def test_tokens_that_are_none(native, header):
    answer = await native.ask("GET", "/v1/orders/1", headers={"authorization": header})
    assert answer.status == 401
    assert answer.header("www-authenticate").startswith('Bearer realm="orders"')


WORDS = ["id", "name", "text", "at", "stage", "detail", "code", "total", "amount"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.datetimes().map(str),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(), inner, max_size=4)
    ),
    max_leaves=8,
)
FIELDS = st.sampled_from([field.name for field in msgspec.structs.fields(wire.STRICT_ORDER)])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.dictionaries(FIELDS, VALUES, max_size=4))
async def test_any_json_is_taken_whole_or_refused(native, body):
    answer = await native.ask("POST", "/v1/orders", body)
    assert answer.status in DOCUMENTED, (body, answer)
    if answer.status == 201:
        assert (await native.ask("GET", answer.header("location"))).json() == answer.json()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=100))
async def test_any_bytes_are_refused_or_taken(native, body):
    assert (await native.ask("POST", "/v1/orders", body)).status in DOCUMENTED


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(9998, 12, 31)), total=st.decimals())
async def test_instants_and_numbers_come_back_as_they_are(native, at, total):
    body = {"placed_at": at.replace(tzinfo=UTC).isoformat(), "total": str(total)}
    answer = await native.ask("POST", "/v1/orders", body)
    if answer.status == 201:
        assert datetime.fromisoformat(answer.json()["placed_at"]) == at.replace(tzinfo=UTC)
        assert type(total)(answer.json()["total"]) == total
    else:
        assert (answer.status, answer.json()["field"]) == (422, "total")

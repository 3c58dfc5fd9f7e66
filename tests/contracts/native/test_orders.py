"""Placing, reading, reading as of an instant, and appending stages."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from orderwire.book.callers import READ, VOUCHERS, WRITE
from orderwire.contracts.native import wire
from tests.factories import make_organisation
from tests.stores import POSTGRES, SQLITE

pytestmark = pytest.mark.stores(SQLITE, POSTGRES)

# Texts that can't be just anything.
WORDS = {
    "kind": "invoice",
    "lifecycle": "complete",
    "payment": "in_process",
    "delivery": "rejected",
    "currency": "EUR",
}
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def sample(info: Any, name: str = "") -> Any:
    """A JSON value with every field that the type has, spelled as an answer spells it."""
    match info:  # type: ignore[exhaustive-match]  # the last line says what is missing
        case msgspec.inspect.UnionType(types=types):
            return sample(types[0], name)
        case msgspec.inspect.StructType(fields=fields):
            return {field.encode_name: sample(field.type, field.name) for field in fields}
        case msgspec.inspect.VarTupleType(item_type=item):
            return [sample(item, name)]
        case msgspec.inspect.DictType():
            return {f"{name}.key": "value"}
        case msgspec.inspect.CustomType() | msgspec.inspect.DecimalType():
            return "12.5"
        case msgspec.inspect.DateTimeType():
            return "2014-12-20T23:00:00Z"
        case msgspec.inspect.IntType():
            return 7
        case msgspec.inspect.BoolType():
            return False
        case msgspec.inspect.StrType():
            return WORDS.get(name, name)
        case msgspec.inspect.LiteralType(values=values):
            return values[0]
    raise AssertionError(f"no sample of {info}")


async def test_every_field_of_an_order_is_written_and_read_back(native):
    body = sample(msgspec.inspect.type_info(wire.STRICT_ORDER))
    assert len(body) > 35
    # It would have to be there.
    del body["group_order_id"], body["stages"][0]["supersedes"]
    made = await native.ask("POST", "/v1/orders", body)
    assert made.status == 201, made.body
    read = (await native.ask("GET", made.header("location"))).json()
    assert read == made.json()
    stage = body.pop("stages")[0]
    assert {name: read[name] for name in body} == body
    said = {"client", "appointment", "details"} & set(stage["detail"])
    assert read["status"]["stage"] == stage["stage"]
    assert read["status"]["detail"] == {name: stage["detail"][name] for name in said}


async def test_every_field_of_a_stage_is_written_and_read_back(native):
    body = sample(msgspec.inspect.type_info(wire.STRICT_STAGE))
    before = {"stages": [{"stage": "s", "effective_at": "2001-01-01T00:00:00Z"}] * body["supersedes"]}
    path = (await native.ask("POST", "/v1/orders", before)).header("location")
    made = await native.ask("POST", f"{path}/stages", body)
    assert made.status == 201, made.body
    assert made.json()["detail"] == body["detail"]
    assert made.json()["effective_at"] == body["effective_at"]
    assert (await native.ask("GET", path)).json()["status"]["stage"] == body["stage"]


async def test_an_empty_order_says_what_it_is(native):
    native.book.clock = lambda: NOON
    made = (await native.ask("POST", "/v1/orders", {})).json()
    assert made == {
        "id": made["id"],
        "organisation": "acme",
        "revision": 1,
        "kind": "order",
        "lifecycle": "new",
        "payment": None,
        "delivery": None,
        "currency": None,
        "placed_at": "2026-03-01T12:00:00Z",
        "changed_at": "2026-03-01T12:00:00Z",
        "recorded_at": "2026-03-01T12:00:00Z",
        "group_order_id": None,
        "group_line": None,
        "status": None,
    }
    assert 0 < made["id"] < 2**53


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (b"1572", "1572"),
        (b"1572.00", "1572"),
        (b'"1572.00"', "1572"),
        (b"1.5e3", "1500"),
        (b"0.1", "0.1"),
        (b'"-0.000000000001"', "-1E-12"),
        (b'"-1E-12"', "-1E-12"),
        (b"-0", "0"),
        (b'"999999999999.999999999999"', "999999999999.999999999999"),
    ],
)
async def test_numbers_are_exact(native, sent, read):
    made = await native.ask("POST", "/v1/orders", b'{"total": ' + sent + b"}")
    assert made.status == 201, made.body
    assert made.json()["total"] == read


async def test_reading_by_any_name(native):
    made = (await native.ask("POST", "/v1/orders", {"names": {"a": "x/y ü", "b": "2"}})).json()
    for path in ("a/x%2Fy%20%C3%BC", "b/2", "b/2/"):
        found = await native.ask("GET", f"/v1/orders/by/{path}")
        assert found.json()["id"] == made["id"]
    for path in ("a/2", "c/2", "a/x"):
        assert (await native.ask("GET", f"/v1/orders/by/{path}")).status == 404


async def test_a_name_is_given_once(native):
    first = (await native.ask("POST", "/v1/orders", {"names": {"a": "1"}})).json()
    taken = await native.ask("POST", "/v1/orders", {"names": {"b": "1", "a": "1"}})
    assert taken.status == 409
    assert taken.json()["order_id"] == first["id"]
    # Nothing of the refused order was kept, its free name neither.
    assert (await native.ask("GET", "/v1/orders/by/b/1")).status == 404


async def test_of_clients_that_race_for_a_name_one_wins(native):
    body = {"names": {"a": "1"}}
    answers = await asyncio.gather(*(native.ask("POST", "/v1/orders", body) for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 7


async def test_what_is_unchanged_is_not_sent_again(native):
    made = await native.ask("POST", "/v1/orders", {})
    path, etag = made.header("location"), made.header("etag")
    for header in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        answer = await native.ask("GET", path, headers={"if-none-match": header})
        assert (answer.status, answer.body, answer.header("etag")) == (304, b"", etag)
        assert answer.header("content-length") is None
    assert (await native.ask("GET", path, headers={"if-none-match": '"0"'})).status == 200
    await native.ask("POST", f"{path}/stages", {"stage": "sent"})
    changed = await native.ask("GET", path, headers={"if-none-match": etag})
    assert (changed.status, changed.header("etag")) == (200, '"2"')


async def test_the_past_as_it_was_and_as_it_was_known(native):
    book, hour = native.book, timedelta(hours=1)
    book.clock = lambda: NOON
    path = (await native.ask("POST", "/v1/orders", {"placed_at": "2026-03-01T12:00:00Z"})).header("location")
    for hours, stage, effective in ((1, "packed", 1), (4, "sent", 2)):
        book.clock = lambda hours=hours: NOON + hours * hour
        at = (NOON + effective * hour).isoformat()
        await native.ask("POST", f"{path}/stages", {"stage": stage, "effective_at": at})
    book.clock = lambda: NOON + 10 * hour

    async def stage_at(**moment: int) -> str | None:
        given = {name: f"{(NOON + hours * hour):%Y-%m-%dT%H:%M:%SZ}" for name, hours in moment.items()}
        query = "&".join(f"{name}={text}" for name, text in given.items())
        status = (await native.ask("GET", f"{path}?{query}")).json()["status"]
        return status and status["stage"]

    assert await stage_at(as_of=0) is None
    assert await stage_at(as_of=1) == "packed"
    assert await stage_at(as_of=2) == "sent"
    # At three it had been sent, and the book did not know yet.
    assert await stage_at(as_of=3, known_at=3) == "packed"
    assert await stage_at(known_at=3) == "packed"
    assert await stage_at(known_at=4) == "sent"


async def test_before_it_was_known_there_was_no_order(native):
    native.book.clock = lambda: NOON
    path = (await native.ask("POST", "/v1/orders", {"placed_at": "2020-01-01T00:00:00Z"})).header("location")
    assert (await native.ask("GET", f"{path}?as_of=2020-01-02T00:00:00Z")).status == 200
    assert (await native.ask("GET", f"{path}?as_of=2019-12-31T00:00:00Z")).status == 404
    assert (await native.ask("GET", f"{path}?known_at=2026-03-01T11:59:59Z")).status == 404


async def test_the_past_is_read_by_a_name_too(native):
    stages = [{"stage": f"day {day}", "effective_at": f"2026-01-0{day}T00:00:00Z"} for day in (1, 2)]
    order = {"placed_at": "2026-01-01T00:00:00Z", "names": {"reference": "R/1"}, "stages": stages}
    own = (await native.ask("POST", "/v1/orders", order)).header("location")
    name = "/v1/orders/by/reference/R%2F1"
    then = await native.ask("GET", f"{name}?as_of=2026-01-01T12:00:00Z")
    assert then.json()["status"]["stage"] == "day 1"
    assert then.header("etag") is None
    assert then.body == (await native.ask("GET", f"{own}?as_of=2026-01-01T12:00:00Z")).body
    assert (await native.ask("GET", f"{name}?as_of=2025-12-31T00:00:00Z")).status == 404
    assert (await native.ask("GET", f"{name}?x=1")).status == 422


async def test_stages_follow_set_or_leave_the_status(native):
    path = (await native.ask("POST", "/v1/orders", {})).header("location")
    said = [
        ("a", "2026-01-02T00:00:00Z", "follow", "a"),
        ("b", "2026-01-01T00:00:00Z", "follow", "a"),
        ("c", "2026-01-03T00:00:00Z", "leave", "a"),
        ("d", "2026-01-01T00:00:00Z", "set", "d"),
    ]
    for number, (stage, at, rule, stands) in enumerate(said, start=1):
        body = {"stage": stage, "effective_at": at, "status": rule}
        answer = (await native.ask("POST", f"{path}/stages", body)).json()
        assert (answer["number"], answer["revision"]) == (number, number + 1)
        assert answer["status"]["stage"] == stands


async def test_an_answer_to_a_write_tells_of_the_status_what_a_read_tells(native):
    detail = {
        "client": {"id": 3, "billing_postal_code": 80301},
        "details": {"notes": "n", "rush": True, "addons": ["x", 1, 1.5, 2.0, {"k": 1.25}]},
        "started": {"text": "noon", "at": "2026-01-01T10:00:00+02:00"},
    }
    first = {"stage": "a", "detail": detail}
    second = {"stage": "b", "effective_at": "2026-01-01T10:00:00.123456+02:00", "status": "set"}
    third = {"stage": "c", "supersedes": 2, "status": "leave"}
    for stages in ([], [first], [first, second], [first, second, third]):
        placed = await native.ask("POST", "/v1/orders", {"stages": stages})
        path = placed.header("location")
        assert (await native.ask("GET", path)).body == placed.body
        appended = (await native.ask("POST", f"{path}/stages", first)).json()
        assert (await native.ask("GET", path)).json()["status"] == appended["status"]


async def test_vouchers_are_shown_by_right(native):
    voucher = {"amount": "5", "currency": "EUR", "code": "SECRET", "pin": "1234"}
    made = await native.ask("POST", "/v1/orders", {"vouchers": [voucher, {"code": "ALONE"}]})
    assert made.json()["vouchers"] == [voucher, {"code": "ALONE"}]
    reader = await native.token_with(READ)
    shown = await native.ask("GET", made.header("location"), token=reader)
    assert shown.json()["vouchers"] == [{"amount": "5", "currency": "EUR"}, {}]
    assert b"SECRET" not in shown.body


async def test_rights_and_organisations(native):
    path = (await native.ask("POST", "/v1/orders", {})).header("location")
    writer, reader = await native.token_with(WRITE), await native.token_with(READ, VOUCHERS)
    stranger = await native.token_with(READ, organisation=await make_organisation(native.book, "other"))
    assert (await native.ask("GET", path, token=reader)).status == 200
    assert (await native.ask("GET", path, token=stranger)).status == 404
    for method, target, token, right in (
        ("GET", path, writer, "orders.read"),
        ("POST", f"{path}/stages", writer, "orders.read"),
        ("POST", f"{path}/stages", reader, "orders.write"),
        ("POST", "/v1/orders", reader, "orders.write"),
    ):
        answer = await native.ask(method, target, {"stage": "x"} if "stages" in target else {}, token=token)
        assert (answer.status, answer.json()["code"]) == (403, "not_allowed")
        assert f'scope="{right}"' in answer.header("www-authenticate")


async def test_the_history_names_the_request(native):
    path = (await native.ask("POST", "/v1/orders", {})).header("location")
    origin = (await native.ask("POST", f"{path}/stages", {"stage": "x"})).json()["origin"]
    assert origin["contract"] == "native"
    assert len(origin["request_id"]) == 16

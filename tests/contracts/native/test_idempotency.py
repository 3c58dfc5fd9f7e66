"""Requests with an `Idempotency-Key`: the first answer again, whatever happened meanwhile."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orderwire.book.accounts import NewToken, create_application, issue_tokens
from orderwire.book.callers import ORDER_RIGHTS, READ, WRITE
from orderwire.book.once import ANSWERS_KEPT, forget_old_answers
from orderwire.contracts.native.auth import TOKEN_SCHEME
from tests.factories import all_orders, make_organisation

KEY = {"idempotency-key": "8e03978e-40d5-43e8-bc93-6894a57f9324"}
KEPT_HEADERS = ("content-type", "cache-control", "location", "etag")


def is_repeat(answer: Any, first: Any) -> bool:
    """True if this is the first answer again, and says so."""
    assert first.header("idempotency-replayed") is None
    return (
        answer.header("idempotency-replayed") == "true"
        and (answer.status, answer.body) == (first.status, first.body)
        and all(answer.header(name) == first.header(name) for name in KEPT_HEADERS)
    )


async def test_a_placing_is_repeated(native):
    order = {"notes": "ü", "stages": [{"stage": "in"}], "vouchers": [{"code": "C"}]}
    first = await native.ask("POST", "/v1/orders", order, headers=KEY)
    again = await native.ask("POST", "/v1/orders", order, headers=KEY)
    assert first.status == 201
    assert is_repeat(again, first)
    assert len(await all_orders(native.book, native.organisation)) == 1
    # What became of the order since is another matter.
    await native.ask("DELETE", first.header("location"))
    assert is_repeat(await native.ask("POST", "/v1/orders", order, headers=KEY), first)


async def test_stages_and_changes_are_repeated(native):
    path = (await native.ask("POST", "/v1/orders", {})).header("location")
    stage = await native.ask("POST", f"{path}/stages", {"stage": "x"}, headers=KEY)
    key, condition = {"idempotency-key": "2"}, {"if-match": '"2"'}
    changed = await native.ask("PATCH", path, {"notes": "y"}, headers={**key, **condition})
    assert (stage.status, changed.status) == (201, 200)
    assert is_repeat(await native.ask("POST", f"{path}/stages", {"stage": "x"}, headers=KEY), stage)
    again = await native.ask("PATCH", path, {"notes": "y"}, headers={**key, **condition})
    assert is_repeat(again, changed)
    assert (await native.ask("GET", path)).header("etag") == '"3"'
    await native.ask("DELETE", path)
    assert is_repeat(await native.ask("POST", f"{path}/stages", {"stage": "x"}, headers=KEY), stage)


async def test_a_change_that_changes_nothing_is_repeated_too(native):
    path = (await native.ask("POST", "/v1/orders", {"notes": "x"})).header("location")
    first = await native.ask("PATCH", path, {"notes": "x"}, headers=KEY)
    await native.ask("PATCH", path, {"notes": "y"})
    assert is_repeat(await native.ask("PATCH", path, {"notes": "x"}, headers=KEY), first)
    assert (await native.ask("GET", path)).json()["notes"] == "y"


async def test_a_key_is_of_one_request_only(native):
    path = (await native.ask("POST", "/v1/orders", {"notes": "x"}, headers=KEY)).header("location")
    others: list[tuple[str, str, Any, dict[str, str]]] = [
        ("POST", "/v1/orders", {"notes": "y"}, {}),
        ("POST", "/v1/orders", b'{"notes":"x"}', {}),
        ("POST", "/v1/orders", {"notes": "x"}, {"content-type": "application/json; charset=utf-8"}),
        ("POST", f"{path}/stages", {"stage": "x"}, {}),
        ("PATCH", path, {"notes": "x"}, {}),
    ]
    for method, target, body, headers in others:
        answer = await native.ask(method, target, body, headers={**KEY, **headers})
        assert (answer.status, answer.json()["code"]) == (422, "key_reused")
    writer = await native.token_with(WRITE)
    fewer = await native.ask("POST", "/v1/orders", {"notes": "x"}, headers=KEY, token=writer)
    assert (fewer.status, fewer.json()["code"]) == (422, "key_reused")
    assert (await native.ask("GET", path)).header("etag") == '"1"'


async def test_callers_have_keys_of_their_own(native):
    other = await make_organisation(native.book, "other")
    made = []
    for organisation, slug in ((native.organisation, "a"), (native.organisation, "b"), (other, "a")):
        application, _ = await create_application(native.book, organisation, slug, slug)
        request = NewToken(
            scheme=TOKEN_SCHEME,
            organisation_id=organisation.id,
            application_id=application.id,
            rights=ORDER_RIGHTS,
        )
        for token in await issue_tokens(native.book, [request, request]):
            made.append(await native.ask("POST", "/v1/orders", {}, headers=KEY, token=token))
    assert {answer.status for answer in made} == {201}
    # Two tokens of one application are one caller.
    assert [is_repeat(again, first) for first, again in zip(made[::2], made[1::2], strict=True)] == [True] * 3
    assert len({answer.header("location") for answer in made}) == 3


async def test_what_was_refused_is_not_kept(native):
    await native.ask("POST", "/v1/orders", {"names": {"a": "1"}})
    refused = await native.ask("POST", "/v1/orders", {"names": {"a": "1"}}, headers=KEY)
    assert refused.status == 409
    for body, status in (({"x": 1}, 422), (b"{", 400), ({"names": {"a": "2"}}, 201)):
        assert (await native.ask("POST", "/v1/orders", body, headers=KEY)).status == status
    reader = await native.token_with(READ)
    answer = await native.ask("POST", "/v1/orders", {}, headers={"idempotency-key": "r"}, token=reader)
    assert answer.status == 403


@pytest.mark.parametrize("key", ["", "x" * 256, "ü", "a\tb", "a\x7f"])
async def test_keys_that_are_none(native, key):
    answer = await native.ask("POST", "/v1/orders", {}, headers={"idempotency-key": key})
    assert (answer.status, answer.json()["field"]) == (422, "Idempotency-Key")
    assert await all_orders(native.book, native.organisation) == []


async def test_of_many_at_once_one_places_an_order(native):
    body = {"names": {"reference": "R"}}
    answers = await asyncio.gather(*(native.ask("POST", "/v1/orders", body, headers=KEY) for _ in range(64)))
    placed = [answer for answer in answers if answer.status == 201]
    assert placed
    assert {answer.json()["code"] for answer in answers if answer.status == 409} <= {"request_in_flight"}
    assert {answer.status for answer in answers} <= {201, 409}
    assert len({answer.body for answer in placed}) == 1
    assert len(await all_orders(native.book, native.organisation)) == 1
    assert (await native.ask("POST", "/v1/orders", body, headers=KEY)).body == placed[0].body


async def test_of_many_stages_at_once_one_is_appended(native):
    path = (await native.ask("POST", "/v1/orders", {})).header("location")
    answers = await asyncio.gather(
        *(native.ask("POST", f"{path}/stages", {"stage": "x"}, headers=KEY) for _ in range(16))
    )
    assert {answer.status for answer in answers} <= {201, 409}
    assert (await native.ask("GET", path)).json()["status"]["stage_number"] == 1


def bytes_below(folder: Path) -> bytes:
    """The book's file, with its log."""
    return b"".join(path.read_bytes() for path in sorted(folder.glob("book.db*")))


@pytest.mark.stores("sqlite")
async def test_no_code_of_a_voucher_is_found_in_the_file(native, tmp_path):
    secret, pin = "CODE-IN-CLEAR-0815", "PIN-IN-CLEAR-4711"
    body = {"vouchers": [{"code": secret, "pin": pin}], "names": {"reference": "VISIBLE-4242"}}
    first = await native.ask("POST", "/v1/orders", body, headers=KEY)
    change = {"vouchers": [{"code": secret, "pin": pin}], "notes": "x"}
    await native.ask("PATCH", first.header("location"), change, headers={"idempotency-key": "2"})
    assert is_repeat(await native.ask("POST", "/v1/orders", body, headers=KEY), first)
    assert first.json()["vouchers"] == [{"code": secret, "pin": pin}]
    await native.book.close()
    kept = bytes_below(tmp_path)
    assert b"VISIBLE-4242" in kept
    assert secret.encode() not in kept
    assert pin.encode() not in kept


async def test_answers_are_kept_for_a_day(native):
    start = datetime(2026, 3, 1, 12, tzinfo=UTC)
    native.book.clock = lambda: start
    first = await native.ask("POST", "/v1/orders", {}, headers=KEY)
    native.book.clock = lambda: start + ANSWERS_KEPT
    assert await forget_old_answers(native.book) == 0
    assert is_repeat(await native.ask("POST", "/v1/orders", {}, headers=KEY), first)
    native.book.clock = lambda: start + ANSWERS_KEPT + timedelta(seconds=1)
    assert await forget_old_answers(native.book) == 1
    later = await native.ask("POST", "/v1/orders", {}, headers=KEY)
    assert later.header("idempotency-replayed") is None
    assert len(await all_orders(native.book, native.organisation)) == 2

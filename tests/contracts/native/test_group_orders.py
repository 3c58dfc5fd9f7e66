"""Group orders written down as they were elsewhere: by whom, read by whom, listed, and not cancelled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orderwire.book.accounts import NewToken, create_application, create_person, issue_tokens
from orderwire.book.callers import READ, RIGHTS, WRITE, Profile
from orderwire.contracts.native.auth import TOKEN_SCHEME
from orderwire.contracts.planocore import contract as planocore
from tests.factories import make_organisation
from tests.inprocess import app_over, call

from .conftest import Native

ID = "0b6ff3a1-4a2e-4c38-9f5a-7f6f6d5e2c10"
PATH = f"/v1/group-orders/{ID}"
GROUP: dict[str, Any] = {
    "id": ID,
    "total": 3,
    "rejections": [{"line": 4, "column": "Zip Code", "code": "invalid", "value": "9021O"}],
    "normalised_path": "/files/n.csv",
    "accepted_path": "/files/a.xlsx",
    "rejected_path": None,
    "job_id": "job-7",
    "created_at": "2026-01-02T03:04:05Z",
}


async def record(native: Native, **changes: Any) -> Any:
    return await native.ask("POST", "/v1/group-orders", {**GROUP, **changes})


async def test_one_from_elsewhere_is_written_down_and_read(native: Native) -> None:
    placed = await record(native)
    assert (placed.status, placed.header("location")) == (201, PATH)
    expected = {
        **{key: GROUP[key] for key in GROUP if key != "rejections"},
        "organisation": "acme",
        "state": "running",
        "accepted": 0,
        "rejected": 1,
        "user_id": None,
        "import": None,
        "error": None,
        "files": {},
        "orders": f"/v1/orders?group_order_id={ID}",
        "rejections": f"{PATH}/rejections",
    }
    assert placed.json() == expected
    assert (await native.ask("GET", PATH)).json() == expected
    assert (await native.ask("GET", f"/v1/group-orders/{ID.upper()}")).json() == expected
    for line in (2, 3):
        order = {"group_order_id": ID, "group_line": line}
        assert (await native.ask("POST", "/v1/orders", order)).status == 201
    assert (await native.ask("GET", PATH)).json() == {**expected, "state": "done", "accepted": 2}


async def test_planocore_shows_what_was_written_here(native: Native) -> None:
    await record(native)
    application, _ = await create_application(native.book, native.organisation, "planoworker", "Worker")
    new = NewToken(
        scheme="planocore.application",
        organisation_id=native.organisation.id,
        application_id=application.id,
        rights=RIGHTS,
    )
    token = (await issue_tokens(native.book, [new]))[0]
    app = app_over(native.book, planocore)
    answer = await call(
        app,
        "POST",
        "/api/v1/group_orders/read",
        {"content-type": "application/json"},
        json.dumps({"token": token, "_id": ID}),
    )
    assert answer.status == 200, answer.body
    data = answer.json()["data"]
    assert (data["_id"], data["status"], data["total_orders"], data["rejected_orders"]) == (
        ID,
        "processing",
        3,
        1,
    )
    assert data["normalized_csv"] == "http://testserver/files/n.csv"
    assert (data["queue_job_id"], data["rejected_orders_xlsx"]) == ("job-7", None)


async def test_rejections_are_listed_by_line(native: Native) -> None:
    rejections = [{"line": n, "column": "c", "code": "x", "value": str(n)} for n in (5, 0, 9)]
    await record(native, rejections=rejections)
    by_line = sorted(rejections, key=lambda one: one["line"])
    answer = await native.ask("GET", f"{PATH}/rejections")
    assert answer.json() == {"rejections": by_line, "next": None}
    assert answer.header("link") is None
    first = await native.ask("GET", f"{PATH}/rejections?limit=2")
    assert first.json()["rejections"] == by_line[:2]
    following = first.json()["next"]
    assert first.header("link") == f'<{following}>; rel="next"'
    assert (await native.ask("GET", following)).json() == {"rejections": by_line[2:], "next": None}


async def test_the_list_is_newest_first_and_its_pages_stay_right(native: Native) -> None:
    def id_of(number: int) -> str:
        return f"{number:08x}-4a2e-4c38-9f5a-7f6f6d5e2c10"

    # Two of one instant are told apart by their ids.
    instants = [1, 3, 2, 3, 5]
    for number, day in enumerate(instants):
        await record(native, id=id_of(number), created_at=f"2026-01-0{day}T00:00:00Z")
    expected = [id_of(number) for number in (4, 3, 1, 2, 0)]
    whole = (await native.ask("GET", "/v1/group-orders")).json()
    assert [group["id"] for group in whole["group_orders"]] == expected
    assert whole["next"] is None
    seen, path = [], "/v1/group-orders?limit=2"
    while path:
        answer = (await native.ask("GET", path)).json()
        seen += [group["id"] for group in answer["group_orders"]]
        path = answer["next"]
        await record(native, id=id_of(100 + len(seen)), created_at="2026-02-01T00:00:00Z")
    assert seen == expected


BAD_PARAMETERS = [
    "limit=0",
    "limit=101",
    "limit=x",
    "limit=",
    "after=x",
    f"after={ID}",
    "x=1",
    "limit=1&limit=2",
]


@pytest.mark.parametrize("query", BAD_PARAMETERS)
async def test_parameters_that_no_list_has(native: Native, query: str) -> None:
    answer = await native.ask("GET", f"/v1/group-orders?{query}")
    assert (answer.status, answer.json()["code"]) == (422, "field_invalid")


async def test_what_has_no_parameters_takes_none(native: Native) -> None:
    await record(native)
    for method, path in (
        ("POST", "/v1/group-orders"),
        ("GET", PATH),
        ("GET", f"{PATH}/files/accepted.csv"),
        ("POST", f"{PATH}/cancel"),
    ):
        answer = await native.ask(method, f"{path}?as_of=2026-01-01T00:00:00Z", GROUP)
        assert (answer.status, answer.json()["field"]) == (422, "as_of")


BAD_GROUPS: dict[str, tuple[dict[str, Any], str]] = {
    "no UUID": ({"id": "x"}, "id"),
    "capitals": ({"id": ID.upper()}, "id"),
    "a line feed behind it": ({"id": ID + "\n"}, "id"),
    "a negative total": ({"total": -1}, "total"),
    "a total of half an order": ({"total": 1.5}, "total"),
    "more than 31 bits": ({"total": 2**31}, "total"),
    "more rejections than rows": ({"total": 0}, "rejections"),
    "a line twice": ({"rejections": GROUP["rejections"] * 2}, "rejections[1].line"),
    "an unknown field": ({"status": "complete"}, "status"),
    "a user who is not there": ({"user_id": 77}, "user_id"),
    "no zone": ({"created_at": "2026-01-02T03:04:05"}, "created_at"),
    "a year too early": ({"created_at": "1899-01-02T03:04:05Z"}, "created_at"),
    "a NUL": ({"job_id": "a\0"}, "job_id"),
    "a path too long": ({"accepted_path": "x" * 1_001}, "accepted_path"),
}


@pytest.mark.parametrize("what", BAD_GROUPS)
async def test_what_can_not_be_written_down(native: Native, what: str) -> None:
    changes, field = BAD_GROUPS[what]
    answer = await record(native, **changes)
    assert (answer.status, answer.json()["code"]) == (422, "field_invalid"), answer.body
    assert answer.json()["field"] == field
    assert (await native.ask("GET", PATH)).status == 404


async def test_what_is_missing_and_what_is_no_json(native: Native) -> None:
    answer = await native.ask("POST", "/v1/group-orders", {"total": 1})
    assert (answer.status, answer.json()["field"]) == (422, "id")
    answer = await native.ask("POST", "/v1/group-orders", b"{")
    assert (answer.status, answer.json()["code"]) == (400, "body_malformed")
    answer = await native.ask("POST", "/v1/group-orders", b"x", headers={"content-type": "text/csv"})
    assert (answer.status, answer.json()["code"]) == (415, "content_type_wrong")
    answer = await native.ask("POST", "/v1/group-orders", b" " * 1_048_577)
    assert (answer.status, answer.json()["code"]) == (413, "body_too_large")


async def test_an_id_is_taken_once_and_seen_by_its_organisation_only(native: Native) -> None:
    assert (await record(native)).status == 201
    again = await record(native)
    assert (again.status, again.json()["code"]) == (409, "already_exists")
    other = await make_organisation(native.book, "other")
    stranger = await native.token_with(*RIGHTS, organisation=other)
    taken = await native.ask("POST", "/v1/group-orders", GROUP, token=stranger)
    assert (taken.status, taken.headers, taken.body) == (again.status, again.headers, again.body)
    for method, path in (
        ("GET", PATH),
        ("GET", f"{PATH}/rejections"),
        ("GET", f"{PATH}/files/accepted.csv"),
        ("POST", f"{PATH}/cancel"),
    ):
        answer = await native.ask(method, path, token=stranger)
        assert (answer.status, answer.json()["code"]) == (404, "order_not_found")
    assert (await native.ask("GET", "/v1/group-orders", token=stranger)).json()["group_orders"] == []
    after = await native.ask("GET", f"/v1/group-orders?after={ID}", token=stranger)
    assert (after.status, after.json()["field"]) == (422, "after")


async def test_rights(native: Native) -> None:
    await record(native)
    reader, writer = await native.token_with(READ), await native.token_with(WRITE)
    refused = await native.ask("POST", "/v1/group-orders", {**GROUP, "id": ID[:-1] + "1"}, token=reader)
    assert (refused.status, refused.json()["code"]) == (403, "not_allowed")
    assert (await native.ask("POST", f"{PATH}/cancel", token=reader)).status == 403
    assert (await native.ask("GET", PATH, token=reader)).status == 200
    assert (await native.ask("GET", "/v1/group-orders", token=writer)).status == 403
    # Not its own, so that it is not there.
    assert (await native.ask("GET", PATH, token=writer)).status == 404


async def test_a_person_sees_its_own_without_the_right_to_read(native: Native) -> None:
    tokens = []
    for username in ("ann", "ben"):
        person = await create_person(native.book, native.organisation, username, None, Profile())
        new = NewToken(
            scheme=TOKEN_SCHEME,
            organisation_id=native.organisation.id,
            user_id=person.id,
            rights=frozenset({WRITE}),
        )
        tokens += await issue_tokens(native.book, [new])
    placed = await native.ask("POST", "/v1/group-orders", GROUP, token=tokens[0])
    assert placed.json()["user_id"] is not None
    assert (await native.ask("GET", PATH, token=tokens[0])).status == 200
    assert (await native.ask("GET", PATH, token=tokens[1])).status == 404


async def test_one_from_elsewhere_has_neither_files_here_nor_an_import_to_end(native: Native) -> None:
    await record(native)
    for name in ("accepted.csv", "normalised.xlsx", "file", "..%2Fmap", "x"):
        answer = await native.ask("GET", f"{PATH}/files/{name}")
        assert (answer.status, answer.json()["code"]) == (404, "route_unknown")
    cancelled = await native.ask("POST", f"{PATH}/cancel")
    assert (cancelled.status, cancelled.json()["state"]) == (200, "running")


async def test_the_same_request_again_gets_the_first_answer(native: Native) -> None:
    key = {"idempotency-key": "k-1"}
    first = await native.ask("POST", "/v1/group-orders", GROUP, headers=key)
    again = await native.ask("POST", "/v1/group-orders", GROUP, headers=key)
    assert (first.status, again.status, again.body) == (201, 201, first.body)
    other = await native.ask("POST", "/v1/group-orders", {**GROUP, "total": 9}, headers=key)
    assert (other.status, other.json()["code"]) == (422, "key_reused")


async def test_without_a_desk_nothing_is_uploaded(native: Native, tmp_path: Path) -> None:
    answer = await native.ask(
        "POST", "/v1/group-orders", b"--x--", headers={"content-type": "multipart/form-data; boundary=x"}
    )
    assert (answer.status, answer.json()["code"]) == (404, "route_withheld")

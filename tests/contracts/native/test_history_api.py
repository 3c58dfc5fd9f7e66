"""An order's history over HTTP: every entry with both instants, who caused it and what it changed."""

from __future__ import annotations

import copy
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orderwire.book.accounts import NewToken, create_application, issue_tokens
from orderwire.book.callers import MANAGE, ORDER_RIGHTS, READ, READ_DELETED, WRITE
from orderwire.contracts.native.auth import TOKEN_SCHEME
from orderwire.contracts.native.wire_diff import Change
from tests.contracts.native.test_diff import apply
from tests.factories import make_organisation

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECRET = "CODE-THAT-NOBODY-SEES"


def at(hours: float) -> str:
    return f"{NOON + hours * HOUR:%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture
async def told(native) -> str:
    """An order to which everything happened that can happen; where it is."""
    application = (await create_application(native.book, native.organisation, "shop", "Shop"))[0]
    request = NewToken(
        scheme=TOKEN_SCHEME,
        organisation_id=native.organisation.id,
        application_id=application.id,
        rights=ORDER_RIGHTS,
    )
    native.token = (await issue_tokens(native.book, [request]))[0]
    native.book.clock = lambda: NOON
    order = {
        "placed_at": at(-5),
        "notes": "a",
        "lines": [{"item": "x", "quantity": 1}, {"item": "y"}],
        "access": {"users": [7]},
        "vouchers": [{"code": SECRET, "amount": "5"}],
        "stages": [{"stage": "in", "effective_at": at(-4)}],
    }
    path: str = (await native.ask("POST", "/v1/orders", order)).header("location")
    changed = {
        "notes": "c",
        "lines": [{"item": "x", "quantity": 2}, {"item": "y"}, {"item": "z"}],
        "vouchers": [{"code": SECRET + "2", "amount": "6"}],
    }
    steps: list[tuple[str, str, Any]] = [
        ("PATCH", path, changed),
        ("POST", f"{path}/stages", {"stage": "out", "detail": {"details": {"rush": True}}}),
        ("PATCH", path, {"notes": "b", "tag": "y", "effective_at": at(-3)}),
        ("POST", f"{path}/stages", {"stage": "gone", "supersedes": 2, "effective_at": at(-2)}),
        ("POST", f"{path}/stages", {"stage": "noted", "status": "leave"}),
    ]
    for hour, (method, target, body) in enumerate(steps, start=1):
        native.book.clock = lambda hour=hour: NOON + hour * HOUR
        done = await native.ask(method, target, body)
        assert done.status in (200, 201), done.body
    return path


async def entries(native, path: str, query: str = "", **more: Any) -> list[dict[str, Any]]:
    answer = await native.ask("GET", f"{path}/history{query}", **more)
    assert answer.status == 200, answer.body
    assert SECRET.encode() not in answer.body
    found: list[dict[str, Any]] = answer.json()["entries"]
    return found


async def test_the_history_in_the_sort_in_which_it_was_recorded(native, told):
    found = await entries(native, told)
    assert [
        (
            one["revision"],
            one["type"],
            one["effective_at"],
            one["recorded_at"],
            one.get("supersedes"),
            one.get("stage", {}).get("stage"),
        )
        for one in found
    ] == [
        (1, "change", at(-5), at(0), None, None),
        (1, "stage", at(-4), at(0), None, "in"),
        (2, "change", at(1), at(1), None, None),
        (3, "stage", at(2), at(2), None, "out"),
        (4, "change", at(-3), at(3), None, None),
        (5, "change", at(1), at(3), 2, None),
        (6, "stage", at(-2), at(4), 2, "gone"),
        (7, "stage", at(5), at(5), None, "noted"),
    ]
    for one in found:
        origin = one["origin"]
        assert (origin["contract"], origin["application"]) == ("native", "shop")
        assert origin["caller"].startswith("application:")
        assert len(origin["request_id"]) == 16
    assert found[3]["stage"] == {
        "number": 2,
        "stage": "out",
        "status_at": at(2),
        "detail": {"details": {"rush": True}},
    }


async def test_each_entry_says_the_difference_it_made(native, told):
    found = await entries(native, told)
    placed = found[0]["patch"]
    assert [(one["op"], one["path"]) for one in placed] == [("add", "")]
    assert placed[0]["value"]["vouchers"] == [{"amount": "5"}]
    assert found[2]["patch"] == [
        {"op": "replace", "path": "/lines/0/quantity", "value": "2"},
        {"op": "add", "path": "/lines/2", "value": {"item": "z"}},
        {"op": "replace", "path": "/notes", "value": "c"},
        {"op": "replace", "path": "/vouchers/0/amount", "value": "6"},
    ]
    assert found[4]["patch"] == [
        {"op": "replace", "path": "/notes", "value": "b"},
        {"op": "add", "path": "/tag", "value": "y"},
    ]
    assert [one["path"] for one in found[5]["patch"]] == ["/tag"]
    assert [one["path"] for one in found[3]["patch"]] == [
        "/status/stage",
        "/status/stage_number",
        "/status/since",
        "/status/changed_at",
        "/status/detail/details",
    ]
    # The correction takes away what the stage before it had said of the order, too.
    assert {"op": "remove", "path": "/status/detail/details"} in found[6]["patch"]
    assert found[7]["patch"] == []


async def test_the_patches_tell_every_state_that_was_held(native, told):
    """What was held at an instant, with the entry's patch, is what was read of it once that was known."""
    for one in await entries(native, told):
        moment = f"as_of={one['effective_at']}&known_at="
        if one["type"] == "stage" or one["revision"] in (1, 5):
            continue
        learned = datetime.fromisoformat(one["recorded_at"])
        before = await native.ask("GET", f"{told}?{moment}{learned - HOUR / 2:%Y-%m-%dT%H:%M:%SZ}")
        after = await native.ask("GET", f"{told}?{moment}{learned:%Y-%m-%dT%H:%M:%SZ}")
        changes = [Change(**change) for change in one["patch"]]
        patched = apply(plain(before.json()), changes)
        assert patched == plain(after.json())


def plain(order: dict[str, Any]) -> dict[str, Any]:
    """An order without what its entries do not speak of."""
    shown = copy.deepcopy(order)
    for name in ("id", "organisation", "revision", "changed_at", "recorded_at", "status"):
        del shown[name]
    for voucher in shown.get("vouchers", ()):
        voucher.pop("code")
    return shown


async def test_the_history_of_a_moment(native, told):
    def revisions(found: list[dict[str, Any]]) -> list[int]:
        return [one["revision"] for one in found]

    assert revisions(await entries(native, told, f"?as_of={at(-2)}")) == [1, 1, 4, 6]
    assert revisions(await entries(native, told, f"?known_at={at(2)}")) == [1, 1, 2, 3]
    assert revisions(await entries(native, told, f"?as_of={at(-3)}&known_at={at(2)}")) == [1, 1]
    header = {"orderwire-as-of": f"{at(-3)},{at(2)}"}
    assert revisions(await entries(native, told, headers=header)) == [1, 1]
    for query in (f"as_of={at(-6)}", f"known_at={at(-1)}"):
        assert (await native.ask("GET", f"{told}/history?{query}")).status == 404


async def test_pages_of_a_history(native, told):
    whole = await entries(native, told)
    for limit in (1, 2, 3, 5, 8):
        path: str | None = f"{told}/history?limit={limit}&known_at={at(9)}"
        found: list[dict[str, Any]] = []
        while path:
            answer = await native.ask("GET", path)
            page = answer.json()["entries"]
            # The entries of one revision stay together.
            assert limit <= len(page) <= limit + 1 or len(found) + len(page) == len(whole)
            found += page
            link = re.fullmatch(r'<([^>]*)>; rel="next"', answer.header("link") or "")
            path = link[1] if link is not None else None
            assert path is None or f"limit={limit}" in path
        assert found == whole


async def test_a_deleted_order_keeps_its_history_for_those_who_may_read_it(native, told):
    native.book.clock = lambda: NOON + 9 * HOUR
    assert (await native.ask("DELETE", told)).status == 204
    token = await native.token_with(READ, READ_DELETED)
    answer = await native.ask("GET", f"{told}/history", token=token)
    assert answer.json()["deleted"] is True
    last = answer.json()["entries"][-1]
    assert (last["revision"], last["type"], last["effective_at"]) == (8, "deletion", at(9))
    assert last["patch"] == [{"op": "remove", "path": ""}]
    then = await native.ask("GET", f"{told}/history?known_at={at(5)}", token=token)
    assert (then.json()["deleted"], len(then.json()["entries"])) == (False, 8)
    reader = await native.token_with(READ)
    for query in ("", f"?known_at={at(5)}"):
        assert (await native.ask("GET", f"{told}/history{query}", token=reader)).status == 404


async def test_who_may_read_a_history(native, told):
    reader, writer = await native.token_with(READ), await native.token_with(WRITE)
    stranger = await native.token_with(READ, organisation=await make_organisation(native.book, "other"))
    assert (await native.ask("GET", f"{told}/history", token=writer)).status == 403
    assert (await native.ask("GET", f"{told}/history", token=stranger)).status == 404
    shown = (await entries(native, told, token=reader))[0]["patch"][0]["value"]
    assert "access" not in shown
    assert (await entries(native, told))[0]["patch"][0]["value"]["access"] == {"users": [7]}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=-1", "limit"),
        ("after=x", "after"),
        ("after=99999999999999999999", "after"),
        ("after=1&after=2", "after"),
        ("fields=id", "fields"),
        ("as_of=x", "as_of"),
    ],
)
async def test_what_cannot_be_asked_for_is_named(native, told, query, field):
    answer = await native.ask("GET", f"{told}/history?{query}")
    assert (answer.status, answer.json()["field"]) == (422, field)


@pytest.mark.parametrize("order_id", ["0", "x", "1", "9007199254740993", "%00"])
async def test_orders_that_are_not_there(native, order_id):
    assert (await native.ask("GET", f"/v1/orders/{order_id}/history")).status == 404


@pytest.mark.parametrize(
    "path",
    ["parties", "parties/1", "users", "users/1", "applications", "applications/1", "tokens", "group-orders"],
)
async def test_what_has_no_past_is_not_told_of_one(native, path):
    token = await native.token_with(READ, MANAGE)
    refused = await native.ask("GET", f"/v1/{path}", token=token, headers={"orderwire-as-of": at(-1)})
    assert (refused.status, refused.json()["field"]) == (422, "Orderwire-As-Of")
    # The answer would be there today, or a plain 404.
    assert (await native.ask("GET", f"/v1/{path}", token=token)).status in (200, 404)

"""The clock is set back an hour under a service at work: nothing is lost, refused or told out of its sort."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orderwire.book.callers import RIGHTS
from orderwire.book.store import Book
from orderwire.contracts.native import contract
from tests.contracts.native.conftest import Native, make_token
from tests.factories import make_organisation
from tests.inprocess import app_over
from tests.server import Answer
from tests.stores import POSTGRES, SQLITE, Shelf

from .reader import Found

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

Ask = Callable[..., Awaitable[Answer]]


@pytest.fixture
async def native(book: Book) -> Native:
    organisation = await make_organisation(book)
    token = await make_token(book, organisation, RIGHTS)
    return Native(book, organisation, app_over(book, contract), token)


async def change_everything(ask: Ask, path: str, turn: str) -> Any:
    """A stage, a change with and one without If-Match; gives the order as it then is."""
    stage = await ask("POST", f"{path}/stages", {"stage": f"stage {turn}"})
    assert stage.status == 201, stage.body
    tag = (await ask("GET", path)).header("etag")
    matched = await ask("PATCH", path, {"notes": turn}, headers={"if-match": tag})
    assert matched.status == 200, matched.body
    plain = await ask("PATCH", path, {"tag": turn})
    assert plain.status == 200, plain.body
    return (await ask("GET", path)).json()


@pytest.mark.stores(SQLITE, POSTGRES)
async def test_an_hour_that_comes_twice(native: Native, shelf: Shelf, tmp_path: Path) -> None:
    clock = NOON
    native.book.clock = lambda: clock
    key = {"idempotency-key": "once"}
    first = await native.ask("POST", "/v1/orders", {"names": {"reference": "before"}}, headers=key)
    path = first.header("location") or ""
    before = await change_everything(native.ask, path, "one")
    clock = NOON - HOUR
    again = await native.ask("POST", "/v1/orders", {"names": {"reference": "before"}}, headers=key)
    assert (again.status, again.body) == (201, first.body)
    after = await change_everything(native.ask, path, "two")
    assert (after["notes"], after["tag"]) == ("two", "two")
    assert after["revision"] == before["revision"] + 3
    assert after["status"]["stage"] == "stage two"
    # Of one order nothing is learned before what was learned of it already.
    history = (await native.ask("GET", f"{path}/history")).json()["entries"]
    recorded = [entry["recorded_at"] for entry in history]
    assert recorded == sorted(recorded)
    other = await native.ask("POST", "/v1/orders", {"names": {"reference": "after"}})
    assert other.status == 201
    await change_everything(native.ask, other.header("location") or "", "three")
    assert (await native.ask("DELETE", path)).status == 204
    clock = NOON + HOUR
    assert (await native.ask("GET", path)).status == 404
    found = Found.of(shelf.address(tmp_path))
    assert found.defects() == []
    assert len(found.orders) == 2

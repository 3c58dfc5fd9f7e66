"""Exported here and imported there, every contract shows the same orders, ids apart."""

from __future__ import annotations

import dataclasses
import json
import random
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orderwire import app, contracts
from orderwire.book.accounts import create_application, create_organisation, issue_tokens
from orderwire.book.callers import RIGHTS, Caller, Organisation
from orderwire.book.groups import NewGroupOrder, record_group_order
from orderwire.book.lists import Moment
from orderwire.book.operations import NewOrder, append_stage, place_order
from orderwire.book.orders import Document, Order
from orderwire.book.past import book_at
from orderwire.book.queries import get_status
from orderwire.book.stages import Appointment, Details, NewStage, Stage, StageDetail
from orderwire.book.store import Book
from orderwire.contracts.native.wire_lines import parse_order_line
from orderwire.contracts.planocore import contract as planocore
from orderwire.contracts.planocore.auth import application_tokens
from orderwire.importer.request import ImportRequest
from orderwire.importer.run import import_file
from tests.exporter.exporting import export
from tests.factories import all_orders, make_book, make_caller, make_organisation
from tests.inprocess import app_over, call
from tests.stores import POSTGRES, SQLITE

pytestmark = pytest.mark.stores(SQLITE, POSTGRES)

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
JSON = {"content-type": "application/json"}
# What the book says of itself: when it learned something, how often an order was changed in it, and its
# users, by ids of its own.
OF_THE_BOOK = frozenset({"revision", "recorded_at", "access"})


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Book]:
    """A second book."""
    (tmp_path / "there").mkdir()
    made = make_book(tmp_path / "there")
    yield made
    await made.close()


async def bring(book: Book, here: Organisation, there: Book, owner: Organisation, folder: Path) -> int:
    """Export from one book, import into the other; how many orders were placed."""
    path = folder / "orders.jsonl"
    summary = await export(book, here, path, with_vouchers=True)
    done = await import_file(there, make_caller(owner), path, ImportRequest(), parse_order=parse_order_line)
    assert (done.rejected, done.codes) == (0, {})
    assert done.placed == summary.orders
    return done.placed


async def copy_groups(book: Book, here: Organisation, there: Book, owner: Organisation) -> list[str]:
    """Write down the group orders in the other book."""
    groups = await book.store.list_group_orders(here.id, datetime(9000, 1, 1, tzinfo=UTC), "", 100)
    for group in groups:
        rejections = await book.store.list_rejections(here.id, group.id, -1, 1_000)
        given = {
            name: getattr(group, name)
            for name in ("id", "total", "normalised_path", "accepted_path", "rejected_path", "job_id")
        }
        new = NewGroupOrder(**given, created_at=group.created_at, rejections=tuple(rejections))
        await record_group_order(there, make_caller(owner), new)
    return [group.id for group in groups]


def faces(book: Book, owner: Organisation) -> dict[str, Any]:
    """Every contract on the book, for a caller who may do everything."""

    async def identify(_mount: Any, _request: Any) -> Caller:
        return make_caller(owner, RIGHTS)

    found = {one.name: app_over(book, dataclasses.replace(one, identify=identify)) for one in contracts.ALL}
    # PlanoCore reads its credential and its request from the same body.
    return {**found, "planocore": app_over(book, planocore)}


async def planocore_token(book: Book, owner: Organisation) -> str:
    """A token that may read every group order."""
    application, _ = await create_application(book, owner, "reader", "Reader")
    return (await issue_tokens(book, [*application_tokens(owner, None, application).values()]))[0]


def requests_for(order: Order) -> list[tuple[str, str, str, Any]]:
    """Contract, method, path and body of every read of the order by the names that it has."""
    names = order.document.names
    asked: list[tuple[str, str, str, Any]] = []
    for scheme, name in names.items():
        asked.append(("native", "GET", f"/v1/orders/by/{scheme}/{name}", None))
    if "reference" in names:
        asked.append(("valomnia", "GET", f"/api/v1.0/orders/reference/{names['reference']}", None))
    if "valomnia.id" in names:
        asked.append(("valomnia", "GET", f"/api/v1.0/orders/{names['valomnia.id']}", None))
    if "hostway.order" in names:
        asked.append(("hostway", "GET", f"/orders/{names['hostway.order']}", None))
    if "po_number" in names:
        asked.append(("plum", "POST", "/chef/v1/oauth/api", _plum(poNumber=names["po_number"])))
    if "plum.order_id" in names:
        asked.append(("plum", "POST", "/chef/v1/oauth/api", _plum(orderId=int(names["plum.order_id"]))))
    return asked


def _plum(**key: Any) -> dict[str, Any]:
    query = "plumProAPI.mutation.getOrderDetails"
    return {"query": query, "tag": "plumProAPI", "variables": {"data": key}}


async def read(app_: Any, method: str, path: str, body: Any, own_id: int) -> Any:
    """What an answer says, the order's own id called so and without what is the book's."""
    content = b"" if body is None else json.dumps(body).encode()
    answer = await call(app_, method, path, JSON, content)
    assert answer.status == 200, (path, answer.body)

    def without_id(found: re.Match[bytes]) -> bytes:
        number = int(found[0])
        # Valomnia's lines without an id of their own are numbered from the order's id on.
        return b"%d" % (number % 4096) if number // 4096 == own_id else found[0]

    told = answer.body.replace(str(own_id).encode(), b"0")
    return without_the_book(json.loads(re.sub(rb"[0-9]{12,}", without_id, told)))


def without_the_book(value: Any, within: str = "") -> Any:
    if isinstance(value, list):
        return [without_the_book(one) for one in value]
    if not isinstance(value, dict):
        return value
    # Where an order stands "changed" when the book learned of it.
    left_out = OF_THE_BOOK | ({"changed_at"} if within == "status" else set())
    return {name: without_the_book(one, name) for name, one in value.items() if name not in left_out}


async def test_every_contract_shows_the_same(book: Book, there: Book, tmp_path: Path) -> None:
    here = await app.plant_demo(book)
    owner = await create_organisation(there, here.name, here.directory)
    groups = await copy_groups(book, here, there, owner)
    orders = await all_orders(book, here)
    assert await bring(book, here, there, owner, tmp_path) == len(orders) >= len(contracts.ALL)
    ours, theirs = faces(book, here), faces(there, owner)
    our_token, their_token = await planocore_token(book, here), await planocore_token(there, owner)
    asked = set()
    for order in orders:
        scheme, name = next(iter(order.document.names.items()))
        other = await there.store.fetch_order_named(owner.id, scheme, name)
        assert other is not None
        for contract, method, path, body in requests_for(order):
            asked.add(contract)
            shown = await read(theirs[contract], method, path, body, other.id)
            assert shown == await read(ours[contract], method, path, body, order.id)
    for group in groups:
        asked.add("planocore")
        for view in ("default", "planoworker_processing_view"):
            shown = []
            for face, token in ((ours, our_token), (theirs, their_token)):
                body = {"token": token, "_id": group, "view": view}
                shown.append(await read(face["planocore"], "POST", "/api/v1/group_orders/read", body, 0))
            assert shown[0] == shown[1]
    assert asked == {one.name for one in contracts.ALL}


def said(stage: Stage) -> tuple[Any, ...]:
    """What a stage says, whichever book it is in."""
    return (
        stage.number,
        stage.stage,
        stage.effective_at,
        stage.status_at,
        stage.supersedes,
        stage.detail,
    )


async def append_at_random(book: Book, caller: Caller, order: Order, chance: random.Random) -> None:
    """Append a stage with any rule, back-dated or not, maybe in the place of an earlier one."""
    known = await book.store.list_stages(caller.organisation_id, order.id, datetime.max, 1_000)
    gone = {stage.supersedes for stage in known}
    left = [stage.number for stage in known if stage.number not in gone]
    number = chance.randrange(1_000)
    detail = StageDetail(
        notes=f"note {number}" if chance.random() < 0.5 else None,
        appointment=Appointment(id=chance.randrange(3), start_at="9:00") if chance.random() < 0.3 else None,
        details=Details(notes=f"said {number}") if chance.random() < 0.3 else None,
    )
    new = NewStage(
        stage=f"stage-{number}",
        effective_at=START + chance.randrange(-50, 50) * HOUR if chance.random() < 0.8 else None,
        status=chance.choice(("follow", "set", "leave")),
        detail=detail,
        supersedes=chance.choice(left) if left and chance.random() < 0.25 else None,
    )
    await append_stage(book, caller, order, new)


@pytest.mark.parametrize("seed", range(8))
async def test_any_history_leads_to_the_same_status(
    book: Book, there: Book, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    clock = [START]
    book.clock = lambda: clock[0]
    here, owner = await make_organisation(book), await make_organisation(there)
    caller = make_caller(here)
    for number in range(6):
        order = await place_order(
            book, caller, NewOrder(document=Document(names={"reference": f"R{number}"}))
        )
        for _ in range(chance.randrange(12)):
            clock[0] += HOUR
            await append_at_random(book, caller, order, chance)
    await bring(book, here, there, owner, tmp_path)
    for order in await all_orders(book, here):
        name = order.document.names["reference"]
        other = await there.store.fetch_order_named(owner.id, "reference", name)
        assert other is not None
        assert (other.placed_at, other.changed_at) == (order.placed_at, order.changed_at)
        ours = await book.store.list_stages(here.id, order.id, datetime.max, 1_000)
        theirs = await there.store.list_stages(owner.id, other.id, datetime.max, 1_000)
        assert [said(stage) for stage in theirs] == [said(stage) for stage in ours]
        status, now = (
            await get_status(book, caller, order),
            await get_status(there, make_caller(owner), other),
        )
        assert (status is None) == (now is None)
        if status is not None and now is not None:
            same = {"order_id": 0, "changed_at": START}
            assert msgspec.structs.replace(now, **same) == msgspec.structs.replace(status, **same)


@pytest.mark.parametrize("seed", range(4))
async def test_what_stood_at_an_instant_stands_there_now(
    book: Book, there: Book, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    clock = [START]
    book.clock = lambda: clock[0]
    here, owner = await make_organisation(book), await make_organisation(there)
    caller = make_caller(here)
    orders = []
    for number in range(4):
        document = Document(names={"reference": f"R{number}"})
        orders.append(
            await place_order(book, caller, NewOrder(placed_at=START - 60 * HOUR, document=document))
        )
    for order in orders * 8:
        clock[0] += HOUR
        await append_at_random(book, caller, order, chance)
    moment = Moment(as_of=START + chance.randrange(-20, 20) * HOUR, known_at=START + 20 * HOUR)
    path = tmp_path / "orders.jsonl"
    assert (await export(book, here, path, moment=moment)).orders == len(orders)
    await import_file(there, make_caller(owner), path, ImportRequest(), parse_order=parse_order_line)
    past = book_at(book, caller, moment, "test")
    for order in orders:
        name = order.document.names["reference"]
        other = await there.store.fetch_order_named(owner.id, "reference", name)
        assert other is not None
        then, now = await get_status(past, caller, order), await get_status(there, make_caller(owner), other)
        assert (None if then is None else (then.stage, then.since, then.detail)) == (
            None if now is None else (now.stage, now.since, now.detail)
        )


async def test_an_order_without_names_is_known_again(book: Book, there: Book, tmp_path: Path) -> None:
    here, owner = await make_organisation(book), await make_organisation(there)
    order = await place_order(book, make_caller(here), NewOrder())
    assert await bring(book, here, there, owner, tmp_path) == 1
    path = tmp_path / "orders.jsonl"
    again = await import_file(
        there, make_caller(owner), path, ImportRequest(key="again"), parse_order=parse_order_line
    )
    assert (again.placed, again.already_there) == (0, 1)
    assert json.loads(path.read_text())["id"] == order.id

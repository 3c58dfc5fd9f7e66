"""The proofs can fail: what is taken from a book, put into it or torn apart is seen."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from orderwire.book.amend import Amendment, amend_order
from orderwire.book.operations import NewOrder, append_stage, place_order
from orderwire.book.orders import Document, Order
from orderwire.book.stages import NewStage
from orderwire.book.store import Book
from tests.factories import make_caller, make_organisation
from tests.server import Answer
from tests.stores import SQLITE, Shelf

from .ledger import CHANGE, NEW, STAGE, Asked, Ledger
from .reader import Found

pytestmark = pytest.mark.stores(SQLITE)

# What is done to the book behind its back, and what is said of it.
TORN = {
    "DELETE FROM order_revisions WHERE revision = 1": "entries of",
    "DELETE FROM order_revisions WHERE revision = 4": "entries of",
    "DELETE FROM order_stages WHERE number = 1": "numbered",
    "UPDATE order_stages SET revision = 2": "entries of",
    "UPDATE order_stages SET recorded_at = recorded_at + 900000000 WHERE number = 1": "recorded at",
    "DELETE FROM order_statuses": "stands at []",
    "UPDATE order_statuses SET stage_number = 1": "stands at",
    "UPDATE order_statuses SET since = since + 1": "stands at",
    "UPDATE orders SET document = '{}'": "differ in",
    "UPDATE orders SET revision = revision + 1": "at revision",
    "UPDATE orders SET stage_count = stage_count + 1": "stages, numbered",
    "DELETE FROM names": "leads to None",
    "DELETE FROM orders": "no such order",
    "UPDATE names SET organisation_id = 99": "no such order",
}
# ... and what a ledger says of it.
LOST = {
    "UPDATE names SET name = name || 'x'": "order k was acknowledged",
    "UPDATE order_stages SET stage = 'k-2' WHERE stage = 'k-1'": "stage k-1 of order",
    "UPDATE order_stages SET stage = 'k-1' WHERE stage = 'k-2'": "stage k-1 of order",
    "UPDATE order_revisions SET document = '{}' WHERE revision = 4": "change k-3 of order",
    "UPDATE orders SET deleted = 1": "nobody deleted",
    "INSERT INTO answers VALUES (0, 1, 'c', 'k-1', 'd', 201, '{}', '', 0)": "1 answers kept, not 0",
}


@pytest.fixture
async def order(book: Book) -> Order:
    """An order with two stages and a change."""
    caller = make_caller(await make_organisation(book))
    placed = await place_order(book, caller, NewOrder(document=Document(names={"reference": "k"})))
    for stage in ("k-1", "k-2"):
        await append_stage(book, caller, placed, NewStage(stage=stage))

    def change(before: Order) -> Order:
        return msgspec.structs.replace(before, document=Document(names={"reference": "k"}, notes="k-3"))

    return await amend_order(book, caller, placed, Amendment(change=change))


def ledger_of(order: Order) -> Ledger:
    """What would have been acknowledged of it."""
    ledger = Ledger()
    body = json.dumps({"id": order.id}).encode()
    for kind, key in ((NEW, "k"), (STAGE, "k-1"), (STAGE, "k-2"), (CHANGE, "k-3")):
        ledger.note(Asked(kind, key, "POST", "/", {}, order_id=order.id, answer=Answer(201, [], body)))
    return ledger


@pytest.mark.parametrize("sql", TORN)
async def test_what_is_half_there_is_seen(order: Order, shelf: Shelf, tmp_path: Path, sql: str) -> None:
    ledger, database = ledger_of(order), shelf.address(tmp_path)
    assert ledger.verdict(database) == []
    shelf.run(tmp_path, sql)
    said = Found.of(database).defects()
    assert any(TORN[sql] in line for line in said), said


@pytest.mark.parametrize("sql", LOST)
async def test_what_was_acknowledged_and_is_not_there_is_seen(
    order: Order, shelf: Shelf, tmp_path: Path, sql: str
) -> None:
    shelf.run(tmp_path, sql)
    ledger = ledger_of(order)
    found = Found.of(shelf.address(tmp_path))
    assert any(LOST[sql] in line for line in ledger.wrongs(found)), ledger.wrongs(found)

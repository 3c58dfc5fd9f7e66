"""The writer: many works in one commit, each all or nothing, answered only when durable."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orderwire.book.accounts import create_organisation
from orderwire.book.callers import Application, Organisation
from orderwire.book.errors import AlreadyExists, StoreUnavailable
from orderwire.book.operations import NewOrder, append_stage, place_order
from orderwire.book.orders import Document
from orderwire.book.stages import NewStage
from orderwire.book.store import Book
from orderwire.store.account_statements import INSERT_APPLICATION
from orderwire.store.sqlite import SqliteStore
from orderwire.store.sqlite_threads import drive
from tests.factories import make_caller, make_organisation, now
from tests.stores import PARTITIONED, POSTGRES, SQLITE, Shelf

Count = Callable[[str], int]


@pytest.fixture
def count(shelf: Shelf, tmp_path: Path) -> Count:
    """Rows of a table, as another connection sees them: what is committed."""

    def count_rows(table: str) -> int:
        ((found,),) = shelf.rows(tmp_path, f"SELECT count(*) FROM {table}")  # noqa: S608
        return int(found)

    return count_rows


@pytest.mark.stores(PARTITIONED)
async def test_works_on_spread_tables_have_transactions_of_their_own(book: Book, count: Count) -> None:
    caller = make_caller(await make_organisation(book))
    before = count("marks")
    await asyncio.gather(*(place_order(book, caller, NewOrder()) for _ in range(50)))
    assert count("orders") == 50
    assert count("marks") - before >= 50


@pytest.mark.stores(POSTGRES)
async def test_works_that_wait_together_share_transactions(book: Book, count: Count) -> None:
    caller = make_caller(await make_organisation(book))
    before = count("marks")
    await asyncio.gather(*(place_order(book, caller, NewOrder()) for _ in range(200)))
    assert count("orders") == 200
    assert count("marks") - before < 100


@pytest.mark.stores(SQLITE)
async def test_works_that_wait_together_share_commits(book: Book, count: Count) -> None:
    caller = make_caller(await make_organisation(book))
    store = book.store
    assert isinstance(store, SqliteStore)
    commits = 0
    writer: Any = store._writer
    before = writer._commit

    def counted(batch: list[Any]) -> None:
        nonlocal commits
        commits += 1
        before(batch)

    writer._commit = counted
    await asyncio.gather(*(place_order(book, caller, NewOrder()) for _ in range(200)))
    assert count("orders") == 200
    assert commits < 100


async def test_a_work_that_fails_takes_nobody_with_it(book: Book, count: Count) -> None:
    caller = make_caller(await make_organisation(book))
    same = NewOrder(document=Document(names={"reference": "A-1"}))
    outcomes = await asyncio.gather(
        *(place_order(book, caller, same) for _ in range(20)),
        *(place_order(book, caller, NewOrder()) for _ in range(20)),
        return_exceptions=True,
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert len(refused) == 19
    assert all(isinstance(error, AlreadyExists) for error in refused)
    for table, rows in (("orders", 21), ("order_revisions", 21), ("names", 1)):
        assert count(table) == rows


async def test_a_work_that_fails_half_way_takes_back_only_what_it_wrote(book: Book) -> None:
    async def write(tx: Any, name: str) -> str:
        await tx.insert_fact(f"{name} first", name)
        if name.startswith("bad"):
            raise AlreadyExists("fact", name)
        await tx.insert_fact(f"{name} second", name)
        return name

    names = [f"bad {n}" if n in (0, 7, 8, 39) else f"good {n}" for n in range(40)]
    outcomes = await asyncio.gather(
        *(book.store.write(lambda tx, name=name: write(tx, name)) for name in names),  # type: ignore[misc]
        return_exceptions=True,
    )
    for name, outcome in zip(names, outcomes, strict=True):
        is_bad = name.startswith("bad")
        assert isinstance(outcome, AlreadyExists) if is_bad else outcome == name
        facts = [await book.store.fetch_fact(f"{name} {part}") for part in ("first", "second")]
        assert facts == ([None, None] if is_bad else [name, name])


async def test_what_is_answered_is_committed(book: Book, count: Count) -> None:
    caller = make_caller(await make_organisation(book))
    for number in range(1, 21):
        await place_order(book, caller, NewOrder())
        assert count("orders") == number


async def test_two_writers_of_one_order_lose_nothing(book: Book) -> None:
    caller = make_caller(await make_organisation(book))
    order = await place_order(book, caller, NewOrder())
    await asyncio.gather(*(append_stage(book, caller, order, NewStage(stage=f"s{n}")) for n in range(64)))
    stages = await book.store.list_stages(order.organisation_id, order.id, now(), 1_000)
    assert sorted(stage.number for stage in stages) == list(range(1, 65))
    assert sorted(stage.revision for stage in stages) == list(range(2, 66))
    status = await book.store.fetch_status(order.organisation_id, order.id)
    newest = max(stages, key=lambda stage: (stage.status_at or stage.effective_at, stage.number))
    assert status is not None
    assert (status.stage, status.stage_number) == (newest.stage, newest.number)


@pytest.mark.stores(SQLITE)
async def test_a_full_disk_is_a_fact_and_keeps_nothing_of_the_batch(book: Book, count: Count) -> None:
    caller = make_caller(await make_organisation(book))
    await place_order(book, caller, NewOrder())
    store = book.store
    assert isinstance(store, SqliteStore)
    # SQLite's own limit stands in for the disk's: the engine answers SQLITE_FULL either way.
    writer: Any = store._writer
    pages = writer._connection.execute("PRAGMA page_count").fetchone()[0]
    writer._connection.execute(f"PRAGMA max_page_count={pages}")
    long_notes = NewOrder(document=Document(notes="x" * 10_000))
    outcomes = await asyncio.gather(
        *(place_order(book, caller, long_notes) for _ in range(30)), return_exceptions=True
    )
    assert any(isinstance(outcome, StoreUnavailable) for outcome in outcomes)
    kept = sum(not isinstance(outcome, BaseException) for outcome in outcomes)
    assert count("orders") == 1 + kept
    writer._connection.execute("PRAGMA max_page_count=1000000")
    await place_order(book, caller, NewOrder())
    assert count("orders") == 2 + kept


@pytest.mark.stores(SQLITE)
async def test_a_book_locked_by_another_process_is_a_fact(tmp_path: Path, book: Book) -> None:
    organisation = await make_organisation(book)
    store = book.store
    assert isinstance(store, SqliteStore)
    writer: Any = store._writer
    writer._connection.execute("PRAGMA busy_timeout=50")
    other = sqlite3.connect(tmp_path / "book.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable):
        await create_organisation(book, "second")
    other.execute("ROLLBACK")
    other.close()
    assert await book.store.fetch_organisation("second") is None
    assert await book.store.fetch_organisation(organisation.name) == organisation


async def test_a_closed_store_takes_no_writes(book: Book) -> None:
    await book.store.close()
    with pytest.raises(StoreUnavailable):
        await create_organisation(book, "late")


async def test_a_transaction_may_not_wait_for_anything_else(book: Book) -> None:
    async def works_then_waits(tx: Any) -> None:
        await tx.insert_organisation(Organisation(id=9, name="half", directory="half"), now())
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="await nothing but"):
        await book.store.write(works_then_waits)
    assert await book.store.fetch_organisation("half") is None


def test_drive_gives_what_the_coroutine_returns() -> None:
    async def seven() -> int:
        return 7

    assert drive(seven()) == 7


async def test_numbers_are_never_given_twice(book: Book) -> None:
    numbers = await asyncio.gather(*(book.store.take_number("order") for _ in range(2_500)))
    assert len(set(numbers)) == 2_500
    assert min(numbers) >= 2**20


class Stumbling:
    """A connection on which the next COMMIT and the next ROLLBACK fail, as on a disk with I/O errors."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.failing = {"COMMIT", "ROLLBACK"}

    @property
    def in_transaction(self) -> bool:
        return bool(self.connection.in_transaction)

    @property
    def total_changes(self) -> int:
        return int(self.connection.total_changes)

    def execute(self, sql: str, *values: Any) -> Any:
        if sql in self.failing:
            self.failing.remove(sql)
            raise sqlite3.OperationalError("disk I/O error")
        return self.connection.execute(sql, *values)

    def close(self) -> None:
        self.connection.close()


@pytest.mark.stores(SQLITE)
async def test_the_writer_outlives_a_roll_back_that_fails(book: Book, count: Count) -> None:
    caller = make_caller(await make_organisation(book))
    await place_order(book, caller, NewOrder())
    store = book.store
    assert isinstance(store, SqliteStore)
    writer: Any = store._writer
    writer._connection = Stumbling(writer._connection)
    for _ in range(2):
        # The first fails as the disk does; the second because the first's transaction is still open.
        with pytest.raises(StoreUnavailable):
            await place_order(book, caller, NewOrder())
    await place_order(book, caller, NewOrder())
    assert count("orders") == 2


@pytest.mark.stores(POSTGRES)
async def test_a_read_that_cannot_be_asked_takes_nobody_with_it(book: Book) -> None:
    caller = make_caller(await make_organisation(book))
    order = await place_order(book, caller, NewOrder())
    # More than a 64-bit number: the driver refuses it, while the others wait with it for one statement.
    asked = [order.id] * 20 + [2**80 + order.id] + [order.id] * 20
    found = await asyncio.gather(
        *(book.store.fetch_order(order.organisation_id, one) for one in asked), return_exceptions=True
    )
    assert [isinstance(one, BaseException) for one in found] == [one != order.id for one in asked]


@pytest.mark.stores(POSTGRES, PARTITIONED)
async def test_a_key_that_was_taken_after_it_was_looked_for_is_a_fact(book: Book) -> None:
    organisation = await make_organisation(book)
    first, second = (
        Application(
            id=number,
            organisation_id=organisation.id,
            slug=f"app-{number}",
            name="App",
            client_id="client-1",
            secret_digest=None,
        )
        for number in (1, 2)
    )
    await book.store.write(lambda tx: tx.insert_application(first, now()))
    runs = 0

    async def work(tx: Any) -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            # As one whose look came before the other's commit.
            row = (second.id, organisation.id, second.slug, "App", second.client_id, None, 0)
            await tx.rows(INSERT_APPLICATION, *row)
        await tx.insert_application(second, now())

    with pytest.raises(AlreadyExists):
        await book.store.write(work)
    assert runs == 2

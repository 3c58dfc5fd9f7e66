"""A book goes from engine to engine and back and stays the same; what is in the way is told."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from orderwire.book.callers import READ, READ_DELETED, Caller
from orderwire.book.lists import Moment
from orderwire.book.past import book_at
from orderwire.book.queries import get_status, list_revisions, list_stages
from orderwire.store.engines import CannotOpen, open_store
from orderwire.store.keeping import copying, snapshots
from orderwire.store.keeping.copying import CopyRefused, Outcome, copy_book
from orderwire.store.keeping.digests import LAST, TABLES, Sum, Summing
from orderwire.store.keeping.snapshots import reading
from orderwire.store.keeping.targets import Target
from orderwire.store.keeping.users import InUse
from orderwire.store.schema import COPYING, NotMigrated
from orderwire.store.tables import marks, metadata
from orderwire.store.upgrading import upgrade
from tests.factories import make_book_over
from tests.postgres import execute, fetch, run_apart
from tests.stores import PARTITIONED, POSTGRES, SQLITE, Databases
from tests.whole_books import START, harm, look, make_whole_book

ENGINES = (SQLITE, POSTGRES, PARTITIONED)


def nobody(_what: str, _done: int) -> None:
    """Nobody is told how far it came."""


def copy(source: str, target: str, *, live: bool = False) -> Outcome:
    return run_apart(lambda: copy_book(source, target, live=live, tell=nobody))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound book with some hundred orders."""
    return make_whole_book(tmp_path_factory.mktemp("whole"), seed=11, orders=300)


@pytest.fixture
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Addresses of empty books, by engine."""
    made: list[str] = []

    def place(engine: str, name: str = "book") -> str:
        if engine == SQLITE:
            return f"sqlite:///{tmp_path / f'{name}.db'}"
        databases: Databases = request.getfixturevalue("databases")
        made.append(databases.create(engine) if engine == PARTITIONED else databases.create_empty())
        return made[-1]

    yield place
    for url in made:
        request.getfixturevalue("databases").drop(url)


def ids(address: str, owner: int) -> list[int]:
    """The ids of an organisation's orders."""
    found = look(address, "SELECT id, organisation_id FROM orders")
    return sorted(order_id for order_id, of in found if of == owner)


def said(address: str) -> list[Any]:
    """All that the book's own reads say of every order: now, its history, and at an instant of the past."""

    async def work() -> list[Any]:
        book = make_book_over(await open_store(address), Path("unused"))
        found: list[Any] = []
        for owner in await book.store.list_organisations(10):
            caller = Caller(organisation=owner, contract="test", rights=frozenset({READ, READ_DELETED}))
            then = START.replace(hour=20)
            past = book_at(book, caller, Moment(as_of=then, known_at=then), "as_of")
            for order_id in ids(address, owner.id):
                order = (await book.store.list_states(owner.id, order_id, 0, 1))[0].order
                found += [order, await book.store.fetch_order(owner.id, order_id)]
                found += [await get_status(book, caller, order), await list_stages(book, caller, order)]
                found.append(await list_revisions(book, caller, order, 100))
                found.append(await past.store.fetch_order(owner.id, order_id))
        await book.close()
        return found

    return run_apart(work)


@pytest.mark.parametrize("engine", ENGINES)
def test_there_and_back_everything_is_the_same(whole, places, engine):
    start = f"sqlite:///{whole}"
    there, back = places(engine), places(SQLITE, "back")
    first, second = copy(start, there), copy(there, back)
    assert first.is_equal
    assert second.is_equal
    assert [one.source for one in first.tables] == [one.target for one in second.tables]
    rows = {one.table: one.target.rows for one in second.tables}
    assert rows["orders"] > 300
    assert all(rows[table.name] for table in TABLES), "a table of which nothing was copied"
    assert said(start) == said(there) == said(back)
    for table in TABLES:
        names = ", ".join(f'"{column.name}"' for column in table.columns)
        sql = f"SELECT {names} FROM {table.name}"  # noqa: S608 - our own names
        before, after = look(start, sql), look(back, sql)
        assert sorted(map(repr, before)) == sorted(map(repr, after))


def test_every_table_is_copied_but_marks_and_parents_come_first():
    assert {table.name for table in (*TABLES, marks)} == set(metadata.tables)
    for place, table in enumerate(TABLES):
        for key in table.foreign_keys:
            assert TABLES.index(key.column.table) < place
    assert TABLES[-len(LAST) :] == LAST
    assert TABLES[-1].name == "counters"


def test_a_copied_book_goes_on_counting_where_the_other_was(whole, places):
    start, there = f"sqlite:///{whole}", places(POSTGRES)
    copy(start, there)
    sql = "SELECT name, next FROM counters ORDER BY name"
    before = look(start, sql)
    assert look(there, sql) == before

    async def take() -> int:
        store = await open_store(there)
        try:
            return await store.take_number("order")
        finally:
            await store.close()

    assert run_apart(take) == dict(before)["order"]


def test_the_digest_tells_rows_apart_and_not_their_sort():
    def digest(*rows: tuple[Any, ...]) -> Sum:
        summing = Summing(Sum())
        for row in rows:
            summing.add(row)
        return summing.sum

    one, other = (1, "a", None), (2, "b", "c")
    assert digest(one, other) == digest(other, one)
    for changed in ((1, "a", ""), (1, "A", None), (0, "a", None), ("1", "a", None), (1, "a"), (1, None, "a")):
        assert digest(changed, other) != digest(one, other)
    assert digest(one) != digest(one, one)
    assert digest(one, one, one).rows == 3


class Killed(Exception):
    """As if the process had been killed here."""


@pytest.mark.parametrize("engine", [SQLITE, POSTGRES])
def test_a_copy_goes_on_wherever_it_was_interrupted(whole, places, engine, monkeypatch):
    monkeypatch.setattr(copying, "BATCH_ROWS", 40)
    monkeypatch.setattr(snapshots, "PAGE", 10)
    start, there = f"sqlite:///{whole}", places(engine)
    put, replace = Target.put, Target.replace
    interruptions = 0

    def interrupted(real):
        async def write(self, *given, **named):
            nonlocal interruptions
            await real(self, *given, **named)
            # After every batch but the last: what follows it is lost.
            interruptions += 1
            raise Killed

        return write

    monkeypatch.setattr(Target, "put", interrupted(put))
    monkeypatch.setattr(Target, "replace", interrupted(replace))
    for _ in range(1_000):
        try:
            outcome = copy(start, there)
        except Killed:
            with pytest.raises(CannotOpen, match="half a copy"):
                run_apart(lambda: open_store(there))
            continue
        break
    assert interruptions > len(TABLES) + 20
    assert outcome.is_equal
    assert outcome.resumed
    assert said(there) == said(start)


def test_nothing_opens_half_a_copy(whole, places, monkeypatch):
    start, there = f"sqlite:///{whole}", places(SQLITE)

    async def never(*_given: Any, **_named: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Target, "replace", never)
        with pytest.raises(Killed):
            copy(start, there)
    with pytest.raises(CannotOpen, match="holds half a copy"):
        run_apart(lambda: open_store(there))
    with pytest.raises(CopyRefused, match="holds half a copy itself"):
        copy(there, places(SQLITE, "third"))
    assert copy(start, there).is_equal
    run_apart(lambda: opened(there))


async def opened(address: str) -> None:
    await (await open_store(address)).close()


@pytest.mark.parametrize("engine", [SQLITE, POSTGRES])
def test_a_target_that_was_changed_is_seen_and_stays_closed(whole, places, engine, monkeypatch):
    start, there = f"sqlite:///{whole}", places(engine)
    end = copying._Copy.end

    async def meddled(self):
        if engine == POSTGRES:
            await self._target._connection.execute("UPDATE orders SET kind = 'invoice' WHERE kind = 'order'")
        else:
            self._target._connection.execute("UPDATE orders SET kind = 'invoice' WHERE kind = 'order'")
        return await end(self)

    monkeypatch.setattr(copying._Copy, "end", meddled)
    outcome = copy(start, there)
    assert [one.table for one in outcome.tables if not one.is_equal] == ["orders"]
    with pytest.raises(CannotOpen, match="half a copy"):
        run_apart(lambda: open_store(there))


def test_a_book_that_was_written_between_two_tries_is_seen(whole, places, tmp_path, monkeypatch):
    path = tmp_path / "start.db"
    shutil.copy(whole, path)
    start, there = f"sqlite:///{path}", places(SQLITE)

    async def never(*_given: Any, **_named: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Target, "replace", never)
        with pytest.raises(Killed):
            copy(start, there)
    harm(start, "UPDATE orders SET total_micros = 1")
    outcome = copy(start, there)
    assert [one.table for one in outcome.tables if not one.is_equal] == ["orders"]


def test_what_is_not_empty_is_refused(whole, places):
    start, there = f"sqlite:///{whole}", places(SQLITE)
    copy(start, there)
    with pytest.raises(CopyRefused, match="is not empty: it has "):
        copy(start, there)
    with pytest.raises(CopyRefused, match="is not empty: it has "):
        copy(start, start, live=True)


def test_half_a_copy_of_another_book_is_refused(whole, places, tmp_path):
    start, there = f"sqlite:///{whole}", places(SQLITE)
    other = make_whole_book(tmp_path, seed=3, orders=2)
    assert copy(f"sqlite:///{other}", there).is_equal
    state = json.dumps({"source": "somebody else"})
    empty = places(SQLITE, "empty")
    copy_nothing(start, empty, state)
    with pytest.raises(CopyRefused, match="half a copy of another book"):
        copy(start, empty)


def copy_nothing(start: str, there: str, state: str) -> None:
    """Leave a target as a copy does that was interrupted at once."""
    run_apart(lambda: upgrade(there))
    harm(there, f"INSERT INTO book_facts VALUES ('{COPYING}', '{state}')")  # noqa: S608


def test_half_a_live_copy_does_not_go_on(whole, places, monkeypatch):
    start, there = f"sqlite:///{whole}", places(SQLITE)

    async def never(*_given: Any, **_named: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Target, "replace", never)
        with pytest.raises(Killed):
            copy(start, there, live=True)
    for live in (True, False):
        with pytest.raises(CopyRefused, match="was written meanwhile"):
            copy(start, there, live=live)


def test_two_copies_into_one_book_do_not_mix(whole, places):
    start, there = f"sqlite:///{whole}", places(POSTGRES)

    async def both() -> list[Any]:
        await upgrade(there)
        return await asyncio.gather(
            *(copy_book(start, there, live=True, tell=nobody) for _ in range(2)), return_exceptions=True
        )

    outcomes = run_apart(both)
    whole_ones = [one for one in outcomes if isinstance(one, Outcome)]
    refused = [one for one in outcomes if isinstance(one, CopyRefused | InUse)]
    assert len(whole_ones) + len(refused) == 2, outcomes
    assert all(one.is_equal for one in whole_ones)


def test_a_book_without_key_or_migration_is_refused(whole, places, tmp_path):
    with pytest.raises(NotMigrated):
        copy(places(SQLITE, "nowhere"), places(SQLITE))
    path = tmp_path / "keyless.db"
    shutil.copy(whole, path)
    harm(f"sqlite:///{path}", "DELETE FROM book_facts WHERE name = 'key_proof'")
    with pytest.raises(CopyRefused, match="has no key yet"):
        copy(f"sqlite:///{path}", places(SQLITE))


def test_what_no_column_holds_is_named(whole, places, tmp_path):
    path = tmp_path / "odd.db"
    shutil.copy(whole, path)
    harm(f"sqlite:///{path}", "UPDATE parties SET role = 'x' || char(0) WHERE id = 2")
    with pytest.raises(
        CopyRefused, match=r"parties \(2,\): role holds a NUL character: repair the book first"
    ):
        copy(f"sqlite:///{path}", places(POSTGRES))


def test_nobody_writes_to_a_book_that_is_copied(whole, tmp_path, places):
    path = tmp_path / "start.db"
    shutil.copy(whole, path)
    there = places(POSTGRES)
    copy(f"sqlite:///{path}", there)

    async def writes_meanwhile() -> None:
        async with reading(f"sqlite:///{path}", is_alone=True):
            with closing(sqlite3.connect(path, timeout=0.01)) as other:
                with pytest.raises(sqlite3.OperationalError, match="locked"):
                    other.execute("DELETE FROM marks")
                assert other.execute("SELECT count(*) FROM orders").fetchone()[0]
        async with reading(there, is_alone=True):
            with pytest.raises(Exception, match="lock timeout"):
                execute(there, "SET lock_timeout = 10; DELETE FROM orders WHERE id = 0")
            assert fetch(there, "SELECT count(*) FROM orders")

    run_apart(writes_meanwhile)
    with closing(sqlite3.connect(path)) as other:
        other.execute("DELETE FROM marks")


def test_a_snapshot_does_not_see_what_is_written_later(whole, tmp_path, places):
    path = tmp_path / "start.db"
    shutil.copy(whole, path)
    there = places(POSTGRES)
    copy(f"sqlite:///{path}", there)

    async def counts(address: str) -> tuple[int, int]:
        async with reading(address) as snapshot:
            before = await snapshot.count(metadata.tables["parties"])
            harm(address, "DELETE FROM parties WHERE id = 1")
            return before, await snapshot.count(metadata.tables["parties"])

    # In WAL mode, as a book that is served.
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    for address in (f"sqlite:///{path}", there):
        before, after = run_apart(partial(counts, address))
        assert before == after
        assert len(look(address, "SELECT 1 FROM parties")) == before - 1

"""A check finds nothing in a sound book, whatever happened to its orders, and each kind of damage in one
that was changed behind its back."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import ForeignKeyConstraint

from orderwire.store.keeping.check_tables import COUNTED, NAMED, RULES
from orderwire.store.keeping.checking import WrongKey, check_book
from orderwire.store.keeping.copying import copy_book
from orderwire.store.keeping.findings import Finding, Findings
from orderwire.store.tables import counters, metadata
from orderwire.vault import Vault, new_key
from tests.postgres import run_apart
from tests.store.damages import DAMAGES, VALUES, filled
from tests.stores import POSTGRES, SQLITE, Shelf
from tests.whole_books import harm, look, make_whole_book


@dataclass(frozen=True)
class Whole:
    """A sound book in a file, and its key."""

    path: Path

    @property
    def vault(self) -> Vault:
        return Vault(tuple(self.path.with_name(f"{self.path.name}.key").read_text().split()))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """A sound book that tests copy."""
    return Whole(make_whole_book(tmp_path_factory.mktemp("whole")))


@pytest.fixture
def address(whole: Whole, shelf: Shelf, tmp_path: Path) -> Iterator[str]:
    """A copy of the sound book on the store that the test runs on."""
    if shelf.store == SQLITE:
        shutil.copy(whole.path, tmp_path / "book.db")
        yield f"sqlite:///{tmp_path / 'book.db'}"
        return
    found = shelf.address(tmp_path)
    copied = run_apart(lambda: copy_book(f"sqlite:///{whole.path}", found, live=True, tell=nobody))
    assert copied.is_equal
    yield found


def nobody(_what: str, _done: int) -> None:
    """Nobody is told how far it came."""


def check(address: str, vault: Vault | None, limit: int = 1_000) -> Findings:
    findings = Findings(limit)
    run_apart(lambda: check_book(address, vault, findings, nobody))
    return findings


def test_a_sound_book_is_sound(address, whole):
    assert check(address, whole.vault).kept == []


@pytest.mark.parametrize("seed", range(2, 6))
def test_whatever_happened_to_orders_is_no_damage(tmp_path, seed):
    path = make_whole_book(tmp_path, seed=seed, orders=120)
    assert check(f"sqlite:///{path}", Whole(path).vault).kept == []


@pytest.mark.stores(SQLITE, POSTGRES)
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_is_found_and_nothing_else(address, whole, damage):
    statements, expected = damage
    harm(address, *map(filled, statements))
    told = check(address, whole.vault).kept
    # What SQLite says itself of a constraint is said again in the book's words.
    found = sorted(
        (one.table, one.what) for one in told if not one.what.startswith("CHECK constraint failed")
    )
    assert [table for table, _ in found] == [table for table, _ in expected], found
    for (_, what), (_, beginning) in zip(found, expected, strict=True):
        assert what.startswith(beginning), found


@pytest.mark.stores(SQLITE)
@pytest.mark.parametrize("damage", VALUES.values(), ids=VALUES.keys())
def test_values_that_fit_no_column_are_found(address, whole, damage):
    statements, expected = damage
    harm(address, *map(filled, statements))
    found = sorted({(one.table, one.what) for one in check(address, whole.vault).kept})
    kinds = {(table, beginning) for table, beginning in expected if table != "book"}
    assert {(table, what) for table, what in found if table != "book"} >= kinds, found


def test_a_broken_file_is_told_and_read_as_far_as_it_goes(whole, tmp_path):
    path = tmp_path / "book.db"
    shutil.copy(whole.path, path)
    with path.open("r+b") as file:
        page = 4_096
        # Leaves of the greatest tables; the first pages hold the schema.
        for place in range(path.stat().st_size // page * 2 // 3, path.stat().st_size // page - 1):
            file.seek(place * page)
            file.write(b"\xff" * page)
    found = check(f"sqlite:///{path}", whole.vault)
    assert found.by_table["book"] > 1
    assert any("can't be read to its end" in one.what for one in found.kept)


def test_an_index_that_misses_a_row_is_found(whole, tmp_path):
    path = tmp_path / "book.db"
    shutil.copy(whole.path, path)
    address = f"sqlite:///{path}"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA writable_schema=ON")
        sql = "UPDATE sqlite_master SET sql = 'CREATE INDEX orders_by_change ON orders (organisation_id)'"
        connection.execute(f"{sql} WHERE name = 'orders_by_change'")
        connection.commit()
    assert any("orders_by_change" in one.what for one in check(address, whole.vault).kept)


def test_findings_are_counted_beyond_the_limit(address, whole):
    harm(address, "UPDATE orders SET total_micros = 1")
    found = check(address, whole.vault, limit=3)
    ((orders,),) = look(address, "SELECT count(*) FROM orders")
    assert (len(found.kept), found.count, found.by_table["orders"]) == (3, orders, orders)


def test_secrets_are_opened_with_the_right_key_or_left_alone(address):
    harm(address, "UPDATE answers SET body = 'x'")
    assert check(address, None).kept == []
    with pytest.raises(WrongKey):
        check(address, Vault((new_key(),)))


def test_findings_show_nothing_of_what_is_somebodys_own():
    findings = Findings(1)
    findings.add("names", ("a\nb", 1), "is missing")
    assert findings.kept == [Finding("names", "a?b 1", "is missing")]


def test_orders_beyond_a_page_are_told_apart(tmp_path):
    path = make_whole_book(tmp_path, seed=9, orders=700)
    address = f"sqlite:///{path}"
    ((last,),) = look(address, "SELECT id FROM orders ORDER BY bucket DESC, id DESC LIMIT 1")
    ((orders,),) = look(address, "SELECT count(*) FROM orders")
    harm(address, f"UPDATE orders SET total_micros = -5 WHERE id = {last}")  # noqa: S608 - our own number
    findings = Findings(10)
    told = []
    seen = asyncio.run(check_book(address, Whole(path).vault, findings, lambda *one: told.append(one)))
    assert seen == orders > 700
    assert [one.key for one in findings.kept] == [str(last)]
    assert ("orders", orders) in told


def test_every_table_and_every_reference_is_looked_at():
    of_orders = {"orders", "order_revisions", "order_stages", "order_statuses", "notices"}
    assert {table.name for table in RULES} | of_orders == set(metadata.tables)
    named = {(column.table.name, there.name) for column, there in NAMED}
    for table in metadata.tables.values():
        for constraint in table.constraints:
            if isinstance(constraint, ForeignKeyConstraint) and table.name not in of_orders:
                assert (table.name, constraint.referred_table.name) in named
    with_id = {name for name, table in metadata.tables.items() if "organisation_id" in table.c}
    assert with_id - of_orders - {"names", "group_rejections"} <= {
        table for table, there in named if there == "organisations"
    }


def test_every_counter_is_held_against_what_it_gave(address):
    assert {name for (name,) in look(address, f"SELECT name FROM {counters.name}")} == set(COUNTED)  # noqa: S608

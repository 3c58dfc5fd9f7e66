"""`orderwire distribute`: refused where nothing can be spread, run where the environment names a Citus."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from orderwire.book.operations import NewOrder, append_stage, place_order
from orderwire.book.orders import Document
from orderwire.book.queries import get_order_named
from orderwire.book.stages import NewStage
from orderwire.store.citus import steps
from orderwire.store.postgres import PostgresStore
from orderwire.store.tables import metadata
from tests.factories import make_book_over, make_caller, make_organisation
from tests.postgres import CannotRun, execute, fetch, on_database
from tests.server import run_command
from tests.stores import Databases

VARIABLE = "ORDERWIRE_TEST_CITUS"


def test_every_table_is_spread_or_on_every_machine() -> None:
    assert sorted(name for name, _ in steps()) == sorted(metadata.tables)
    done: set[str] = set()
    for name, sql in steps():
        is_spread = "create_distributed_table" in sql
        assert is_spread == ("bucket" in metadata.tables[name].c)
        # Citus takes a reference to a table only once that lies where the referring one shall.
        assert {key.column.table.name for key in metadata.tables[name].foreign_keys} <= done
        done.add(name)


def test_a_file_cannot_be_spread(tmp_path: Path) -> None:
    refused = run_command("--database", str(tmp_path / "book.db"), "distribute")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "is not on PostgreSQL" in refused.stderr


def test_without_the_extension_nothing_is_done(databases: Databases) -> None:
    url = databases.create()
    refused = run_command("--database", url, "distribute")
    databases.drop(url)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "has no Citus" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_a_book_that_is_not_migrated_is_refused(databases: Databases) -> None:
    url = databases.create_empty()
    refused = run_command("--database", url, "distribute")
    databases.drop(url)
    assert refused.returncode == 3
    assert "migrate" in refused.stderr


@pytest.fixture
def citus() -> Iterator[str]:
    """A fresh database of the Citus that the environment names, on all its machines."""
    given = os.environ.get(VARIABLE)
    if not given:
        pytest.skip(f"{VARIABLE} names no Citus (a URL whose user may create databases there)")
    name = f"orderwire_test_{os.getpid()}_citus"
    execute(given, f"CREATE DATABASE {name}")
    url = on_database(given, name)
    try:
        execute(url, "CREATE EXTENSION citus")
    except Exception as error:
        raise CannotRun(f"{VARIABLE}: {error}") from error
    yield url
    execute(given, f"DROP DATABASE {name} WITH (FORCE)")


async def test_a_book_is_spread_and_works_on(citus: str, tmp_path: Path) -> None:
    env = {"ORDERWIRE_DATA_FOLDER": str(tmp_path)}
    for command in (["migrate"], ["distribute", "--json"], ["distribute"]):
        done = run_command("--database", citus, *command, env=env)
        assert done.returncode == 0, done.stderr
        if "--json" in command:
            assert len(json.loads(done.stdout)["spread"]) == len(steps())
    assert "spread already" in done.stdout
    spread = fetch(citus, "SELECT count(*) FROM pg_dist_partition WHERE partmethod = 'h'")
    assert spread[0][0] == sum("bucket" in table.c for table in metadata.tables.values())
    book = make_book_over(await PostgresStore.open(citus, 4, 10.0), tmp_path)
    caller = make_caller(await make_organisation(book))
    order = await place_order(book, caller, NewOrder(document=Document(names={"reference": "R-1"})))
    await append_stage(book, caller, order, NewStage(stage="packed"))
    found = await get_order_named(book, caller, "reference", "R-1")
    assert (found.id, found.stage_count) == (order.id, 1)
    await book.close()

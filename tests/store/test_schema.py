"""The schema: migrations and tables say the same, and a book that is not migrated is refused."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from orderwire.store import catalogue
from orderwire.store.addresses import is_postgres
from orderwire.store.migrations import FOLDER, configured, upgrade
from orderwire.store.schema import HEAD, NotMigrated, check_standing, standing_of
from orderwire.store.tables import metadata
from tests.postgres import run_apart
from tests.stores import POSTGRES, SQLITE, Shelf

T = TypeVar("T")


def on_connection(address: str, work: Callable[[Connection], T]) -> T:
    """Run `work` on a connection of either engine."""

    async def run() -> T:
        engine = create_async_engine(
            "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(address), poolclass=NullPool
        )
        try:
            async with engine.connect() as connection:
                done = await connection.run_sync(work)
                await connection.commit()
                return done
        finally:
            await engine.dispose()

    if is_postgres(address):
        return run_apart(run)
    engine = create_engine(address)
    try:
        with engine.connect() as connection:
            done = work(connection)
            connection.commit()
            return done
    finally:
        engine.dispose()


def differences(address: str) -> list[Any]:
    """What the tables of a book have that the code does not know, and the other way about."""
    return on_connection(
        address,
        lambda connection: compare_metadata(
            MigrationContext.configure(
                connection, opts={"compare_type": True, "compare_server_default": True}
            ),
            metadata,
        ),
    )


@pytest.mark.stores(SQLITE, POSTGRES)
def test_migrations_make_the_tables_that_the_code_knows(shelf: Shelf, tmp_path: Path) -> None:
    assert differences(shelf.address(tmp_path)) == []


@pytest.mark.stores(SQLITE, POSTGRES)
def test_migrations_go_back_and_come_again(shelf: Shelf, tmp_path: Path) -> None:
    address = shelf.address(tmp_path)
    on_connection(address, lambda connection: command.downgrade(configured(connection), "base"))
    tables = on_connection(address, lambda connection: set(inspect(connection).get_table_names()))
    assert tables == {"alembic_version"}
    on_connection(address, lambda connection: command.upgrade(configured(connection), "head"))
    assert differences(address) == []
    assert shelf.rows(tmp_path, "SELECT count(*) FROM counters") == [(5,)]


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_an_unmigrated_book_is_refused_and_migrating_twice_is_harmless(tmp_path: Path) -> None:
    path = tmp_path / "book.db"
    with pytest.raises(NotMigrated) as missing:
        check_standing("here", standing_of(path))
    assert missing.value.found is None
    sqlite3.connect(path).close()
    with pytest.raises(NotMigrated):
        check_standing("here", standing_of(path))
    upgrade(path)
    upgrade(path)
    check_standing("here", standing_of(path))
    assert standing_of(path).revision == HEAD


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "book.db"
    connection = sqlite3.connect(path)
    # The last table of the first migration is in the way, so the ones before it must vanish again.
    connection.execute("CREATE TABLE group_rejections (id INTEGER)")
    connection.close()
    with pytest.raises(Exception, match="group_rejections"):
        upgrade(path)
    connection = sqlite3.connect(path)
    left = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    assert left <= {"group_rejections", "alembic_version"}
    assert standing_of(path).revision is None


def test_every_statement_on_an_order_table_names_its_bucket() -> None:
    bucketed = {name for name, table in metadata.tables.items() if "bucket" in table.c}
    for statement in catalogue.ALL:
        sql = str(statement.clause)
        if statement.is_scattered or not any(f" {name}" in sql for name in bucketed):
            continue
        has_bucket = any("bucket" in name for name in statement.params)
        assert has_bucket, f"{statement.name} touches every bucket"


def test_a_book_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "book.db"
    upgrade(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_a_killed_migration_left_is_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "book.db"
    upgrade(path)
    # A hot journal, as kill -9 leaves it: a transaction whose first pages are in the file already.
    script = (
        "import os, sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('PRAGMA journal_mode=DELETE'); c.execute('PRAGMA cache_size=1')\n"
        "c.execute('BEGIN IMMEDIATE')\n"
        "for n in range(3000):\n"
        "    c.execute('INSERT INTO counters VALUES (?, 1)', (f'{n:030}',))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert killed.returncode == -9
    assert path.with_name("book.db-journal").stat().st_size > 0
    assert standing_of(path).revision == HEAD
    upgrade(path)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM counters").fetchone() == (5,)
    connection.close()

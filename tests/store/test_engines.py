"""What a process has in it depends on the book's address, and on whether it migrates."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.stores import Shelf

# Opens the book through what serves, and tells which of some packages that has loaded.
SCRIPT = """
import asyncio, sys
import orderwire.app
from orderwire.store.engines import open_store

async def use(database):
    store = await open_store(database)
    assert await store.list_organisations(1) == []
    await store.close()

asyncio.run(use(sys.argv[1]))
print(*sorted({"alembic", "asyncpg", "sqlalchemy.orm", "orderwire.store.sqlite"} & set(sys.modules)))
"""


def loaded(database: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, database], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.stores("sqlite")
def test_who_serves_a_file_has_no_driver_of_postgresql(shelf: Shelf, tmp_path) -> None:
    assert loaded(shelf.address(tmp_path)) == ["orderwire.store.sqlite"]


@pytest.mark.stores("postgresql")
def test_who_serves_from_postgresql_has_nothing_of_sqlite(shelf: Shelf, tmp_path) -> None:
    assert "alembic" not in loaded(shelf.address(tmp_path))
    assert "orderwire.store.sqlite" not in loaded(shelf.address(tmp_path))

"""A PostgreSQL server of the run's own, from the wheel that the tests use, and the books in it."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import asyncpg
import uvloop

from tests import postgres

from . import bulk, machine
from .seed import Seeded

# As it comes: every commit is on disk. With memory for the book, and no checkpoint within a round.
DURABLE = {"shared_buffers": "512MB", "max_wal_size": "8GB", "checkpoint_timeout": "30min"}
# For books that are only read: filling them must not take all day.
FILLED = {**postgres.FAST, "shared_buffers": "2GB", "max_wal_size": "16GB", "checkpoint_timeout": "1h"}
COPY_SECONDS = 1_800


class Database:
    """A PostgreSQL server."""

    def __init__(self, server: postgres.Server) -> None:
        self._server = server
        self._made = 0

    @property
    def version(self) -> str:
        """Such as "18.4"."""
        return self._server.version

    def create(self) -> str:
        """The URL of a fresh database."""
        self._made += 1
        name = f"bench_{self._made}"
        postgres.execute(self._server.url(), f"CREATE DATABASE {name} TEMPLATE template0")
        return self._server.url(name)

    def settle(self, url: str) -> None:
        """Have everything on disk, and statistics of it, so that nothing is made up for while reads are
        measured."""
        postgres.execute(url, "VACUUM (ANALYZE)", "CHECKPOINT")

    def move(self, place: machine.Place) -> None:
        """Have the server run elsewhere; connections that are made later run there, too."""
        machine.move(self._server.pid, place)

    def cpu_seconds(self) -> float:
        """Processor time that the server has used so far, all its processes together."""
        return machine.cpu_seconds(self._server.pid)


@contextlib.contextmanager
def running(place: machine.Place, settings: Mapping[str, str]) -> Iterator[Database]:
    """A server in its place, gone afterwards with all its books. Raises postgres.CannotRun."""
    home = postgres.make_home()
    try:
        server = postgres.Server(postgres.Binaries.unpack(home), "bench", settings)
        with machine.pinned(place):
            server.start()
        try:
            yield Database(server)
        finally:
            server.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


@dataclass(frozen=True)
class Copied(Seeded):
    """A seeded book that was copied to a database; its key is in `folder`."""

    url: str
    folder: Path

    @property
    def env(self) -> dict[str, str]:
        """What a process needs to open the book."""
        return bulk.env_at(self.url, self.folder)


def copy(seeded: Seeded, database: Database, folder: Path) -> Copied:
    """The book, copied to a fresh database by `orderwire copy`."""
    began = time.monotonic()
    url = database.create()
    env = bulk.env_at(url, folder)
    shutil.copy(seeded.settings().key_file, folder / "orderwire.key")
    done = subprocess.run(
        [sys.executable, "-m", "orderwire", "copy", str(seeded.database), url],
        env=machine.environment(env),
        capture_output=True,
        text=True,
        timeout=COPY_SECONDS,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"orderwire copy failed:\n{done.stdout[-1000:]}{done.stderr[-1000:]}")
    database.settle(url)
    kept = {one.name: getattr(seeded, one.name) for one in fields(Seeded)}
    return Copied(**{**kept, "seconds": time.monotonic() - began}, url=url, folder=folder)


def fill(server: Database, folder: Path, orders: int) -> tuple[dict[str, str], float]:
    """A book of so many orders made in bulk, rows as the store writes them: its environment, and the seconds
    that it took."""
    began = time.monotonic()
    url = server.create()
    env = bulk.env_at(url, folder)
    owner = bulk.make_empty(env)
    uvloop.run(_fill(url, owner, orders))
    server.settle(url)
    return env, time.monotonic() - began


async def _fill(url: str, owner: int, orders: int) -> None:
    connection = await asyncpg.connect(url, command_timeout=None)
    try:
        # The rows are known to belong together: their foreign keys are not looked up.
        await connection.execute("SET session_replication_role = replica")
        first = await connection.fetchval("SELECT next FROM counters WHERE name = 'order'")
        for batch in bulk.batches(owner, first, orders, share_bucket=True):
            await _insert(connection, batch)
        await connection.execute("UPDATE counters SET next = $1 WHERE name = 'order'", first + orders)
    finally:
        await connection.close()


async def _insert(connection: asyncpg.Connection, batch: bulk.Rows) -> None:
    for statement, rows in zip(bulk.INSERTS, batch, strict=True):
        table = statement.clause.table.name  # type: ignore[attr-defined]
        columns = [name.removeprefix("v_") for name in statement.params]
        await connection.copy_records_to_table(table, records=rows, columns=columns)

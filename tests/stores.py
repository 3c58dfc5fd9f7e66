"""The stores that tests run on, and a fresh database for each test that wants one.

`ORDERWIRE_TEST_DATABASE` (a URL of PostgreSQL whose user may create databases) is used instead of a
server of the tests' own.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orderwire.book.store import Book
from orderwire.store import upgrading
from orderwire.store.migrations import upgrade
from orderwire.store.postgres import PostgresStore
from orderwire.store.postgres_pool import Pool
from orderwire.store.tables import metadata
from tests.factories import make_book, make_book_over
from tests.partitions import partition
from tests.postgres import (
    FAST,
    Binaries,
    CannotRun,
    Server,
    execute,
    fetch,
    make_home,
    on_database,
    run_apart,
)

SQLITE = "sqlite"
POSTGRES = "postgresql"
PARTITIONED = "postgresql-partitioned"
STORES = (SQLITE, POSTGRES, PARTITIONED)
# A test's books share the server with nobody, and the machine with everybody.
CONNECTIONS = 4
STORE_SECONDS = 10.0
VARIABLE = "ORDERWIRE_TEST_DATABASE"


@dataclass
class Databases:
    """Databases on one PostgreSQL server; each is a copy of one that was migrated once."""

    admin: str
    description: str
    server: Server | None = None
    home: Path | None = None
    _templates: dict[str, str] = field(default_factory=dict)
    _left: set[str] = field(default_factory=set)
    made: int = 0

    @classmethod
    def open(cls) -> Databases:
        """The server that the environment names, or one of our own. Raises CannotRun."""
        given = os.environ.get(VARIABLE)
        if given:
            try:
                ((version,),) = fetch(given, "SHOW server_version")
            except Exception as error:
                raise CannotRun(f"{VARIABLE}: {type(error).__name__}: {error}") from error
            return cls(given, f"PostgreSQL {version} at {VARIABLE}")
        home = make_home()
        try:
            server = Server(Binaries.unpack(home), "plain", FAST)
            server.start()
        except BaseException:
            shutil.rmtree(home, ignore_errors=True)
            raise
        user = server.binaries.user.partition(":")[0]
        who = f"by user {user}" if user else "by ourselves"
        return cls(server.url(), f"PostgreSQL {server.version} of the wheel, run {who}", server, home)

    def create(self, store: str = POSTGRES) -> str:
        """The URL of a fresh, migrated database of this kind of store."""
        if store not in self._templates:
            self._templates[store] = self._make_template(store)
        return self.create_empty(f"TEMPLATE {self._templates[store]} STRATEGY FILE_COPY")

    def create_empty(self, how: str = "TEMPLATE template0") -> str:
        """The URL of a fresh database without tables; `how` goes to CREATE DATABASE."""
        self.made += 1
        name = f"orderwire_test_{os.getpid()}_{self.made}"
        execute(self.admin, f"CREATE DATABASE {name} {how}")
        self._left.add(name)
        return on_database(self.admin, name)

    def drop(self, url: str) -> None:
        """Drop a database, whoever still is connected to it."""
        name = url.rpartition("/")[2]
        execute(self.admin, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self._left.discard(name)

    def close(self) -> None:
        """Stop the server, or leave a foreign one as it was."""
        if self.server is not None and self.home is not None:
            self.server.stop()
            shutil.rmtree(self.home, ignore_errors=True)
            return
        for name in list(self._left):
            self.drop(on_database(self.admin, name))

    def _make_template(self, store: str) -> str:
        url = self.create_empty()
        run_apart(lambda: upgrading.upgrade(url))
        if store == PARTITIONED:
            run_apart(lambda: partition(url))
        return url.rpartition("/")[2]


class Shelf:
    """Books of one test on one kind of store, each known by its folder."""

    def __init__(self, store: str, databases: Databases | None) -> None:
        self.store = store
        self._databases = databases
        self._urls: dict[Path, str] = {}

    def address(self, folder: Path) -> str:
        """The address of the folder's book, which is migrated if it was not there."""
        if self._databases is None:
            path = folder / "book.db"
            if not path.exists():
                upgrade(path)
            return f"sqlite:///{path}"
        if folder not in self._urls:
            self._urls[folder] = self._databases.create(self.store)
        return self._urls[folder]

    async def open(self, folder: Path, *, cache_seconds: float = 0.0) -> Book:
        """The folder's book, a fresh one if there is none."""
        address = self.address(folder)
        if self._databases is None:
            return make_book(folder, cache_seconds=cache_seconds)
        if self.store == PARTITIONED:
            # As on machines of their own: each work in its own transaction, some at a time.
            pool = await Pool.open(address, CONNECTIONS)
            store = PostgresStore(pool, STORE_SECONDS, side_by_side=CONNECTIONS // 2)
        else:
            store = await PostgresStore.open(address, CONNECTIONS, STORE_SECONDS)
        return make_book_over(store, folder, cache_seconds=cache_seconds)

    def rows(self, folder: Path, sql: str) -> list[tuple[Any, ...]]:
        """What another connection sees of the folder's book: what is committed."""
        if self._databases is None:
            with closing(sqlite3.connect(folder / "book.db")) as connection:
                return list(connection.execute(sql))
        return [tuple(row) for row in fetch(self._urls[folder], sql)]

    def run(self, folder: Path, sql: str) -> None:
        """Change the folder's book behind its back."""
        if self._databases is None:
            with closing(sqlite3.connect(folder / "book.db", isolation_level=None)) as connection:
                connection.execute(sql)
        else:
            execute(self._urls[folder], sql)

    def dump(self, folder: Path) -> bytes:
        """Everything that the folder's book keeps."""
        if self._databases is None:
            return b"".join(path.read_bytes() for path in folder.glob("book.db*"))
        found = [self.rows(folder, f'SELECT one::text FROM "{name}" AS one') for name in metadata.tables]  # noqa: S608
        return "\n".join(text for rows in found for (text,) in rows).encode()

    def close(self) -> None:
        """Let go of the databases."""
        for url in self._urls.values():
            assert self._databases is not None
            self._databases.drop(url)

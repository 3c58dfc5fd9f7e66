"""Which engine keeps a book, by its address. An engine is loaded when an address asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Protocol, cast

from orderwire.book.store import Store

from .addresses import is_postgres, show
from .schema import COPYING, Standing, check_standing

# Of a list.
LIST_SECONDS = 5.0


class Engine(Protocol):
    """What the module of an engine has: `sqlite_engine`, `postgres_engine`."""

    # What its driver raises.
    ERRORS: tuple[type[Exception], ...]

    def explain(self, database: str, error: Exception) -> str:
        """What one of the errors says of the book, as the end of a sentence."""
        ...

    async def standing_of(self, database: str) -> Standing:
        """Where the book stands. Raises one of the errors, or OSError."""
        ...

    async def open_store(
        self, database: str, *, connections: int, seconds: float, list_seconds: float
    ) -> Store:
        """The store of a migrated book. Raises one of the errors, or OSError."""
        ...


class CannotOpen(Exception):
    """The book can't be reached or used; the message says why."""


def engine_of(database: str) -> Engine:
    """The engine of this address, loaded if it was not: see docs/decisions/0029."""
    name = "postgres_engine" if is_postgres(database) else "sqlite_engine"
    return cast("Engine", import_module(f".{name}", __package__))


async def standing_of(database: str) -> Standing:
    """Where the book stands. Raises CannotOpen."""
    with reaching(database):
        return await engine_of(database).standing_of(database)


async def open_store(
    database: str,
    *,
    connections: int = 10,
    seconds: float = 5.0,
    list_seconds: float = LIST_SECONDS,
) -> Store:
    """The store of a book that stands at the newest migration.

    `connections` is how many PostgreSQL may be asked for, `seconds` how long it is tried before a
    request is given up, `list_seconds` how long a list may take. Raises NotMigrated or CannotOpen.
    """
    check_standing(show(database), await standing_of(database))
    with reaching(database):
        store = await engine_of(database).open_store(
            database, connections=connections, seconds=seconds, list_seconds=list_seconds
        )
    try:
        if await store.fetch_fact(COPYING) is not None:
            raise CannotOpen(
                f"{show(database)} holds half a copy: type the `orderwire copy` again that made it"
            )
    except BaseException:
        await store.close()
        raise
    return store


@contextmanager
def reaching(database: str) -> Iterator[None]:
    """Within, what goes wrong with the book at this address is CannotOpen."""
    engine = engine_of(database)
    try:
        yield
    except engine.ERRORS as error:
        raise CannotOpen(f"{show(database)} {engine.explain(database, error)}") from error
    except (OSError, TimeoutError) as error:
        raise CannotOpen(f"{show(database)} can't be reached: {str(error) or 'no answer in time'}") from error

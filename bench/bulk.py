"""Books of up to millions of orders, made in bulk: rows as the store writes them, no operation run.

For measuring what a book of that size costs to read. The rows are those that `place_order` would leave (a
document with three lines, two names, one revision, one stage, a status), in transactions of many orders
without waiting for the disk.
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import uvloop

from orderwire import app
from orderwire import settings as table
from orderwire.book.accounts import NewToken, create_organisation, issue_tokens
from orderwire.book.callers import RIGHTS
from orderwire.book.orders import BUCKETS, Document, Line, Order, Party
from orderwire.book.stages import Origin, Stage, StageDetail, StatusDetail
from orderwire.contracts.native.auth import TOKEN_SCHEME
from orderwire.migrating import migrate
from orderwire.store import statements
from orderwire.store.compiling import Statement
from orderwire.store.rows import (
    bucket_of_name,
    encode,
    head_values,
    micros,
    stage_values,
    state_values,
    text,
)
from orderwire.store.sqlite import prepare

ORGANISATION = "bulk"
TOKEN = "bench-bulk-token-52c0a19be74d38f6"
FIRST = datetime(2024, 1, 1, 8, tzinfo=UTC)
# One transaction holds the rows of so many orders.
AT_ONCE = 10_000
CACHE_KIB = 1_000_000
CUSTOMER_ORDERS = 500
# How the orders of a book stand, evenly spread: a tenth each, most are complete.
LIFECYCLES = ("new", "processing", "cancelled", *["complete"] * 7)
ITEMS = ("lamp", "desk", "chair", "shelf", "rug", "vase", "clock")
ORIGIN = Origin(contract="bench", caller="bench")

# The statements by which an order's rows are written, in the sort in which they must be.
INSERTS: tuple[Statement, ...] = (
    statements.INSERT_ORDER,
    statements.INSERT_REVISION,
    statements.INSERT_NAME,
    statements.INSERT_STAGE,
    statements.PUT_STATUS,
)
Rows = tuple[list[Sequence[Any]], ...]


@dataclass(frozen=True)
class Bulk:
    """A book made in bulk: its file, its size, and how long making it took."""

    database: Path
    orders: int
    seconds: float

    @property
    def env(self) -> dict[str, str]:
        """What a process needs to open the book, and nothing of what the user has configured besides."""
        return env_of(self.database)


def env_of(database: Path) -> dict[str, str]:
    """The environment of a process that opens this book."""
    return env_at(str(database), database.parent)


def env_at(address: str, folder: Path) -> dict[str, str]:
    """The environment of a process that opens the book at an address; its files are in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    empty = folder / "no-settings.toml"
    empty.touch()
    return {
        "ORDERWIRE_DATABASE": address,
        "ORDERWIRE_CONFIG": str(empty),
        "ORDERWIRE_DATA_FOLDER": str(folder),
    }


def reference(number: int) -> str:
    """The order's reference: nine digits, in another sort than the orders."""
    return f"{number * 7_919 % 100_000_000:08d}"


def make_empty(env: Mapping[str, str]) -> int:
    """A migrated book with the organisation and its token; gives the organisation's id."""
    settings = table.load(env, extra=app.contract_extra())
    migrate(settings)

    async def prepare_book() -> int:
        book = await app.open_book(settings)
        try:
            owner = await create_organisation(book, ORGANISATION)
            token = NewToken(scheme=TOKEN_SCHEME, organisation_id=owner.id, rights=RIGHTS, secret=TOKEN)
            await issue_tokens(book, [token])
            return owner.id
        finally:
            await book.close()

    return uvloop.run(prepare_book())


def make(database: Path, orders: int, *, share_bucket: bool = False) -> Bulk:
    """A book of so many orders."""
    began = time.monotonic()
    owner = make_empty(env_of(database))
    connection = sqlite3.connect(database, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous=OFF")
        # Nobody else is there, and a book half made is thrown away.
        connection.execute("PRAGMA journal_mode=OFF")
        connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        first = connection.execute("SELECT next FROM counters WHERE name = 'order'").fetchone()[0]
        for batch in batches(owner, first, orders, share_bucket=share_bucket):
            insert(connection, batch)
        connection.execute("UPDATE counters SET next = ? WHERE name = 'order'", (first + orders,))
        connection.execute("PRAGMA journal_mode=WAL")
    finally:
        connection.close()
    return Bulk(database, orders, time.monotonic() - began)


def some_id(database: Path) -> int:
    """The id of an order in the book."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        found: int = connection.execute("SELECT order_id FROM names LIMIT 1").fetchone()[0]
        return found


def insert(connection: sqlite3.Connection, batch: Rows) -> None:
    """Write a batch in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    for statement, rows in zip(INSERTS, batch, strict=True):
        sql, _ = prepare(statement, rows[0])
        connection.executemany(sql, (prepare(statement, row)[1] for row in rows))
    connection.execute("COMMIT")


def batches(
    owner: int, first: int, orders: int, at_once: int = AT_ONCE, *, share_bucket: bool = False
) -> Iterator[Rows]:
    """The rows of the orders, so many at once; the first order's number is `first`.

    With `share_bucket` those of a batch are in one bucket, as an import's are.
    """
    shuffled = random.Random(1)
    for start in range(0, orders, at_once):
        batch: Rows = ([], [], [], [], [])
        shared = shuffled.randrange(BUCKETS)
        for number in range(start, min(start + at_once, orders)):
            bucket = shared if share_bucket else shuffled.randrange(BUCKETS)
            order_id = (first + number) * BUCKETS + bucket
            _add(batch, make_order(owner, order_id, number))
        yield batch


def make_order(owner: int, order_id: int, number: int) -> Order:
    """The order of this number."""
    at = FIRST + timedelta(seconds=20 * number)
    price = Decimal(100 + number % 9_000) / 100
    lines = tuple(
        Line(
            item=f"{ITEMS[(number + place) % len(ITEMS)]}-{number % 977}",
            description="An item of the benchmark",
            quantity=Decimal(place + 1),
            unit_price=price,
            total=price * (place + 1),
        )
        for place in range(3)
    )
    customer = number // CUSTOMER_ORDERS
    return Order(
        id=order_id,
        organisation_id=owner,
        revision=1,
        kind="order",
        lifecycle=LIFECYCLES[number % len(LIFECYCLES)],
        payment="paid" if number % 3 else "not_paid",
        delivery="pending",
        currency="EUR",
        placed_at=at,
        changed_at=at,
        recorded_at=at,
        stage_count=1,
        group_order_id=None,
        group_line=None,
        document=Document(
            names={"reference": reference(number), "po_number": f"PO-{number:08d}"},
            total=price * 6,
            customer=Party(id=customer, reference=f"C{customer:06d}", name="Lindgren AB", country="SE"),
            lines=lines,
        ),
    )


def _add(batch: Rows, order: Order) -> None:
    owner, bucket, recorded = order.organisation_id, order.id % BUCKETS, micros(order.recorded_at)
    state = state_values(order, encode(order.document).decode(), deleted=False)
    orders, revisions, names, stages, statuses = batch
    orders.append((bucket, order.id, owner, *head_values(order, recorded), *state))
    revisions.append((bucket, order.id, 1, owner, micros(order.placed_at), recorded, _ORIGIN, None, *state))
    for scheme, name in order.document.names.items():
        names.append((bucket_of_name(owner, scheme, name), owner, scheme, name, order.id))
    stages.append(stage_values(owner, _stage(order)))
    statuses.append((bucket, order.id, owner, "received", 1, recorded, recorded, _DETAIL))


def _stage(order: Order) -> Stage:
    return Stage(
        order_id=order.id,
        number=1,
        revision=1,
        stage="received",
        effective_at=order.placed_at,
        recorded_at=order.recorded_at,
        status_at=order.placed_at,
        detail=StageDetail(),
        origin=ORIGIN,
    )


_ORIGIN = text(ORIGIN)
_DETAIL = text(StatusDetail())

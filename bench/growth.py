"""Reads by id in a small and a large book, on each engine: the cost of one must not grow with the book."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import uvloop

from orderwire import app
from orderwire import settings as table
from tests.postgres import CannotRun

from . import bulk, database
from .lists import HEADERS
from .load import request_text, write_requests
from .machine import Server
from .plan import Setup
from .rounds import Lane, Rounds, alternate, over
from .targets import GROWTH, Result

SMALL = 1_000
# So many different orders are asked for in the large book, evenly among all.
ASKED = 5_000
NONE_KEPT = {"ORDERWIRE_KEPT_ANSWERS_BYTES": "0"}


@dataclass
class Side:
    """One book: its rounds, and the processor time of the database (us) for one read."""

    orders: int
    rounds: Rounds = field(default_factory=Rounds)
    database_us: list[float] = field(default_factory=list)

    @property
    def costs_us(self) -> list[float]:
        """Processor time for one read, the database's included, by round."""
        pairs = zip(self.rounds.each_cpu_us, self.database_us, strict=True)
        return [own + beside for own, beside in pairs]

    @property
    def cost_us(self) -> float:
        """The median of the rounds."""
        return median(self.costs_us)


@dataclass
class Growth:
    """What reads of one engine cost in both books."""

    engine: str
    small: Side
    large: Side
    # Of making the large book.
    seconds: float = 0.0

    @property
    def cost(self) -> float:
        """The cost of a read in the large book over that in the small one, by processor time."""
        return over(self.large.cost_us, self.small.cost_us)

    def results(self) -> list[Result]:
        """The row."""
        rounds = [over(a, b) for a, b in zip(self.large.costs_us, self.small.costs_us, strict=True)]
        subject = f"{self.engine.split()[0]}, {self.large.orders:,} orders"
        return [Result(GROWTH, subject, rounds, self.cost, "by CPU")]

    @property
    def rate_cost(self) -> float:
        """The same by rates: the median of the rounds."""
        pairs = zip(self.small.rounds.rates, self.large.rounds.rates, strict=True)
        return median(small / large for small, large in pairs)


def measure_growth(plan: Setup, orders: int) -> list[Growth]:
    """Both engines, or the one that can be run here."""
    growths = [_on_sqlite(plan, orders)]
    with contextlib.suppress(CannotRun):
        growths.append(_on_postgres(plan, orders))
    return growths


def _on_sqlite(plan: Setup, orders: int) -> Growth:
    growth = Growth("SQLite", Side(SMALL), Side(orders))
    with _made(plan.folder / "grown-small", SMALL) as small, _made(plan.folder / "grown", orders) as large:
        growth.seconds = large.seconds
        _measure(plan, growth, small.env, large.env, lambda: 0.0)
    return growth


@contextlib.contextmanager
def _made(folder: Path, orders: int) -> Iterator[bulk.Bulk]:
    """A book of so many orders, gone afterwards."""
    made = bulk.make(folder / "book.db", orders, share_bucket=True)
    try:
        yield made
    finally:
        for path in folder.iterdir():
            path.unlink()


def _on_postgres(plan: Setup, orders: int) -> Growth:
    with database.running(plan.cores.load, database.FILLED) as server:
        growth = Growth(f"PostgreSQL {server.version}", Side(SMALL), Side(orders))
        small, _ = database.fill(server, plan.folder / "filled-small", SMALL)
        large, growth.seconds = database.fill(server, plan.folder / "filled", orders)
        _measure(plan, growth, small, large, server.cpu_seconds)
    return growth


def _measure(
    plan: Setup, growth: Growth, small: dict[str, str], large: dict[str, str], used: Callable[[], float]
) -> None:
    """Rounds in both books; `used` tells what the database has used so far.

    No answers are kept: a kept one is given without looking into any tree.
    """
    with (
        Server(["orderwire", "serve"], plan.folder, plan.cores.server, small | NONE_KEPT) as first,
        Server(["orderwire", "serve"], plan.folder, plan.cores.server, large | NONE_KEPT) as second,
    ):
        lanes = []
        for server, env, side in ((first, small, growth.small), (second, large, growth.large)):
            requests = _requests(plan, server, env, side)
            lane = Lane(server, requests, side.rounds, used=used, beside_us=side.database_us)
            # What is asked for is in memory from then on, as orders are that are asked for often.
            lane.run(plan, plan.seconds, plan.cores.load)
            lanes.append(lane)
        alternate(plan, lanes)


def _requests(plan: Setup, server: Server, env: dict[str, str], side: Side) -> Path:
    """What the load generator sends: orders that lie evenly among all, shuffled."""
    numbers = list(range(0, side.orders, max(1, side.orders // ASKED)))
    random.Random(1).shuffle(numbers)
    ids = uvloop.run(_ids(env, numbers))
    status, _, body = server.request("GET", f"/v1/orders/{ids[0]}", HEADERS)
    if status != 200:
        raise SystemExit(f"reading one of {side.orders:,} orders gave {status} {body[:500]!r}")
    texts = [request_text("GET", f"/v1/orders/{one}", HEADERS) for one in ids]
    return write_requests(plan.folder / f"grown-{server.port}", texts)


async def _ids(env: dict[str, str], numbers: list[int]) -> list[int]:
    book = await app.open_book(table.load(env, extra=app.contract_extra()))
    try:
        owner = await book.store.fetch_organisation(bulk.ORGANISATION)
        assert owner is not None
        found = [await book.store.fetch_name(owner.id, "reference", bulk.reference(n)) for n in numbers]
        return [one for one in found if one is not None]
    finally:
        await book.close()


def growth_json(growths: list[Growth]) -> list[dict[str, Any]]:
    """The figures for programs."""
    return [
        {
            "engine": growth.engine,
            "orders": [growth.small.orders, growth.large.orders],
            "seconds_to_make": growth.seconds,
            "cost": growth.cost,
            "cost_by_rates": growth.rate_cost,
            "cpu_us": [growth.small.cost_us, growth.large.cost_us],
            "small": growth.small.rounds.json(),
            "large": growth.large.rounds.json(),
        }
        for growth in growths
    ]

"""From the start of `orderwire serve` on a large book to its first answer to a read of an order."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from . import bulk
from .lists import HEADERS
from .machine import Server
from .plan import Setup
from .targets import START, Result

STARTS, STARTS_MIN = 5, 2
# How often the service is asked whether it is there: what is measured may be this much too long.
POLL_SECONDS = 0.005


@dataclass
class Starts:
    """The book's size, and each start: seconds to the first answer, and the processor time it took."""

    orders: int
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)

    def results(self) -> list[Result]:
        """The row."""
        return [Result(START, f"{self.orders:,} orders", self.seconds)]

    def json(self) -> dict[str, Any]:
        """For programs."""
        return {"orders": self.orders, "seconds": self.seconds, "cpu_seconds": self.cpu_seconds}


def measure_starts(setup: Setup, book: bulk.Bulk) -> Starts:
    """Start the service again and again; the book's file is in memory, as it is after a restart."""
    order_id = bulk.some_id(book.database)
    starts = Starts(book.orders)
    for _ in range(STARTS if setup.seconds >= 1 else STARTS_MIN):
        began = time.perf_counter()
        with Server(
            ["orderwire", "serve"],
            setup.folder,
            setup.cores.server,
            book.env,
            first=(f"/v1/orders/{order_id}", HEADERS),
            poll_seconds=POLL_SECONDS,
        ) as server:
            starts.seconds.append(time.perf_counter() - began)
            starts.cpu_seconds.append(server.cpu_seconds())
    return starts

"""How long reads take beside appends: nine reads to one append, at a part of the service's top rate."""

from __future__ import annotations

import random
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from .appends import CLIENTS, stage_request
from .load import run_client, write_requests
from .machine import Server
from .paced import Paced
from .plan import Plan
from .subjects import named
from .targets import MIX_TAIL, Result

READS_TO_ONE_APPEND = 9
# Of the top rate.
LOAD = 0.7
# More than are ever under way at once, so that a slow answer keeps no other request waiting.
PACED_CONNECTIONS = 256
# A client that was this late itself, in milliseconds, says more of itself than of the server.
LATE_MS = 1.0


@dataclass
class Mix:
    """Round by round: the top rate (answers a second), and what a part of it gave."""

    tops: list[float] = field(default_factory=list)
    paced: list[Paced] = field(default_factory=list)

    @property
    def tails(self) -> list[float]:
        """The reads' p99 over their p50, by round."""
        return [one.read_p99_ms / one.read_p50_ms for one in self.paced]

    @property
    def is_late(self) -> bool:
        """True when the client could not send when it should."""
        return median(one.sent_late_ms for one in self.paced) > LATE_MS

    def results(self) -> list[Result]:
        """The row."""
        return [Result(MIX_TAIL, "native", self.tails, remark="client late" if self.is_late else "")]

    def json(self) -> dict[str, Any]:
        """For programs."""
        return {"top_per_second": self.tops, "load": LOAD, "paced": [asdict(one) for one in self.paced]}


def measure_mix(plan: Plan, service: Server) -> Mix:
    """In each round the top rate, and right after it a part of that."""
    mix, requests = Mix(), _write(plan)
    for _ in range(plan.rounds):
        top = plan.generator.run(service.port, requests, CLIENTS, plan.seconds, plan.cores.load)
        mix.tops.append(top.rate)
        command = [sys.executable, "-m", "bench.paced", str(service.port), str(PACED_CONNECTIONS)]
        told = run_client(
            [*command, str(plan.seconds), str(LOAD * top.rate)],
            {"BENCH_REQUESTS": str(requests)},
            plan.seconds,
            plan.cores.load,
        )
        mix.paced.append(Paced(**told))
    return mix


def _write(plan: Plan) -> Path:
    """Reads and appends of the same orders, in a sort of chance."""
    native = named("native")
    texts = [native.ask(order).text for order in plan.orders]
    # As many appends as make one of ten, each of an order that is read, too.
    appends = [stage_request(order.id) for order in plan.orders[::READS_TO_ONE_APPEND]]
    both = [*texts, *appends]
    random.Random(1).shuffle(both)
    return write_requests(plan.folder / "mix", both)

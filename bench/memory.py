"""What a worker's memory grows to: after a million reads, over what it was after a thousand."""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass
from typing import Any

from .load import run_client, write_requests
from .machine import Server
from .plan import Plan
from .subjects import named
from .targets import MEMORY, Result

FEW, MANY, MANY_QUICK = 1_000, 1_000_000, 3_000
# Of one round, so that none takes longer than its client may.
ROUND_SECONDS = 5.0
FEW_CLIENTS = 8


@dataclass(frozen=True)
class Memory:
    """Resident memory in millions of bytes at first, after a thousand reads, and after so many."""

    at_first_mb: float
    after_few_mb: float
    after_many_mb: float
    requests: int

    @property
    def ratio(self) -> float:
        """After many over after few."""
        return self.after_many_mb / self.after_few_mb

    def results(self) -> list[Result]:
        """The row; a run of fewer than a million says so."""
        remark = "" if self.requests >= MANY else f"after {self.requests:,}"
        return [Result(MEMORY, "native, hot and cold", [self.ratio], remark=remark)]

    def json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "at_first_mb": self.at_first_mb,
            "after_few_mb": self.after_few_mb,
            "after_many_mb": self.after_many_mb,
            "requests": self.requests,
        }


def measure_memory(plan: Plan) -> Memory:
    """Reads of a service of its own: one half of orders asked for again and again, the other of others."""
    native, cold = named("native"), plan.cold
    texts = [
        native.ask(plan.orders[place // 2 % len(plan.orders)] if place % 2 else cold[place % len(cold)]).text
        for place in range(max(len(cold), 2 * len(plan.orders)))
    ]
    random.Random(1).shuffle(texts)
    requests = write_requests(plan.folder / "memory", texts)
    many = MANY if plan.seconds >= 1 and plan.rounds > 1 else MANY_QUICK
    with Server(["orderwire", "serve"], plan.folder, plan.cores.server, plan.seeded.env) as server:
        at_first = server.memory_mb()
        command = [sys.executable, "-m", "bench.paced", str(server.port), str(FEW_CLIENTS), "1", str(FEW)]
        told = run_client(command, {"BENCH_REQUESTS": str(requests)}, 1, plan.cores.load)
        after_few, sent = server.memory_mb(), told["requests"]
        while sent < many:
            seconds = min(ROUND_SECONDS, plan.seconds * plan.rounds)
            run = plan.generator.run(
                server.port, requests, plan.connections, seconds, plan.cores.load, start=sent
            )
            sent += run.requests
        return Memory(at_first, after_few, server.memory_mb(), sent)

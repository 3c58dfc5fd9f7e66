"""The service on PostgreSQL: reads against fixed bytes, appends against single commits, two workers."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from . import database, reads
from .appends import CLIENTS, Appends, appends_json, measure_appends
from .load import write_requests
from .machine import Place, Server
from .plan import Plan
from .reads import Pass, Read, result
from .report import reads_json
from .rounds import Duel, Lane, alternate
from .subjects import named
from .targets import POSTGRES_APPEND, POSTGRES_READ, POSTGRES_WORKERS, Result

NATIVE = named("native")
WORKERS = 2
# With fewer cores the workers must share theirs with the database and the load generator.
CORES_TO_PART = WORKERS + 2


@dataclass(frozen=True)
class Way:
    """How many clients read at a time. Up to two reads each have a statement of their own; more share one."""

    name: str
    connections: int


WAYS = (Way("2 clients, a statement each", 2), Way(f"{CLIENTS} clients, reads batched", CLIENTS))


@dataclass(frozen=True)
class WayRead:
    """The figures of one way and pass; `database_us` is the database's processor time for one read."""

    way: Way
    how: Pass
    read: Read
    database_us: float


@dataclass
class Shared:
    """One worker and two, round by round, each with the database's processor time (us) for one read."""

    place: str
    duel: Duel
    beside_one: list[float]
    beside_two: list[float]


@dataclass
class Postgres:
    """All figures of the service on PostgreSQL."""

    version: str
    reads: list[WayRead]
    appends: Appends
    workers: Shared

    def results(self) -> list[Result]:
        """The rows."""
        return [
            *(
                result(POSTGRES_READ, f"{one.way.connections} clients, {one.how.short}", one.read.hot)
                for one in self.reads
            ),
            *self.appends.results(POSTGRES_APPEND),
            Result(POSTGRES_WORKERS, self.workers.place, self.workers.duel.ratios),
        ]


def measure_postgres(plan: Plan) -> Postgres:
    """Copy the seeded book to a PostgreSQL and measure the service there. Raises postgres.CannotRun.

    The service has a core, the database and the load generator share another.
    """
    with database.running(plan.cores.load, database.DURABLE) as server:
        copied = database.copy(plan.seeded, server, plan.folder / "copied")
        print(f"  copied to PostgreSQL {server.version} in {copied.seconds:.0f} s", flush=True)
        here = replace(plan, seeded=copied)
        found: list[WayRead] = []
        for how in (reads.IN_STORE, reads.CACHED):
            env = {**copied.env, **how.env}
            with Server(["orderwire", "serve"], plan.folder, plan.cores.server, env) as service:
                found += [_read(here, way, how, service, server) for way in WAYS]
                if how is reads.CACHED:
                    appended = measure_appends(here, service, has_bare=False)
        workers = _share(here, server)
        return Postgres(server.version, found, appended, workers)


def _read(plan: Plan, way: Way, how: Pass, service: Server, server: database.Database) -> WayRead:
    before = server.cpu_seconds()
    (read,) = reads.measure_reads(
        replace(plan, connections=way.connections), service, [NATIVE], is_hot_only=True
    )
    requests = sum(run.requests for run in read.hot.read.runs)
    return WayRead(way, how, read, (server.cpu_seconds() - before) / max(1, requests) * 1e6)


def _share(plan: Plan, server: database.Database) -> Shared:
    """One worker and two of them, read from by 64 clients."""
    place, rest, said = _places()
    server.move(rest)
    requests = write_requests(plan.folder / "read", [NATIVE.ask(order).text for order in plan.orders])
    serve, env = ["orderwire", "serve", "--workers"], plan.seeded.env
    with (
        Server([*serve, "1"], plan.folder, place, env) as one,
        Server([*serve, str(WORKERS)], plan.folder, place, env) as two,
    ):
        lanes = [Lane(side, requests, connections=CLIENTS, used=server.cpu_seconds) for side in (one, two)]
        for lane in lanes:
            # Their first connections to the database don't count.
            lane.run(plan, plan.seconds, rest)
        alternate(plan, lanes, place=rest)
    first, second = lanes
    return Shared(said, Duel(second.rounds, first.rounds), first.beside_us, second.beside_us)


def _places() -> tuple[Place, Place, str]:
    """Where the workers run, where the database and the load generator, and what to say of it."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < CORES_TO_PART:
        everywhere = frozenset(usable)
        return everywhere, everywhere, f"workers, database and load generator share {len(usable)} cores"
    workers, rest = frozenset(usable[:WORKERS]), frozenset(usable[WORKERS:])
    return workers, rest, f"workers on {WORKERS} cores, database and load generator on {len(rest)} others"


def postgres_json(found: Postgres) -> dict[str, Any]:
    """The figures for programs."""
    return {
        "version": found.version,
        "reads": [
            {"way": one.way.name, "connections": one.way.connections, "database_us": one.database_us, **told}
            for one in found.reads
            for told in reads_json(one.how, [one.read])
        ],
        "appends": appends_json(found.appends),
        "workers": {
            "place": found.workers.place,
            "ratio": found.workers.duel.ratio,
            "ratios": found.workers.duel.ratios,
            "one": found.workers.duel.fixed.json(),
            "two": found.workers.duel.read.json(),
            "database_us": [median(found.workers.beside_one), median(found.workers.beside_two)],
        },
    }

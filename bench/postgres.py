"""The service on PostgreSQL: reads against fixed bytes, appends against single commits, two workers."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from . import database, reads, subjects
from .appends import CLIENTS, Appends, measure_appends
from .load import write_requests
from .machine import Place, Server
from .plan import Plan
from .reads import Pass, Read, Rounds
from .report import appends_json, reads_json, rounds_json

NATIVE = next(subject for subject in subjects.ALL if subject.name == "native")
APPENDS_TARGET = 3.0
WORKERS, WORKERS_TARGET = 2, 1.6
# With fewer cores the workers must share theirs with the database and the load generator.
CORES_TO_PART = WORKERS + 2


@dataclass(frozen=True)
class Way:
    """How many clients read at a time. Up to two reads each have a statement of their own; more share one."""

    name: str
    connections: int
    target: float


WAYS = (Way("2 clients, a statement each", 2, 0.35), Way(f"{CLIENTS} clients, reads batched", CLIENTS, 0.45))


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
    one: Rounds = field(default_factory=Rounds)
    two: Rounds = field(default_factory=Rounds)
    beside_one: list[float] = field(default_factory=list)
    beside_two: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """Two workers over one, by round."""
        return [a / b for a, b in zip(self.two.rates, self.one.rates, strict=True)]

    @property
    def ratio(self) -> float:
        """The median of the rounds."""
        return median(self.ratios)


@dataclass
class Postgres:
    """All figures of the service on PostgreSQL."""

    version: str
    reads: list[WayRead]
    appends: Appends
    workers: Shared


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
                    appended = measure_appends(here, service)
        workers = _share(here, server)
        return Postgres(server.version, found, appended, workers)


def _read(plan: Plan, way: Way, how: Pass, service: Server, server: database.Database) -> WayRead:
    before = server.cpu_seconds()
    (read,) = reads.measure_reads(replace(plan, connections=way.connections), service, [NATIVE])
    requests = sum(run.requests for run in read.read.runs)
    return WayRead(way, how, read, (server.cpu_seconds() - before) / max(1, requests) * 1e6)


def _share(plan: Plan, server: database.Database) -> Shared:
    """One worker and two of them, read from by 64 clients."""
    place, rest, said = _places()
    server.move(rest)
    shared = Shared(said)
    requests = write_requests(plan.folder / "read", [NATIVE.ask(order).text for order in plan.orders])
    serve, env = ["orderwire", "serve", "--workers"], plan.seeded.env
    with (
        Server([*serve, "1"], plan.folder, place, env) as one,
        Server([*serve, str(WORKERS)], plan.folder, place, env) as two,
    ):
        sides = ((one, shared.one, shared.beside_one), (two, shared.two, shared.beside_two))
        for number in range(plan.rounds):
            for side, rounds, beside in sides if number % 2 == 0 else sides[::-1]:
                before, beside_before = side.cpu_seconds(), server.cpu_seconds()
                run = plan.generator.run(side.port, requests, CLIENTS, plan.seconds, rest)
                rounds.runs.append(run)
                rounds.cpu_seconds.append(side.cpu_seconds() - before)
                beside.append((server.cpu_seconds() - beside_before) / max(1, run.requests) * 1e6)
    return shared


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
            for told in reads_json(replace(one.how, target=one.way.target), [one.read])
        ],
        "appends": appends_json(found.appends, APPENDS_TARGET),
        "workers": {
            "place": found.workers.place,
            "ratio": found.workers.ratio,
            "ratios": found.workers.ratios,
            "target": WORKERS_TARGET,
            "one": rounds_json(found.workers.one),
            "two": rounds_json(found.workers.two),
            "database_us": [median(found.workers.beside_one), median(found.workers.beside_two)],
        },
    }

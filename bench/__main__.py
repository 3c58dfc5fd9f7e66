"""`python -m bench`: seed a book, measure reads and appends, print a table."""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.postgres import CannotRun

from . import (
    appends,
    growth,
    layers,
    lists,
    machine,
    postgres,
    reads,
    report,
    report_postgres,
    seed,
    subjects,
    transfers,
)
from .load import find_generator
from .plan import Plan, Setup

APPENDS, POSTGRES = "appends", "postgres"
# These make books of their own.
LISTS, TRANSFERS, GROWTH = "lists", "transfers", "growth"
APART = {LISTS, TRANSFERS, GROWTH}
NAMES = (*(subject.name for subject in subjects.ALL), APPENDS, POSTGRES, LISTS, TRANSFERS, GROWTH)
# (orders, rounds, seconds) when nothing else is said: in full, and for a quick look.
FULL, QUICK = (100_000, 4, 2), (10_000, 1, 1)
# Orders in the two books whose lists are compared, and in the files that are written and read.
LISTED, QUICK_LISTED = (10_000, 1_000_000), (10_000, 50_000)
FILED, QUICK_FILED = 100_000, 10_000
# Orders in the book whose reads are compared with those in a book of a thousand.
GROWN, QUICK_GROWN = 1_000_000, 50_000


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--orders", type=int, help=f"orders in the book (default {FULL[0]})")
    parser.add_argument(
        "--listed", type=int, help=f"orders in the larger book of lists (default {LISTED[1]})"
    )
    parser.add_argument("--filed", type=int, help=f"orders exported and imported (default {FILED})")
    parser.add_argument(
        "--grown", type=int, help=f"orders in the large book of reads by id (default {GROWN})"
    )
    parser.add_argument("--rounds", type=int, help=f"rounds of each measurement (default {FULL[1]})")
    parser.add_argument("--seconds", type=int, help=f"seconds of each round (default {FULL[2]})")
    parser.add_argument("--connections", type=int, default=32, help="connections that read (default 32)")
    parser.add_argument("--quick", action="store_true", help="fewer orders, one round of one second")
    parser.add_argument("--only", metavar="LIST", help=f"comma list of {', '.join(NAMES)}")
    parser.add_argument("--data", type=Path, metavar="DIR", help="keep the seeded book here for the next run")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there, too")
    parser.add_argument("--profile", action="store_true", help="show where a read's time goes, by layer")
    parser.add_argument("--own-client", action="store_true", help="don't use wrk")
    given = parser.parse_args()
    orders, rounds, seconds = QUICK if given.quick else FULL
    given.orders = given.orders or orders
    small, large = QUICK_LISTED if given.quick else LISTED
    given.listed = (small, given.listed or large)
    given.filed = given.filed or (QUICK_FILED if given.quick else FILED)
    given.grown = given.grown or (QUICK_GROWN if given.quick else GROWN)
    given.rounds = given.rounds or rounds
    given.seconds = given.seconds or seconds
    given.only = given.only.split(",") if given.only else list(NAMES)
    if unknown := set(given.only) - set(NAMES):
        parser.error(f"--only: no {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    if min(given.orders - 9, given.filed - 9, given.rounds, given.seconds, given.connections) < 1:
        parser.error("at least 10 orders, one round, one second, one connection")
    if given.listed[1] < given.listed[0]:
        parser.error(f"--listed: at least {given.listed[0]} orders")
    if given.grown < growth.SMALL:
        parser.error(f"--grown: at least {growth.SMALL} orders")
    return given


@contextlib.contextmanager
def data_folder(kept: Path | None) -> Iterator[Path]:
    """The folder of the seeded book: the one given, or one that goes afterwards."""
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="orderwire-bench-") as name:
        yield Path(name)


def make_setup(given: argparse.Namespace, folder: Path) -> Setup:
    """Choose cores and load generator; says what the figures will depend on."""
    cores = machine.choose_cores()
    generator = find_generator(own_client=given.own_client)
    print(f"{generator.name}, {given.connections} connections; {cores.said}", flush=True)
    if generator.remark:
        print(f"  {generator.remark}")
    return Setup(
        rounds=given.rounds,
        seconds=given.seconds,
        connections=given.connections,
        folder=folder,
        cores=cores,
        generator=generator,
    )


def make_plan(setup: Setup, given: argparse.Namespace, data: Path) -> Plan:
    """Seed the book and choose what is asked for."""
    print(f"placing {given.orders:,} orders", flush=True)
    seeded = seed.seed(data, given.orders)
    size_mb = seeded.database.stat().st_size / 1e6
    print(f"  {seeded.orders / seeded.seconds:,.0f} orders/s, {size_mb:.0f} MB, {seeded.groups} group orders")
    return Plan(
        **{name: getattr(setup, name) for name in Setup.__dataclass_fields__},
        seeded=seeded,
        orders=subjects.choose_orders(seeded),
    )


def measure_service(plan: Plan, only: list[str]) -> dict[str, Any]:
    """Measure and print reads and appends; gives all figures."""
    chosen = [subject for subject in subjects.ALL if subject.name in only]
    figures: dict[str, Any] = {"reads": []}
    for how in (reads.IN_STORE, reads.CACHED):
        env = {**plan.seeded.env, **how.env}
        with machine.Server(["orderwire", "serve"], plan.folder, plan.cores.server, env) as server:
            found = reads.measure_reads(plan, server, chosen)
            report.print_reads(how, found)
            figures["reads"] += report.reads_json(how, found)
            if how is reads.CACHED and APPENDS in only:
                appended = appends.measure_appends(plan, server)
                report.print_appends(appended)
                figures["appends"] = report.appends_json(appended)
            figures["peak_memory_mb"] = max(figures.get("peak_memory_mb", 0.0), server.peak_memory_mb())
    report.print_memory(figures["peak_memory_mb"])
    return figures


def measure_second_engine(plan: Plan) -> dict[str, Any]:
    """Measure and print the service on PostgreSQL, where one can be run; gives all figures."""
    print("\ncopying the book to a PostgreSQL", flush=True)
    try:
        found = postgres.measure_postgres(plan)
    except CannotRun as error:
        print(f"  left out: {error}")
        return {}
    report_postgres.print_postgres(found)
    return {"postgres": postgres.postgres_json(found)}


def measure_seeded(given: argparse.Namespace, plan: Plan) -> dict[str, Any]:
    """Measure and print what is asked for of the seeded book; gives all figures."""
    figures: dict[str, Any] = {}
    if set(given.only) - {POSTGRES, *APART}:
        figures |= measure_service(plan, given.only)
    if given.profile:
        chosen = [subject for subject in subjects.ALL if subject.name in given.only]
        figures["layers"] = layers.measure_layers(plan, chosen)
        layers.print_layers(figures["layers"])
    if POSTGRES in given.only:
        figures |= measure_second_engine(plan)
    return figures


def measure(given: argparse.Namespace, setup: Setup, data: Path) -> dict[str, Any]:
    """Measure and print what is asked for; gives all figures."""
    figures: dict[str, Any] = {}
    if set(given.only) - APART:
        figures = measure_seeded(given, make_plan(setup, given, data))
    if LISTS in given.only:
        print(f"\nmaking books of {given.listed[0]:,} and {given.listed[1]:,} orders", flush=True)
        listed = lists.measure_lists(setup, given.listed)
        report.print_lists(listed)
        figures["lists"] = lists.lists_json(listed)
    if TRANSFERS in given.only:
        print(f"\nexporting and importing {given.filed:,} orders", flush=True)
        moved = transfers.measure_transfers(setup, given.filed)
        report.print_transfers(moved)
        figures["transfers"] = transfers.transfers_json(moved)
    if GROWTH in given.only:
        print(f"\nmaking books of {growth.SMALL:,} and {given.grown:,} orders on each engine", flush=True)
        grown = growth.measure_growth(setup, given.grown)
        report_postgres.print_growth(grown)
        figures["growth"] = growth.growth_json(grown)
    return figures


def main() -> None:
    """The command."""
    given = parse_arguments()
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="orderwire-bench-") as name, data_folder(given.data) as data:
        about = machine.describe(data)
        print(", ".join(f"{key} {value}" for key, value in about.items()), flush=True)
        figures = measure(given, make_setup(given, Path(name)), data)
    seconds = time.monotonic() - began
    print(f"\n{seconds:.0f} s; load average now {machine.load_average()}")
    if given.json:
        about |= {"orders": given.orders, "rounds": given.rounds, "seconds_a_round": given.seconds}
        given.json.write_text(json.dumps({"about": about, **figures}, indent=2) + "\n")


if __name__ == "__main__":
    main()

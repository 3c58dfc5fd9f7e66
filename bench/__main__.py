"""`python -m bench`: seed a book, measure reads and appends, print a table."""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.postgres import CannotRun

from . import (
    appends,
    c_program,
    growth,
    layers,
    lists,
    machine,
    memory,
    mix,
    postgres,
    reads,
    report,
    report_postgres,
    seed,
    starts,
    subjects,
    transfers,
)
from .load import find_generator
from .plan import Plan, Setup
from .targets import MEMORY_PEAK, Result

CONTRACTS = tuple(subject.name for subject in subjects.ALL)
C, APPENDS, MIX, MEMORY, POSTGRES = "c", "appends", "mix", "memory", "postgres"
# These make books of their own.
LISTS, START, TRANSFERS, GROWTH = "lists", "start", "transfers", "growth"
APART = {LISTS, START, TRANSFERS, GROWTH}
NAMES = (*CONTRACTS, C, APPENDS, MIX, MEMORY, POSTGRES, LISTS, START, TRANSFERS, GROWTH)
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
    parser.add_argument("--seconds", type=float, help=f"seconds of each round (default {FULL[2]})")
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
    if min(given.orders - 9, given.filed - 9, given.rounds, given.connections) < 1 or given.seconds <= 0:
        parser.error("at least 10 orders, one round of some time, one connection")
    if given.seconds % 1 and not given.own_client:
        parser.error("--seconds: wrk takes whole seconds; others go with --own-client")
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
        cold=subjects.choose_orders(seeded, subjects.COLD),
    )


class Figures:
    """What was found: all of it for programs, and what is held against a target."""

    def __init__(self) -> None:
        self.found: dict[str, Any] = {}
        self.results: list[Result] = []

    def add(self, name: str, found: Any, results: Sequence[Result]) -> None:
        """Keep the figures of one part of the run."""
        self.found[name] = found
        self.results += results

    def json(self) -> dict[str, Any]:
        """For programs."""
        return {**self.found, "results": [one.json() for one in self.results]}


def measure_service(plan: Plan, only: list[str], figures: Figures) -> None:
    """Measure and print reads, appends, and both beside each other."""
    chosen = [subject for subject in subjects.ALL if subject.name in only]
    told, rows, peak_mb = [], [], 0.0
    for how in (reads.IN_STORE, reads.CACHED):
        env = {**plan.seeded.env, **how.env}
        with machine.Server(["orderwire", "serve"], plan.folder, plan.cores.server, env) as server:
            if chosen:
                found = reads.measure_reads(plan, server, chosen, is_native=how is reads.CACHED)
                report.print_reads(how, found)
                told += report.reads_json(how, found)
                rows += reads.reads_results(how, found)
            if how is reads.IN_STORE and C in only:
                measure_beside_c(plan, server, figures)
            if how is reads.CACHED:
                measure_writes(plan, server, only, figures)
            peak_mb = max(peak_mb, server.peak_memory_mb())
    figures.add("reads", told, rows)
    figures.add("peak_memory_mb", peak_mb, [Result(MEMORY_PEAK, "after all of it", [peak_mb])])


def measure_beside_c(plan: Plan, server: machine.Server, figures: Figures) -> None:
    """Measure and print reads beside a C program, where one can be built."""
    try:
        against = c_program.measure_c(plan, server)
    except c_program.CannotBuild as error:
        print(f"\nReads beside a C program: left out: {error}")
        return
    report.print_c(against)
    told = {"hot": report.duel_json(against.hot), "cold": report.duel_json(against.cold)}
    figures.add("c", told, against.results())


def measure_writes(plan: Plan, server: machine.Server, only: list[str], figures: Figures) -> None:
    """Measure and print appends, and reads beside them."""
    if APPENDS in only:
        appended = appends.measure_appends(plan, server)
        report.print_appends(appended)
        figures.add("appends", appends.appends_json(appended), appended.results())
    if MIX in only:
        mixed = mix.measure_mix(plan, server)
        report.print_mix(mixed)
        figures.add("mix", mixed.json(), mixed.results())


def measure_second_engine(plan: Plan, figures: Figures) -> None:
    """Measure and print the service on PostgreSQL, where one can be run."""
    print("\ncopying the book to a PostgreSQL", flush=True)
    try:
        found = postgres.measure_postgres(plan)
    except CannotRun as error:
        print(f"  left out: {error}")
        return
    report_postgres.print_postgres(found)
    figures.add("postgres", postgres.postgres_json(found), found.results())


def measure_seeded(given: argparse.Namespace, plan: Plan, figures: Figures) -> None:
    """Measure and print what is asked for of the seeded book."""
    if set(given.only) & {*CONTRACTS, C, APPENDS, MIX}:
        measure_service(plan, given.only, figures)
    if MEMORY in given.only:
        grown = memory.measure_memory(plan)
        report.print_memory(grown)
        figures.add("memory", grown.json(), grown.results())
    if given.profile:
        chosen = [subject for subject in subjects.ALL if subject.name in given.only]
        found = layers.measure_layers(plan, chosen)
        layers.print_layers(found)
        figures.add("layers", found, [])
    if POSTGRES in given.only:
        measure_second_engine(plan, figures)


def measure_large(given: argparse.Namespace, setup: Setup, figures: Figures) -> None:
    """Measure and print lists and starts, which share a large book."""
    small_size, large_size = given.listed
    print(f"\nmaking a book of {large_size:,} orders", flush=True)
    with lists.made(setup.folder / "large", large_size) as large:
        print(f"  {large.orders / large.seconds:,.0f} orders/s")
        if START in given.only:
            started = starts.measure_starts(setup, large)
            report.print_starts(started)
            figures.add("start", started.json(), started.results())
        if LISTS in given.only:
            with lists.made(setup.folder / "small", small_size) as small:
                listed = lists.measure_lists(setup, small, large)
            report.print_lists(listed)
            figures.add("lists", lists.lists_json(listed), listed.results())


def measure(given: argparse.Namespace, setup: Setup, data: Path) -> Figures:
    """Measure and print what is asked for; gives all figures."""
    figures = Figures()
    if set(given.only) - APART:
        measure_seeded(given, make_plan(setup, given, data), figures)
    if {LISTS, START} & set(given.only):
        measure_large(given, setup, figures)
    if TRANSFERS in given.only:
        print(f"\nexporting and importing {given.filed:,} orders", flush=True)
        moved = transfers.measure_transfers(setup, given.filed)
        report.print_transfers(moved)
        figures.add("transfers", transfers.transfers_json(moved), moved.results())
    if GROWTH in given.only:
        print(f"\nmaking books of {growth.SMALL:,} and {given.grown:,} orders on each engine", flush=True)
        grown = growth.measure_growth(setup, given.grown)
        report_postgres.print_growth(grown)
        figures.add("growth", growth.growth_json(grown), [row for one in grown for row in one.results()])
    report.print_results(figures.results)
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
        given.json.write_text(json.dumps({"about": about, **figures.json()}, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""The figures of PostgreSQL, and of growing books, as tables for people."""

from __future__ import annotations

from statistics import median

from . import growth
from .postgres import APPENDS_TARGET, WORKERS, WORKERS_TARGET, Postgres, WayRead
from .report import print_appends, print_table, span, verdict


def print_postgres(found: Postgres) -> None:
    """The service on PostgreSQL."""
    print(f"\nOne order by its id, native, PostgreSQL {found.version}: to fixed bytes on the same server")
    header = ("clients", "credential", "reads/s", "fixed/s", "ratio", "min..max", "CPU ratio")
    more = ("us read", "us fixed", "us database", "busy %", "target", "")
    print_table((*header, *more), [_read_row(one) for one in found.reads])
    if any(one.read.is_disturbed for one in found.reads):
        print("  * the service was not busy all the time: judged by the CPU ratio, rates say little")
    print_appends(found.appends, APPENDS_TARGET)
    _print_workers(found)


def _read_row(one: WayRead) -> list[str]:
    read = one.read
    return [
        one.way.name,
        "in the store" if one.how.env else "cached",
        f"{median(read.read.rates):,.0f}",
        f"{median(read.fixed.rates):,.0f}",
        f"{read.ratio:.3f}",
        span(read.ratios, ".3f"),
        f"{read.cpu_ratio:.3f}",
        f"{read.read.cpu_us:.1f}",
        f"{read.fixed.cpu_us:.1f}",
        f"{one.database_us:.1f}",
        f"{read.read.busy:.0%}/{read.fixed.busy:.0%}".replace("%", ""),
        f"{one.way.target}",
        verdict(read.judged >= one.way.target) + ("*" if read.is_disturbed else ""),
    ]


def _print_workers(found: Postgres) -> None:
    shared = found.workers
    print(f"\n{WORKERS} workers, 64 clients: at least {WORKERS_TARGET} times one; {shared.place}")
    sides = (
        ("1 worker", shared.one, shared.beside_one),
        (f"{WORKERS} workers", shared.two, shared.beside_two),
    )
    rows = [
        [
            name,
            f"{median(rounds.rates):,.0f}",
            span(rounds.rates, ",.0f"),
            f"{rounds.cpu_us:.1f}",
            f"{median(beside):.1f}",
            f"{rounds.busy:.0%}".replace("%", ""),
        ]
        for name, rounds, beside in sides
    ]
    print_table(("how", "reads/s", "min..max", "us read", "us database", "busy %"), rows)
    met = verdict(shared.ratio >= WORKERS_TARGET)
    print(f"  ratio {shared.ratio:.2f} ({span(shared.ratios, '.2f')}): {met}")


def print_growth(growths: list[growth.Growth]) -> None:
    """Reads in a small and a large book."""
    small, large = growths[0].small.orders, growths[0].large.orders
    print(f"\nOne order by its id, {large:,} orders over {small:,}: cost at most {growth.TARGET}, by CPU")
    rows = [
        [
            one.engine,
            f"{large / one.seconds:,.0f}",
            f"{median(one.large.rounds.rates):,.0f}",
            f"{one.rate_cost:.2f}",
            f"{one.cost:.2f}",
            f"{one.small.cost_us:.1f}",
            f"{one.large.cost_us:.1f}",
            f"{one.small.rounds.errors + one.large.rounds.errors}",
            verdict(one.cost <= growth.TARGET),
        ]
        for one in growths
    ]
    header = ("engine", "made/s", "reads/s", "cost by rates", "by CPU", "us small", "us large", "errors", "")
    print_table(header, rows)

"""The figures of PostgreSQL, and of growing books, as tables for people."""

from __future__ import annotations

from statistics import median

from . import growth
from .postgres import WORKERS, Postgres, WayRead
from .report import busy, print_appends, print_table, span


def print_postgres(found: Postgres) -> None:
    """The service on PostgreSQL."""
    print(f"\nOne order by its id, native, PostgreSQL {found.version}: to fixed bytes on the same server")
    header = ("clients", "credential", "reads/s", "fixed/s", "ratio", "min..max", "CPU ratio")
    more = ("us read", "us fixed", "us database", "busy %")
    print_table((*header, *more), [_read_row(one) for one in found.reads])
    print_appends(found.appends)
    _print_workers(found)


def _read_row(one: WayRead) -> list[str]:
    duel = one.read.hot
    return [
        one.way.name,
        one.how.short,
        f"{median(duel.read.rates):,.0f}",
        f"{median(duel.fixed.rates):,.0f}",
        f"{duel.ratio:.3f}",
        span(duel.ratios, ".3f"),
        f"{duel.cpu_ratio:.3f}",
        f"{duel.read.cpu_us:.1f}",
        f"{duel.fixed.cpu_us:.1f}",
        f"{one.database_us:.1f}",
        busy(duel),
    ]


def _print_workers(found: Postgres) -> None:
    shared = found.workers
    print(f"\n{WORKERS} workers over one, 64 clients; {shared.place}")
    sides = (
        ("1 worker", shared.duel.fixed, shared.beside_one),
        (f"{WORKERS} workers", shared.duel.read, shared.beside_two),
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
    print(f"  ratio {shared.duel.ratio:.2f} ({span(shared.duel.ratios, '.2f')})")


def print_growth(growths: list[growth.Growth]) -> None:
    """Reads in a small and a large book."""
    small, large = growths[0].small.orders, growths[0].large.orders
    print(f"\nOne order by its id, {large:,} orders over {small:,}: the cost of one")
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
        ]
        for one in growths
    ]
    header = ("engine", "made/s", "reads/s", "cost by rates", "by CPU", "us small", "us large", "errors")
    print_table(header, rows)

"""The figures as a table for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

from .appends import CLIENTS, TARGET, Appends
from .lists import TARGET as LIST_TARGET
from .lists import Lists
from .reads import Pass, Read, Rounds
from .transfers import IMPORT_MEMORY_TARGET_MB, IMPORT_TARGET_PER_SECOND, Transfers

MEMORY_TARGET_MB = 150.0


def verdict(met: bool) -> str:
    """For people."""
    return "met" if met else "MISSED"


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell; all but the first flush right."""
    table = [list(header), *(list(row) for row in rows)]
    widths = [max(len(row[place]) for row in table) for place in range(len(header))]
    for row in table:
        first, *others = (
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  " + "  ".join([first, *others]))


def print_reads(how: Pass, reads: Sequence[Read]) -> None:
    """One pass."""
    print(f"\nReads, {how.name}: at least {how.target} of fixed bytes")
    header = (
        "subject",
        "bytes",
        "reads/s",
        "fixed/s",
        "ratio",
        "min..max",
        "CPU ratio",
        "body read",
        "us read",
        "us fixed",
        "busy %",
        "target",
        "",
    )
    print_table(header, [_read_row(how, read) for read in reads])
    if any(read.is_disturbed for read in reads):
        print("  * a server was not busy all the time: judged by the CPU ratio, rates say little")
    for read in reads:
        if read.read.errors or read.fixed.errors:
            print(f"  {read.subject.name}: {read.read.errors} errors, fixed bytes {read.fixed.errors}")


def _read_row(how: Pass, read: Read) -> list[str]:
    return [
        read.subject.name,
        str(len(read.size.body.encode())),
        f"{median(read.read.rates):,.0f}",
        f"{median(read.fixed.rates):,.0f}",
        f"{read.ratio:.3f}",
        span(read.ratios, ".3f"),
        f"{read.cpu_ratio:.3f}",
        "" if read.cpu_ratio_read is None else f"{read.cpu_ratio_read:.3f}",
        f"{read.read.cpu_us:.1f}",
        f"{read.fixed.cpu_us:.1f}",
        f"{read.read.busy:.0%}/{read.fixed.busy:.0%}".replace("%", ""),
        f"{how.target}",
        verdict(read.judged >= how.target) + ("*" if read.is_disturbed else ""),
    ]


def span(values: Sequence[float], form: str) -> str:
    """The smallest and the greatest."""
    return f"{min(values):{form}}..{max(values):{form}}"


def print_appends(appends: Appends, target: float = TARGET) -> None:
    """The appends."""
    print(f"\nStage appends, {CLIENTS} clients: at least {target} times single durable commits")
    rows = [
        [f"{CLIENTS} clients", *_rate_cells(appends.many.rates), *_latency_cells(appends.many)],
        ["1 client, one commit each", *_rate_cells(appends.one.rates), *_latency_cells(appends.one)],
        ["in process, one commit each", *_rate_cells(appends.in_process), "", ""],
    ]
    print_table(("how", "stages/s", "min..max", "p50 ms", "p99 ms"), rows)
    print(
        f"  ratio {appends.ratio:.2f} ({span(appends.ratios, '.2f')}) to one client over HTTP: "
        f"{verdict(appends.ratio >= target)};"
        f" {median(appends.many.rates) / median(appends.in_process):.2f} to single commits without HTTP"
    )
    if appends.many.errors or appends.one.errors:
        print(f"  errors: {appends.many.errors} with {CLIENTS} clients, {appends.one.errors} with one")


def _rate_cells(rates: Sequence[float]) -> list[str]:
    return [f"{median(rates):,.0f}", span(rates, ",.0f")]


def _latency_cells(rounds: Rounds) -> list[str]:
    return [
        f"{median(run.p50_ms for run in rounds.runs):.2f}",
        f"{median(run.p99_ms for run in rounds.runs):.2f}",
    ]


def print_lists(lists: Lists) -> None:
    """Pages in the small and the large book."""
    small, large = lists.small, lists.large
    print(f"  {large.orders / large.seconds:,.0f} orders/s")
    print(f"\nPages of lists, {large.orders:,} orders over {small.orders:,}: at least {LIST_TARGET} by CPU")
    header = ("page", "pages/s", "ratio", "CPU ratio", "us small", "us large", "")
    rows = [
        [
            cost.listed.name,
            f"{median(cost.large.rates):,.0f}",
            f"{cost.ratio:.2f}",
            f"{cost.cpu_ratio:.2f}",
            f"{cost.small.cpu_us:.0f}",
            f"{cost.large.cpu_us:.0f}",
            verdict(cost.cpu_ratio >= LIST_TARGET),
        ]
        for cost in lists.pages
    ]
    print_table(header, rows)
    for cost in lists.pages:
        if cost.small.errors or cost.large.errors:
            print(f"  {cost.listed.name}: {cost.small.errors} and {cost.large.errors} errors")


def print_transfers(found: Transfers) -> None:
    """Exports, imports, and raw insertions of the same rows."""
    print("\nFiles of orders: exported, imported with full validation, and their rows inserted as they are")
    rows = [
        [
            one.what,
            f"{one.rate:,.0f}",
            f"{one.cpu_seconds / one.orders * 1e6:.1f}",
            f"{one.cpu_seconds / one.seconds:.0%}".replace("%", ""),
            f"{one.peak_memory_mb:.0f}",
        ]
        for one in (*found.exports, *found.imports, *found.inserts)
    ]
    print_table(("what", "orders/s", "CPU us", "busy %", "peak MB"), rows)
    rate, peak = median(one.rate for one in found.imports), max(one.peak_memory_mb for one in found.imports)
    star = "*" if any(one.is_disturbed for one in found.imports) else ""
    print(
        f"  import: {found.ratio:.2f} of inserting ({found.cpu_ratio:.2f} by CPU); {rate:,.0f} orders/s,"
        f" at least {IMPORT_TARGET_PER_SECOND:,}: {verdict(rate >= IMPORT_TARGET_PER_SECOND)}{star};"
        f" {peak:.0f} MB, at most {IMPORT_MEMORY_TARGET_MB:.0f}: {verdict(peak <= IMPORT_MEMORY_TARGET_MB)}"
    )
    if star:
        by_cpu = median(one.cpu_rate for one in found.imports)
        print(f"  * it had to wait, for its core or the disk: {by_cpu:,.0f} for a second of processor time")


def print_memory(peak_mb: float) -> None:
    """The memory."""
    met = verdict(peak_mb < MEMORY_TARGET_MB)
    print(f"\nPeak memory of the server: {peak_mb:.0f} MB, under {MEMORY_TARGET_MB:.0f} MB: {met}")


def reads_json(how: Pass, reads: Sequence[Read]) -> list[dict[str, Any]]:
    """One pass, for programs."""
    return [
        {
            "pass": how.name,
            "subject": read.subject.name,
            "what": read.subject.what,
            "bytes": {
                "constant": len(read.size.body.encode()),
                "min": read.size.least,
                "max": read.size.most,
            },
            "ratio": read.ratio,
            "ratios": read.ratios,
            "ratio_by_cpu_time": read.cpu_ratio,
            "disturbed": read.is_disturbed,
            "target": how.target,
            "met": read.judged >= how.target,
            "read": rounds_json(read.read),
            "fixed": rounds_json(read.fixed),
            "fixed_body_read": None if read.fixed_read is None else rounds_json(read.fixed_read),
            "ratio_by_cpu_time_body_read": read.cpu_ratio_read,
        }
        for read in reads
    ]


def appends_json(appends: Appends, target: float = TARGET) -> dict[str, Any]:
    """The appends, for programs."""
    return {
        "clients": CLIENTS,
        "ratio": appends.ratio,
        "ratios": appends.ratios,
        "target": target,
        "met": appends.ratio >= target,
        "many": rounds_json(appends.many),
        "one": rounds_json(appends.one),
        "in_process_per_second": appends.in_process,
    }


def rounds_json(rounds: Rounds) -> dict[str, Any]:
    """The rounds of one side, for programs."""
    return {
        "per_second": median(rounds.rates),
        "cpu_us": rounds.cpu_us,
        "busy": rounds.busy,
        "runs": [asdict(run) for run in rounds.runs],
    }

"""The figures as tables for people, and each held against its target."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from .appends import CLIENTS, Appends
from .c_program import AgainstC
from .lists import Lists
from .memory import Memory
from .mix import LOAD, Mix
from .reads import Pass, Read
from .rounds import Duel, Rounds
from .starts import Starts
from .targets import ALL, Result
from .transfers import Transfers

VERDICTS = {True: "met", False: "MISSED", None: ""}


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


def span(values: Sequence[float], form: str) -> str:
    """The smallest and the greatest."""
    return f"{min(values):{form}}..{max(values):{form}}"


def print_results(results: Sequence[Result]) -> None:
    """Every figure against its first target and its goal."""
    print("\nEvery figure against its target (met or MISSED) and its goal")
    header = ("what", "of", "over", "figure", "min..max", "target", "", "goal", "", "")
    rows = [
        [
            one.target.what,
            one.subject,
            one.target.reference,
            one.target.told(one.figure),
            span(one.rounds, one.target.form),
            one.target.told(one.target.first),
            VERDICTS[one.is_first_met],
            one.target.told(one.target.goal),
            VERDICTS[one.is_goal_met],
            one.remark,
        ]
        for one in sorted(results, key=lambda one: ALL.index(one.target))
    ]
    print_table(header, rows)


def print_reads(how: Pass, reads: Sequence[Read]) -> None:
    """One pass: orders asked for again and again (hot), and others (cold)."""
    print(f"\nReads, {how.name}: to fixed bytes; hot and cold orders")
    rates = ("subject", "bytes", "reads/s", "fixed/s", "hot", "min..max", "CPU")
    against = ("body read", "in turns", "RSGI")
    print_table(
        (*rates, *against, "us", "us fixed", "busy %", "cold", "min..max", "CPU", "us"),
        [_read_row(read) for read in reads],
    )
    for read in reads:
        for duel in (read.hot, read.cold):
            if duel is not None and (duel.read.errors or duel.fixed.errors):
                name = read.subject.name
                print(f"  {name}: {duel.read.errors} errors, fixed bytes {duel.fixed.errors}")


def _read_row(read: Read) -> list[str]:
    hot, cold = read.hot, read.cold
    return [
        read.subject.name,
        str(len(read.size.body.encode())),
        f"{median(hot.read.rates):,.0f}",
        f"{median(hot.fixed.rates):,.0f}",
        f"{hot.ratio:.3f}",
        span(hot.ratios, ".3f"),
        f"{hot.cpu_ratio:.3f}",
        "" if read.body_read is None else f"{read.body_read.cpu_ratio:.3f}",
        "" if read.in_turns is None else f"{read.in_turns.cpu_ratio:.3f}",
        "" if read.native is None else f"{read.native.cpu_ratio:.3f}",
        f"{hot.read.cpu_us:.1f}",
        f"{hot.fixed.cpu_us:.1f}",
        busy(hot),
        *(["", "", "", ""] if cold is None else _cold_cells(cold)),
    ]


def _cold_cells(cold: Duel) -> list[str]:
    ratios = (f"{cold.ratio:.3f}", span(cold.ratios, ".3f"), f"{cold.cpu_ratio:.3f}")
    return [*ratios, f"{cold.read.cpu_us:.1f}"]


def busy(duel: Duel) -> str:
    """How much of the time both servers were at work, in per cent."""
    return f"{duel.read.busy:.0%}/{duel.fixed.busy:.0%}".replace("%", "")


def print_c(against: AgainstC) -> None:
    """The C program."""
    print("\nReads, credential checked in the store: to a C program that reads the same (epoll, SQLite)")
    rows = [
        [
            f"native, {name}",
            f"{median(duel.read.rates):,.0f}",
            f"{median(duel.fixed.rates):,.0f}",
            f"{duel.ratio:.3f}",
            span(duel.ratios, ".3f"),
            f"{duel.cpu_ratio:.3f}",
            f"{duel.read.cpu_us:.1f}",
            f"{duel.fixed.cpu_us:.1f}",
            busy(duel),
        ]
        for name, duel in (("hot", against.hot), ("cold", against.cold))
    ]
    print_table(("subject", "reads/s", "C/s", "ratio", "min..max", "CPU", "us", "us C", "busy %"), rows)


def print_appends(appends: Appends) -> None:
    """The appends."""
    print("\nStage appends, each on disk before it is answered")
    many, one = appends.duel.read, appends.duel.fixed
    rows = [
        [f"{CLIENTS} clients", *_rate_cells(many.rates), *_latency_cells(many)],
        ["1 client, one commit each", *_rate_cells(one.rates), *_latency_cells(one)],
        ["in process, one commit each", *_rate_cells(appends.singly), "", ""],
        [f"in process, {CLIENTS} tasks", *_rate_cells(appends.grouped), "", ""],
    ]
    if appends.bare:
        rows.append([f"bare rows, {CLIENTS} a commit", *_rate_cells(appends.bare), "", ""])
    print_table(("how", "stages/s", "min..max", "p50 ms", "p99 ms"), rows)
    grouped = median(a / b for a, b in zip(many.rates, appends.grouped, strict=True))
    print(f"  {CLIENTS} clients over {CLIENTS} tasks in process: {grouped:.2f}")
    if many.errors or one.errors:
        print(f"  errors: {many.errors} with {CLIENTS} clients, {one.errors} with one")


def _rate_cells(rates: Sequence[float]) -> list[str]:
    return [f"{median(rates):,.0f}", span(rates, ",.0f")]


def _latency_cells(rounds: Rounds) -> list[str]:
    return [
        f"{median(run.p50_ms for run in rounds.runs):.2f}",
        f"{median(run.p99_ms for run in rounds.runs):.2f}",
    ]


def print_mix(mix: Mix) -> None:
    """Reads beside appends."""
    print(f"\nNine reads to one append, at {LOAD:.0%} of the top rate, timed from when each was due")
    rows = [
        [
            f"round {number}",
            f"{top:,.0f}",
            f"{one.rate:,.0f}",
            f"{one.read_p50_ms:.2f}",
            f"{one.read_p99_ms:.2f}",
            f"{one.write_p50_ms:.2f}",
            f"{one.write_p99_ms:.2f}",
            f"{one.sent_late_ms:.2f}",
            str(one.errors),
        ]
        for number, (top, one) in enumerate(zip(mix.tops, mix.paced, strict=True), start=1)
    ]
    header = ("", "top/s", "rate/s", "read p50 ms", "p99", "append p50 ms", "p99", "sent late ms", "errors")
    print_table(header, rows)


def print_lists(lists: Lists) -> None:
    """Pages in the small and the large book."""
    small, large = lists.small, lists.large
    print(f"\nPages of lists, {large.orders:,} orders over {small.orders:,}")
    header = ("page", "pages/s", "ratio", "CPU", "us small", "us large")
    rows = [
        [
            cost.listed.name,
            f"{median(cost.large.rates):,.0f}",
            f"{cost.duel.ratio:.2f}",
            f"{cost.duel.cpu_ratio:.2f}",
            f"{cost.small.cpu_us:.0f}",
            f"{cost.large.cpu_us:.0f}",
        ]
        for cost in lists.pages
    ]
    print_table(header, rows)
    for cost in lists.pages:
        if cost.small.errors or cost.large.errors:
            print(f"  {cost.listed.name}: {cost.small.errors} and {cost.large.errors} errors")


def print_starts(starts: Starts) -> None:
    """Starts of the service."""
    cpu = median(starts.cpu_seconds)
    print(
        f"\nStart on {starts.orders:,} orders to the first order read: {median(starts.seconds):.2f} s"
        f" ({span(starts.seconds, '.2f')}; {cpu:.2f} s of processor time)"
    )


def print_memory(memory: Memory) -> None:
    """The memory."""
    few, many = memory.after_few_mb, memory.after_many_mb
    print(
        f"\nMemory of a worker: {memory.at_first_mb:.0f} MB at first, {few:.0f} MB after 1,000 reads,"
        f" {many:.0f} MB after {memory.requests:,}"
    )


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
    rate = median(one.rate for one in found.imports)
    print(f"  import: {found.ratio:.2f} of inserting ({found.cpu_ratio:.2f} by CPU); {rate:,.0f} orders/s")
    if any(one.is_disturbed for one in found.imports):
        by_cpu = median(one.cpu_rate for one in found.imports)
        print(f"  it had to wait, for its core or the disk: {by_cpu:,.0f} for a second of processor time")


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
            "hot": duel_json(read.hot),
            "cold": None if read.cold is None else duel_json(read.cold),
            "body_read": None if read.body_read is None else duel_json(read.body_read),
            "native": None if read.native is None else duel_json(read.native),
        }
        for read in reads
    ]


def duel_json(duel: Duel) -> dict[str, Any]:
    """A service beside a reference, for programs."""
    return {
        "ratio": duel.ratio,
        "ratios": duel.ratios,
        "ratio_by_cpu_time": duel.cpu_ratio,
        "disturbed": duel.is_disturbed,
        "read": duel.read.json(),
        "fixed": duel.fixed.json(),
    }

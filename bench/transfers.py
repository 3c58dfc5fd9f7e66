"""Files of orders brought in and written out: orders a second, and the memory that it takes.

The file that is imported was exported from a book made in bulk; the reference is SQLite being given the very
rows of those orders, prepared beforehand, in transactions of as many orders, each of them on disk.

python -m bench.transfers import|export|insert ... is the child process that does one of them and tells.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import uvloop

from orderwire import app
from orderwire import settings as table
from orderwire.book.callers import RIGHTS, Caller
from orderwire.book.store import Book
from orderwire.contracts.native.wire_export import render_order_line
from orderwire.contracts.native.wire_lines import parse_order_line
from orderwire.exporter import csv_rows, json_lines
from orderwire.exporter.files import writing
from orderwire.exporter.request import ExportRequest, MakeSink
from orderwire.exporter.run import export_orders
from orderwire.importer.feed import ORDERS_AT_ONCE
from orderwire.importer.request import ImportRequest
from orderwire.importer.run import import_file
from orderwire.store.sqlite import connect

from . import bulk
from .machine import as_child, environment, peak_memory_mb
from .plan import Setup
from .rounds import BUSY_ENOUGH
from .targets import IMPORT, IMPORT_MEMORY, IMPORT_RATE, Result

FORMATS = ("jsonl", "csv", *(["parquet"] if find_spec("pyarrow") else []))
CHILD_SECONDS = 1_800
MAX_ROUNDS = 2


@dataclass(frozen=True)
class Transfer:
    """What one child did: how many orders in which time, and its most memory."""

    what: str
    orders: int
    seconds: float
    cpu_seconds: float
    peak_memory_mb: float

    @property
    def rate(self) -> float:
        """Orders a second."""
        return self.orders / self.seconds

    @property
    def is_disturbed(self) -> bool:
        """True when the process had to wait, for its core or the disk: the rate then says less."""
        return self.cpu_seconds / self.seconds < BUSY_ENOUGH

    @property
    def cpu_rate(self) -> float:
        """Orders for each second of processor time."""
        return self.orders / self.cpu_seconds


@dataclass
class Transfers:
    """Exports by format, then imports and raw insertions by round."""

    exports: list[Transfer] = field(default_factory=list)
    imports: list[Transfer] = field(default_factory=list)
    inserts: list[Transfer] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """Orders a second imported over inserted, by round."""
        return [a.rate / b.rate for a, b in zip(self.imports, self.inserts, strict=True)]

    @property
    def ratio(self) -> float:
        """The median of the rounds."""
        return median(self.ratios)

    def results(self) -> list[Result]:
        """The rows: what had to wait is judged by its processor time."""
        waited = any(one.is_disturbed for one in (*self.imports, *self.inserts))
        rates = [one.cpu_rate if waited else one.rate for one in self.imports]
        remark, judged = ("by CPU", self.cpu_ratio) if waited else ("", None)
        peaks = [one.peak_memory_mb for one in self.imports]
        return [
            Result(IMPORT, "JSON Lines", self.ratios, judged, remark),
            Result(IMPORT_RATE, "JSON Lines", rates, remark=remark),
            Result(IMPORT_MEMORY, "JSON Lines", peaks, max(peaks)),
        ]

    @property
    def cpu_ratio(self) -> float:
        """The same by processor time."""
        pairs = zip(self.imports, self.inserts, strict=True)
        return median(b.cpu_seconds / a.cpu_seconds for a, b in pairs)


def measure_transfers(plan: Setup, orders: int) -> Transfers:
    """Export a book of so many orders, import what was exported, and insert the same rows."""
    folder = plan.folder / "transfers"
    source = bulk.make(folder / "source" / "book.db", orders)
    files = {form: folder / f"orders.{form}" for form in FORMATS}
    found = Transfers()
    for form, path in files.items():
        found.exports.append(_child("export", source.database, path))
        if form != "jsonl":
            path.unlink()
    _remove(source.database.parent)
    sides: list[tuple[str, list[Transfer]]] = [("insert", found.inserts), ("import", found.imports)]
    for number in range(min(plan.rounds, MAX_ROUNDS)):
        for what, results in sides if number % 2 == 0 else sides[::-1]:
            target = folder / f"{what}-{number}" / "book.db"
            bulk.make_empty(bulk.env_of(target))
            results.append(_child(what, target, files["jsonl"], orders))
            _remove(target.parent)
    _remove(folder)
    return found


def _child(what: str, database: Path, path: Path, orders: int = 0) -> Transfer:
    arguments = [what, "--database", str(database), "--file", str(path), "--orders", str(orders)]
    done = subprocess.run(
        [sys.executable, "-m", "bench.transfers", *arguments],
        env=environment(bulk.env_of(database)),
        capture_output=True,
        text=True,
        timeout=CHILD_SECONDS,
        check=False,
        preexec_fn=as_child(None),  # no other thread of ours runs now
    )
    if done.returncode != 0:
        raise SystemExit(f"{what} failed:\n{done.stdout[-1000:]}{done.stderr[-2000:]}")
    return Transfer(**json.loads(done.stdout))


def _remove(folder: Path) -> None:
    for path in folder.glob("*"):
        if path.is_file():
            path.unlink()


async def _export(database: Path, path: Path) -> int:
    form = path.suffix[1:]
    make_sink = _make_sink(form)
    request = ExportRequest(with_stages=form != "csv")

    async def work(book: Book, caller: Caller) -> int:
        with writing(path) as file:
            return (await export_orders(book, caller, request, make_sink, file)).orders

    return await _on_book(database, work)


def _make_sink(form: str) -> MakeSink:
    if form == "jsonl":
        return lambda file: json_lines.JsonLinesSink(file, render_order_line)
    if form == "csv":
        return csv_rows.CsvSink
    from orderwire.exporter import parquet  # tens of megabytes that only this format needs

    return parquet.ParquetSink


async def _import(database: Path, path: Path) -> int:
    async def work(book: Book, caller: Caller) -> int:
        request = ImportRequest(folder=database.parent)
        summary = await import_file(book, caller, path, request, parse_order=parse_order_line)
        if summary.rejected:
            raise SystemExit(f"{summary.rejected} orders were rejected: {summary.codes}")
        return summary.placed

    return await _on_book(database, work)


async def _on_book(database: Path, work: Callable[[Book, Caller], Any]) -> int:
    book = await app.open_book(table.load(bulk.env_of(database), extra=app.contract_extra()))
    try:
        organisation = await book.store.fetch_organisation(bulk.ORGANISATION)
        assert organisation is not None
        done: int = await work(book, Caller(organisation=organisation, contract="bench", rights=RIGHTS))
        return done
    finally:
        await book.close()


def _insert(database: Path, orders: int) -> tuple[int, float, float]:
    """Insert prepared rows; gives the orders, and the time of the insertion alone."""
    connection = connect(database)
    try:
        owner = connection.execute("SELECT id FROM organisations").fetchone()[0]
        first = connection.execute("SELECT next FROM counters WHERE name = 'order'").fetchone()[0]
        seconds, cpu = 0.0, 0.0
        for batch in bulk.batches(owner, first, orders, ORDERS_AT_ONCE, share_bucket=True):
            began, cpu_began = time.perf_counter(), time.process_time()
            bulk.insert(connection, batch)
            _checkpoint(connection)
            seconds += time.perf_counter() - began
            cpu += time.process_time() - cpu_began
        return orders, seconds, cpu
    finally:
        connection.close()


def _checkpoint(connection: sqlite3.Connection) -> None:
    """As the book's own checkpointer does, so that the log stays as short."""
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)")


def transfers_json(found: Transfers) -> dict[str, Any]:
    """The figures for programs."""
    return {
        "exports": [{**asdict(one), "per_second": one.rate} for one in found.exports],
        "imports": [{**asdict(one), "per_second": one.rate} for one in found.imports],
        "inserts": [{**asdict(one), "per_second": one.rate} for one in found.inserts],
        "ratio": found.ratio,
        "ratio_by_cpu_time": found.cpu_ratio,
    }


def main() -> None:
    """The child."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("import", "export", "insert"))
    parser.add_argument("--database", type=Path, required=True)
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--orders", type=int, required=True)
    given = parser.parse_args()
    began, cpu_began = time.perf_counter(), time.process_time()
    if given.what == "insert":
        orders, seconds, cpu = _insert(given.database, given.orders)
    else:
        work = _import if given.what == "import" else _export
        orders = uvloop.run(work(given.database, given.file))
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    what = f"export {given.file.suffix[1:]}" if given.what == "export" else given.what
    print(json.dumps(asdict(Transfer(what, orders, seconds, cpu, peak_memory_mb(os.getpid())))))


if __name__ == "__main__":
    main()

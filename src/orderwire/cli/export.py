"""`orderwire export`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from .filters import filter_options, make_query, read_instant
from .shared import (
    USAGE,
    Failure,
    State,
    find_organisation,
    json_option,
    organisation_option,
    print_json,
    run_on_book,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from orderwire.book.callers import Caller
    from orderwire.book.lists import Moment
    from orderwire.book.orders import Order
    from orderwire.book.stages import Stage
    from orderwire.book.store import Book
    from orderwire.exporter.files import Counted
    from orderwire.exporter.request import ExportRequest, MakeSink, Secrets, Summary

STDOUT = "-"
FORMATS = ("jsonl", "csv", "parquet")
PARQUET_NEEDED = f"Parquet needs pyarrow, which is not installed: {sys.executable} -m pip install pyarrow"
# A terminal is told no oftener.
PROGRESS_SECONDS = 0.2
LINE_WIDTH = 60
EPILOG = """\b
Exit codes:
  0  done
  1  the file can't be written, or the book can't be read
  2  the command line can't be used, or Parquet is asked for and not installed
  3  the book is not migrated
  4  no such organisation

\b
Example:
  orderwire export --organisation acme --output orders.jsonl
  orderwire export --organisation acme --output open.csv --lifecycle new --lifecycle processing
"""


@click.command("export", epilog=EPILOG)
@organisation_option
@click.option("--output", "-o", required=True, metavar="FILE", help="The file, or - for standard output.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="Told by FILE's suffix if left out.")
@click.option("--as-of", metavar="INSTANT", help="The orders as they stood then.")
@click.option("--known-at", metavar="INSTANT", help="... by what the book had recorded then.")
@click.option("--columns", metavar="LIST", help="CSV, Parquet: these columns, with commas between.")
@click.option("--for-spreadsheets", is_flag=True, help="CSV: nothing that a spreadsheet would calculate.")
@click.option("--with-vouchers", is_flag=True, help="JSON Lines: vouchers with their codes in clear.")
@click.option("--without-group-orders", is_flag=True, help="JSON Lines: don't say whose members they are.")
@filter_options
@json_option
@click.pass_obj
def export(state: State, /, *, organisation: str, output: str, as_json: bool, **given: Any) -> None:
    """Write orders to a file: JSON Lines (which `import` takes back), CSV or Parquet.

    FILE takes its name when it is whole. Instants are ISO 8601, in UTC unless they say otherwise. All
    conditions must hold.
    """
    form = _form(output, given["form"])
    _check(form, output, given, as_json=as_json)
    make_sink: MakeSink = _make_sink(form, given)
    query = make_query(given)
    moments = {name: given[name] for name in ("as_of", "known_at") if given[name] is not None}
    if moments and query.name is not None:
        raise Failure(USAGE, "--name-prefix can't be asked of the past")

    async def work(book: Book) -> Summary:
        from orderwire.exporter.request import ExportRequest
        from orderwire.exporter.run import export_orders

        caller = _caller(await find_organisation(book, organisation))
        request = ExportRequest(
            query=query,
            moment=_moment(book, moments),
            with_stages=_has_stages(form, given),
            with_vouchers=given["with_vouchers"],
        )
        with _file(output, is_private=given["with_vouchers"]) as file:
            progress = await _progress(book, caller, request)
            return await export_orders(book, caller, request, make_sink, file, progress)

    summary = run_on_book(state, work)
    _tell(summary, output, form, as_json=as_json)


def _form(output: str, given: str | None) -> str:
    if given is not None:
        return given
    suffix = output.rpartition(".")[2].lower()
    found = {"ndjson": "jsonl"}.get(suffix, suffix)
    if output == STDOUT:
        return "jsonl"
    if found not in FORMATS:
        raise Failure(USAGE, f"{output}: no suffix that tells the format: say --format {'|'.join(FORMATS)}")
    return found


def _check(form: str, output: str, given: dict[str, Any], *, as_json: bool) -> None:
    import sys

    for option, forms in (
        ("columns", ("csv", "parquet")),
        ("for_spreadsheets", ("csv",)),
        ("with_vouchers", ("jsonl",)),
        ("without_group_orders", ("jsonl",)),
    ):
        if given[option] and form not in forms:
            raise Failure(USAGE, f"--{option.replace('_', '-')} is not for {form}")
    if output == STDOUT and as_json:
        raise Failure(USAGE, "--json needs standard output for itself: give a FILE")
    if output == STDOUT and form == "parquet" and sys.stdout.isatty():
        raise Failure(USAGE, "Parquet is not for a terminal")


def _make_sink(form: str, given: dict[str, Any]) -> MakeSink:
    """What writes this format. Fails with `USAGE` for columns that it does not have."""
    if form == "jsonl":
        from orderwire.exporter.json_lines import JsonLinesSink

        render = _render(with_group_orders=not given["without_group_orders"])
        return lambda file: JsonLinesSink(file, render)
    if form == "csv":
        from orderwire.exporter import csv_rows

        names = _columns(given, [column.name for column in csv_rows.ALL])
        return lambda file: csv_rows.CsvSink(file, names, for_spreadsheets=given["for_spreadsheets"])
    try:
        from orderwire.exporter import parquet
    except ModuleNotFoundError as error:
        raise Failure(USAGE, PARQUET_NEEDED) from error
    names = _columns(given, [column.name for column in parquet.ALL])
    return lambda file: parquet.ParquetSink(file, names)


def _render(*, with_group_orders: bool) -> Callable[[Order, Sequence[Stage], Secrets | None], bytes]:
    import msgspec

    from orderwire.contracts.native.wire_export import render_order_line

    if with_group_orders:
        return render_order_line
    return lambda order, stages, secrets: render_order_line(
        msgspec.structs.replace(order, group_order_id=None, group_line=None), stages, secrets
    )


def _columns(given: dict[str, Any], known: Sequence[str]) -> list[str]:
    names = given["columns"].split(",") if given["columns"] else []
    for name in names:
        if name not in known or names.count(name) > 1:
            reason = "given twice" if name in known else "no such column"
            raise Failure(USAGE, f"--columns: {name}: {reason}")
    return names


def _has_stages(form: str, given: dict[str, Any]) -> bool:
    if form == "parquet":
        return not given["columns"] or "stages" in given["columns"].split(",")
    return form == "jsonl"


def _caller(organisation: Any) -> Caller:
    from orderwire.book.callers import READ, READ_DELETED, VOUCHERS, Caller

    return Caller(
        organisation=organisation, contract="export", rights=frozenset({READ, READ_DELETED, VOUCHERS})
    )


def _moment(book: Book, given: dict[str, str]) -> Moment | None:
    from orderwire.book.lists import Moment

    if not given:
        return None
    now = book.clock()
    instants = {name: read_instant(f"--{name.replace('_', '-')}", text) for name, text in given.items()}
    return Moment(as_of=instants.get("as_of", now), known_at=instants.get("known_at", now))


def _file(output: str, *, is_private: bool) -> AbstractContextManager[Counted]:
    from contextlib import contextmanager
    from io import FileIO
    from pathlib import Path

    from orderwire.exporter.files import Counted, writing

    @contextmanager
    def stdout() -> Iterator[Counted]:
        with FileIO(1, "wb", closefd=False) as file:
            yield Counted(file, "standard output")

    return stdout() if output == STDOUT else writing(Path(output), is_private=is_private)


async def _progress(book: Book, caller: Caller, request: ExportRequest) -> Callable[[Summary], None] | None:
    """Tells a terminal on standard error how far it came; nobody else."""
    import sys
    from time import monotonic

    from orderwire.book.queries import count_orders

    if not sys.stderr.isatty():
        return None
    total = ""
    if request.moment is None and request.query.name is None:
        total = f" of {await count_orders(book, caller, request.query):,}"
    began, told = monotonic(), 0.0

    def tell(summary: Summary) -> None:
        nonlocal told
        now = monotonic()
        if now - told >= PROGRESS_SECONDS:
            told = now
            rate = summary.orders / max(now - began, 1e-6)
            click.echo(f"\r{summary.orders:,}{total} orders, {rate:,.0f}/s  ", err=True, nl=False)

    return tell


def _tell(summary: Summary, output: str, form: str, *, as_json: bool) -> None:
    import sys
    from dataclasses import asdict

    if sys.stderr.isatty():
        click.echo("\r" + " " * LINE_WIDTH + "\r", err=True, nl=False)
    if as_json:
        print_json({"file": output, "format": form, **asdict(summary)})
    elif output != STDOUT:
        click.echo(
            f"{summary.orders:,} orders with {summary.lines:,} lines: {output}, {summary.bytes:,} bytes"
        )
    if summary.vouchers:
        click.echo(f"{summary.vouchers:,} vouchers with their codes in clear: keep {output} safe", err=True)
    elif summary.vouchers_left_out and form == "jsonl":
        click.echo(f"{summary.vouchers_left_out:,} vouchers left out (--with-vouchers)", err=True)

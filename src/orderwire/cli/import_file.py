"""`orderwire import`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .shared import (
    REFUSED,
    ROWS_REJECTED,
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
    from orderwire.book.store import Book
    from orderwire.importer.request import ImportRequest, Summary

EPILOG = """\b
Exit codes:
  0  every row was taken
  1  the file can't be read, or the book can't be written
  2  the map can't be used
  3  the book is not migrated
  4  no such organisation
  5  some rows were rejected

\b
Example:
  orderwire import examples/online-retail-sample.csv --organisation acme --map examples/online-retail.toml
  orderwire import export.xlsx --organisation acme --map map.toml --dry-run
  orderwire import orders.jsonl --organisation acme
"""


@click.command("import", epilog=EPILOG)
@click.argument("file", metavar="FILE")
@organisation_option
@click.option(
    "--map",
    "map_file",
    metavar="MAP.toml",
    help="Which column means what (needed unless FILE is JSON Lines as `orderwire export` writes them).",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "xlsx", "jsonl"]),
    help="What FILE is (default: as the map says, or its suffix).",
)
@click.option(
    "--policy",
    type=click.Choice(["accept_valid", "all_or_nothing"]),
    default="accept_valid",
    help="Place the orders that can be taken (default), or none unless all can be.",
)
@click.option("--dry-run", is_flag=True, help="Read, check and report everything, and place nothing.")
@click.option("--normalised", is_flag=True, help="Write FILE.normalised.csv, too: what was understood.")
@click.option("--reports", metavar="FOLDER", help="Where the reports go (default: beside FILE).")
@json_option
@click.pass_obj
def import_file(
    state: State,
    *,
    file: str,
    organisation: str,
    map_file: str | None,
    form: str | None,
    policy: str,
    dry_run: bool,
    normalised: bool,
    reports: str | None,
    as_json: bool,
) -> None:
    """Bring the orders of an export (CSV, XLSX or JSON Lines) into the book.

    Rows that can't be taken go to FILE.rejected.csv with line, column, code and value; the others to
    FILE.accepted.csv with the order they are in. The same file again adds nothing; an import that was
    interrupted goes on when it is started again.
    """
    from pathlib import Path

    from orderwire.importer.parse_map import read_map
    from orderwire.importer.request import ImportRequest
    from orderwire.importer.rows import FileError
    from orderwire.importer.tables import MapError

    try:
        request = ImportRequest(
            map=None if map_file is None else read_map(Path(map_file)),
            format=form,
            policy=policy,
            folder=Path(reports) if reports else None,
            normalised=normalised,
            dry_run=dry_run,
        )
        summary = _run(state, file, organisation, request, as_json=as_json)
    except MapError as error:
        raise Failure(USAGE, str(error)) from error
    except FileError as error:
        raise Failure(REFUSED, f"{file}: {error}") from error
    if as_json:
        print_json(_json(summary))
    else:
        _print(summary, dry_run=dry_run)
    if summary.rejected_rows:
        raise SystemExit(ROWS_REJECTED)


def _run(state: State, file: str, organisation: str, request: ImportRequest, *, as_json: bool) -> Summary:
    from pathlib import Path

    from orderwire.book.callers import READ, WRITE, Caller
    from orderwire.book.imports import ImportTakenOver
    from orderwire.contracts.native.wire_lines import parse_order_line
    from orderwire.importer.run import import_file as run_import

    from .progress import Line

    async def work(book: Book) -> Summary:
        owner = await find_organisation(book, organisation)
        caller = Caller(organisation=owner, contract="import", rights=frozenset({READ, WRITE}))
        with Line(is_quiet=as_json) as line:
            try:
                return await run_import(
                    book,
                    caller,
                    Path(file),
                    request,
                    parse_order=parse_order_line,
                    on_progress=line.show,
                )
            except ImportTakenOver as error:
                raise Failure(REFUSED, f"{file}: another process goes on with this import") from error

    return run_on_book(state, work)


def _json(summary: Summary) -> dict[str, object]:
    from dataclasses import asdict

    return {**asdict(summary), "codes": dict(sorted(summary.codes.items()))}


def _print(summary: Summary, *, dry_run: bool) -> None:
    done = "could be placed" if dry_run else "placed"
    click.echo(
        f"{summary.rows} rows of {summary.orders} orders: {summary.placed} orders {done},"
        f" {summary.already_there} there already, {summary.rejected} rejected"
    )
    click.echo(f"{summary.accepted_rows} rows accepted: {summary.accepted_file}")
    if summary.normalised_file:
        click.echo(f"as they were understood: {summary.normalised_file}")
    if summary.rejected_rows:
        click.echo(f"{summary.rejected_rows} rows rejected: {summary.rejected_file}")
        for code, count in sorted(summary.codes.items()):
            click.echo(f"  {count} {code}")

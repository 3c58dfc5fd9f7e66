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
    from orderwire.importer.request import Summary

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
"""


@click.command("import", epilog=EPILOG)
@click.argument("file", metavar="FILE")
@organisation_option
@click.option("--map", "map_file", required=True, metavar="MAP.toml", help="Which column means what.")
@click.option("--reports", metavar="FOLDER", help="Where the reports go (default: beside FILE).")
@json_option
@click.pass_obj
def import_file(
    state: State, *, file: str, organisation: str, map_file: str, reports: str | None, as_json: bool
) -> None:
    """Bring the orders of an export (CSV) into the book.

    Rows that can't be taken go to FILE.rejected.csv with line, column, code and value; the others to
    FILE.accepted.csv with the order they are in. The same file again adds nothing.
    """
    from pathlib import Path

    from orderwire.book.callers import READ, WRITE, Caller
    from orderwire.importer.parse_map import read_map
    from orderwire.importer.request import ImportRequest
    from orderwire.importer.rows import FileError
    from orderwire.importer.run import import_file as run_import
    from orderwire.importer.tables import MapError

    async def work(book: Book) -> Summary:
        owner = await find_organisation(book, organisation)
        caller = Caller(organisation=owner, contract="import", rights=frozenset({READ, WRITE}))
        request = ImportRequest(map=found, folder=Path(reports) if reports else None)
        return await run_import(book, caller, Path(file), request)

    try:
        found = read_map(Path(map_file))
        summary = run_on_book(state, work)
    except MapError as error:
        raise Failure(USAGE, str(error)) from error
    except FileError as error:
        raise Failure(REFUSED, f"{file}: {error}") from error
    if as_json:
        print_json(_json(summary))
    else:
        _print(summary)
    if summary.rejected_rows:
        raise SystemExit(ROWS_REJECTED)


def _json(summary: Summary) -> dict[str, object]:
    from dataclasses import asdict

    return {**asdict(summary), "codes": dict(sorted(summary.codes.items()))}


def _print(summary: Summary) -> None:
    click.echo(
        f"{summary.rows} rows of {summary.orders} orders: {summary.placed} orders placed,"
        f" {summary.already_there} there already, {summary.rejected} rejected"
    )
    click.echo(f"{summary.accepted_rows} rows accepted: {summary.accepted_file}")
    if summary.rejected_rows:
        click.echo(f"{summary.rejected_rows} rows rejected: {summary.rejected_file}")
        for code, count in sorted(summary.codes.items()):
            click.echo(f"  {count} {code}")

"""`orderwire copy`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .keeping import keeping, key_problem
from .shared import DAMAGED, USAGE, Failure, State, json_option, load_settings, print_json

if TYPE_CHECKING:
    from orderwire.settings import Settings
    from orderwire.store.keeping.copying import Outcome

EPILOG = """\b
Exit codes:
  0  TO holds what FROM holds
  1  refused: a book is in use, TO is not empty, or a book can't be read or written
  2  an address can't be used
  3  FROM is not there or not migrated
  6  what arrived is not what was sent; TO stays closed

\b
Example:
  orderwire copy orders.db postgresql://orderwire@db.example.com/orders
  orderwire copy postgresql://orderwire@db.example.com/orders rehearsal.db --live
"""


@click.command(epilog=EPILOG)
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--live", is_flag=True, help="FROM may be written meanwhile: copy it as it is now.")
@json_option
@click.pass_obj
def copy(state: State, *, source: str, target: str, live: bool, as_json: bool) -> None:
    """Copy a whole book, ids and history included, between files and PostgreSQL either way.

    TO is made if it is not there, else it must be empty. A copy that was interrupted goes on when the same
    command is typed again. Passwords are best left to PGPASSWORD or the file ~/.pgpass.
    """
    import asyncio

    from orderwire.store.keeping.copying import copy_book

    read = _address("FROM", source)
    settings = load_settings(State(state.config, _address("TO", target)))
    with keeping(state) as progress:
        outcome = asyncio.run(copy_book(read, settings["database"], live=live, tell=progress.rows))
    problem = key_problem(settings, outcome.proof)
    if as_json:
        print_json(_json(read, settings, outcome, problem))
    else:
        _print(settings, outcome, problem)
    if not outcome.is_equal:
        raise SystemExit(DAMAGED)


def _address(name: str, text: str) -> str:
    from orderwire.setting_values import read_database

    try:
        return read_database(text)
    except ValueError as error:
        raise Failure(USAGE, f"{name}: {error}") from error


def _json(source: str, settings: Settings, outcome: Outcome, problem: str | None) -> dict[str, Any]:
    from orderwire.store.addresses import show

    return {
        "from": show(source),
        "to": settings.shown_database,
        "equal": outcome.is_equal,
        "resumed": outcome.resumed,
        "key_opens": problem is None,
        "tables": [
            {
                "table": one.table,
                "equal": one.is_equal,
                "from": {"rows": one.source.rows, "digest": one.source.digest},
                "to": {"rows": one.target.rows, "digest": one.target.digest},
            }
            for one in outcome.tables
        ],
    }


def _print(settings: Settings, outcome: Outcome, problem: str | None) -> None:
    for one in outcome.tables:
        said = f"{one.table:<17} {one.source.rows:>13,} rows  {one.source.digest[:16]}"
        if not one.is_equal:
            said += f"  DIFFERS: {one.target.rows:,} rows  {one.target.digest[:16]}"
        click.echo(said)
    if outcome.is_equal:
        click.echo(f"{settings.shown_database} holds the same.")
    else:
        click.echo(f"{settings.shown_database} does not hold the same, and stays closed.", err=True)
    if problem is not None:
        click.echo(f"Bring the key before you serve it: {problem}", err=True)

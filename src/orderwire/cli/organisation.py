"""`orderwire organisation create|list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .shared import State, json_option, print_json, print_rows, run_on_book

if TYPE_CHECKING:
    from orderwire.book.callers import Organisation

MAX_LISTED = 10_000
COLUMNS = ("id", "name", "directory")


@click.group(epilog="\b\nExample:\n  orderwire organisation create acme")
def organisation() -> None:
    """The owners of orders."""


@organisation.command(epilog="\b\nExample:\n  orderwire organisation create acme")
@click.argument("name")
@click.option("--directory", help="Its folder in published file paths (default: made of name and time).")
@json_option
@click.pass_obj
def create(state: State, name: str, directory: str | None, *, as_json: bool) -> None:
    """Create an organisation. Exit code 1 if the name is taken."""
    from orderwire.book.accounts import create_organisation

    made = run_on_book(state, lambda book: create_organisation(book, name, directory))
    if as_json:
        print_json(_row(made))
    else:
        click.echo(f"Organisation {made.name} created.")


@organisation.command("list", epilog="\b\nExample:\n  orderwire organisation list --json")
@json_option
@click.pass_obj
def list_all(state: State, *, as_json: bool) -> None:
    """List the organisations."""
    found = run_on_book(state, lambda book: book.store.list_organisations(MAX_LISTED))
    print_rows([_row(one) for one in found], COLUMNS, as_json=as_json)


def _row(one: Organisation) -> dict[str, Any]:
    return {"id": one.id, "name": one.name, "directory": one.directory}

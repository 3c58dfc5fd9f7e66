"""`orderwire application create|list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .shared import (
    State,
    find_organisation,
    json_option,
    organisation_option,
    print_json,
    print_rows,
    run_on_book,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orderwire.book.callers import Application
    from orderwire.book.store import Book

MAX_LISTED = 10_000
COLUMNS = ("id", "slug", "name", "client_id")


@click.group(epilog="\b\nExample:\n  orderwire application list --organisation acme")
def application() -> None:
    """The programs that an organisation has registered."""


@application.command(epilog="\b\nExample:\n  orderwire application create shop --organisation acme")
@click.argument("slug")
@organisation_option
@click.option("--name", default="", help="How people call it (default: the slug).")
@click.option("--client-id", help="What it calls itself when asked for (default: made up).")
@json_option
@click.pass_obj
def create(
    state: State, *, slug: str, organisation: str, name: str, client_id: str | None, as_json: bool
) -> None:
    """Register a program. Its client secret is shown once, here."""
    from orderwire.book.accounts import create_application

    async def work(book: Book) -> tuple[Application, str]:
        owner = await find_organisation(book, organisation)
        return await create_application(book, owner, slug, name, client_id)

    made, secret = run_on_book(state, work)
    if as_json:
        print_json({**_row(made), "client_secret": secret})
    else:
        click.echo(f"Application {made.slug} created.\nclient_id: {made.client_id}\nclient_secret: {secret}")


@application.command("list", epilog="\b\nExample:\n  orderwire application list --organisation acme --json")
@organisation_option
@json_option
@click.pass_obj
def list_all(state: State, organisation: str, *, as_json: bool) -> None:
    """List the programs of an organisation."""

    async def work(book: Book) -> Sequence[Application]:
        owner = await find_organisation(book, organisation)
        return await book.store.list_applications(owner.id, "", MAX_LISTED)

    print_rows([_row(one) for one in run_on_book(state, work)], COLUMNS, as_json=as_json)


def _row(one: Application) -> dict[str, Any]:
    return {"id": one.id, "slug": one.slug, "name": one.name, "client_id": one.client_id}

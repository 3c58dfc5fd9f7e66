"""`orderwire migrate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .shared import REFUSED, Failure, State, failing, json_option, load_settings, print_json

if TYPE_CHECKING:
    from orderwire.settings import Settings


@click.command(epilog="\b\nExample:\n  orderwire --database orders.db migrate")
@json_option
@click.pass_obj
def migrate(state: State, *, as_json: bool) -> None:
    """Make the book, or bring it to the newest schema.

    A new book gets a key file beside it, unless vault_keys is set; its folder must be there. Safe to repeat.
    """
    settings = load_settings(state)
    with failing(state):
        before, after = migrate_book(settings)
    if as_json:
        print_json({"database": settings.shown_database, "before": before, "after": after})
    elif before == after:
        click.echo(f"{settings.shown_database} is at {after} already.")
    else:
        click.echo(f"{settings.shown_database} migrated from {before or 'nothing'} to {after}.")


def migrate_book(settings: Settings) -> tuple[str | None, str | None]:
    """Migrate, and give the revisions before and after. Fails with `REFUSED`."""
    from orderwire.migrating import migrate as bring_up_to_date

    # SQLite would only say that it can't open the file; and a folder made here would hide a mistyped path.
    folder = settings.folder
    if not folder.is_dir():
        state = "is not a folder" if folder.exists() else "does not exist"
        raise Failure(REFUSED, f"{settings.shown_database} can't be made: {folder} {state}")
    return bring_up_to_date(settings)

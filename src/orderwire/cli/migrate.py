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
        print_json({"database": str(settings.database_path), "before": before, "after": after})
    elif before == after:
        click.echo(f"{settings.database_path} is at {after} already.")
    else:
        click.echo(f"{settings.database_path} migrated from {before or 'nothing'} to {after}.")


def migrate_book(settings: Settings) -> tuple[str | None, str | None]:
    """Migrate, and give the revisions before and after. Fails with `REFUSED`."""
    import sqlite3

    from alembic.util import CommandError
    from sqlalchemy.exc import SQLAlchemyError

    from orderwire import app

    # SQLite would only say that it can't open the file; and a folder made here would hide a mistyped path.
    folder = settings.database_path.parent
    if not folder.is_dir():
        state = "is not a folder" if folder.exists() else "does not exist"
        raise Failure(REFUSED, f"{settings.database_path} can't be made: {folder} {state}")
    try:
        return app.migrate(settings)
    except (sqlite3.Error, SQLAlchemyError, CommandError) as error:
        reason = str(error).partition("\n")[0]
        raise Failure(REFUSED, f"{settings.database_path} can't be migrated: {reason}") from error

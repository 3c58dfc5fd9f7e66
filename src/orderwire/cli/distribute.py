"""`orderwire distribute`."""

from __future__ import annotations

import asyncio

import click

from .shared import REFUSED, Failure, State, failing, json_option, load_settings, print_json


@click.command(epilog="\b\nExample:\n  orderwire --database postgresql://orderwire@db1/orderwire distribute")
@json_option
@click.pass_obj
def distribute(state: State, *, as_json: bool) -> None:
    """Spread a book on PostgreSQL over the machines of Citus. Safe to repeat.

    Needs a migrated book and the extension citus in its database. Services start again afterwards.
    """
    from orderwire.store import citus, engines
    from orderwire.store.addresses import is_postgres
    from orderwire.store.schema import HEAD, NotMigrated

    settings = load_settings(state)
    database = settings["database"]
    if not is_postgres(database):
        raise Failure(REFUSED, f"{settings.shown_database} is not on PostgreSQL, and can't be spread")
    with failing(state):
        try:
            found = asyncio.run(engines.standing_of(database)).revision
            if found != HEAD:
                raise NotMigrated(settings.shown_database, found)
            with engines.reaching(database):
                spread = asyncio.run(citus.distribute(database))
        except engines.CannotOpen as error:
            raise Failure(REFUSED, str(error)) from error
        except citus.NoCitus as error:
            told = "its superuser types CREATE EXTENSION citus there, and adds the other machines"
            raise Failure(REFUSED, f"{settings.shown_database} has no Citus: {told}") from error
    if as_json:
        print_json({"database": settings.shown_database, "spread": spread})
    elif spread:
        click.echo(f"{settings.shown_database}: spread {', '.join(spread)}.")
    else:
        click.echo(f"{settings.shown_database} is spread already.")

"""`orderwire demo`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .shared import REFUSED, USAGE, Failure, State, failing, load_settings, print_json

if TYPE_CHECKING:
    from pathlib import Path

    from orderwire.settings import Setting, Settings

EPILOG = """\b
Exit codes:
  0  stopped by SIGINT or SIGTERM
  1  refused: the address is taken, or the book can't be opened
  2  a setting can't be used

\b
Example:
  orderwire demo --port 8081 --data ./demo-data
"""


@click.command(epilog=EPILOG)
@click.option("--port", metavar="PORT", help="The port to listen on (default: the setting port).")
@click.option(
    "--data", metavar="FOLDER", default="demo-data", help="The folder of the book (default: ./demo-data)."
)
@click.option("--host", metavar="ADDRESS", help="The address to listen on (default: the setting host).")
@click.option("--describe", is_flag=True, help="Start nothing; print the demo's records as JSON.")
@click.option("--end-with-parent", is_flag=True, help="End when the process that started this one ends.")
@click.pass_obj
def demo(
    state: State, *, port: str | None, data: str, host: str | None, describe: bool, end_with_parent: bool
) -> None:
    """Serve every contract with the records of its published document, in the foreground.

    A second start goes on with the same book. The credentials are public: never for real orders.
    """
    if describe:
        from orderwire import contracts

        print_json({contract.name: contract.demo.describe() for contract in contracts.ALL})
        return
    from orderwire import app
    from orderwire.store.addresses import is_postgres

    from .logs import configure_logs
    from .migrate import migrate_book

    overrides = {"host": host, "port": port}
    if state.database is None:
        overrides["database"] = f"{data}/orderwire.db"
    elif is_postgres(state.database):
        overrides["data_folder"] = data
    else:
        raise Failure(USAGE, "the demo keeps its book in --data FOLDER, or on PostgreSQL")
    settings = load_settings(state, overrides, _extra())
    configure_logs(settings["log_level"], as_json=settings["log_json"])
    with failing(state):
        if end_with_parent:
            app.follow_parent()
        _make_folder(settings.folder)
        migrate_book(settings)
        app.run(settings, demo=True, started=lambda: _announce(settings))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise Failure(REFUSED, f"--data {folder} is not a folder") from error
    except OSError as error:
        raise Failure(REFUSED, f"the folder --data {folder} can't be made: {error.strerror}") from error


def _extra() -> list[Setting]:
    """The contracts' settings, with what the demo has for defaults in place of the usual ones."""
    from dataclasses import replace

    from orderwire import app

    texts = app.demo_overrides()
    return [
        replace(setting, default=setting.read(texts[setting.name])) if setting.name in texts else setting
        for setting in app.contract_extra()
    ]


def _announce(settings: Settings) -> None:
    from orderwire import contracts

    from .urls import base_url

    url = base_url(settings)
    click.echo(f"Orderwire demo on {url}, its book in {settings.shown_database}. Ctrl-C ends it.")
    for contract in contracts.ALL:
        if settings[f"{contract.name}.enabled"]:
            click.echo(f"\n# {contract.title}\n{contract.demo.curl(url)}")
    click.echo()

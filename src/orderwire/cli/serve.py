"""`orderwire serve`."""

from __future__ import annotations

import gc

import click

from .shared import State, failing, load_settings

EPILOG = """\b
Exit codes:
  0  stopped by SIGINT or SIGTERM
  1  refused: the address is taken, or the book holds the demo's credentials
  2  a setting can't be used
  3  the book is not migrated

\b
Example:
  orderwire --database orders.db serve --port 8080
"""


@click.command(epilog=EPILOG)
@click.option("--host", metavar="ADDRESS", help="The address to listen on (default: the setting host).")
@click.option("--port", metavar="PORT", help="The port to listen on (default: the setting port).")
@click.option("--workers", metavar="N", help="How many processes serve (default: the setting workers).")
@click.pass_obj
def serve(state: State, host: str | None, port: str | None, workers: str | None) -> None:
    """Serve the book through its contracts, in the foreground, until SIGINT or SIGTERM."""
    # What is loaded stays, so looking for garbage meanwhile finds none; `app.run` lets it begin.
    gc.disable()
    from orderwire import app

    from .logs import configure_logs
    from .urls import base_url

    settings = load_settings(state, {"host": host, "port": port, "workers": workers})
    configure_logs(settings["log_level"], as_json=settings["log_json"])

    def started() -> None:
        click.echo(f"Orderwire serves {settings.shown_database} on {base_url(settings)}")

    with failing(state):
        app.run(settings, started=started)

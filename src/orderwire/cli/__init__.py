"""The command line: one file a command.

Each file imports click and `shared` only; what a command works with is imported inside its function, so
that `--help` is quick.
"""

from __future__ import annotations

import click

from . import (
    application,
    backup,
    check,
    copy,
    demo,
    distribute,
    export,
    import_file,
    migrate,
    openapi,
    orders,
    organisation,
    serve,
    settings,
    token,
    user,
    version,
)
from .shared import State

EPILOG = """\b
Exit codes:
  0  done
  1  refused or failed; the reason is on standard error
  2  the command line, a setting or the map can't be used
  3  the book is not migrated
  4  nothing found
  5  some rows were rejected
  6  something is wrong with the book, or with its copy

\b
Example:
  orderwire demo --port 8081
"""


class Commands(click.Group):
    """Lists commands in the sort in which they are needed, not by their first letters."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, as they were added."""
        del ctx
        return list(self.commands)


@click.group(
    cls=Commands,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--config", metavar="FILE", help="A TOML file of settings (default: orderwire.toml, if there).")
@click.option("--database", metavar="FILE", help="The book: a path, or sqlite:///path.")
@click.pass_context
def main(context: click.Context, config: str | None, database: str | None) -> None:
    """One order book, served through several published order APIs."""
    context.obj = State(config, database)


for _command in (
    demo.demo,
    migrate.migrate,
    distribute.distribute,
    serve.serve,
    organisation.organisation,
    user.user,
    application.application,
    token.token,
    import_file.import_file,
    export.export,
    orders.orders,
    backup.backup,
    backup.restore,
    check.check,
    copy.copy,
    settings.settings,
    openapi.openapi,
    version.version,
):
    main.add_command(_command)

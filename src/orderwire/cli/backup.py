"""`orderwire backup` and `orderwire restore`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .keeping import check_is_file, keeping, key_problem
from .shared import State, json_option, load_settings, print_json

if TYPE_CHECKING:
    from orderwire.settings import Settings
    from orderwire.store.keeping.backup import Backup

EPILOG = """\b
Exit codes:
  0  done
  1  refused: {refused}
  2  a setting can't be used, or the book is on PostgreSQL{missing}
  6  damaged: {damaged}

\b
Example:
  orderwire --database orders.db {example}
"""


@click.command(
    epilog=EPILOG.format(
        refused="FILE is there already, or can't be written",
        missing="\n  3  the book is not there",
        damaged="the book is not sound; there is no FILE",
        example="backup /backups/orders-2026-11-22.db",
    )
)
@click.argument("file", metavar="FILE")
@json_option
@click.pass_obj
def backup(state: State, *, file: str, as_json: bool) -> None:
    """Write the book, as it is now, to FILE, while it is served.

    FILE is seen to be sound before it gets its name. The key is not in it: keep the key file, too, and
    elsewhere.
    """
    from pathlib import Path

    from orderwire.store.keeping.backup import back_up

    settings = load_settings(state)
    check_is_file(settings, "backup")
    with keeping(state) as progress:
        found = back_up(settings.database_path, Path(file), progress.pages)
    if as_json:
        print_json(_json(found))
        return
    click.echo(f"{found.rows['orders']:,} orders: {found.path}, {found.bytes:,} bytes")
    click.echo(f"The key is not in it: keep {_key(settings)}, too, and elsewhere.")


@click.command(
    epilog=EPILOG.format(
        refused="a book is there (--force), or in use, or FILE is no backup",
        missing="",
        damaged="FILE is not sound; nothing was changed",
        example="restore /backups/orders-2026-11-22.db",
    )
)
@click.argument("file", metavar="FILE")
@click.option("--force", is_flag=True, help="Move the book that is there aside.")
@json_option
@click.pass_obj
def restore(state: State, *, file: str, force: bool, as_json: bool) -> None:
    """Put the book in place from a backup. The service must be stopped.

    FILE stays as it is. A book that is there is moved aside, and only with --force. No id that was given
    since the backup is given again.
    """
    from pathlib import Path

    from orderwire.store.keeping.backup import restore as put_back
    from orderwire.store.schema import HEAD

    settings = load_settings(state)
    check_is_file(settings, "restore")
    with keeping(state) as progress:
        done = put_back(Path(file), settings.database_path, progress.pages, force=force)
    found = done.backup
    problem = key_problem(settings, found.proof)
    if as_json:
        print_json(
            {
                **_json(found),
                "replaced": done.replaced,
                "revision": found.revision,
                "key_opens": problem is None,
            }
        )
        return
    click.echo(f"{found.rows['orders']:,} orders: {found.path}, {found.bytes:,} bytes")
    if done.replaced is not None:
        click.echo(f"What was there is {done.replaced} now.")
    if found.revision != HEAD:
        click.echo(f"It stands at {found.revision}: type `{state.migrate_command()}`")
    if problem is not None:
        click.echo(f"Bring the key before you serve it: {problem}", err=True)


def _json(found: Backup) -> dict[str, object]:
    return {"file": found.path, "bytes": found.bytes, "rows": found.rows}


def _key(settings: Settings) -> str:
    return "the setting vault_keys" if settings["vault_keys"] else str(settings.key_file)

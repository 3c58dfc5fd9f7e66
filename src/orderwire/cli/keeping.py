"""What the commands about a whole book share: its address, its key, how far they came, what can go wrong."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

import click

from .shared import DAMAGED, NOT_MIGRATED, REFUSED, USAGE, Failure, State, failing

if TYPE_CHECKING:
    from orderwire.settings import Settings

# A terminal is told no oftener.
PROGRESS_SECONDS = 0.2
GUIDE = "docs/guides/operations.md"


class Progress:
    """Tells a terminal on standard error how far a command came; nobody else."""

    def __init__(self) -> None:
        self._is_shown = sys.stderr.isatty()
        self._told = 0.0

    def rows(self, what: str, done: int) -> None:
        """So many rows of a table are done."""
        self._tell(f"{what}: {done:,}" if done else what)

    def pages(self, done: int, total: int) -> None:
        """So many pages of a file are done."""
        self._tell(f"{100 * done // max(total, 1)} %")

    def end(self) -> None:
        """Leave the terminal as it was."""
        if self._is_shown:
            click.echo("\r\033[K", err=True, nl=False)

    def _tell(self, text: str) -> None:
        now = monotonic()
        if self._is_shown and now - self._told >= PROGRESS_SECONDS:
            self._told = now
            click.echo(f"\r\033[K{text}", err=True, nl=False)


@contextmanager
def keeping(state: State) -> Iterator[Progress]:
    """What can go wrong with a whole book, as `Failure`; and who tells how far it came."""
    from orderwire.store.engines import CannotOpen
    from orderwire.store.keeping.backup import BackupDamaged, BackupRefused
    from orderwire.store.keeping.checking import WrongKey
    from orderwire.store.keeping.copying import CopyRefused
    from orderwire.store.keeping.users import InUse
    from orderwire.store.schema import NotMigrated

    progress = Progress()
    with failing(state):
        try:
            yield progress
        except NotMigrated as error:
            stands = f"stands at {error.found}" if error.found else "is not there"
            how = f"type `orderwire --database {error.place} migrate`"
            raise Failure(NOT_MIGRATED, f"the book {error.place} {stands}: {how}") from error
        except WrongKey as error:
            raise Failure(USAGE, "the key is not this book's: restore its key file") from error
        except BackupDamaged as error:
            raise Failure(DAMAGED, str(error)) from error
        except (CannotOpen, InUse, CopyRefused, BackupRefused) as error:
            raise Failure(REFUSED, str(error)) from error
        finally:
            progress.end()


def key_problem(settings: Settings, proof: str | None) -> str | None:
    """Why the key that the settings name does not open this book's secrets, or None if it does."""
    from orderwire.opening import check_key, make_vault
    from orderwire.settings import SettingsError

    try:
        check_key(make_vault(settings), proof)
    except SettingsError as error:
        return str(error)
    return None


def check_is_file(settings: Settings, command: str) -> None:
    """Fails with `USAGE` for a book on PostgreSQL, which has tools of its own."""
    from orderwire.store.addresses import is_postgres

    if is_postgres(settings["database"]):
        how = f"PostgreSQL has pg_basebackup and pg_dump: see {GUIDE}#back-up-and-restore"
        raise Failure(USAGE, f"{command} is for a book in a file; {how}")

"""What every command needs: settings, the book, and errors as exit codes."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from orderwire.book.callers import Application, Organisation, Person
    from orderwire.book.errors import BookError
    from orderwire.book.store import Book
    from orderwire.settings import Setting, Settings

T = TypeVar("T")

# Whoever waits for a command can end it.
LIST_SECONDS = 24 * 3_600.0
REFUSED, USAGE, NOT_MIGRATED, NOTHING_FOUND, ROWS_REJECTED, DAMAGED = 1, 2, 3, 4, 5, 6

organisation_option = click.option(
    "--organisation", required=True, metavar="ORG", help="The organisation, by its name."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@dataclass(frozen=True, slots=True)
class State:
    """The options that stand before the command."""

    config: str | None
    database: str | None

    def migrate_command(self) -> str:
        """What to type to migrate this book."""
        options = [f"--config {self.config}"] if self.config else []
        options += [f"--database {self.database}"] if self.database else []
        return " ".join(["orderwire", *options, "migrate"])


class Failure(click.ClickException):
    """Ends the command with this exit code and message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.exit_code = code  # type: ignore[misc]  # click has one for the class, this one its own

    def show(self, file: IO[Any] | None = None) -> None:
        """One line on standard error."""
        click.echo(f"orderwire: {self.message}", file=file or sys.stderr)


def load_settings(
    state: State, overrides: Mapping[str, Any] | None = None, extra: Iterable[Setting] | None = None
) -> Settings:
    """The settings, those of the contracts included. Fails with `USAGE`."""
    from orderwire import app
    from orderwire.settings import SettingsError, load

    given = {"database": state.database, **(overrides or {})}
    try:
        return load(os.environ, state.config, given, app.contract_extra() if extra is None else extra)
    except SettingsError as error:
        raise Failure(USAGE, str(error)) from error


def run_on_book(state: State, work: Callable[[Book], Awaitable[T]]) -> T:
    """Open the book, run `work` on it, close it. Every fact becomes a message and an exit code."""
    from orderwire import app

    settings = load_settings(state)

    async def run() -> T:
        book = await app.open_book(settings, list_seconds=LIST_SECONDS)
        try:
            return await work(book)
        finally:
            await book.close()

    with failing(state):
        return asyncio.run(run())


@contextmanager
def failing(state: State) -> Iterator[None]:
    """What can go wrong with a book, as `Failure`."""
    from orderwire import app
    from orderwire.book.errors import BookError
    from orderwire.settings import SettingsError

    try:
        yield
    except app.NotMigrated as error:
        stands = f"stands at {error.found}" if error.found else "is not there"
        raise Failure(
            NOT_MIGRATED, f"the book {error.place} {stands}: type `{state.migrate_command()}`"
        ) from error
    except SettingsError as error:
        raise Failure(USAGE, str(error)) from error
    except app.StartRefused as error:
        raise Failure(REFUSED, str(error)) from error
    except BookError as error:
        raise Failure(*_message(error)) from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise Failure(REFUSED, f"{where}{error.strerror or error}") from error


def _message(fact: BookError) -> tuple[int, str]:
    from orderwire.book import errors

    match fact:
        case errors.FieldInvalid(field=field, reason=reason):
            return REFUSED, f"{field}: {reason}"
        case errors.FieldMissing(field=field):
            return REFUSED, f"{field} is missing"
        case errors.AlreadyExists(scheme=scheme, name=name):
            return REFUSED, f"{scheme} {name!r} is there already"
        case errors.OrderNotFound(sought=sought):
            return NOTHING_FOUND, f"no order {sought}"
        case errors.RecordNotFound(kind=kind, sought=sought):
            return NOTHING_FOUND, f"no {kind} {sought}"
        case errors.CredentialUnknown():
            return NOTHING_FOUND, "no such token in use"
        case errors.StoreUnavailable(reason=reason):
            return REFUSED, f"the book can't be used: {reason}"
        case _:
            return REFUSED, f"{type(fact).__name__}: {fact}"


async def find_organisation(book: Book, name: str) -> Organisation:
    """The organisation of this name. Fails with `NOTHING_FOUND`."""
    found = await book.store.fetch_organisation(name)
    if found is None:
        raise Failure(NOTHING_FOUND, f"no organisation {name!r}")
    return found


async def find_user(book: Book, owner: Organisation, username: str) -> Person:
    """The user of this name. Fails with `NOTHING_FOUND`."""
    found = await book.store.fetch_person_named(owner.id, username)
    if found is None:
        raise Failure(NOTHING_FOUND, f"no user {username!r} in {owner.name}")
    return found


async def find_application(book: Book, owner: Organisation, slug: str) -> Application:
    """The application of this slug. Fails with `NOTHING_FOUND`."""
    found = await book.store.fetch_application(owner.id, slug)
    if found is None:
        raise Failure(NOTHING_FOUND, f"no application {slug!r} in {owner.name}")
    return found


def print_json(value: Any) -> None:
    """One JSON value on standard output, for programs."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """Rows for people (columns by their widths) or for programs."""
    if as_json:
        print_json(rows)
        return
    table = [list(columns), *([_cell(row[column]) for column in columns] for row in rows)]
    widths = [max(len(line[position]) for line in table) for position in range(len(columns))]
    for line in table:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return "".join(mark if mark.isprintable() else "?" for mark in text)

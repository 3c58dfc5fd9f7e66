"""`orderwire user create|list|password|disable|enable`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from .shared import (
    USAGE,
    Failure,
    State,
    find_organisation,
    find_user,
    json_option,
    organisation_option,
    print_json,
    print_rows,
    run_on_book,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orderwire.book.accounts import PersonChange
    from orderwire.book.callers import Person
    from orderwire.book.store import Book

MAX_LISTED = 10_000
COLUMNS = ("id", "username", "name", "email", "roles", "disabled")


@click.group(epilog="\b\nExample:\n  orderwire user list --organisation acme")
def user() -> None:
    """The persons of an organisation."""


@user.command(epilog="\b\nExample:\n  orderwire user create marie --organisation acme --role employee")
@click.argument("username")
@organisation_option
@click.option("--password-stdin", is_flag=True, help="Read the password from the first line of the input.")
@click.option("--no-password", is_flag=True, help="A user who signs in with tokens only.")
@click.option("--first-name", default="")
@click.option("--last-name", default="")
@click.option("--email", default="")
@click.option("--phone", default="")
@click.option("--reference", help="What other systems call this person.")
@click.option("--role", "roles", multiple=True, help="A role that a contract asks for; may be repeated.")
@json_option
@click.pass_obj
def create(
    state: State,
    /,
    *,
    username: str,
    organisation: str,
    password_stdin: bool,
    no_password: bool,
    as_json: bool,
    **profile: Any,
) -> None:
    """Create a user; asks for the password unless told otherwise."""
    from orderwire.book.accounts import create_person
    from orderwire.book.callers import Profile

    password = None if no_password else _read_password(from_input=password_stdin)

    async def work(book: Book) -> Person:
        owner = await find_organisation(book, organisation)
        return await create_person(book, owner, username, password, Profile(**profile))

    made = run_on_book(state, work)
    if as_json:
        print_json(_row(made))
    else:
        click.echo(f"User {made.username} created.")


@user.command("list", epilog="\b\nExample:\n  orderwire user list --organisation acme --json")
@organisation_option
@json_option
@click.pass_obj
def list_all(state: State, organisation: str, *, as_json: bool) -> None:
    """List the users of an organisation."""

    async def work(book: Book) -> Sequence[Person]:
        owner = await find_organisation(book, organisation)
        return await book.store.list_persons(owner.id, "", MAX_LISTED)

    print_rows([_row(one) for one in run_on_book(state, work)], COLUMNS, as_json=as_json)


@user.command(epilog="\b\nExample:\n  orderwire user password marie --organisation acme")
@click.argument("username")
@organisation_option
@click.option("--password-stdin", is_flag=True, help="Read the password from the first line of the input.")
@click.option("--no-password", is_flag=True, help="From now on the user signs in with tokens only.")
@json_option
@click.pass_obj
def password(
    state: State,
    /,
    *,
    username: str,
    organisation: str,
    password_stdin: bool,
    no_password: bool,
    as_json: bool,
) -> None:
    """Set a user's password, which ends all the user's tokens and sessions."""
    from orderwire.book.accounts import PersonChange

    new = None if no_password else _read_password(from_input=password_stdin)
    changed = _amend(state, organisation, username, PersonChange(password=new))
    _report(changed, "has a new password" if new is not None else "has no password", as_json=as_json)


@user.command(epilog="\b\nExample:\n  orderwire user disable marie --organisation acme")
@click.argument("username")
@organisation_option
@json_option
@click.pass_obj
def disable(state: State, /, *, username: str, organisation: str, as_json: bool) -> None:
    """Let a user in no more; this ends all the user's tokens and sessions.

    A running service notices within credential_cache_ms.
    """
    from orderwire.book.accounts import PersonChange

    _report(_amend(state, organisation, username, PersonChange(disabled=True)), "disabled", as_json=as_json)


@user.command(epilog="\b\nExample:\n  orderwire user enable marie --organisation acme")
@click.argument("username")
@organisation_option
@json_option
@click.pass_obj
def enable(state: State, /, *, username: str, organisation: str, as_json: bool) -> None:
    """Let a user in again, who needs new tokens and sessions."""
    from orderwire.book.accounts import PersonChange

    _report(_amend(state, organisation, username, PersonChange(disabled=False)), "enabled", as_json=as_json)


def _amend(state: State, organisation: str, username: str, change: PersonChange) -> Person:
    from orderwire.book.accounts import amend_person

    async def work(book: Book) -> Person:
        owner = await find_organisation(book, organisation)
        person = await find_user(book, owner, username)
        return await amend_person(book, owner.id, person.id, change)

    return run_on_book(state, work)


def _report(changed: Person, what: str, *, as_json: bool) -> None:
    if as_json:
        print_json(_row(changed))
    else:
        click.echo(f"User {changed.username} {what}.")


def _read_password(*, from_input: bool) -> str:
    if from_input:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise Failure(USAGE, "no terminal to ask for a password: use --password-stdin or --no-password")
    answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return answer


def _row(one: Person) -> dict[str, Any]:
    return {
        "id": one.id,
        "username": one.username,
        "name": one.full_name,
        "email": one.profile.email,
        "roles": list(one.profile.roles),
        "disabled": one.disabled,
    }

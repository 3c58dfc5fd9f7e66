"""`orderwire token create|list|revoke|kinds`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from .shared import (
    REFUSED,
    USAGE,
    Failure,
    State,
    find_application,
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

    from orderwire.book.callers import ListedToken
    from orderwire.book.store import Book
    from orderwire.contracts.contract import TokenKind

MAX_LISTED = 10_000
COLUMNS = ("contract", "kind", "needs", "help")
LISTED_COLUMNS = (
    "id",
    "scheme",
    "label",
    "user_id",
    "application_id",
    "rights",
    "issued_at",
    "expires_at",
    "revoked_at",
)


@click.group(epilog="\b\nExample:\n  orderwire token kinds")
def token() -> None:
    """What programs and persons show to be let in."""


@token.command(
    epilog="\b\nExample:\n  orderwire token create --contract native --kind token"
    " --organisation acme --application shop"
)
@click.option("--contract", required=True, help="The contract that the token is for.")
@click.option("--kind", required=True, help="One of the kinds that `orderwire token kinds` lists.")
@organisation_option
@click.option("--user", "username", metavar="NAME", help="The user whose token it is.")
@click.option("--application", "slug", metavar="SLUG", help="The application whose token it is.")
@click.option("--label", help="What the token is for, as lists show it.")
@json_option
@click.pass_obj
def create(
    state: State,
    *,
    contract: str,
    kind: str,
    organisation: str,
    username: str | None,
    slug: str | None,
    label: str | None,
    as_json: bool,
) -> None:
    """Issue a token (some kinds are several). It is shown once, here."""
    from msgspec.structs import replace

    from orderwire.book.accounts import issue_tokens

    found = _find_kind(contract, kind)
    given = {"user": username, "application": slug}
    if found.needs and not given[found.needs]:
        raise Failure(USAGE, f"the kind {kind} of {contract} needs --{found.needs}")

    async def work(book: Book) -> dict[str, str]:
        owner = await find_organisation(book, organisation)
        person = await find_user(book, owner, username) if username else None
        program = await find_application(book, owner, slug) if slug else None
        if person is not None and person.disabled:
            raise Failure(REFUSED, f"the user {person.username} is disabled")
        made = found.make(owner, person, program)
        tokens = [replace(token, label=label) for token in made.values()]
        return dict(zip(made, await issue_tokens(book, tokens), strict=True))

    issued = run_on_book(state, work)
    if as_json:
        print_json(issued)
    else:
        click.echo("\n".join(f"{name}: {secret}" for name, secret in issued.items()))


@token.command("list", epilog="\b\nExample:\n  orderwire token list --organisation acme --application shop")
@organisation_option
@click.option("--user", "username", metavar="NAME", help="The tokens of this user only.")
@click.option("--application", "slug", metavar="SLUG", help="The tokens of this application only.")
@click.option("--scheme", help="The tokens of this scheme only, such as native.token.")
@json_option
@click.pass_obj
def list_all(
    state: State,
    *,
    organisation: str,
    username: str | None,
    slug: str | None,
    scheme: str | None,
    as_json: bool,
) -> None:
    """List an organisation's tokens (at most 10,000), ended ones included while they are kept."""
    from orderwire.book.callers import TokenPlace

    if sum(one is not None for one in (username, slug, scheme)) > 1:
        raise Failure(USAGE, "only one of --user, --application and --scheme")

    async def work(book: Book) -> Sequence[ListedToken]:
        owner, start = await find_organisation(book, organisation), TokenPlace()
        if username is not None:
            person = await find_user(book, owner, username)
            return await book.store.list_tokens_of_person(owner.id, person.id, start, MAX_LISTED)
        if slug is not None:
            program = await find_application(book, owner, slug)
            return await book.store.list_tokens_of_application(owner.id, program.id, start, MAX_LISTED)
        if scheme is not None:
            return await book.store.list_tokens_of_scheme(owner.id, scheme, start, MAX_LISTED)
        return await book.store.list_tokens(owner.id, start, MAX_LISTED)

    print_rows([_row(one) for one in run_on_book(state, work)], LISTED_COLUMNS, as_json=as_json)


@token.command(epilog="\b\nExample:\n  orderwire token revoke --id 5f0c7a1be2d94360 --organisation acme")
@click.argument("shown", metavar="TOKEN", required=False)
@click.option("--id", "token_id", metavar="ID", help="The token's id, as `orderwire token list` shows it.")
@click.option("--organisation", metavar="ORG", help="With --id: the organisation, by its name.")
@click.pass_obj
def revoke(state: State, shown: str | None, token_id: str | None, organisation: str | None) -> None:
    """Take a token out of use; - reads it from the first line of the input.

    A running service notices within credential_cache_ms. Exit code 4 if there is no such token.
    """
    from orderwire.book.accounts import revoke_token, revoke_token_by_id

    if (shown is None) == (token_id is None) or (token_id is None) != (organisation is None):
        raise Failure(USAGE, "give a token, or --id with --organisation")

    async def work(book: Book) -> None:
        if token_id is not None and organisation is not None:
            owner = await find_organisation(book, organisation)
            await revoke_token_by_id(book, owner.id, token_id)
        else:
            await revoke_token(book, sys.stdin.readline().rstrip("\r\n") if shown == "-" else shown or "")

    run_on_book(state, work)
    click.echo("Token revoked.")


@token.command(epilog="\b\nExample:\n  orderwire token kinds --json")
@json_option
def kinds(*, as_json: bool) -> None:
    """List the kinds of token that each contract has."""
    from orderwire import contracts

    rows: list[dict[str, Any]] = [
        {"contract": contract.name, "kind": kind.name, "needs": kind.needs or None, "help": kind.help}
        for contract in contracts.ALL
        for kind in contract.token_kinds
    ]
    print_rows(rows, COLUMNS, as_json=as_json)


def _row(one: ListedToken) -> dict[str, Any]:
    from msgspec import to_builtins

    row: dict[str, Any] = to_builtins(one)
    return row


def _find_kind(contract: str, kind: str) -> TokenKind:
    from orderwire import contracts

    known = {one.name: one for one in contracts.ALL}
    if contract not in known:
        raise Failure(USAGE, f"no contract {contract!r}; there are {', '.join(known)}")
    kinds = {one.name: one for one in known[contract].token_kinds}
    if kind not in kinds:
        has = f"it has {', '.join(kinds)}" if kinds else "it has none"
        raise Failure(USAGE, f"{contract} has no kind of token {kind!r}; {has}")
    return kinds[kind]

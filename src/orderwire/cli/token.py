"""`orderwire token create|revoke|kinds`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from .shared import (
    NOTHING_FOUND,
    USAGE,
    Failure,
    State,
    find_organisation,
    json_option,
    organisation_option,
    print_json,
    print_rows,
    run_on_book,
)

if TYPE_CHECKING:
    from orderwire.book.store import Book
    from orderwire.contracts.contract import TokenKind

COLUMNS = ("contract", "kind", "needs", "help")


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
    as_json: bool,
) -> None:
    """Issue a token (some kinds are several). It is shown once, here."""
    from orderwire.book.accounts import issue_tokens

    found = _find_kind(contract, kind)
    given = {"user": username, "application": slug}
    if found.needs and not given[found.needs]:
        raise Failure(USAGE, f"the kind {kind} of {contract} needs --{found.needs}")

    async def work(book: Book) -> dict[str, str]:
        owner = await find_organisation(book, organisation)
        person = await book.store.fetch_person_named(owner.id, username) if username else None
        program = await book.store.fetch_application(owner.id, slug) if slug else None
        if username and person is None:
            raise Failure(NOTHING_FOUND, f"no user {username!r} in {organisation}")
        if slug and program is None:
            raise Failure(NOTHING_FOUND, f"no application {slug!r} in {organisation}")
        made = found.make(owner, person, program)
        return dict(zip(made, await issue_tokens(book, list(made.values())), strict=True))

    issued = run_on_book(state, work)
    if as_json:
        print_json(issued)
    else:
        click.echo("\n".join(f"{name}: {secret}" for name, secret in issued.items()))


@token.command(epilog="\b\nExample:\n  orderwire token revoke - < token.txt")
@click.argument("shown", metavar="TOKEN")
@click.pass_obj
def revoke(state: State, shown: str) -> None:
    """Take a token out of use; - reads it from the first line of the input.

    A running service notices within credential_cache_ms. Exit code 4 if it is no token in use.
    """
    from orderwire.book.accounts import revoke_token

    if shown == "-":
        shown = sys.stdin.readline().rstrip("\r\n")
    run_on_book(state, lambda book: revoke_token(book, shown))
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

"""`orderwire orders show|list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .shared import (
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
    from collections.abc import Sequence
    from datetime import datetime

    from orderwire.book.callers import Organisation
    from orderwire.book.orders import Order
    from orderwire.book.stages import Stage
    from orderwire.book.store import Book

COLUMNS = ("id", "placed_at", "kind", "lifecycle", "payment", "delivery", "total", "currency", "names")
MAX_LISTED = 100_000
LISTED_AT_ONCE = 500


@click.group(epilog="\b\nExample:\n  orderwire orders list --organisation acme")
def orders() -> None:
    """The orders of an organisation."""


@orders.command(
    epilog="\b\nExample:\n  orderwire orders show reference:536365 --organisation acme"
    "\n  orderwire orders show 8192123 --organisation acme --as-of 2026-01-31T12:00:00Z --json"
)
@click.argument("which", metavar="ID|SCHEME:NAME")
@organisation_option
@click.option("--as-of", metavar="INSTANT", help="The order as it stood then.")
@click.option("--known-at", metavar="INSTANT", help="... by what the book had recorded then.")
@json_option
@click.pass_obj
def show(
    state: State, *, which: str, organisation: str, as_of: str | None, known_at: str | None, as_json: bool
) -> None:
    """Show an order by its id or one of its names, with where it stands and its history.

    Instants are ISO 8601, in UTC unless they say otherwise. Voucher codes are never shown. Exit code 4 if
    there is no such order (or was none then).
    """
    instants = None
    if as_of or known_at:
        instants = (_instant("--as-of", as_of), _instant("--known-at", known_at))
    if ":" not in which and not (which.isascii() and which.isdigit() and len(which) <= 16):
        raise Failure(USAGE, f"{which!r} is neither an id nor SCHEME:NAME")

    async def work(book: Book) -> dict[str, Any]:
        return await _find(book, await find_organisation(book, organisation), which, instants)

    found = run_on_book(state, work)
    if as_json:
        print_json(found)
    else:
        _print(found)


@orders.command("list", epilog="\b\nExample:\n  orderwire orders list --organisation acme --limit 20 --json")
@organisation_option
@click.option("--limit", type=click.IntRange(1, MAX_LISTED), default=100, show_default=True)
@click.option("--after", type=click.IntRange(0), default=0, help="Begin after the order with this id.")
@json_option
@click.pass_obj
def list_some(state: State, *, organisation: str, limit: int, after: int, as_json: bool) -> None:
    """List orders by ascending id."""

    from orderwire.book.lists import OrderQuery, Position

    async def work(book: Book) -> list[Order]:
        owner = await find_organisation(book, organisation)
        found: list[Order] = []
        while len(found) < limit:
            last = found[-1].id if found else after
            wanted = min(LISTED_AT_ONCE, limit - len(found))
            query = OrderQuery(after=Position(value=last, id=last), limit=wanted)
            page = await book.store.list_orders(owner.id, query)
            found += [one.order for one in page.orders]
            if page.more is None:
                break
        return found

    print_rows([_row(one) for one in run_on_book(state, work)], COLUMNS, as_json=as_json)


async def _find(
    book: Book, owner: Organisation, which: str, instants: tuple[datetime, datetime] | None
) -> dict[str, Any]:
    from orderwire.book import queries
    from orderwire.book.callers import READ, Caller
    from orderwire.book.lists import Moment
    from orderwire.book.past import book_at

    caller = Caller(organisation=owner, contract="cli", rights=frozenset({READ}))
    scheme, colon, name = which.partition(":")
    if colon:
        order = await queries.get_order_named(book, caller, scheme, name)
    else:
        order = await queries.get_order(book, caller, int(which))
    status: dict[str, Any] | None
    if instants is None:
        stages = await queries.list_stages(book, caller, order)
        now = await queries.get_status(book, caller, order)
        status = None if now is None else {"stage": now.stage, "since": _text(now.since)}
    else:
        past = book_at(book, caller, Moment(as_of=instants[0], known_at=instants[1]), "--as-of")
        order = await queries.get_order(past, caller, order.id)
        stages = await queries.list_stages(past, caller, order)
        then = await queries.get_status(past, caller, order)
        status = None if then is None else {"stage": then.stage, "since": _text(then.since)}
    return _json(order, status, stages)


def _json(order: Order, status: dict[str, Any] | None, stages: Sequence[Stage]) -> dict[str, Any]:
    """The order as JSON values: Decimals as texts, and nothing that lets anybody in or spends money."""
    import msgspec

    document = order.document
    vouchers = tuple(msgspec.structs.replace(one, code=None, pin=None) for one in document.vouchers)
    shown = msgspec.structs.replace(
        order, document=msgspec.structs.replace(document, vouchers=vouchers, access=None)
    )
    found: dict[str, Any] = msgspec.to_builtins(shown)
    return {**found, "status": status, "stages": [msgspec.to_builtins(stage) for stage in stages]}


def _row(order: Order) -> dict[str, Any]:
    return {
        "id": order.id,
        "placed_at": _text(order.placed_at),
        "kind": order.kind,
        "lifecycle": order.lifecycle,
        "payment": order.payment,
        "delivery": order.delivery,
        "total": None if order.document.total is None else str(order.document.total),
        "currency": order.currency,
        "names": [f"{scheme}:{name}" for scheme, name in order.document.names.items()],
    }


def _print(found: dict[str, Any]) -> None:
    document, status = found["document"], found["status"]
    click.echo(f"order {found['id']}, revision {found['revision']}")
    for scheme, name in document.get("names", {}).items():
        click.echo(f"  {scheme}: {name}")
    stands = f"{status['stage']} since {status['since']}" if status else "no stage yet"
    click.echo(f"status: {stands}")
    for field in ("kind", "lifecycle", "payment", "delivery", "currency", "placed_at", "changed_at"):
        click.echo(f"{field}: {found[field] if found[field] is not None else '-'}")
    for field, value in document.items():
        if field not in ("names", "lines", "vouchers"):
            click.echo(f"{field}: {_inline(value)}")
    for field in ("lines", "vouchers"):
        for one in document.get(field, ()):
            click.echo(f"{field[:-1]}: {_inline(one)}")
    for stage in found["stages"]:
        click.echo(f"stage {stage['number']}: {stage['stage']} at {stage['effective_at']}")


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{field} {_inline(inner)}" for field, inner in value.items())
    if isinstance(value, list):
        return "; ".join(_inline(inner) for inner in value)
    return "".join(mark if mark.isprintable() else "?" for mark in str(value))


def _instant(option: str, text: str | None) -> datetime:
    """An ISO 8601 instant; the end of time when it is not given."""
    from datetime import UTC, datetime

    if text is None:
        return datetime(9998, 12, 31, tzinfo=UTC)
    try:
        said = datetime.fromisoformat(text)
        return (said if said.tzinfo else said.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Failure(USAGE, f"{option} must be an instant such as 2026-01-31T12:00:00Z") from error


def _text(instant: datetime | None) -> str:
    return "" if instant is None else instant.isoformat().replace("+00:00", "Z")

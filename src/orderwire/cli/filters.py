"""Which orders a command is about: the options, and the query that they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .shared import USAGE, Failure

if TYPE_CHECKING:
    from decimal import Decimal

    from orderwire.book.lists import NameSought, OrderQuery, Span

F = TypeVar("F", bound=Callable[..., Any])

# What stands for orders that have no such word.
NONE = "none"
# Option, field of the query, whether an order may have none.
WORDS = (
    ("kind", "kinds", False),
    ("lifecycle", "lifecycles", False),
    ("payment", "payments", True),
    ("delivery", "deliveries", True),
    ("currency", "currencies", True),
    ("stage", "stages", True),
)
SPANS = ("placed", "changed", "recorded")


def filter_options(command: F) -> F:
    """The options as arguments `kind`, `lifecycle`, ..., `placed_since`, ... of the command."""
    options = [
        click.option(f"--{word}", multiple=True, metavar="WORD", help=_help(word, or_none=or_none))
        for word, _, or_none in WORDS
    ]
    for span in SPANS:
        options.append(
            click.option(f"--{span}-since", metavar="INSTANT", help=f"{span.title()} then or later.")
        )
        options.append(click.option(f"--{span}-until", metavar="INSTANT", help=f"{span.title()} before."))
    options += [
        click.option("--customer-id", type=int, help="The customer's id."),
        click.option("--customer-reference", metavar="TEXT", help="The customer's reference."),
        click.option("--group-order", metavar="ID", help="The group order that they are members of."),
        click.option("--total-min", metavar="AMOUNT", help="A total of at least this."),
        click.option("--total-max", metavar="AMOUNT", help="A total of at most this."),
        click.option("--name-prefix", metavar="SCHEME:TEXT", help="A name in SCHEME that begins with TEXT."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def make_query(given: Mapping[str, Any]) -> OrderQuery:
    """The conditions that the options name. Fails with `USAGE`."""
    from orderwire.book import orders as book
    from orderwire.book.lists import MAX_VALUES, Amounts, OrderQuery

    known = {
        "kind": book.KINDS,
        "lifecycle": book.LIFECYCLES,
        "payment": book.PAYMENTS,
        "delivery": book.DELIVERIES,
    }
    asked: dict[str, Any] = {}
    for option, field, or_none in WORDS:
        if len(given[option]) > MAX_VALUES:
            raise Failure(USAGE, f"--{option} can be given {MAX_VALUES} times")
        for word in given[option]:
            words = known.get(option)
            if words is not None and word not in words and not (or_none and word == NONE):
                raise Failure(USAGE, f"--{option} {word}: must be one of {', '.join(sorted(words))}")
        asked[field] = tuple(None if or_none and word == NONE else word for word in given[option])
    for span in SPANS:
        asked[span] = _span(span, given)
    return OrderQuery(
        **asked,
        customer_id=given["customer_id"],
        customer_reference=given["customer_reference"],
        group_order_id=given["group_order"],
        total=Amounts(least=_amount("--total-min", given), most=_amount("--total-max", given)),
        name=_prefix(given["name_prefix"]),
    )


def read_instant(option: str, text: str) -> datetime:
    """An ISO 8601 instant, in UTC unless it says otherwise. Fails with `USAGE`."""
    from datetime import UTC

    try:
        said = datetime.fromisoformat(text)
        return (said if said.tzinfo else said.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Failure(USAGE, f"{option} must be an instant such as 2026-01-31T12:00:00Z") from error


def _help(word: str, *, or_none: bool) -> str:
    what = "Where the order stands" if word == "stage" else f"The order's {word}"
    return f"{what}; may be given several times{f', {NONE!r}: has none' if or_none else ''}."


def _span(name: str, given: Mapping[str, Any]) -> Span:
    from orderwire.book.lists import Span

    ends = {end: given[f"{name}_{end}"] for end in ("since", "until")}
    return Span(
        **{end: read_instant(f"--{name}-{end}", text) for end, text in ends.items() if text is not None}
    )


def _amount(option: str, given: Mapping[str, Any]) -> Decimal | None:
    from decimal import Decimal, InvalidOperation

    from orderwire.book.errors import FieldInvalid
    from orderwire.book.values import plain_number

    text = given[option[2:].replace("-", "_")]
    if text is None:
        return None
    try:
        return plain_number(option, Decimal(text))
    except (InvalidOperation, FieldInvalid) as error:
        raise Failure(USAGE, f"{option} must be an amount such as 12.50") from error


def _prefix(text: str | None) -> NameSought | None:
    from orderwire.book.lists import NameSought

    if text is None:
        return None
    scheme, _, name = text.partition(":")
    if not scheme or not name:
        raise Failure(USAGE, "--name-prefix must be SCHEME:TEXT, such as reference:2026-")
    return NameSought(scheme=scheme, name=name, is_prefix=True)

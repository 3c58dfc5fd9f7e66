"""The map: which column of an export means what. `parse_map.py` makes it of TOML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .cells import DateRule, NumberRule

ORDER_TEXTS = ("notes", "tag", "account")
PARTIES = ("customer", "receiver", "recorded_by")
PARTY_FIELDS = (
    "id",
    "reference",
    "reference2",
    "name",
    "first_name",
    "last_name",
    "email",
    "phone",
    "country",
    "postal_code",
)
LINE_FIELDS = ("id", "item", "description", "quantity", "unit", "unit_price", "total", "tax")
DELIVERY_FIELDS = ("comment", "country", "city", "postal_code", "address")
DELIVERY_DATES = {
    "delivery_at": "at",
    "desired_at": "desired_at",
    "delivered_at": "delivered_at",
    "assigned_at": "assigned_at",
}
ORDER_DATES = ("placed_at", "changed_at", "paid_at", "due_at")
AMOUNTS = (
    "total",
    "total_excl_tax",
    "total_discounted",
    "discount_percent",
    "discount_amount",
    "tax_amount",
    "shipping_fee",
    "advance_amount",
    "amount_charged",
    "exchange_rate",
)
METHOD_FIELDS = ("id", "reference", "name")
# Longer values match no pattern: the work of matching must have an end.
MAX_MATCHED_LENGTH = 1_000


def matches(pattern: re.Pattern[str], value: str) -> bool:
    """True if the whole value matches; one of more than 1,000 characters never does."""
    return len(value) <= MAX_MATCHED_LENGTH and pattern.fullmatch(value) is not None


@dataclass(frozen=True, slots=True)
class Given:
    """A value that is the same for every order, or stands in a column."""

    constant: str | None = None
    column: str | None = None


@dataclass(frozen=True, slots=True)
class NameRule:
    """A name the order bears: the column's value, where it matches `pattern` as a whole."""

    scheme: str
    column: str
    pattern: re.Pattern[str] | None


@dataclass(frozen=True, slots=True)
class DateColumn:
    """A column of wall-clock times."""

    column: str
    rule: DateRule


@dataclass(frozen=True, slots=True)
class StateRule:
    """States to set where the column's value is as told; `states` is of (field of the order, word)."""

    states: tuple[tuple[str, str], ...]
    column: str
    equals: frozenset[str] | None
    prefix: str | None
    pattern: re.Pattern[str] | None
    filled: bool | None

    def applies(self, value: str) -> bool:
        """True when every condition that was given holds for the value."""
        return (
            (self.equals is None or value in self.equals)
            and (self.prefix is None or value.startswith(self.prefix))
            and (self.pattern is None or matches(self.pattern, value))
            and (self.filled is None or bool(value) is self.filled)
        )


@dataclass(frozen=True, slots=True)
class StageRule:
    """A stage that the order went through wherever its column is filled."""

    stage: Given
    at: DateColumn


@dataclass(frozen=True, slots=True)
class Map:
    """What every column means. `values` translates cells, by column; `texts` are notes, tag and the like.

    `lines` is the list in an object of JSON Lines whose items are the rows of the order.
    """

    encoding: str
    delimiter: str
    format: str | None
    sheet: str | None
    numbers: NumberRule
    key: str
    lines: str | None
    may_rows_differ: bool
    kind: Given
    currency: Given
    states: tuple[tuple[str, str], ...]
    texts: dict[str, str]
    names: tuple[NameRule, ...]
    dates: dict[str, DateColumn]
    line: dict[str, str]
    line_attributes: dict[str, str]
    parties: dict[str, dict[str, str]]
    delivery: dict[str, str]
    amounts: dict[str, str]
    payment_method: dict[str, str]
    state_rules: tuple[StateRule, ...]
    stages: tuple[StageRule, ...]
    attributes: dict[str, str]
    values: dict[str, dict[str, str]]

    @property
    def key_scheme(self) -> str:
        """The scheme of the name that every order bears: by it, an order is known to be there already."""
        return next(rule.scheme for rule in self.names if rule.column == self.key and rule.pattern is None)

    def order_columns(self) -> Iterator[tuple[str, str]]:
        """(what, column) of everything that is the same in every row of an order."""
        yield "[order] key", self.key
        for what, source in (("[order] kind", self.kind), ("[order] currency", self.currency)):
            if source.column is not None:
                yield what, source.column
        for table, columns in (
            ("[order]", self.texts),
            ("[amounts]", self.amounts),
            ("[delivery]", self.delivery),
            ("[payment_method]", self.payment_method),
            ("[attributes]", self.attributes),
            *((f"[{name}]", columns) for name, columns in self.parties.items()),
        ):
            yield from ((f"{table} {field}", column) for field, column in columns.items())
        yield from ((f"[[name]] {rule.scheme}", rule.column) for rule in self.names)
        yield from ((f"[date.{field}]", date.column) for field, date in self.dates.items())
        yield from (("[[state]]", rule.column) for rule in self.state_rules)
        for rule in self.stages:
            yield "[[stage]] at", rule.at.column
            if rule.stage.column is not None:
                yield "[[stage]] stage", rule.stage.column

    def columns(self) -> Iterator[tuple[str, str]]:
        """(what, column) of every column that the map names."""
        yield from self.order_columns()
        yield from ((f"[line] {field}", column) for field, column in self.line.items())
        yield from ((f"[line.attributes] {field}", column) for field, column in self.line_attributes.items())
        yield from (("[values]", column) for column in self.values)

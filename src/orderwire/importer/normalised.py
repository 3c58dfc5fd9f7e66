"""The normalised report: what the book understood, one row for each line of an order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from orderwire.book.import_records import Placement
from orderwire.book.orders import Line, Party

STATE = ("kind", "lifecycle", "payment", "delivery", "currency")
PARTY = ("id", "reference", "name", "email", "country")
LINE = ("id", "item", "description", "quantity", "unit", "unit_price", "total", "tax")
COLUMNS = (
    *("line", "order_id", "names"),
    *STATE,
    *("placed_at", "total", "stages"),
    *(f"customer_{field}" for field in PARTY),
    *(f"receiver_{field}" for field in PARTY),
    "line_number",
    *(f"line_{field}" for field in LINE),
)


def normalise(placement: Placement, order_id: int | str, places: Sequence[int]) -> Iterator[list[Any]]:
    """The rows of an order, whose lines stand on these lines of the file; its stages are in the first."""
    order = placement.order
    document = order.document
    head = [
        order_id,
        json.dumps(document.names, ensure_ascii=False),
        *(getattr(order, field) for field in STATE),
        _plain(order.placed_at),
        _plain(document.total),
    ]
    stages = json.dumps(
        [(one.stage, _plain(one.effective_at)) for one in placement.stages], ensure_ascii=False
    )
    parties = [*_party(document.customer), *_party(document.receiver)]
    if not document.lines:
        yield [places[0], *head, stages, *parties, "", *("" for _ in LINE)]
    for number, line in enumerate(document.lines, start=1):
        place = places[min(number, len(places)) - 1]
        yield [place, *head, stages if number == 1 else "", *parties, number, *_fields(line, LINE)]


def _party(party: Party | None) -> list[Any]:
    return ["" for _ in PARTY] if party is None else _fields(party, PARTY)


def _fields(record: Line | Party, fields: Sequence[str]) -> list[Any]:
    return [_plain(getattr(record, field)) for field in fields]


def _plain(value: Any) -> Any:
    """Numbers without exponent, instants in UTC as ISO 8601 writes them, "" for nothing."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return "" if value is None else value

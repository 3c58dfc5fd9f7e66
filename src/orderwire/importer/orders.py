"""From the rows of one order to the order to place, or to what is wrong with each row."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from orderwire.book.errors import FieldInvalid
from orderwire.book.operations import NewOrder
from orderwire.book.orders import Delivery, Document, HostingAccount, Line, Party, PaymentMethod
from orderwire.book.stages import NewStage
from orderwire.book.values import plain_number

from .cells import CellError, parse_id, parse_instant, parse_number
from .maps import DELIVERY_DATES, DateColumn, Given, Map, NameRule, matches
from .rows import Fault, Row

T = TypeVar("T")

MAX_NAME_LENGTH = 255
PLACES = ("country", "postal_code")
# Where the book's word for a field names the line or the part of the document that it stands in.
_LINE_PLACE = re.compile(r"\$\.lines\[(\d+)\](?:\.(\w+))?")
_PLACE = re.compile(r"\$\.(\w+)(?:\.(\w+))?")


class Refused(Exception):
    """An order that can't be taken: the faults, by position of the row among its rows."""

    def __init__(self, faults: dict[int, Fault]) -> None:
        super().__init__(faults)
        self.faults = faults


class OrderMaker:
    """Makes orders of rows by a map, for files with this header."""

    def __init__(self, found: Map, header: Sequence[str]) -> None:
        self._map = found
        self._at = {column: header.index(column) for _, column in found.columns()}

    def make(self, rows: Sequence[Row]) -> tuple[NewOrder, Sequence[int]]:
        """The order that the rows are of, and the line of the file that each of its lines stands on.

        Raises Refused with a fault for every row that has one.
        """
        reading = _Reading(self._map, self._at, rows)
        order = reading.order()
        if reading.faults:
            raise Refused(reading.faults)
        return order, [rows[position].line for position in reading.line_positions] or [rows[0].line]

    def refuse(self, rows: Sequence[Row], fact: FieldInvalid) -> Refused:
        """What the book would not take, as a fault of the row and column that it came from."""
        reading = _Reading(self._map, self._at, rows)
        reading.order()
        return Refused(reading.locate(fact))

    def refuse_name(self, rows: Sequence[Row], scheme: str, name: str) -> Refused:
        """The name is another order's."""
        column = next((rule.column for rule in self._map.names if rule.scheme == scheme), self._map.key)
        reading = _Reading(self._map, self._at, rows)
        reading.shared(column)
        return Refused({reading.where.get(column, 0): Fault(column, "already_exists", name)})


class _Reading:
    """One order being read. Every fault is noted, the first of each row is kept."""

    def __init__(self, found: Map, at: dict[str, int], rows: Sequence[Row]) -> None:
        self._map = found
        self._at = at
        self._rows = rows
        self._shared: dict[str, str] = {}
        self.where: dict[str, int] = {}
        self.line_positions: list[int] = []
        self.faults = {position: row.fault for position, row in enumerate(rows) if row.fault is not None}
        self._unreadable = frozenset(self.faults)

    def order(self) -> NewOrder:
        """The order; to be used only when no fault was noted."""
        found = self._map
        dates = {field: self.instant(date) for field, date in found.dates.items()}
        placed = found.dates["placed_at"].column
        if not self.shared(placed) and not self._unreadable:
            self.note(0, placed, "value_missing", "")
        return NewOrder(
            kind=self.source(found.kind) or "order",
            currency=self.source(found.currency) or None,
            placed_at=dates.get("placed_at"),
            changed_at=dates.get("changed_at"),
            document=self._document(dates),
            stages=self._stages(),
            **self._states(),
        )

    def note(self, position: int, column: str, code: str, value: str) -> None:
        """Note a fault of the row at `position`."""
        self.faults.setdefault(position, Fault(column, code, value))

    def cell(self, position: int, column: str) -> str:
        """What a cell says, without blanks round it and translated by [values]."""
        if position in self._unreadable:
            return ""
        text = self._rows[position].fields[self._at[column]].strip()
        meanings = self._map.values.get(column)
        return text if meanings is None else meanings.get(text, text)

    def shared(self, column: str) -> str:
        """What the order's rows say in a column: the first that is not empty; others must say the same."""
        known = self._shared.get(column)
        if known is not None:
            return known
        value = ""
        for position in range(len(self._rows)):
            text = self.cell(position, column)
            if not text or text == value:
                continue
            if not value:
                value = text
                self.where[column] = position
            elif not self._map.may_rows_differ or column == self._map.key:
                self.note(position, column, "rows_differ", text)
        self._shared[column] = value
        return value

    def parsed(self, column: str, parse: Callable[[str], T]) -> T | None:
        """The shared value of a column, parsed; None when it is empty or has a fault."""
        text = self.shared(column)
        if not text:
            return None
        try:
            return parse(text)
        except CellError as error:
            self.note(self.where[column], column, error.code, text)
            return None

    def source(self, source: Given) -> str:
        """A constant, or the shared value of a column."""
        return self.shared(source.column) if source.column is not None else source.constant or ""

    def instant(self, date: DateColumn) -> datetime | None:
        """The shared instant of a column."""
        return self.parsed(date.column, lambda text: parse_instant(text, date.rule))

    def number(self, column: str) -> Decimal | None:
        """The shared number of a column."""
        return self.parsed(column, lambda text: parse_number(text, self._map.numbers))

    def _document(self, dates: dict[str, datetime | None]) -> Document:
        found = self._map
        texts = {field: self.shared(column) or None for field, column in found.texts.items()}
        account = texts.pop("account", None)
        lines = self._lines()
        amounts = {field: self.number(column) for field, column in found.amounts.items()}
        if "total" not in amounts and lines and all(line.total is not None for line in lines):
            amounts["total"] = sum((line.total or Decimal(0) for line in lines), Decimal(0))
        delivery: dict[str, Any] = {field: self.shared(column) for field, column in found.delivery.items()}
        delivery |= {inner: dates.get(field) for field, inner in DELIVERY_DATES.items()}
        parts: dict[str, Any] = {**texts, **amounts}
        for name, columns in found.parties.items():
            fields = self._fields(columns)
            # A country or a postal code alone is nobody.
            is_somebody = any(value and field not in PLACES for field, value in fields.items())
            parts[name] = _filled(Party, fields) if is_somebody else None
        return Document(
            names={rule.scheme: name for rule in found.names if (name := self._name(rule))},
            lines=lines,
            account=HostingAccount(number=account) if account else None,
            payment_method=_filled(PaymentMethod, self._fields(found.payment_method)),
            delivery=_filled(Delivery, delivery),
            paid_at=dates.get("paid_at"),
            due_at=dates.get("due_at"),
            attributes=_present((field, self.shared(column)) for field, column in found.attributes.items()),
            **parts,
        )

    def _fields(self, columns: dict[str, str]) -> dict[str, Any]:
        return {
            field: self.parsed(column, parse_id) if field == "id" else self.shared(column)
            for field, column in columns.items()
        }

    def _name(self, rule: NameRule) -> str:
        name = self.shared(rule.column)
        if len(name) > MAX_NAME_LENGTH:
            self.note(self.where[rule.column], rule.column, "value_invalid", name)
        return name if rule.pattern is None or matches(rule.pattern, name) else ""

    def _states(self) -> dict[str, Any]:
        states = dict(self._map.states)
        for rule in self._map.state_rules:
            if rule.applies(self.shared(rule.column)):
                states.update(rule.states)
        return states

    def _stages(self) -> tuple[NewStage, ...]:
        stages = []
        for rule in self._map.stages:
            at = self.instant(rule.at)
            if at is None:
                continue
            name = self.source(rule.stage)
            if not name:
                self.note(self.where[rule.at.column], rule.stage.column or "", "value_missing", "")
            stages.append((at, NewStage(stage=name, effective_at=at)))
        return tuple(stage for _, stage in sorted(stages, key=lambda pair: pair[0]))

    def _lines(self) -> tuple[Line, ...]:
        lines = []
        for position in range(len(self._rows)):
            line = self._line(position)
            if line is not None:
                self.line_positions.append(position)
                lines.append(line)
        return tuple(lines)

    def _line(self, position: int) -> Line | None:
        found = self._map
        values: dict[str, Any] = {}
        for field, column in found.line.items():
            text = self.cell(position, column)
            if not text:
                continue
            try:
                if field in ("quantity", "unit_price", "total", "tax"):
                    values[field] = parse_number(text, found.numbers)
                else:
                    values[field] = parse_id(text) if field == "id" else text
            except CellError as error:
                self.note(position, column, error.code, text)
        attributes = _present(
            (field, self.cell(position, column)) for field, column in found.line_attributes.items()
        )
        if not values and not attributes:
            return None
        if "total" not in found.line and "quantity" in values and "unit_price" in values:
            values["total"] = self._line_total(position, values["quantity"] * values["unit_price"])
        return Line(**values, attributes=attributes)

    def _line_total(self, position: int, total: Decimal) -> Decimal:
        try:
            return plain_number("total", total)
        except FieldInvalid:
            self.note(position, self._map.line["unit_price"], "number_invalid", str(total))
            return Decimal(0)

    def locate(self, fact: FieldInvalid) -> dict[int, Fault]:
        """The row and column that the book's fact speaks of, as far as they can be told."""
        found = self._map
        in_line = _LINE_PLACE.search(fact.reason)
        if in_line is not None:
            position = self.line_positions[int(in_line[1])]
            column = found.line.get(in_line[2] or "", "")
            value = self.cell(position, column) if column else fact.reason
            return {position: Fault(column, "value_invalid", value)}
        place = _PLACE.search(fact.reason)
        words = [word for word in place.groups() if word] if place else fact.field.split(".")
        column = self._column(words)
        if not column:
            return {0: Fault("", "value_invalid", f"{fact.field}: {fact.reason}")}
        return {self.where.get(column, 0): Fault(column, "value_invalid", self.shared(column))}

    def _column(self, words: Sequence[str]) -> str:
        """The column of a field, told by its path in the document."""
        found = self._map
        last = words[-1]
        tables = {**found.parties, "delivery": found.delivery, "payment_method": found.payment_method}
        if len(words) > 1 and words[-2] in tables:
            return tables[words[-2]].get(last, "")
        single = {"kind": found.kind.column, "currency": found.currency.column}
        if last == "number":
            last = "account"
        return single.get(last) or found.texts.get(last) or found.amounts.get(last) or ""


def _filled(kind: Callable[..., T], fields: dict[str, Any]) -> T | None:
    """A record of the fields that are filled, None if none is."""
    given = {field: value for field, value in fields.items() if value not in (None, "")}
    return kind(**given) if given else None


def _present(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {field: value for field, value in pairs if value}

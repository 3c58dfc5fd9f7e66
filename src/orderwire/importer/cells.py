"""Single cells of an export: numbers and wall-clock times as exports write them."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from orderwire.book.errors import FieldInvalid
from orderwire.book.values import check_instant, plain_number

# Longer numbers can't be kept; the limit stands before any conversion.
MAX_NUMBER_LENGTH = 64
MAX_DATE_LENGTH = 64
_DIGITS = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
# What a date cell of a workbook becomes; no other form of a date looks like it.
_TYPED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?")


class CellError(Exception):
    """A cell that can't be taken: the code says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class NumberRule:
    """How numbers are written: the decimal mark, and what may stand between groups of digits."""

    decimal: str = "."
    group: str = ""


@dataclass(frozen=True, slots=True)
class DateRule:
    """How instants are written: `formats` as strptime reads them (or `iso`), wall-clock time in `zone`."""

    formats: tuple[str, ...]
    zone: ZoneInfo | None


def parse_number(text: str, rule: NumberRule) -> Decimal:
    """The number in a cell. Raises CellError `number_invalid`."""
    plain = text.strip()
    if len(plain) > MAX_NUMBER_LENGTH:
        raise CellError("number_invalid")
    if rule.group and rule.group in plain:
        plain = _ungrouped(plain, rule)
    if rule.decimal != ".":
        if "." in plain:
            raise CellError("number_invalid")
        plain = plain.replace(rule.decimal, ".")
    if not _DIGITS.fullmatch(plain):
        raise CellError("number_invalid")
    try:
        return plain_number("number", Decimal(plain))
    except FieldInvalid as error:
        raise CellError("number_invalid") from error


def _ungrouped(text: str, rule: NumberRule) -> str:
    """The number without marks between groups. One that stands elsewhere is a decimal mark, or a slip."""
    whole, mark, places = text.partition(rule.decimal)
    first, *groups = whole.lstrip("+-").split(rule.group)
    sizes = [len(group) for group in groups]
    if len(first) not in (1, 2, 3) or sizes[-1:] != [3] or not set(sizes) <= {2, 3}:
        raise CellError("number_invalid")
    return whole.replace(rule.group, "") + mark + places


def write_number(text: str, rule: NumberRule) -> str:
    """A number of JSON as a cell with the rule's decimal mark; beyond all measure, it stays as it is."""
    if "e" in text or "E" in text:
        number = Decimal(text)
        if abs(number.adjusted()) < MAX_NUMBER_LENGTH:
            text = format(number, "f")
    return text.replace(".", rule.decimal)


def parse_id(text: str) -> int:
    """The whole number in a cell, up to 2**53 either way. Raises CellError `number_invalid`."""
    plain = text.strip()
    if not re.fullmatch(r"-?[0-9]{1,16}", plain) or abs(int(plain)) > 2**53:
        raise CellError("number_invalid")
    return int(plain)


def parse_instant(text: str, rule: DateRule) -> datetime:
    """The instant in a cell, in UTC. A date cell of a workbook (2010-12-01T08:26:00) needs no format.

    A time that the zone had twice is the earlier one. Raises CellError: `date_invalid` (no format
    fits, out of range), `date_skipped` (a wall-clock time that the zone never had).
    """
    said = _read(text.strip(), rule.formats)
    if said.tzinfo is None:
        if rule.zone is None:
            raise CellError("date_invalid")
        local = said.replace(tzinfo=rule.zone)
        try:
            instant = local.astimezone(UTC)
            back = instant.astimezone(rule.zone).replace(tzinfo=None)
        except (OverflowError, ValueError) as error:
            raise CellError("date_invalid") from error
        if back != said:
            raise CellError("date_skipped")
    else:
        try:
            instant = said.astimezone(UTC)
        except (OverflowError, ValueError) as error:
            raise CellError("date_invalid") from error
    try:
        check_instant("date", instant)
    except FieldInvalid as error:
        raise CellError("date_invalid") from error
    return instant


def _read(text: str, formats: tuple[str, ...]) -> datetime:
    if len(text) <= MAX_DATE_LENGTH:
        for form in formats:
            try:
                return datetime.fromisoformat(text) if form == "iso" else datetime.strptime(text, form)
            except (ValueError, OverflowError):
                continue
        if _TYPED.fullmatch(text):
            with suppress(ValueError):
                return datetime.fromisoformat(text)
    raise CellError("date_invalid")

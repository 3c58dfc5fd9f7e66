"""CSV: one row for each line of an order, with all that is known of the order in front of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, BinaryIO

import msgspec

from . import columns
from .columns import Column, Kind
from .request import Exported

LINE_PREFIX = "line_"
# The line's number, from 1, then its fields: last in a row.
LINE: tuple[Column, ...] = (
    Column("line_number", "integer"),
    *(column._replace(name=LINE_PREFIX + column.name) for column in columns.LINE),
)
_LINES_AT = [column.name for column in columns.ORDER].index("lines")
ORDER = columns.ORDER[:_LINES_AT] + columns.ORDER[_LINES_AT + 1 :]
ALL: tuple[Column, ...] = (*ORDER, *LINE)

# What a spreadsheet takes for the beginning of a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_encode = msgspec.json.Encoder().encode


class CsvSink:
    """Writes the columns `names`, all of them if it is (); an order without lines has one row.

    Without any column of the lines each order has one row. With `for_spreadsheets` the file begins with a
    byte order mark, and an apostrophe stands before each text that a spreadsheet would calculate.
    """

    def __init__(self, file: BinaryIO, names: Sequence[str] = (), *, for_spreadsheets: bool = False) -> None:
        self._file = file
        self._buffer = io.StringIO(newline="")
        self._writer = csv.writer(self._buffer)
        chosen = names or [column.name for column in ALL]
        at = {column.name: place for place, column in enumerate(ALL)}
        self._places = [at[name] for name in chosen]
        self._has_lines = any(place >= len(ORDER) for place in self._places)
        self._cells = [_cell(ALL[place].kind, for_spreadsheets=for_spreadsheets) for place in self._places]
        if for_spreadsheets:
            file.write(BYTE_ORDER_MARK)
        self._writer.writerow(chosen)

    def write(self, orders: Sequence[Exported]) -> None:
        for one in orders:
            values = columns.order_values(one)
            del values[_LINES_AT]
            lines = one.order.document.lines if self._has_lines else ()
            if not lines:
                self._write_row([*values, *[None] * len(LINE)])
            for number, line in enumerate(lines, start=1):
                self._write_row([*values, number, *columns.record_values(line)])
        self._flush()

    def finish(self) -> None:
        self._flush()

    def _write_row(self, values: Sequence[Any]) -> None:
        pairs = zip(self._cells, self._places, strict=True)
        self._writer.writerow([cell(values[place]) for cell, place in pairs])

    def _flush(self) -> None:
        self._file.write(self._buffer.getvalue().encode())
        self._buffer.seek(0)
        self._buffer.truncate()


def _cell(kind: Kind, *, for_spreadsheets: bool) -> Callable[[Any], Any]:
    """How a value of this kind is written; None and empty lists are empty cells."""
    if kind == "text":
        return _quoted if for_spreadsheets else _plain
    return {
        "integer": _plain,
        "decimal": _decimal,
        "instant": _instant,
        "flag": _flag,
        "texts": _json,
        "pairs": _json,
        "records": _json,
    }[kind]


def _plain(value: Any) -> Any:
    return value


def _quoted(value: str | None) -> str | None:
    return f"'{value}" if value is not None and value.startswith(FORMULA) else value


def _decimal(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def _instant(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat().replace("+00:00", "Z")


def _flag(value: bool | None) -> str | None:
    return None if value is None else str(value).lower()


def _json(value: Any) -> str | None:
    """Lists and pairs as JSON; the records in them without what they leave out."""
    if not value:
        return None
    if isinstance(value, tuple) and isinstance(value[0], msgspec.Struct):
        value = [columns.shown(record) for record in value]
    return _encode(value).decode()

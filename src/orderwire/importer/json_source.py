"""JSON Lines read by a map: every line is an object, and the map's columns are paths into it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import msgspec

from .cells import NumberRule, write_number
from .rows import SHOWN_LENGTH, Fault, Row, Source, unclean

MAX_LINE_BYTES = 4_194_304


class JsonLines:
    """The lines of a file that are not blank, with their numbers; what is too long is cut off.

    The file stands after line `number`, at byte `size`.
    """

    def __init__(self, file: BinaryIO, number: int = 0, size: int = 0) -> None:
        self._file = file
        self.number = number
        self.size = size
        self.blank = 0

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """(number, line); a line longer than MAX_LINE_BYTES comes with more bytes than that."""
        while raw := self._file.readline(MAX_LINE_BYTES + 1):
            self.number += 1
            self.size += len(raw)
            if len(raw) > MAX_LINE_BYTES and not raw.endswith(b"\n"):
                self._skip()
            line = raw.strip(b" \t\r\n")
            if self.number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if line:
                yield self.number, line
            else:
                self.blank += 1

    def _skip(self) -> None:
        while more := self._file.readline(MAX_LINE_BYTES):
            self.size += len(more)
            if more.endswith(b"\n"):
                return


class _Number(str):
    """A number with a fraction or an exponent, as it is written."""

    __slots__ = ()


_decode = msgspec.json.Decoder(float_hook=_Number).decode


class JsonSource(Source):
    """JSON Lines; with `lines`, the rows of an object are the items of its list of that name."""

    def __init__(self, file: BinaryIO, columns: Sequence[str], lines: str | None, rule: NumberRule) -> None:
        self._lines = JsonLines(file)
        self._list = lines
        self._rule = rule
        self.header = list(dict.fromkeys(columns))
        start = f"{lines}." if lines else None
        self._of_item = [start is not None and column.startswith(start) for column in self.header]
        self._keys = [
            column.removeprefix(start or "") if of_item else column
            for column, of_item in zip(self.header, self._of_item, strict=True)
        ]

    def begin(self) -> None:
        """There is no header."""

    @property
    def read(self) -> int:
        return self._lines.size

    def rows(self) -> Iterator[Row]:
        for number, raw in self._lines:
            yield from self._rows_of(number, raw)
        self.blank = self._lines.blank

    def _rows_of(self, number: int, raw: bytes) -> Iterator[Row]:
        if len(raw) > MAX_LINE_BYTES:
            text = raw[:SHOWN_LENGTH].decode("utf-8", "replace")
            yield Row(number, [text], Fault("", "row_too_long", text))
            return
        try:
            value = _decode(raw)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            yield from self._of_object(number, value)
        else:
            text = raw.decode("utf-8", "surrogateescape")
            yield Row(number, [text], Fault("", "malformed", text[:SHOWN_LENGTH]))

    def _of_object(self, number: int, value: dict[str, Any]) -> Iterator[Row]:
        items: Any = _find(value, self._list) if self._list else None
        is_list = isinstance(items, list) and all(isinstance(item, dict) for item in items)
        fault = None
        if items is not None and not is_list:
            fault = Fault(self._list or "", "value_invalid", _shown(items))
        for part, item in enumerate(items if is_list and items else [{}]):
            fields = []
            found = fault
            for column, key, of_item in zip(self.header, self._keys, self._of_item, strict=True):
                text, code = self._text(_find(item if of_item else value, key))
                if code and found is None:
                    found = Fault(column, code, text)
                fields.append(text)
            yield Row(number, fields, found, part)

    def _text(self, value: Any) -> tuple[str, str]:
        """What a value says as a cell, and the code of what is wrong with it."""
        if value is None:
            return "", ""
        if isinstance(value, bool):
            return ("true" if value else "false"), ""
        if isinstance(value, _Number):
            return write_number(value, self._rule), ""
        if isinstance(value, str):
            return value, unclean(value)
        if isinstance(value, int):
            return write_number(str(value), self._rule), ""
        return _shown(value), "value_invalid"


def _find(value: Any, path: str) -> Any:
    """What stands at a key, or at a path of keys with dots between them; None if nothing does."""
    if not isinstance(value, dict):
        return None
    if path in value:
        return value[path]
    key, dot, rest = path.partition(".")
    return _find(value.get(key), rest) if dot else None


def _shown(value: Any) -> str:
    return msgspec.json.encode(value).decode()[:SHOWN_LENGTH]

"""Rows of a CSV file, one after the other, however broken: what can't be read comes with its fault."""

from __future__ import annotations

import codecs
import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from .tables import MapError

# A row of any real export is far smaller; an open quote or a binary file must not fill the memory.
MAX_ROW_BYTES = 262_144
# The csv module reads no longer field, of our own reports neither.
MAX_FIELD_LENGTH = 131_072
MAX_COLUMNS = 1_000
# Of a row that can't be cut into fields, this many characters are shown as the value.
SHOWN_LENGTH = 200


class FileError(Exception):
    """A file that can't be imported at all: the message says why."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row can't be taken: the column ("" for the row as a whole), a code, and what stood there."""

    column: str
    code: str
    value: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the number of its first line in the file (the header is 1), its fields, its fault."""

    line: int
    fields: list[str]
    fault: Fault | None = None


class _Line(NamedTuple):
    number: int
    text: str
    code: str  # "", or why it can't be read


class _Lines:
    """The lines of a file as text. Lines of a row that turned out broken can be read again."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        self._file = file
        self._encoding = encoding
        self._again: deque[_Line] = deque()
        self._number = 0
        self._size = 0
        self.taken: list[_Line] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._read()
        self.taken.append(line)
        self._size += len(line.text)
        if self._size > MAX_ROW_BYTES or line.code == "row_too_long":
            raise csv.Error("row too long")
        return line.text

    def begin(self) -> None:
        """A row begins here."""
        self.taken = []
        self._size = 0

    def take_first(self) -> _Line:
        """The row's first line; the others will be read again, as rows of their own."""
        self._again.extendleft(reversed(self.taken[1:]))
        return self.taken[0]

    def _read(self) -> _Line:
        raw = self._file.readline(MAX_ROW_BYTES + 1)
        if not raw:
            raise StopIteration
        self._number += 1
        if self._number == 1 and self._encoding == "utf-8":
            raw = raw.removeprefix(codecs.BOM_UTF8)
        code = ""
        if len(raw) > MAX_ROW_BYTES:
            code = "row_too_long"
            while (more := self._file.readline(MAX_ROW_BYTES)) and not more.endswith(b"\n"):
                pass
        try:
            return _Line(self._number, raw.decode(self._encoding), code)
        except UnicodeDecodeError:
            return _Line(self._number, raw.decode(self._encoding, "surrogateescape"), code or "encoding")


class RowReader:
    """Reads the header, then rows. `blank` counts empty lines, which are no rows.

    Raises FileError for a header that can't be read.
    """

    def __init__(self, file: BinaryIO, encoding: str, delimiter: str, key: str) -> None:
        self._lines = _Lines(file, encoding)
        self._delimiter = delimiter
        self._key = key
        self.blank = 0
        first = next(self._rows(), None)
        if first is None:
            raise FileError("the file is empty")
        if first.fault is not None:
            raise FileError(f"the header can't be read: {first.fault.code} (is it {encoding}?)")
        if len(first.fields) > MAX_COLUMNS:
            raise FileError(f"the header has more than {MAX_COLUMNS} columns")
        self.header = first.fields
        if key not in self.header:
            raise MapError(f"[order] key: the file has no column {key!r}; it has {', '.join(self.header)}")
        self._key_at = self.header.index(key)

    def __iter__(self) -> Iterator[tuple[str, Row]]:
        """(key, row) of every row; the key is "" where it can't be read, and the row has a fault then."""
        width = len(self.header)
        for row in self._rows():
            fields, fault = row.fields, row.fault
            if fault is not None and fault.column == "":
                fields = self._cut_roughly(fields[0])
                row = Row(row.line, [row.fields[0][:MAX_FIELD_LENGTH]], fault)
            elif len(fields) != width:
                fault = fault or Fault("", "column_count", str(len(fields)))
            key = fields[self._key_at].strip() if len(fields) > self._key_at else ""
            if fault is not None and fault.column == self._key:
                key = ""
            if not key and fault is None:
                fault = Fault(self._key, "key_missing", "")
            yield key, row if fault is row.fault else Row(row.line, row.fields, fault)

    def _cut_roughly(self, text: str) -> list[str]:
        """The fields of a broken row as far as they go: enough to tell which order it belongs to."""
        try:
            return next(csv.reader([text[:MAX_FIELD_LENGTH]], delimiter=self._delimiter), [])
        except csv.Error:
            return []

    def _rows(self) -> Iterator[Row]:
        lines = self._lines
        reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
        while True:
            lines.begin()
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error:
                line = lines.take_first()
                code = "row_too_long" if line.code == "row_too_long" else "malformed"
                text = line.text.rstrip("\r\n")
                yield Row(line.number, [text], Fault("", code, text[:SHOWN_LENGTH]))
                continue
            if not fields:
                self.blank += 1
                continue
            first = lines.taken[0]
            is_clean = all(not line.code and "\0" not in line.text for line in lines.taken)
            yield Row(first.number, fields, None if is_clean else self._fault(fields))

    def _fault(self, fields: list[str]) -> Fault | None:
        header = getattr(self, "header", [])
        for position, text in enumerate(fields):
            code = _unclean(text)
            if code:
                return Fault(header[position] if position < len(header) else "?", code, text)
        return None


def _unclean(text: str) -> str:
    if "\0" in text:
        return "nul"
    return "encoding" if any("\ud800" <= mark <= "\udfff" for mark in text) else ""

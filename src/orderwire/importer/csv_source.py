"""CSV: one row after the other, however broken; what can't be read comes with its fault."""

from __future__ import annotations

import codecs
import csv
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from .rows import MAX_COLUMNS, MAX_FIELD_LENGTH, SHOWN_LENGTH, Fault, FileError, Row, Source, unclean

# A row of any real export is far smaller; an open quote or a binary file must not fill the memory.
MAX_ROW_BYTES = 262_144


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
        self._row_size = 0
        self.size = 0
        self.taken: list[_Line] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._read()
        self.taken.append(line)
        self._row_size += len(line.text)
        if self._row_size > MAX_ROW_BYTES or line.code == "row_too_long":
            raise csv.Error("row too long")
        return line.text

    def begin(self) -> None:
        """A row begins here."""
        self.taken = []
        self._row_size = 0

    def take_first(self) -> _Line:
        """The row's first line; the others will be read again, as rows of their own."""
        self._again.extendleft(reversed(self.taken[1:]))
        return self.taken[0]

    def _read(self) -> _Line:
        raw = self._file.readline(MAX_ROW_BYTES + 1)
        if not raw:
            raise StopIteration
        self._number += 1
        self.size += len(raw)
        if self._number == 1 and self._encoding == "utf-8":
            raw = raw.removeprefix(codecs.BOM_UTF8)
        code = ""
        if len(raw) > MAX_ROW_BYTES:
            code = "row_too_long"
            while (more := self._file.readline(MAX_ROW_BYTES)) and not more.endswith(b"\n"):
                self.size += len(more)
        try:
            return _Line(self._number, raw.decode(self._encoding), code)
        except UnicodeDecodeError:
            return _Line(self._number, raw.decode(self._encoding, "surrogateescape"), code or "encoding")


class CsvSource(Source):
    """A CSV file with a header line."""

    def __init__(self, file: BinaryIO, encoding: str, delimiter: str) -> None:
        self._lines = _Lines(file, encoding)
        self.encoding, self.delimiter = encoding, delimiter
        self.header = []

    def begin(self) -> None:
        first = next(self.rows(), None)
        if first is None:
            raise FileError("the file is empty")
        if first.fault is not None:
            raise FileError(f"the header can't be read: {first.fault.code} (is it {self.encoding}?)")
        if len(first.fields) > MAX_COLUMNS:
            raise FileError(f"the header has more than {MAX_COLUMNS} columns")
        self.header = first.fields

    @property
    def read(self) -> int:
        return self._lines.size

    def fields_of(self, broken: Row) -> list[str]:
        try:
            return next(csv.reader([broken.fields[0][:MAX_FIELD_LENGTH]], delimiter=self.delimiter), [])
        except csv.Error:
            return []

    def rows(self) -> Iterator[Row]:
        lines = self._lines
        reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
        while True:
            lines.begin()
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                # Over several lines it is a quote that was left open.
                is_long = len(lines.taken) == 1 and "field limit" in str(error)
                line = lines.take_first()
                code = "row_too_long" if is_long or line.code == "row_too_long" else "malformed"
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
        for position, text in enumerate(fields):
            code = unclean(text)
            if code:
                return Fault(self.header[position] if position < len(self.header) else "?", code, text)
        return None

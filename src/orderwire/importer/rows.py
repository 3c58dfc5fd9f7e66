"""Rows of an export, whatever its format: what a source gives, however broken the file is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from msgspec import Struct

from .tables import MapError

# No longer field is kept; the csv module reads no longer one, of our own reports neither.
MAX_FIELD_LENGTH = 131_072
MAX_COLUMNS = 1_000
# Of a row that can't be cut into fields, this many characters are shown as the value.
SHOWN_LENGTH = 200


class FileError(Exception):
    """A file that can't be imported at all: the message says why."""


class Fault(Struct, frozen=True, gc=False):
    """Why a row can't be taken: the column ("" for the row as a whole), a code, and what stood there."""

    column: str
    code: str
    value: str


class Row(Struct, frozen=True, gc=False):
    """One row: the line of the file that it begins on (from 1), its fields, its fault.

    `part` tells the rows apart that stand on one line, from 0.
    """

    line: int
    fields: list[str]
    fault: Fault | None = None
    part: int = 0


class Source(ABC):
    """An export being read: its `header`, then its rows, once.

    `blank` counts empty lines, which are no rows; `read` is how many bytes of the file are behind us.
    `delimiter` and `encoding` are those of the reports beside it.
    """

    header: list[str]
    blank: int = 0
    encoding: str = "utf-8"
    delimiter: str = ","

    @abstractmethod
    def begin(self) -> None:
        """Read the header. Raises FileError when the file can't be read at all."""

    @property
    @abstractmethod
    def read(self) -> int: ...

    @abstractmethod
    def rows(self) -> Iterator[Row]:
        """The rows; one that can't be cut into fields holds its beginning, and a fault of no column."""

    def fields_of(self, broken: Row) -> list[str]:  # noqa: ARG002 - for formats in which some can be told
        """The fields of a row that is broken, as far as they can be told."""
        return []

    def keyed(self, key: str) -> Iterator[tuple[str, Row]]:
        """(key, row) of every row; the key is "" where it can't be read, and the row has a fault then."""
        if key not in self.header:
            raise MapError(f"[order] key: the file has no column {key!r}; it has {', '.join(self.header)}")
        key_at, width = self.header.index(key), len(self.header)
        for row in self.rows():
            fields, fault = row.fields, row.fault
            if fault is not None and fault.column == "":
                fields = self.fields_of(row)
                row = Row(row.line, [row.fields[0][:MAX_FIELD_LENGTH]], fault, row.part)
            elif len(fields) != width:
                fault = fault or Fault("", "column_count", str(len(fields)))
            found = fields[key_at].strip() if len(fields) > key_at else ""
            if fault is not None and fault.column == key:
                found = ""
            if not found and fault is None:
                fault = Fault(key, "key_missing", "")
            yield found, row if fault is row.fault else Row(row.line, row.fields, fault, row.part)

    def close(self) -> None:  # noqa: B027 - most have nothing of their own to let go of
        """Let go of what was opened besides the file."""


def unclean(text: str) -> str:
    """ "" for a text that can be kept, or the code of what is wrong with it."""
    if len(text) > MAX_FIELD_LENGTH:
        return "row_too_long"
    if "\0" in text:
        return "nul"
    return "encoding" if any("\ud800" <= mark <= "\udfff" for mark in text) else ""

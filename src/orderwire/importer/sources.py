"""Opens an export in whatever format it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from .csv_source import CsvSource
from .json_source import JsonSource
from .maps import Map
from .rows import FileError, Source
from .sheet_source import SheetSource
from .tables import MapError

SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}


def format_of(name: str) -> str:
    """The format that the suffix of a file's name tells. Raises FileError."""
    suffix = Path(name).suffix.lower()
    if suffix not in SUFFIXES:
        raise FileError(f"the suffix {suffix!r} tells no format: csv, xlsx or jsonl?")
    return SUFFIXES[suffix]


def open_file(path: Path) -> BinaryIO:
    """The file, to be read. Raises FileError."""
    try:
        return path.open("rb")
    except OSError as error:
        raise FileError(f"can't be read: {error.strerror}") from error


@contextmanager
def open_source(path: Path, form: str, found: Map) -> Iterator[Source]:
    """The file as rows that the map reads. Raises FileError or MapError."""
    if found.lines is not None and form != "jsonl":
        raise MapError("[order] lines: only the objects of JSON Lines hold lists")
    with open_file(path) as file:
        source = _source(path, file, form, found)
        try:
            yield source
        finally:
            source.close()


def _source(path: Path, file: BinaryIO, form: str, found: Map) -> Source:
    if form == "csv":
        return CsvSource(file, found.encoding, found.delimiter)
    if form == "jsonl":
        columns = [column for _, column in found.columns()]
        return JsonSource(file, columns, found.lines, found.numbers)
    return SheetSource(path, found.sheet, found.numbers.decimal)

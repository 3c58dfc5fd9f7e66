"""Exports in other formats: workbooks and JSON Lines, made of rows."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import xlsxwriter


def read_csv(path: Path, encoding: str = "utf-8", delimiter: str = ",") -> list[list[str]]:
    """The rows of a CSV file, header first."""
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.reader(file, delimiter=delimiter))


def write_xlsx(path: Path, rows: Iterable[Sequence[Any]], sheet: str = "Sheet1", first_row: int = 0) -> Path:
    """A workbook with one sheet; texts stay texts, dates and numbers are typed cells."""
    with xlsxwriter.Workbook(str(path)) as book:
        made = book.add_worksheet(sheet)
        instant = book.add_format({"num_format": "dd/mm/yyyy hh:mm:ss"})
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        for number, row in enumerate(rows, start=first_row):
            for column, value in enumerate(row):
                if isinstance(value, datetime):
                    made.write_datetime(number, column, value, instant)
                elif isinstance(value, date):
                    made.write_datetime(number, column, value, day)
                elif isinstance(value, str):
                    made.write_string(number, column, value)
                elif value is not None:
                    made.write(number, column, value)
    return path


def change_part(path: Path, part: str, change: Callable[[bytes], bytes]) -> None:
    """Rewrite one part of a workbook."""
    with zipfile.ZipFile(path) as archive:
        parts = {one.filename: archive.read(one) for one in archive.infolist()}
    parts[part] = change(parts[part])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def write_lines(path: Path, values: Iterable[Mapping[str, Any] | str]) -> Path:
    """JSON Lines; a text is a line as it stands."""
    lines = (one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in values)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", errors="surrogateescape")
    return path

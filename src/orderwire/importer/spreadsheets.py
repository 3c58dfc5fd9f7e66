"""Writes a CSV file as a spreadsheet, row by row, in bounded memory.

A large one takes a processor for minutes, so this is run as a process of its own:

    python -P spreadsheets.py SOURCE TARGET ENCODING DELIMITER
"""

from __future__ import annotations

import csv
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.exceptions import XlsxWriterException

# Whoever is being answered goes first.
NICENESS = 10
# What a sheet and a cell can hold.
MAX_SHEET_ROWS = 1_048_576
MAX_CELL_LENGTH = 32_767


def write_spreadsheet(
    source: Path, target: Path, encoding: str, delimiter: str, *, sheet_rows: int = MAX_SHEET_ROWS
) -> None:
    """Write the rows of a CSV file to an XLSX file, every cell as a text and none as a formula.

    Each sheet begins with the header; what is beyond `sheet_rows` goes on to the next. A cell holds at
    most the first 32,767 characters of its value. Raises OSError.
    """
    with (
        source.open(encoding=encoding, errors="replace", newline="") as file,
        tempfile.TemporaryDirectory(dir=target.parent) as rows_so_far,
    ):
        rows = csv.reader(file, delimiter=delimiter)
        header = next(rows, [])
        book = Workbook(str(target), {"constant_memory": True, "use_zip64": True, "tmpdir": rows_so_far})
        sheet, at = _begin(book, header)
        for row in rows:
            if at == sheet_rows:
                sheet, at = _begin(book, header)
            _write(sheet, at, row)
            at += 1
        try:
            book.close()
        except XlsxWriterException as error:
            raise OSError(str(error)) from error


def _begin(book: Workbook, header: Sequence[str]) -> tuple[Any, int]:
    """A new sheet and the row to go on at."""
    sheet = book.add_worksheet()
    _write(sheet, 0, header)
    return sheet, 1


def _write(sheet: Any, at: int, row: Sequence[str]) -> None:
    for column, value in enumerate(row):
        # As a text whatever it looks like: a spreadsheet must not compute what a stranger wrote.
        sheet.write_string(at, column, value[:MAX_CELL_LENGTH])


def main(arguments: Sequence[str]) -> None:
    """Write the spreadsheet that the arguments ask for; what goes wrong is said in one line."""
    source, target, encoding, delimiter = arguments
    os.nice(NICENESS)
    try:
        write_spreadsheet(Path(source), Path(target), encoding, delimiter)
    except OSError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main(sys.argv[1:])

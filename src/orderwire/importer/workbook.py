"""Reads a sheet of an XLSX workbook in a process of its own, and writes its rows to standard output.

    python workbook.py FILE SHEET DECIMAL

Every line is JSON: [number of the row, [cells as texts]], or {"error": "..."} as the last one; first of
all comes {"height": rows of the sheet}. The process may take MAX_MEMORY_BYTES and MAX_SECONDS, so that
a file made to exhaust the machine ends this process and nothing else. It imports nothing of ours.
"""

from __future__ import annotations

import json
import resource
import sys
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum

MAX_MEMORY_BYTES = 2_147_483_648
MAX_SECONDS = 600
MAX_UNPACKED_BYTES = 1_073_741_824
MAX_PARTS = 10_000
# What Excel itself keeps of a number; what comes after it is rounding.
DIGITS = 15


class Unreadable(Exception):
    """Why the workbook can't be read."""


def check_parts(path: str) -> None:
    """Raises Unreadable for what is no zip archive, or is too large when unpacked."""
    with open(path, "rb") as file:
        start = file.read(8)
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable("is encrypted, or of a format older than XLSX")
    if not start.startswith(b"PK\x03\x04"):
        raise Unreadable("is no XLSX workbook")
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, RuntimeError) as error:
        raise Unreadable("is no XLSX workbook, or not all of it") from error
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES:
        raise Unreadable(f"is larger than {MAX_UNPACKED_BYTES} bytes when unpacked")


def text_of(value: Any, decimal: str) -> str:
    """A cell as text: whole numbers without a point, instants as ISO 8601 (a date at midnight).

    A formula comes as its value, an error such as #N/A as nothing.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(value).replace(".", decimal)
    if isinstance(value, datetime):
        return value.isoformat(sep="T")
    if isinstance(value, date):
        return f"{value.isoformat()}T00:00:00"
    if isinstance(value, time):
        return value.isoformat()
    if isinstance(value, timedelta):
        minutes, seconds = divmod(int(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
    return "" if value is None else str(value)


def _number(value: float) -> str:
    if isinstance(value, int) or (value.is_integer() and abs(value) < 2**53):
        return str(int(value))
    return format(Decimal(format(value, f".{DIGITS}g")), "f")


def rows(path: str, name: str, decimal: str) -> Iterator[Any]:
    """What `main` writes. Raises Unreadable."""
    check_parts(path)
    try:
        book = CalamineWorkbook.from_path(path)
        known = [sheet.name for sheet in book.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
        if not known or (name and name not in known):
            raise Unreadable(f"has no sheet {name!r}; it has {', '.join(known)}")
        sheet = book.get_sheet_by_name(name or known[0])
        yield {"height": sheet.total_height}
        # From the sheet's first row on, even if nothing stands there.
        for number, cells in enumerate(sheet.iter_rows(), start=1):
            yield number, [text_of(cell, decimal) for cell in cells]
    except (CalamineError, ValueError, OSError) as error:
        raise Unreadable(f"can't be read as XLSX: {error}") from error


def main(path: str, name: str, decimal: str) -> None:
    """The process."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    write = sys.stdout.write
    try:
        for one in rows(path, name, decimal):
            write(json.dumps(one) + "\n")
    except Unreadable as error:
        write(json.dumps({"error": str(error)}) + "\n")
    except MemoryError:
        write(json.dumps({"error": f"needs more than {MAX_MEMORY_BYTES} bytes to be read"}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:4])

"""Exports and maps for tests of the importer."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from orderwire.book.store import Book
from orderwire.importer.parse_map import parse_map
from orderwire.importer.request import ImportRequest, Summary
from orderwire.importer.run import import_file
from tests.factories import make_caller, make_organisation

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "examples" / "online-retail-sample.csv"
SAMPLE_MAP = ROOT / "examples" / "online-retail.toml"
MARKETPLACE = ROOT / "tests" / "importer" / "data" / "marketplace.csv"
MARKETPLACE_MAP = ROOT / "tests" / "importer" / "data" / "marketplace.toml"

MAP = """
[file]
date_format = "%Y-%m-%d %H:%M"
zone = "Europe/London"

[order]
key = "no"
currency = { column = "currency" }

[[name]]
scheme = "reference"
column = "no"

[date.placed_at]
column = "at"

[line]
item = "item"
quantity = "quantity"
unit_price = "price"

[customer]
email = "mail"
"""
HEADER = "no,at,currency,item,quantity,price,mail"


def row(no: str, *, at: str = "2024-05-01 10:00", currency: str = "EUR", **given: str) -> str:
    """One row of an export that `MAP` reads."""
    fields = {"item": "A1", "quantity": "2", "price": "1.50", "mail": "a@example.com", **given}
    return ",".join((no, at, currency, *fields.values()))


async def run(book: Book, path: Path, text: str = MAP, *, owner: str = "acme", **asked: Any) -> Summary:
    """Import a file for an organisation."""
    caller = make_caller(await make_organisation(book, owner))
    return await import_file(book, caller, path, ImportRequest(map=parse_map(text), **asked))


def write(folder: Path, *rows: str, header: str = HEADER) -> Path:
    """A file of these rows."""
    path = folder / "export.csv"
    path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return path


def rejected(path: Path, delimiter: str = ",") -> list[tuple[int, str, str, str]]:
    """Line, column, code and value of every rejected row."""
    report = path.with_name(f"{path.name}.rejected.csv")
    if not report.exists():
        return []
    with report.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return [
            (int(one[0]), one[1], one[2], one[3]) for one in list(csv.reader(file, delimiter=delimiter))[1:]
        ]


def accepted(path: Path) -> dict[int, int]:
    """Order id by line."""
    with path.with_name(f"{path.name}.accepted.csv").open(newline="", encoding="utf-8") as file:
        return {int(line): int(order_id) for line, order_id in list(csv.reader(file))[1:]}

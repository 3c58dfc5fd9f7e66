"""The same export as CSV, XLSX and JSON Lines gives the same orders by the same map."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from orderwire.book.orders import Document
from orderwire.book.store import Book
from orderwire.importer.rows import FileError
from orderwire.importer.tables import MapError
from tests.factories import all_orders, make_organisation
from tests.importer import importing
from tests.importer.importing import MAP, rejected, run
from tests.importer.making import change_part, read_csv, write_lines, write_xlsx

NUMBERS = {"goods", "freight", "order_total"}
INSTANTS = {"bought_at", "approved_at", "handed_over_at", "delivered_at"}


def marketplace() -> list[list[str]]:
    """The rows of the export with one order a row, header first."""
    return read_csv(importing.MARKETPLACE, "cp1252", ";")


async def said(book: Book, owner: str) -> list[tuple[Document, str, datetime, str | None, int]]:
    """What the orders of an organisation say, save their ids."""
    orders = await all_orders(book, await make_organisation(book, owner))
    return sorted(
        ((one.document, one.lifecycle, one.placed_at, one.delivery, one.stage_count) for one in orders),
        key=lambda one: one[0].names["reference"],
    )


async def test_one_order_a_row_in_every_format(book, tmp_path):
    text = importing.MARKETPLACE_MAP.read_text()
    header, *rows = marketplace()
    (tmp_path / "m.csv").write_bytes(importing.MARKETPLACE.read_bytes())
    typed = [[_cell(column, value) for column, value in zip(header, row, strict=True)] for row in rows]
    write_xlsx(tmp_path / "m.xlsx", [header, *typed])
    write_lines(tmp_path / "m.jsonl", [_object(header, row) for row in rows])
    for name, owner in (("m.csv", "acme"), ("m.xlsx", "excel"), ("m.jsonl", "json")):
        summary = await run(book, tmp_path / name, text, owner=owner)
        assert (summary.rows, summary.placed, summary.rejected_rows) == (5, 5, 0), name
    first = await said(book, "acme")
    assert len(first) == 5
    assert await said(book, "excel") == first
    assert await said(book, "json") == first


def _cell(column, value):
    """A cell as a spreadsheet has it: typed where it is a number or an instant."""
    if column in INSTANTS and value:
        return datetime.strptime(value, "%d.%m.%Y %H:%M:%S")
    if column == "promised_on" and value:
        return datetime.strptime(value, "%d.%m.%Y").date()
    if column in NUMBERS - {"goods"} and value:
        return float(value.replace(".", "").replace(",", "."))
    return value


def _object(header, row):
    """A line of JSON as programs write it: null where nothing is, numbers as numbers."""
    said = {}
    for column, value in zip(header, row, strict=True):
        is_number = column in NUMBERS - {"goods"} and value
        said[column] = value or None
        if is_number:
            said[column] = float(value.replace(".", "").replace(",", "."))
    return said


async def test_many_rows_an_order_in_every_format(book, tmp_path):
    text = importing.SAMPLE_MAP.read_text()
    header, *rows = read_csv(importing.SAMPLE)
    (tmp_path / "r.csv").write_bytes(importing.SAMPLE.read_bytes())
    typed = [
        [
            int(no) if no.isdigit() else no,
            stock,
            what,
            int(quantity),
            datetime.strptime(at, "%m/%d/%y %H:%M"),
            float(price),
            int(customer) if customer else None,
            country,
        ]
        for no, stock, what, quantity, at, price, customer, country in rows
    ]
    write_xlsx(tmp_path / "r.xlsx", [header, *typed])
    objects = [dict(zip(header, row, strict=True)) for row in rows]
    write_lines(tmp_path / "r.jsonl", [{**one, "Quantity": int(one["Quantity"])} for one in objects])
    for name, owner in (("r.csv", "acme"), ("r.xlsx", "excel"), ("r.jsonl", "json")):
        summary = await run(book, tmp_path / name, text, owner=owner)
        assert (summary.rows, summary.placed, summary.rejected_rows) == (999, 66, 0), name
    first = await said(book, "acme")
    assert await said(book, "excel") == first
    assert await said(book, "json") == first


NESTED = (
    MAP.replace('key = "no"', 'key = "no"\nlines = "lines"')
    .replace('item = "item"', 'item = "lines.item"')
    .replace('quantity = "quantity"', 'quantity = "lines.quantity"')
    .replace('unit_price = "price"', 'unit_price = "lines.price"')
    .replace('email = "mail"', 'email = "buyer.contact.mail"\n[attributes]\ngift = "gift"')
)


def nested(no: str, *items: dict[str, object], **given: object) -> dict[str, object]:
    """One object that holds its lines."""
    return {"no": no, "at": "2024-05-01 10:00", "currency": "EUR", "lines": list(items), **given}


async def test_an_object_that_holds_its_lines(book, tmp_path):
    path = write_lines(
        tmp_path / "o.jsonl",
        [
            nested(
                "1",
                {"item": "A", "quantity": 2, "price": 1.50},
                {"item": "B", "quantity": "3", "price": 1e-2},
                buyer={"contact": {"mail": "a@example.com"}},
                gift=True,
            ),
            nested("2"),
            "",
            {**nested("3"), "lines": None, "buyer": {"contact": None}},
        ],
    )
    summary = await run(book, path, NESTED)
    assert (summary.rows, summary.orders, summary.placed, summary.blank) == (4, 3, 3, 1)
    first, second, third = await all_orders(book, await make_organisation(book))
    assert [(line.item, line.quantity, line.total) for line in first.document.lines] == [
        ("A", Decimal(2), Decimal(3)),
        ("B", Decimal(3), Decimal("0.03")),
    ]
    assert first.document.customer is not None
    assert (first.document.customer.email, first.document.attributes) == ("a@example.com", {"gift": "true"})
    assert second.document.lines == third.document.lines == ()


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("{", (1, "", "malformed", "{")),
        ("[]", (1, "", "malformed", "[]")),
        ("null", (1, "", "malformed", "null")),
        ("[" * 5_000, (1, "", "malformed", "[" * 200)),
        ('{"no":"caf\udce9"}', (1, "", "malformed", '{"no":"caf\udce9"}')),
        (nested("1", {"item": {"a": 1}}), (1, "lines.item", "value_invalid", '{"a":1}')),
        ({**nested("1"), "lines": {"item": "A"}}, (1, "lines", "value_invalid", '{"item":"A"}')),
        ({**nested("1"), "lines": ["A"]}, (1, "lines", "value_invalid", '["A"]')),
        ({**nested("1"), "no": None}, (1, "no", "key_missing", "")),
        ({**nested("1"), "currency": 7}, (1, "currency", "value_invalid", "7")),
        (nested("1", {"quantity": "x"}), (1, "lines.quantity", "number_invalid", "x")),
        (nested("1", {"quantity": True}), (1, "lines.quantity", "number_invalid", "true")),
        ('{"no":"1","at":"2024-05-01 10:00","lines":[{"quantity":1e400}]}',
         (1, "lines.quantity", "number_invalid", "1e400")),
        ({**nested("1"), "at": "a\0b"}, (1, "at", "nul", "a\0b")),
    ],
)  # fmt: skip
async def test_a_bad_line_is_listed(book, tmp_path, line, fault):
    path = write_lines(tmp_path / "o.jsonl", [line, nested("2")])
    summary = await run(book, path, NESTED)
    assert rejected(path) == [fault]
    assert (summary.rows, summary.placed) == (2, 1)


async def test_rejected_lines_are_repaired_as_csv(book, tmp_path):
    path = write_lines(tmp_path / "o.jsonl", [nested("1", {"item": "A"}, {"quantity": "x"})])
    await run(book, path, NESTED)
    report = path.with_name("o.jsonl.rejected.csv")
    table = read_csv(report)
    assert [row[:4] for row in table[1:]] == [
        ["1", "", "order_rejected", ""],
        ["1", "lines.quantity", "number_invalid", "x"],
    ]
    table[2][table[0].index("lines.quantity")] = "5"
    report.write_text("\n".join(",".join(row) for row in table), encoding="utf-8")
    summary = await run(book, report, NESTED.replace('lines = "lines"', ""))
    assert (summary.placed, summary.rejected_rows) == (1, 0)


async def test_lists_of_lines_are_json_only(book, tmp_path):
    path = importing.write(tmp_path, importing.row("1"))
    with pytest.raises(MapError, match="only the objects of JSON Lines hold lists"):
        await run(book, path, NESTED)


AT = datetime(2024, 5, 1, 10, 0)
SHEET_HEADER = importing.HEADER.split(",")


async def test_cells_of_a_sheet(book, tmp_path):
    cells = [
        [536365, AT, "EUR", "00123", 0.1 + 0.2, 2.5, "a@example.com"],
        [],
        ["C1", "2024-05-01 10:00", "EUR", True, "3", 1159.9, None],
        ["C2", AT.replace(second=7, microsecond=250_000), "EUR", 1e21, 1, 1, None],
    ]
    path = write_xlsx(tmp_path / "s.xlsx", [SHEET_HEADER, *cells], first_row=2)
    summary = await run(book, path)
    assert (summary.rows, summary.placed, summary.blank) == (3, 3, 3)
    assert sorted(importing.accepted(path)) == [4, 6, 7]
    first, second, third = await all_orders(book, await make_organisation(book))
    line = first.document.lines[0]
    assert (first.document.names, line.item, line.quantity) == (
        {"reference": "536365"},
        "00123",
        Decimal("0.3"),
    )
    assert first.placed_at == second.placed_at == datetime(2024, 5, 1, 9, 0, tzinfo=UTC)
    assert (second.document.lines[0].item, second.document.total) == ("true", Decimal("3479.7"))
    assert third.placed_at == datetime(2024, 5, 1, 9, 0, 7, 250_000, tzinfo=UTC)
    assert third.document.lines[0].item == "1000000000000000000000"


async def test_rejected_rows_of_a_sheet_are_repaired_as_csv(book, tmp_path):
    path = write_xlsx(tmp_path / "s.xlsx", [SHEET_HEADER, ["1", AT, "EUR", "A", "x", 2, None]])
    await run(book, path)
    assert rejected(path) == [(2, "quantity", "number_invalid", "x")]
    report = path.with_name("s.xlsx.rejected.csv")
    table = read_csv(report)
    table[1][table[0].index("quantity")] = "5"
    report.write_text("\n".join(",".join(row) for row in table), encoding="utf-8")
    assert (await run(book, report)).placed == 1


async def test_the_sheet_is_chosen_by_the_map(book, tmp_path):
    path = write_xlsx(tmp_path / "s.xlsx", [SHEET_HEADER, ["1", AT, "EUR", "A", 1, 2, None]], sheet="May")
    with pytest.raises(FileError, match="has no sheet 'June'; it has May"):
        await run(book, path, MAP.replace("[file]", '[file]\nsheet = "June"'))
    assert (await run(book, path, MAP.replace("[file]", '[file]\nsheet = "May"'))).placed == 1


def _blow_up(path: Path) -> None:
    """Add a part that takes a thousandth of what it is unpacked."""
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("blank.bin", "w") as part:
        for _ in range(1_025):
            part.write(bytes(1_048_576))


def _cell_at(place: bytes):
    def change(sheet: bytes) -> bytes:
        row = place.lstrip(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        cell = b'<row r="%s"><c r="%s"><v>1</v></c></row></sheetData>' % (row, place)
        return sheet.replace(b"</sheetData>", cell)

    return change


SHEET = "xl/worksheets/sheet1.xml"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
SPOILED = {
    "is no XLSX workbook": lambda path: path.write_bytes(b"no,at\n1,2\n"),
    "is no XLSX workbook, or not all of it": lambda path: path.write_bytes(path.read_bytes()[:900]),
    "is encrypted, or of a format older than XLSX": lambda path: path.write_bytes(OLE * 99),
    "can't be read as XLSX: syntax error": lambda path: change_part(path, SHEET, lambda part: part[:400]),
    # A handful of bytes that would take 550 GB.
    "with 2147483648 bytes of memory": lambda path: change_part(path, SHEET, _cell_at(b"XFD1048576")),
    "is larger than 1073741824 bytes": _blow_up,
}


@pytest.mark.parametrize("message", SPOILED)
async def test_a_workbook_that_can_not_be_read(book, tmp_path, message):
    path = write_xlsx(tmp_path / "s.xlsx", [SHEET_HEADER, ["1", AT, "EUR", "A", 1, 2, None]])
    SPOILED[message](path)
    with pytest.raises(FileError, match=message):
        await run(book, path)
    assert [one.name for one in tmp_path.glob("s.xlsx*")] == ["s.xlsx"]


async def test_an_empty_sheet(book, tmp_path):
    with pytest.raises(FileError, match="the sheet is empty"):
        await run(book, write_xlsx(tmp_path / "s.xlsx", []))


async def test_the_format_is_told_by_suffix_map_or_request(book, tmp_path):
    path = importing.write(tmp_path, importing.row("1")).rename(tmp_path / "export.dat")
    with pytest.raises(FileError, match=r"the suffix '\.dat' tells no format"):
        await run(book, path)
    assert (await run(book, path, MAP.replace("[file]", '[file]\nformat = "csv"'))).placed == 1
    assert (await run(book, path, format="csv")).already_there == 1
    with pytest.raises(MapError, match=r"\[file\]: format must be one of"):
        await run(book, path, MAP.replace("[file]", '[file]\nformat = "pdf"'))


def test_the_reader_of_workbooks_imports_nothing_of_ours():
    source = (Path(importing.ROOT) / "src/orderwire/importer/workbook.py").read_text(encoding="utf-8")
    assert "from ." not in source
    assert "orderwire" not in source

"""Rows that can't be taken: each is listed with its code, and no order is half taken."""

from __future__ import annotations

import csv

import pytest

from orderwire.book.operations import append_stage
from orderwire.book.orders import MAX_LINES
from orderwire.book.stages import NewStage
from orderwire.importer.csv_source import MAX_ROW_BYTES
from orderwire.importer.rows import MAX_FIELD_LENGTH, FileError
from orderwire.importer.tables import MapError
from tests.factories import all_orders, make_caller, make_organisation
from tests.importer.importing import HEADER, MAP, accepted, rejected, row, run, write


async def count_orders(book) -> int:
    return len(await all_orders(book, await make_organisation(book)))


@pytest.mark.parametrize(
    ("bad", "column", "code", "value"),
    [
        (row("1", quantity="two"), "quantity", "number_invalid", "two"),
        (row("1", price="1 50"), "price", "number_invalid", "1 50"),
        (row("1", price="9" * 30), "price", "number_invalid", "9" * 30),
        (row("1", quantity="NaN"), "quantity", "number_invalid", "NaN"),
        (row("1", quantity="999999999999", price="9999"), "price", "number_invalid", "9998999999990001"),
        (row("1", at="2024-13-01 10:00"), "at", "date_invalid", "2024-13-01 10:00"),
        (row("1", at="01/05/2024"), "at", "date_invalid", "01/05/2024"),
        (row("1", at="0001-01-01 10:00"), "at", "date_invalid", "0001-01-01 10:00"),
        (row("1", at="2024-03-31 01:30"), "at", "date_skipped", "2024-03-31 01:30"),
        (row("1", at=""), "at", "value_missing", ""),
        (row("1", currency="euro"), "currency", "value_invalid", "euro"),
        (row("1", item="x" * 256), "item", "value_invalid", "x" * 256),
        (row("1", mail="m" * 1_001), "mail", "value_invalid", "m" * 1_001),
        (row("n" * 256), "no", "value_invalid", "n" * 256),
        (row(""), "no", "key_missing", ""),
        (row("1") + ",more", "", "column_count", "8"),
        ("1,2024-05-01 10:00,EUR", "", "column_count", "3"),
        (row("1", item="a\0b"), "item", "nul", "a\0b"),
        (row("1", item='"open'), "", "malformed", row("1", item='"open')),
    ],
)
async def test_a_bad_row_is_listed(book, tmp_path, bad, column, code, value):
    path = write(tmp_path, row("0"), bad, row("2"))
    summary = await run(book, path)
    assert rejected(path) == [(3, column, code, value)]
    assert sorted(accepted(path)) == [2, 4]
    assert (summary.rows, summary.placed, summary.codes) == (3, 2, {code: 1})
    assert await count_orders(book) == 2


async def test_an_order_with_a_bad_row_is_not_taken_at_all(book, tmp_path):
    path = write(
        tmp_path, row("1"), row("1", quantity="x"), row("2"), row("1", price="y"), row("1") + ",", row("1")
    )
    summary = await run(book, path)
    assert rejected(path) == [
        (2, "", "order_rejected", ""),
        (3, "quantity", "number_invalid", "x"),
        (5, "price", "number_invalid", "y"),
        (6, "", "column_count", "8"),
        (7, "", "order_rejected", ""),
    ]
    assert sorted(accepted(path)) == [4]
    assert (summary.orders, summary.placed, summary.rejected) == (2, 1, 1)


async def test_rows_of_one_order_must_agree_unless_the_first_is_enough(book, tmp_path):
    path = write(tmp_path, row("1"), row("1", currency=""), row("1", currency="USD"))
    await run(book, path)
    assert rejected(path) == [
        (2, "", "order_rejected", ""),
        (3, "", "order_rejected", ""),
        (4, "currency", "rows_differ", "USD"),
    ]
    first = MAP.replace('key = "no"', 'key = "no"\nrows_differ = "first"')
    assert (await run(book, path, first)).placed == 1
    assert rejected(path) == []
    assert not path.with_name("export.csv.rejected.csv").exists()


async def test_rows_of_one_order_may_stand_apart(book, tmp_path):
    path = write(tmp_path, row("1", item="A"), row("2"), row("1", item="B"), row("3"), row("1", item="C"))
    summary = await run(book, path)
    assert (summary.orders, summary.placed) == (3, 3)
    lines = accepted(path)
    assert lines[2] == lines[4] == lines[6]
    owner = await make_organisation(book)
    order = await book.store.fetch_order(owner.id, lines[2])
    assert [line.item for line in order.document.lines] == ["A", "B", "C"]


async def test_the_same_name_with_other_content_is_refused(book, tmp_path):
    path = write(tmp_path, row("1"), row("2"))
    await run(book, path)
    write(tmp_path, row("1"), row("2", quantity="3"), row("2"))
    summary = await run(book, path)
    assert (summary.placed, summary.already_there) == (0, 1)
    assert rejected(path) == [(3, "no", "already_exists", "2"), (4, "", "order_rejected", "")]
    assert await count_orders(book) == 2


async def test_an_order_that_went_on_since_is_there_already(book, tmp_path):

    path = write(tmp_path, row("1"))
    await run(book, path)
    owner = await make_organisation(book)
    order = await book.store.fetch_order_named(owner.id, "reference", "1")
    await append_stage(book, make_caller(owner), order, NewStage(stage="packed"))
    summary = await run(book, path)
    assert (summary.placed, summary.already_there, summary.rejected_rows) == (0, 1, 0)


async def test_names_are_the_organisations_own(book, tmp_path):
    path = write(tmp_path, row("1"))
    await run(book, path)
    summary = await run(book, path, owner="other")
    assert summary.placed == 1


async def test_more_rows_than_an_order_may_have(book, tmp_path):
    path = write(tmp_path, *[row("1")] * (MAX_LINES + 2), row("2"))
    summary = await run(book, path)
    assert summary.codes == {"too_many_rows": 2, "order_rejected": MAX_LINES}
    assert (summary.placed, summary.rejected, summary.rows) == (1, 1, MAX_LINES + 3)


async def test_bytes_that_are_no_text_come_back_as_they_were(book, tmp_path):
    path = tmp_path / "export.csv"
    bad = row("1", item="caf\udce9").encode("utf-8", "surrogateescape")
    path.write_bytes(
        b"\xef\xbb\xbf" + HEADER.encode() + b"\r\n" + bad + b"\r\n" + row("2").encode() + b"\r\n"
    )
    await run(book, path)
    assert rejected(path) == [(2, "item", "encoding", "caf\udce9")]
    assert bad in path.with_name("export.csv.rejected.csv").read_bytes()
    assert sorted(accepted(path)) == [3]


async def test_an_open_quote_costs_one_row(book, tmp_path):
    rows = [row("1", item='"never closed'), *(row(str(n)) for n in range(2, 2_002))]
    path = write(tmp_path, *rows)
    summary = await run(book, path)
    assert [one[:3] for one in rejected(path)] == [(2, "", "malformed")]
    assert (summary.rows, summary.placed) == (2_001, 2_000)


async def test_a_row_too_long_is_skipped_whole(book, tmp_path):
    path = write(tmp_path, row("1"), row("1", item="é" * MAX_ROW_BYTES), row("2"))
    summary = await run(book, path)
    assert [one[:3] for one in rejected(path)] == [(2, "", "order_rejected"), (3, "", "row_too_long")]
    assert (summary.rows, summary.placed) == (3, 1)


async def test_a_cell_too_long_is_told_from_a_broken_row(book, tmp_path):
    path = write(tmp_path, row("1", item="x" * (MAX_FIELD_LENGTH + 1)), row("2"))
    summary = await run(book, path)
    assert [one[:3] for one in rejected(path)] == [(2, "", "row_too_long")]
    assert (summary.rows, summary.placed) == (2, 1)


async def test_cells_with_line_breaks_and_blank_lines(book, tmp_path):
    path = write(tmp_path, row("1", item='"two\nlines"'), "", row("2"))
    summary = await run(book, path)
    assert (summary.placed, summary.blank, summary.rejected_rows) == (2, 1, 0)
    assert sorted(accepted(path)) == [2, 5]


async def test_repaired_rows_can_be_imported_as_they_stand(book, tmp_path):
    path = write(tmp_path, row("1"), row("1", quantity="x"), row("2"))
    await run(book, path)
    report = path.with_name("export.csv.rejected.csv")
    with report.open(newline="") as file:
        table = list(csv.reader(file))
    assert table[0] == ["line", "column", "code", "value", *HEADER.split(",")]
    table[2][table[0].index("quantity")] = "5"
    with report.open("w", newline="") as file:
        csv.writer(file).writerows(table)
    summary = await run(book, report)
    assert (summary.placed, summary.rejected_rows) == (1, 0)
    assert await count_orders(book) == 2


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (b"", FileError, "empty"),
        (b"\xff\xfeno", FileError, "header can't be read: encoding"),
        ("no,at".encode("utf-16"), FileError, "header can't be read"),
        (b"number,at\n1,2\n", MapError, "the file has no column 'no'"),
        (b"no,at\n1,2\n", MapError, "currency: the file has no column 'currency'"),
        (HEADER.encode() + b",item\n", MapError, "'item' more than once"),
        (b"c," * 1_001 + b"no\n", FileError, "more than 1000 columns"),
    ],
)
async def test_a_file_that_does_not_fit_is_refused_whole(book, tmp_path, content, error, message):
    path = tmp_path / "export.csv"
    path.write_bytes(content)
    with pytest.raises(error, match=message):
        await run(book, path)
    assert [one.name for one in tmp_path.glob("export*")] == ["export.csv"]

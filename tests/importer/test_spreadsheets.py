"""CSV as a spreadsheet: every cell a text, further sheets when one is full."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from orderwire.importer.spreadsheets import MAX_CELL_LENGTH, write_spreadsheet

HEADER = ["line", "value"]


def write(folder: Path, rows: list[list[str]], **options: int) -> CalamineWorkbook:
    source, target = folder / "a.csv", folder / "a.xlsx"
    with source.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    write_spreadsheet(source, target, "utf-8", ",", **options)
    return CalamineWorkbook.from_path(str(target))


def test_what_looks_like_something_else_stays_a_text(tmp_path: Path) -> None:
    values = [
        "=1+1",
        "+1",
        "-1",
        "@x",
        "{=1}",
        "http://x.example",
        "007",
        "1e5",
        "TRUE",
        " x ",
        "a\nb",
        "ä😀",
        "",
    ]
    book = write(tmp_path, [HEADER, *([str(at), value] for at, value in enumerate(values))])
    shown = book.get_sheet_by_index(0).to_python()
    assert shown == [HEADER, *([str(at), value] for at, value in enumerate(values))]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "a.xlsx"]


def test_a_full_sheet_is_followed_by_another(tmp_path: Path) -> None:
    rows = [[str(n), "x"] for n in range(7)]
    book = write(tmp_path, [HEADER, *rows], sheet_rows=4)
    sheets = [book.get_sheet_by_index(at).to_python() for at in range(len(book.sheet_names))]
    assert sheets == [[HEADER, *rows[:3]], [HEADER, *rows[3:6]], [HEADER, *rows[6:]]]


def test_a_cell_holds_so_much_and_no_more(tmp_path: Path) -> None:
    book = write(tmp_path, [HEADER, ["1", "x" * (MAX_CELL_LENGTH + 1)]])
    assert book.get_sheet_by_index(0).to_python()[1][1] == "x" * MAX_CELL_LENGTH


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n")
    with pytest.raises(OSError, match="gone"):
        write_spreadsheet(tmp_path / "a.csv", tmp_path / "gone" / "a.xlsx", "utf-8", ",")

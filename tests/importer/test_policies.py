"""All or nothing, dry runs, and what was understood."""

from __future__ import annotations

import pytest

from orderwire.book.errors import NotAllowed
from orderwire.book.imports import settle
from orderwire.book.operations import NewOrder, place_order
from orderwire.book.orders import Document
from orderwire.importer import session
from orderwire.importer.parse_map import parse_map
from orderwire.importer.request import ALL_OR_NOTHING, ImportRequest
from orderwire.importer.rows import FileError
from orderwire.importer.run import import_file
from tests.factories import all_orders, make_caller, make_organisation
from tests.importer.importing import MAP, SAMPLE, SAMPLE_MAP, accepted, rejected, row, run, write
from tests.importer.making import read_csv


async def orders(book):
    return await all_orders(book, await make_organisation(book))


async def test_a_file_without_faults_is_placed_whole(book, tmp_path):
    path = write(tmp_path, row("1"), row("2"), row("1", item="B"), row("3"))
    summary = await run(book, path, policy=ALL_OR_NOTHING)
    assert (summary.orders, summary.placed, summary.rejected_rows) == (3, 3, 0)
    assert sorted(accepted(path)) == [2, 3, 4, 5]
    assert len(await orders(book)) == 3
    again = await run(book, path, policy=ALL_OR_NOTHING)
    assert (again.placed, again.already_there) == (0, 3)


async def test_one_fault_refuses_the_whole_file(book, tmp_path):
    many = [row(str(number)) for number in range(10, 1_400)]
    path = write(tmp_path, row("1"), *many, row("2", quantity="x"), row("2"), row(""), row("3", price="y"))
    summary = await run(book, path, policy=ALL_OR_NOTHING)
    assert (summary.placed, summary.accepted_rows, summary.orders, summary.rejected) == (0, 0, 1_393, 1_393)
    found = {one[0]: one[1:] for one in rejected(path)}
    assert found[2] == ("", "file_refused", "")
    assert [found[line] for line in range(1_393, 1_397)] == [
        ("quantity", "number_invalid", "x"),
        ("", "order_rejected", ""),
        ("no", "key_missing", ""),
        ("price", "number_invalid", "y"),
    ]
    assert len(found) == summary.rows == 1_395
    assert accepted(path) == {}
    assert await orders(book) == []


async def test_a_name_that_is_taken_refuses_the_whole_file(book, tmp_path):
    caller = make_caller(await make_organisation(book))
    await place_order(book, caller, NewOrder(document=Document(names={"reference": "2"})))
    path = write(tmp_path, row("1"), row("2"))
    await run(book, path, policy=ALL_OR_NOTHING)
    assert rejected(path) == [(2, "", "file_refused", ""), (3, "no", "already_exists", "2")]


async def test_a_name_taken_meanwhile_refuses_the_whole_file(book, tmp_path, monkeypatch):
    """Between the look at every row and the transaction, somebody else takes a name."""
    caller = make_caller(await make_organisation(book))
    path = write(tmp_path, row("1"), row("2"))
    calls: list[object] = []

    async def settle_late(*arguments):
        calls.append(arguments)
        if len(calls) == 1:
            await place_order(book, caller, NewOrder(document=Document(names={"reference": "2"})))
        await settle(*arguments)

    monkeypatch.setattr(session, "settle", settle_late)
    summary = await run(book, path, policy=ALL_OR_NOTHING)
    assert (summary.placed, summary.rejected) == (0, 2)
    assert rejected(path) == [(2, "", "file_refused", ""), (3, "no", "already_exists", "2")]
    assert accepted(path) == {}
    assert len(await orders(book)) == 1


async def test_a_name_taken_meanwhile_rejects_one_order(book, tmp_path, monkeypatch):
    caller = make_caller(await make_organisation(book))
    path = write(tmp_path, row("1"), row("2"), row("3"))
    calls: list[object] = []

    async def settle_late(*arguments):
        calls.append(arguments)
        if len(calls) == 1:
            await place_order(book, caller, NewOrder(document=Document(names={"reference": "2"})))
        await settle(*arguments)

    monkeypatch.setattr(session, "settle", settle_late)
    summary = await run(book, path)
    assert (summary.placed, summary.rejected, summary.codes) == (2, 1, {"already_exists": 1})
    assert rejected(path) == [(3, "no", "already_exists", "2")]
    assert sorted(accepted(path)) == [2, 4]


@pytest.mark.parametrize("limit", ["MAX_TOGETHER", "MAX_TOGETHER_BYTES"])
async def test_too_much_for_one_transaction(book, tmp_path, monkeypatch, limit):
    monkeypatch.setattr(session, limit, 2)
    path = write(tmp_path, row("1"), row("2"), row("3"))
    with pytest.raises(FileError, match="all_or_nothing takes at most"):
        await run(book, path, policy=ALL_OR_NOTHING)
    assert [one.name for one in tmp_path.glob("export*")] == ["export.csv"]
    assert await orders(book) == []


async def test_a_dry_run_says_what_would_be(book, tmp_path):
    await run(book, write(tmp_path, row("0")))
    path = write(tmp_path, row("0"), row("1"), row("1", item="B"), row("2", quantity="x"), row("3"))
    summary = await run(book, path, dry_run=True)
    assert (summary.placed, summary.already_there, summary.rejected) == (2, 1, 1)
    assert len(await orders(book)) == 1
    folder = {one.name for one in tmp_path.glob("export.csv.*")}
    assert folder == {
        "export.csv.accepted.csv", "export.csv.dry-run.accepted.csv", "export.csv.dry-run.rejected.csv",
    }  # fmt: skip
    shown = read_csv(tmp_path / "export.csv.dry-run.accepted.csv")
    assert [line for line, _ in shown[1:]] == ["2", "3", "4", "6"]
    assert [bool(order_id) for _, order_id in shown[1:]] == [True, False, False, False]
    assert rejected(tmp_path / "export.csv.dry-run") == [(5, "quantity", "number_invalid", "x")]
    assert (await run(book, path)).placed == 2


async def test_a_dry_run_sees_that_two_orders_of_the_file_want_one_name(book, tmp_path):
    text = MAP.replace('column = "no"', 'column = "no"\n[[name]]\nscheme = "mail"\ncolumn = "mail"', 1)
    path = write(tmp_path, row("1", mail="a"), row("2", mail="b"), row("3", mail="a"))
    for dry_run in (True, False):
        summary = await run(book, path, text, dry_run=dry_run)
        assert (summary.placed, summary.codes) == (2, {"already_exists": 1})
        name = "export.csv.dry-run" if dry_run else "export.csv"
        assert rejected(tmp_path / name) == [(4, "mail", "already_exists", "a")]


async def test_what_was_understood(book, tmp_path):
    path = tmp_path / "retail.csv"
    path.write_bytes(SAMPLE.read_bytes())
    summary = await run(book, path, SAMPLE_MAP.read_text(), normalised=True)
    header, *rows = read_csv(tmp_path / "retail.csv.normalised.csv")
    assert summary.normalised_file == str(tmp_path / "retail.csv.normalised.csv")
    assert len(rows) == 999
    first = dict(zip(header, rows[0], strict=True))
    assert {key: value for key, value in first.items() if value} == {
        "line": "2",
        "order_id": str(accepted(path)[2]),
        "names": '{"reference": "536365", "po_number": "536365", "planocore.order_id": "536365"}',
        "kind": "order",
        "lifecycle": "complete",
        "currency": "GBP",
        "placed_at": "2010-12-01T08:26:00Z",
        "total": "139.12",
        "stages": '[["placed", "2010-12-01T08:26:00Z"]]',
        "customer_id": "17850",
        "customer_reference": "17850",
        "customer_country": "GB",
        "line_number": "1",
        "line_item": "85123A",
        "line_description": "WHITE HANGING HEART T-LIGHT HOLDER",
        "line_quantity": "6",
        "line_unit_price": "2.55",
        "line_total": "15.3",
    }
    assert {int(row[0]) for row in rows} == set(range(2, 1_001))


async def test_who_may_not_write_may_not_import(book, tmp_path):
    path = write(tmp_path, row("1"))
    caller = make_caller(await make_organisation(book), frozenset())
    with pytest.raises(NotAllowed):
        await import_file(book, caller, path, ImportRequest(map=parse_map(MAP)))


async def test_marks_that_the_encoding_lacks_do_not_end_an_import(book, tmp_path):
    """A map can bring in what the file could not say."""
    text = MAP.replace("[file]", '[file]\nencoding = "iso-8859-1"') + '[values.mail]\n"a" = "€→\\u0000"\n'
    text = text.replace("\\u0000", "x" * 1_000)
    path = write(tmp_path, row("1", mail="a"), row("2"))
    summary = await run(book, path, text)
    assert (summary.placed, summary.codes) == (1, {"value_invalid": 1})
    shown = path.with_name("export.csv.rejected.csv").read_text(encoding="iso-8859-1")
    assert "??xxx" in shown

"""JSON Lines in the shape of our own API: what is exported comes in again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from orderwire.book.callers import RIGHTS
from orderwire.book.operations import NewOrder, append_stage, delete_order, place_order
from orderwire.book.orders import Document, GroupOrder, Line, Party
from orderwire.book.queries import get_status, list_stages, open_voucher
from orderwire.book.stages import NewStage
from orderwire.contracts.native.wire_export import render_order_line
from orderwire.contracts.native.wire_lines import parse_order_line
from orderwire.importer.request import ImportRequest
from orderwire.importer.rows import FileError
from orderwire.importer.run import import_file
from tests.factories import all_orders, make_caller, make_organisation
from tests.importer.importing import accepted, rejected
from tests.importer.making import read_csv, write_lines

AT = "2024-05-01T10:00:00Z"


async def take(book, path, *, owner="acme", **asked):
    """Import a file in the native shape."""
    caller = make_caller(await make_organisation(book, owner))
    return await import_file(book, caller, path, ImportRequest(**asked), parse_order=parse_order_line)


def order(name: str, **given: object) -> dict[str, object]:
    """A line with one name."""
    return {"names": {"reference": name}, "placed_at": AT, "lines": [{"item": "A", "quantity": 2}], **given}


async def test_what_a_line_says_is_kept(book, tmp_path):
    line = order(
        "1",
        kind="invoice",
        lifecycle="complete",
        payment="paid",
        delivery="delivered",
        currency="EUR",
        changed_at="2024-05-02T12:00:00+02:00",
        total=1.50,
        customer={"reference": "C1", "name": "Zoë"},
        shipping={"city": "Köln", "at": AT},
        vouchers=[{"product_id": 7, "amount": "10.00", "currency": "INR", "code": "SECRET-1", "pin": "99"}],
        stages=[
            {"stage": "placed", "effective_at": AT, "number": 1, "revision": 1, "origin": {"contract": "x"}},
            {"stage": "sent", "effective_at": "2024-05-02T10:00:00Z", "detail": {"notes": "by post"}},
            {"stage": "noted", "effective_at": "2024-05-03T10:00:00Z", "status": "leave"},
        ],
    )
    answered = {"id": 4294967297, "organisation": "elsewhere", "revision": 9, "status": {"stage": "sent"}}
    path = write_lines(tmp_path / "o.jsonl", [{**answered, **line}])
    summary = await take(book, path)
    assert (summary.rows, summary.orders, summary.placed, summary.rejected_rows) == (1, 1, 1, 0)
    owner = await make_organisation(book)
    caller = make_caller(owner)
    (kept,) = await all_orders(book, owner)
    assert accepted(path) == {1: kept.id}
    assert (kept.kind, kept.lifecycle, kept.payment, kept.delivery, kept.currency, kept.revision) == (
        "invoice", "complete", "paid", "delivered", "EUR", 1,
    )  # fmt: skip
    assert kept.changed_at == datetime(2024, 5, 2, 10, 0, tzinfo=UTC)
    assert kept.document.total == Decimal("1.5")
    assert kept.document.delivery is not None
    assert kept.document.delivery.city == "Köln"
    assert open_voucher(book, caller, kept.document.vouchers[0]) == ("SECRET-1", "99")
    stages = await list_stages(book, caller, kept)
    assert [(stage.stage, stage.origin.contract) for stage in stages] == [
        ("placed", "test"), ("sent", "test"), ("noted", "test"),
    ]  # fmt: skip
    status = await get_status(book, caller, kept)
    assert status is not None
    assert (status.stage, stages[1].detail.notes) == ("sent", "by post")
    assert (await take(book, path)).already_there == 1


@pytest.mark.parametrize(
    ("line", "column", "code", "value"),
    [
        ("{", "", "malformed", "not JSON"),
        ("[]", "", "malformed", "not an object"),
        ('{"kind":"order","kind":"order"}', "", "malformed", "a key is given twice"),
        ('{"notes":"\udcff"}', "", "malformed", "not UTF-8"),
        (order("1", placed="x"), "placed", "value_invalid", "no such field"),
        (order("1", kind="offer"), "kind", "value_invalid", None),
        (order("1", currency="euro"), "currency", "value_invalid", "must be three capital letters"),
        (order("1", placed_at="2024-05-01"), "placed_at", "value_invalid", None),
        (order("1", lines=[{"quantity": "x"}]), "lines[0].quantity", "value_invalid", None),
        (order("1", stages=[{"detail": {}}]), "stages[0].stage", "value_missing", ""),
        (order("1", stages=[{"stage": ""}]), "stage", "value_invalid", None),
        (order("1", notes="a\0b"), "document.notes", "value_invalid", "holds a NUL character"),
        (order("1", names={}), "names", "value_missing", ""),
        (order("n" * 256), None, "value_invalid", None),
        (order("taken", total=7), "names.reference", "already_exists", "taken"),
    ],
)  # fmt: skip
async def test_a_line_that_can_not_be_taken_is_listed(book, tmp_path, line, column, code, value):
    await take(book, write_lines(tmp_path / "before.jsonl", [order("taken")]))
    path = write_lines(tmp_path / "o.jsonl", [order("0"), line, "", order("2")])
    summary = await take(book, path)
    ((number, *fault),) = rejected(path)
    assert (number, fault[1]) == (2, code)
    assert column in (None, fault[0])
    assert value in (None, fault[2])
    assert (summary.rows, summary.placed, summary.rejected, summary.blank) == (3, 2, 1, 1)
    assert sorted(accepted(path)) == [1, 4]
    raw = path.read_bytes().splitlines()[1]
    report = path.with_name("o.jsonl.rejected.csv")
    assert read_csv(report, "latin-1")[1][4].encode("latin-1") == raw
    assert len(await all_orders(book, await make_organisation(book))) == 3


async def test_a_name_of_an_order_that_is_not_taken_is_free_for_the_next(book, tmp_path):
    await take(book, write_lines(tmp_path / "before.jsonl", [order("taken")]))
    first = {**order("taken", total=7), "names": {"reference": "taken", "po_number": "shared"}}
    second = {**order("x"), "names": {"po_number": "shared"}}
    path = write_lines(tmp_path / "o.jsonl", [first, second])
    summary = await take(book, path)
    assert (summary.placed, summary.rejected) == (1, 1)
    assert [one[:3] for one in rejected(path)] == [(1, "names.reference", "already_exists")]
    assert list(accepted(path)) == [2]


async def test_the_same_order_twice_in_a_file_is_one(book, tmp_path):
    twice = order("1", vouchers=[{"code": "S"}], stages=[{"stage": "a", "effective_at": AT}])
    other = order("1", vouchers=[{"code": "T"}], stages=[{"stage": "a", "effective_at": AT}])
    path = write_lines(tmp_path / "o.jsonl", [twice, twice, other])
    summary = await take(book, path)
    assert (summary.placed, summary.already_there, summary.rejected) == (1, 1, 1)
    lines = accepted(path)
    assert lines[1] == lines[2]
    assert rejected(path) == [(3, "names.reference", "already_exists", "1")]


async def test_times_that_a_line_leaves_open_are_no_difference(book, tmp_path):
    line = order("1", stages=[{"stage": "a"}])
    del line["placed_at"]
    path = write_lines(tmp_path / "o.jsonl", [line])
    assert (await take(book, path)).placed == 1
    assert (await take(book, path)).already_there == 1


async def test_an_order_without_names_is_known_by_the_id_it_had(book, tmp_path):
    caller = make_caller(await make_organisation(book))
    nameless = await place_order(
        book, caller, NewOrder(document=Document(total=Decimal(7), customer=Party(name="A")))
    )
    line = {"id": nameless.id, **json.loads(render_order_line(nameless, [], None))}
    path = write_lines(tmp_path / "o.jsonl", [line])
    # It is this book's own, and stays as it is.
    assert (await take(book, path)).already_there == 1
    assert accepted(path) == {1: nameless.id}
    assert (await take(book, path, owner="other")).placed == 1
    assert (await take(book, path, owner="other")).already_there == 1
    (moved,) = await all_orders(book, await make_organisation(book, "other"))
    assert moved.document.names == {"orderwire.id": str(nameless.id)}


async def test_what_is_exported_comes_in_again(book, tmp_path):
    caller = make_caller(await make_organisation(book), RIGHTS)
    request = parse_order_line(
        json.dumps(
            order("1", vouchers=[{"code": "S", "pin": "1"}], stages=[{"stage": "a", "effective_at": AT}])
        ).encode()
    )[0]
    placed = await place_order(book, caller, request)
    await append_stage(book, caller, placed, NewStage(stage="b"))
    stages = await list_stages(book, caller, placed)
    secrets = [open_voucher(book, caller, voucher) for voucher in placed.document.vouchers]
    line = render_order_line(placed, stages, secrets)
    path = tmp_path / "o.jsonl"
    path.write_bytes(line + b"\n")
    assert (await take(book, path)).already_there == 1
    assert (await take(book, path, owner="other")).placed == 1
    there = make_caller(await make_organisation(book, "other"))
    (moved,) = await all_orders(book, there.organisation)
    again = render_order_line(
        moved,
        await list_stages(book, there, moved),
        [open_voucher(book, there, voucher) for voucher in moved.document.vouchers],
    )
    assert again == line


async def test_a_deleted_order_keeps_its_name(book, tmp_path):
    path = write_lines(tmp_path / "o.jsonl", [order("1")])
    await take(book, path)
    owner = await make_organisation(book)
    (kept,) = await all_orders(book, owner)
    await delete_order(book, make_caller(owner), kept)
    assert (await take(book, path)).placed == 0
    assert rejected(path) == [(1, "names.reference", "already_exists", "1")]


async def test_a_group_order_is_kept_where_it_is_known(book, tmp_path):
    owner = await make_organisation(book)
    group = GroupOrder(
        id="g1", organisation_id=owner.id, user_id=None, total=1, accepted=0, rejected=0,
        normalised_path=None, accepted_path=None, rejected_path=None, job_id=None, created_at=book.clock(),
    )  # fmt: skip
    await book.store.write(lambda tx: tx.insert_group_order(group, ()))
    lines = [order("1", group_order_id="g1", group_line=4), order("2", group_order_id="g2", group_line=5)]
    assert (await take(book, write_lines(tmp_path / "o.jsonl", lines))).placed == 2
    first, second = await all_orders(book, owner)
    assert (first.group_order_id, first.group_line) == ("g1", 4)
    assert (second.group_order_id, second.group_line) == (None, None)


async def test_members_of_a_group_order(book, tmp_path):
    owner = await make_organisation(book)
    group = GroupOrder(
        id="g1", organisation_id=owner.id, user_id=None, total=0, accepted=0, rejected=0,
        normalised_path=None, accepted_path=None, rejected_path=None, job_id=None, created_at=book.clock(),
    )  # fmt: skip
    await book.store.write(lambda tx: tx.insert_group_order(group, ()))
    await take(book, write_lines(tmp_path / "before.jsonl", [order("0")]))
    lines = [order("0"), order("1"), order("2", kind="offer"), order("1")]
    path = write_lines(tmp_path / "o.jsonl", lines)
    summary = await take(book, path, group_order_id="g1")
    # What was in the book before is there already, and no member of this group order.
    assert (summary.placed, summary.already_there, summary.rejected) == (1, 2, 1)
    members = await book.store.list_members(owner.id, "g1", 10)
    assert [(one.document.names["reference"], one.group_line) for one, _ in members] == [("1", 2)]
    kept = await book.store.list_rejections(owner.id, "g1", 0, 10)
    assert [(one.line, one.column, one.code) for one in kept] == [(3, "kind", "value_invalid")]
    again = await take(book, path, group_order_id="g1")
    assert (again.placed, again.already_there, again.rejected) == (0, 3, 1)
    assert len(await book.store.list_rejections(owner.id, "g1", 0, 10)) == 1


async def test_a_line_too_long_is_skipped_whole(book, tmp_path):
    lines = [order("1"), order("2", notes="é" * 3_000_000), order("3")]
    path = write_lines(tmp_path / "o.jsonl", lines)
    summary = await take(book, path)
    assert [one[:3] for one in rejected(path)] == [(2, "", "row_too_long")]
    assert (summary.rows, summary.placed) == (3, 2)


async def test_lines_of_an_order_in_the_normalised_report(book, tmp_path):
    path = write_lines(
        tmp_path / "o.jsonl",
        [order("1", lines=[{"item": "A", "quantity": "2.50"}, {"item": "B"}]), order("2", lines=[])],
    )
    summary = await take(book, path, normalised=True)
    header, *rows = read_csv(path.with_name("o.jsonl.normalised.csv"))
    shown = [dict(zip(header, row, strict=True)) for row in rows]
    assert summary.normalised_file == str(path.with_name("o.jsonl.normalised.csv"))
    assert [(one["line"], one["line_number"], one["line_item"], one["line_quantity"]) for one in shown] == [
        ("1", "1", "A", "2.5"), ("1", "2", "B", ""), ("2", "", "", ""),
    ]  # fmt: skip
    assert shown[0]["placed_at"] == AT
    assert Line(item="B") in (await all_orders(book, await make_organisation(book)))[0].document.lines


async def test_other_formats_need_a_map(book, tmp_path):
    path = tmp_path / "o.csv"
    path.write_text("no\n1\n")
    with pytest.raises(FileError, match="csv needs a map"):
        await take(book, path)

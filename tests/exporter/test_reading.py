"""Which orders an export holds, and that each is whole while orders are being changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orderwire.book.amend import Amendment, amend_order
from orderwire.book.errors import NotAllowed
from orderwire.book.lists import Amounts, Moment, NameSought, OrderQuery, Page, Span
from orderwire.book.operations import NewOrder, append_stage, delete_order, place_order
from orderwire.book.orders import Document, Line, NewVoucher, Order, Party, Voucher
from orderwire.book.stages import NewStage
from orderwire.book.store import Book
from orderwire.exporter import read
from orderwire.exporter.files import writing
from orderwire.exporter.request import ExportRequest
from orderwire.exporter.run import export_orders
from tests.exporter.exporting import export, export_lines, to_json_lines
from tests.factories import make_caller, make_organisation

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def named(number: int, **fields: Any) -> NewOrder:
    """An order with a reference; further fields are the order's."""
    document = fields.pop("document", Document())
    document = Document(
        names={"reference": f"R{number:03d}"},
        total=document.total or Decimal(number),
        customer=document.customer,
        lines=document.lines,
    )
    return NewOrder(placed_at=START + number * HOUR, document=document, **fields)


async def references(book: Book, folder: Path, query: OrderQuery, **asked: Any) -> list[str]:
    owner = await make_organisation(book)
    return [
        line["names"]["reference"] for line in await export_lines(book, owner, folder, query=query, **asked)
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (OrderQuery(), range(9)),
        (OrderQuery(lifecycles=("new", "complete")), range(9)),
        (OrderQuery(lifecycles=("complete",)), (1, 3, 5, 7)),
        (OrderQuery(payments=(None,)), (0, 1, 3, 4, 6, 7)),
        (OrderQuery(stages=("packed",)), (0, 4, 8)),
        (OrderQuery(customer_id=1), (2, 5, 8)),
        (OrderQuery(placed=Span(since=START + 2 * HOUR, until=START + 5 * HOUR)), (2, 3, 4)),
        (OrderQuery(placed=Span(until=START + 2 * HOUR)), (0, 1)),
        (OrderQuery(changed=Span(since=START + 7 * HOUR, until=START + 8 * HOUR)), (7,)),
        (OrderQuery(total=Amounts(least=Decimal("3.5"), most=Decimal(6))), (4, 5, 6)),
        (OrderQuery(name=NameSought(scheme="reference", name="R00", is_prefix=True)), range(9)),
        (OrderQuery(lifecycles=("complete",), stages=("packed",)), ()),
    ],
)
async def test_the_conditions_of_lists_hold(book, tmp_path, monkeypatch, query, expected):
    monkeypatch.setattr(read, "PAGE", 2)
    caller = make_caller(await make_organisation(book))
    for number in range(9):
        customer = Document(customer=Party(id=number % 3 - 1))
        request = named(
            number,
            lifecycle=("new", "complete")[number % 2],
            payment="paid" if number % 3 == 2 else None,
            document=customer,
            stages=(NewStage(stage="packed", effective_at=START),) if number % 4 == 0 else (),
        )
        await place_order(book, caller, request)
    assert await references(book, tmp_path, query) == [f"R{number:03d}" for number in expected]
    if query.name is None:
        now = Moment(as_of=START + 100_000 * HOUR, known_at=START + 100_000 * HOUR)
        then = await references(book, tmp_path, query, moment=now)
        # What is read of the past has no instant of the last change but its entries'.
        assert then == [f"R{number:03d}" for number in expected]


async def test_an_order_is_listed_by_the_name_that_it_bears_now(book, tmp_path):
    caller = make_caller(await make_organisation(book))
    order = await place_order(book, caller, named(1))

    def rename(before: Order) -> Order:
        return msgspec.structs.replace(before, document=Document(names={"reference": "R900"}))

    await amend_order(book, caller, order, Amendment(change=rename))
    query = OrderQuery(name=NameSought(scheme="reference", name="R", is_prefix=True))
    assert await references(book, tmp_path, query) == ["R900"]


async def test_one_without_the_right_exports_nothing(book, tmp_path):
    owner = await make_organisation(book)
    nobody = make_caller(owner, frozenset())
    with pytest.raises(NotAllowed):
        async for _ in read.read_orders(book, nobody, ExportRequest()):
            pass


async def test_other_organisations_orders_are_not_there(book, tmp_path):
    here, there = await make_organisation(book), await make_organisation(book, "other")
    await place_order(book, make_caller(there), named(1))
    assert (await export(book, here, tmp_path / "orders.jsonl")).orders == 0
    assert (tmp_path / "orders.jsonl").read_bytes() == b""


class Meanwhile:
    """The book's store; after each page of orders somebody else's work is done before it is used."""

    def __init__(self, book: Book, work: Any) -> None:
        self._store = book.store
        self._work = work

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def list_orders(self, organisation_id: int, query: OrderQuery) -> Page:
        page = await self._store.list_orders(organisation_id, query)
        await self._work()
        return page


async def test_an_order_that_is_changed_meanwhile_is_given_as_it_stood_once(book, tmp_path, monkeypatch):
    monkeypatch.setattr(read, "PAGE", 2)
    owner = await make_organisation(book)
    caller = make_caller(owner)
    placed = [
        await place_order(book, caller, named(number, stages=(NewStage(stage="first"),)))
        for number in range(6)
    ]
    store = book.store
    count = 0

    async def change_everything() -> None:
        nonlocal count
        count += 1
        book.store = store
        for order in placed[1:5]:
            await append_stage(book, caller, order, NewStage(stage=f"stage {count}"))
        if count == 2:
            await delete_order(book, caller, placed[5])
        await place_order(book, caller, named(100 + count))
        book.store = meanwhile

    meanwhile = Meanwhile(book, change_everything)
    book.store = meanwhile
    lines = await export_lines(book, owner, tmp_path)
    book.store = store
    assert count > 3, "orders were placed after each page"
    shown = {line["names"]["reference"]: [one["stage"] for one in line["stages"]] for line in lines}
    assert list(shown) == [f"R{number:03d}" for number in range(5)], "each once, none that was placed since"
    assert shown["R000"] == ["first"]
    for number in range(1, 5):
        # The stages are those that its row counted when its page was read, and no later one.
        pages_before = 1 + number // 2
        assert shown[f"R{number:03d}"] == ["first", *(f"stage {n + 1}" for n in range(pages_before))]


async def test_all_orders_at_one_instant(book, tmp_path):
    clock = [START]
    book.clock = lambda: clock[0]
    owner = await make_organisation(book)
    caller = make_caller(owner)
    placed = [
        await place_order(book, caller, NewOrder(document=Document(names={"reference": f"R{n}"})))
        for n in range(3)
    ]
    await append_stage(book, caller, placed[0], NewStage(stage="packed"))
    known_at = clock[0]
    clock[0] += HOUR
    await append_stage(book, caller, placed[0], NewStage(stage="sent"))
    await delete_order(book, caller, placed[2])
    await place_order(book, caller, NewOrder(document=Document(names={"reference": "R9"})))
    moment = Moment(as_of=clock[0], known_at=known_at)
    lines = await export_lines(book, owner, tmp_path, moment=moment)
    assert [line["names"]["reference"] for line in lines] == ["R0", "R1", "R2"]
    assert [one["stage"] for one in lines[0]["stages"]] == ["packed"]
    now = await export_lines(book, owner, tmp_path)
    assert [line["names"]["reference"] for line in now] == ["R0", "R1", "R9"]


async def test_long_histories_and_long_orders_come_whole(book, tmp_path, monkeypatch):
    monkeypatch.setattr(read, "FEW_STAGES", 3)
    monkeypatch.setattr(read, "PAGE_LINES", 10)
    caller = make_caller(await make_organisation(book))
    for number in range(12):
        stages = tuple(
            NewStage(stage=f"s{n}", effective_at=START - n * HOUR) for n in range(number if number < 9 else 0)
        )
        lines = tuple(Line(item=f"i{n}") for n in range(8 if number % 2 else 1))
        await place_order(book, caller, named(number, stages=stages, document=Document(lines=lines)))
    found = await export_lines(book, caller.organisation, tmp_path)
    assert [len(line.get("stages", ())) for line in found] == [*range(9), 0, 0, 0]
    assert [one["stage"] for one in found[8]["stages"]] == [f"s{n}" for n in range(8)], "by number"
    assert [len(line["lines"]) for line in found] == [1, 8] * 6


async def test_vouchers_leave_only_when_they_are_asked_for(book, tmp_path):
    owner = await make_organisation(book)
    vouchers = (
        NewVoucher(voucher=Voucher(amount=Decimal(5), currency="EUR"), code="SECRET-1", pin="77"),
        NewVoucher(voucher=Voucher(kind="code"), code="SECRET-2"),
    )
    await place_order(book, make_caller(owner), named(1, vouchers=vouchers))
    path = tmp_path / "orders.jsonl"
    summary = await export(book, owner, path)
    assert (summary.vouchers, summary.vouchers_left_out) == (0, 2)
    assert "vouchers" not in path.read_text()
    summary = await export(book, owner, path, with_vouchers=True)
    assert (summary.vouchers, summary.vouchers_left_out) == (2, 0)
    shown = (await export_lines(book, owner, tmp_path, with_vouchers=True))[0]["vouchers"]
    assert shown == [
        {"amount": "5", "currency": "EUR", "code": "SECRET-1", "pin": "77"},
        {"kind": "code", "code": "SECRET-2"},
    ]


async def test_progress_is_told_after_each_page(book, tmp_path, monkeypatch):
    monkeypatch.setattr(read, "PAGE", 2)
    caller = make_caller(await make_organisation(book))
    for number in range(5):
        await place_order(book, caller, named(number))
    told = []
    with writing(tmp_path / "o.jsonl") as file:
        summary = await export_orders(
            book, caller, ExportRequest(), to_json_lines, file, lambda so_far: told.append(so_far.orders)
        )
    assert told == [2, 4, 5]
    assert summary.bytes == (tmp_path / "o.jsonl").stat().st_size

"""CSV and Parquet: their columns, types, and what a cell may hold."""

from __future__ import annotations

import csv
import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orderwire.book.operations import NewOrder, place_order
from orderwire.book.orders import (
    Access,
    Delivery,
    Document,
    HostingAccount,
    Line,
    NewVoucher,
    Order,
    Party,
    Payment,
    PaymentMethod,
    PhotoTour,
    Visit,
    Voucher,
)
from orderwire.book.stages import NewStage, StageDetail
from orderwire.exporter import columns, csv_rows, parquet
from orderwire.exporter.csv_rows import CsvSink
from orderwire.exporter.parquet import ParquetSink
from tests.exporter.exporting import export
from tests.factories import all_orders, make_caller, make_organisation

AT = datetime(2026, 3, 1, 12, 30, 0, 250_000, tzinfo=UTC)
GUIDE = Path(__file__).parent.parent.parent / "docs" / "guides" / "export.md"
PARTY = Party(
    id=7,
    reference="C7",
    reference2="c-7",
    name="Zoë & Söhne",
    first_name="Zoë",
    last_name="Söhne",
    email="z@example.com",
    phone="+49 30 1",
    country="DE",
    postal_code="01067",
)
FULL = Document(
    names={"reference": "R1", "po_number": "PO,1"},
    access=Access(owner="secret", users=(1,)),
    total=Decimal("123456789012.000000000001"),
    total_excl_tax=Decimal(1),
    total_discounted=Decimal(2),
    discount_percent=Decimal("2.5"),
    discount_amount=Decimal(3),
    tax_amount=Decimal(4),
    shipping_fee=Decimal(5),
    advance_amount=Decimal(6),
    amount_charged=Decimal(7),
    exchange_rate=Decimal("0.000000000001"),
    customer=PARTY,
    recorded_by=PARTY,
    receiver=PARTY,
    payment_method=PaymentMethod(id=1, reference="cash", name="Cash"),
    paid_at=AT,
    due_at=AT,
    payments=(Payment(id=3, amount=Decimal("9.5"), paid_at=AT),),
    lines=(
        Line(
            id=1,
            item="=SUM(A1)",
            description='with "quotes"\nand lines',
            quantity=Decimal(2),
            unit="kg",
            unit_price=Decimal("-1.5"),
            total=Decimal(-3),
            tax=Decimal(0),
            attributes={"colour": "red"},
        ),
        Line(item="second"),
    ),
    delivery=Delivery(
        at=AT,
        comment="-ring twice",
        country="DE",
        city="Dresden",
        postal_code="01067",
        address="A 1",
        desired_at=AT,
        delivered_at=AT,
        assigned_at=AT,
        by=PARTY,
    ),
    visit=Visit(latitude=Decimal("51.05"), longitude=Decimal("13.73"), began_at=AT),
    pdf_path="/x.pdf",
    account=HostingAccount(number="acc1"),
    client_address="10.0.0.1",
    tag="@tag",
    notes="+notes",
    tour=PhotoTour(
        service_type="photos",
        services=("a", "b"),
        rush=True,
        due="tomorrow",
        external_id="x",
        property_address="B 2",
    ),
    attributes={"channel": "web"},
)


@pytest.fixture
async def filled(book):
    """A book with an order that has everything, and one that has nothing."""
    owner = await make_organisation(book)
    vouchers = (NewVoucher(voucher=Voucher(amount=Decimal(5), currency="EUR"), code="SECRET", pin="77"),)
    detail = StageDetail(notes="packed by hand")
    stages = (NewStage(stage="packed", effective_at=AT, detail=detail), NewStage(stage="sent"))
    full = NewOrder(
        currency="EUR",
        payment="paid",
        delivery="pending",
        placed_at=AT,
        document=FULL,
        vouchers=vouchers,
        stages=stages,
    )
    await place_order(book, make_caller(owner), full)
    await place_order(book, make_caller(owner), NewOrder(placed_at=AT))
    return book, owner


async def csv_of(filled, folder, *names, **options):
    book, owner = filled
    path = folder / "orders.csv"
    await export(book, owner, path, lambda file: CsvSink(file, names, **options), with_stages=False)
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


async def test_every_field_of_an_order_has_its_column(filled, tmp_path):
    first, second, bare = await csv_of(filled, tmp_path)
    assert list(first) == [column.name for column in csv_rows.ALL]
    unset = {name for name, cell in first.items() if cell == ""}
    assert unset == {"group_order_id", "group_line"}, "the order of this test has no value there"
    assert (first["total"], first["exchange_rate"]) == ("123456789012.000000000001", "0.000000000001")
    assert (first["placed_at"], first["shipping_desired_at"]) == ("2026-03-01T12:30:00.250000Z",) * 2
    assert json.loads(first["names"]) == {"reference": "R1", "po_number": "PO,1"}
    assert json.loads(first["payments"]) == [
        {"id": 3, "amount": "9.5", "paid_at": "2026-03-01T12:30:00.250000Z"}
    ]
    assert json.loads(first["vouchers"]) == [{"amount": "5", "currency": "EUR"}]
    assert json.loads(first["tour_services"]) == ["a", "b"]
    assert (first["tour_rush"], first["customer_name"], first["stage"]) == ("true", "Zoë & Söhne", "sent")
    assert (first["line_number"], first["line_item"], first["line_total"]) == ("1", "=SUM(A1)", "-3")
    assert first["line_description"] == 'with "quotes"\nand lines'
    assert (second["line_number"], second["line_item"], second["line_total"]) == ("2", "second", "")
    assert second["customer_name"] == first["customer_name"]
    filled_in = {name for name, cell in bare.items() if cell}
    assert filled_in == {"id", "revision", "kind", "lifecycle", "placed_at", "changed_at", "recorded_at"}


async def test_no_secret_and_no_access_is_in_a_table(filled, tmp_path):
    book, owner = filled
    await csv_of(filled, tmp_path)
    sealed = (await all_orders(book, owner))[0].document.vouchers[0].code
    text = (tmp_path / "orders.csv").read_text()
    assert sealed
    assert not [one for one in ("SECRET", "secret", sealed) if one in text]


async def test_columns_can_be_chosen(filled, tmp_path):
    rows = await csv_of(filled, tmp_path, "line_item", "id", "names")
    assert [list(row) for row in rows] == [["line_item", "id", "names"]] * 3
    assert [row["line_item"] for row in rows] == ["=SUM(A1)", "second", ""]
    rows = await csv_of(filled, tmp_path, "id", "total")
    assert len(rows) == 2, "without a column of the lines each order has one row"


async def test_nothing_in_a_spreadsheet_is_calculated(filled, tmp_path):
    rows = await csv_of(filled, tmp_path, for_spreadsheets=True)
    assert (tmp_path / "orders.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    first = rows[0]
    assert (first["line_item"], first["tag"], first["notes"]) == ("'=SUM(A1)", "'@tag", "'+notes")
    assert (first["shipping_comment"], first["customer_phone"]) == ("'-ring twice", "'+49 30 1")
    assert first["line_unit_price"] == "-1.5", "a number stays one"


async def parquet_of(filled, folder, *names):
    book, owner = filled
    path = folder / "orders.parquet"
    await export(book, owner, path, lambda file: ParquetSink(file, names))
    return pq.read_table(path)


async def test_parquet_is_typed_and_nested(filled, tmp_path):
    table = await parquet_of(filled, tmp_path)
    assert table.column_names == [column.name for column in parquet.ALL]
    types = {name: table.schema.field(name).type for name in table.column_names}
    assert types["total"] == pa.decimal128(24, 12)
    assert types["placed_at"] == types["shipping_delivered_at"] == pa.timestamp("us", tz="UTC")
    assert types["id"] == types["customer_id"] == pa.int64()
    assert types["names"] == pa.map_(pa.string(), pa.string())
    full, bare = table.to_pylist()
    assert (full["total"], full["exchange_rate"]) == (FULL.total, FULL.exchange_rate)
    assert full["placed_at"] == AT
    assert dict(full["names"]) == FULL.names
    assert full["tour_services"] == ["a", "b"]
    assert full["tour_rush"] is True
    lines = [{**line, "attributes": dict(line["attributes"] or ())} for line in full["lines"]]
    assert lines == [msgspec.structs.asdict(line) for line in FULL.lines]
    assert full["payments"] == [msgspec.structs.asdict(payment) for payment in FULL.payments]
    assert full["vouchers"][0]["amount"] == 5
    assert set(full["vouchers"][0]) & {"code", "pin"} == set()
    assert [(one["number"], one["stage"]) for one in full["stages"]] == [(1, "packed"), (2, "sent")]
    assert full["stages"][0]["effective_at"] == AT
    assert json.loads(full["stages"][0]["detail"]) == {"notes": "packed by hand"}
    assert (bare["lines"], bare["stages"], bare["customer_name"], bare["stage"]) == ([], [], None, None)


async def test_parquet_is_written_group_by_group(book, tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "GROUP_WEIGHT", 10)
    owner = await make_organisation(book)
    for number in range(7):
        lines = tuple(Line(item=f"{number}-{n}") for n in range(4))
        await place_order(book, make_caller(owner), NewOrder(document=Document(lines=lines)))
    table = await parquet_of((book, owner), tmp_path, "lines", "id")
    assert pq.ParquetFile(tmp_path / "orders.parquet").num_row_groups == 4
    assert table.column_names == ["lines", "id"]
    items = [[line["item"] for line in row["lines"]] for row in table.to_pylist()]
    assert items == [[f"{number}-{n}" for n in range(4)] for number in range(7)]
    assert [row["id"] for row in table.to_pylist()] == [order.id for order in await all_orders(book, owner)]


async def test_a_table_without_orders_has_its_columns(book, tmp_path):
    owner = await make_organisation(book)
    assert (await parquet_of((book, owner), tmp_path)).num_rows == 0
    assert await csv_of((book, owner), tmp_path) == []
    assert (tmp_path / "orders.csv").read_text().startswith("id,revision,")


def test_every_column_is_made_of_the_records():
    fields = {*Order.__struct_fields__, *Document.__struct_fields__} - {
        "document",
        "access",
        "organisation_id",
        "stage_count",
    }
    names = [column.name for column in columns.ORDER]
    assert len(names) == len(set(names))
    for field in fields:
        shown = "shipping" if field == "delivery" and field not in names else field
        assert any(name == shown or name.startswith(f"{shown}_") for name in names), field


def test_the_guide_names_every_column():
    told = set(re.findall(r"`([a-z0-9_]+)`", GUIDE.read_text(encoding="utf-8")))
    parties = ("customer", "recorded_by", "receiver", "shipping_by")
    plain = {
        column.name
        for column in (*csv_rows.ALL, *parquet.ALL)
        if not column.name.startswith(tuple(f"{party}_" for party in parties))
    }
    assert plain - told == set()
    assert {f"{party}_" for party in parties} - told == set()
    assert set(Party.__struct_fields__) - told == set()

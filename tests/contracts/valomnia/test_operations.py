"""Operations as they are shown: every key, whatever the order knows of itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from orderwire.book.operations import NewOrder
from orderwire.book.orders import Delivery, Document, Line, Party, Payment, PaymentMethod
from orderwire.contracts.valomnia import contract
from tests.factories import make_organisation
from tests.inprocess import app_over
from tests.stores import POSTGRES, SQLITE

from .conftest import Client

pytestmark = pytest.mark.stores(SQLITE, POSTGRES)

KEYS = [
    "id",
    "operationType",
    "reference",
    "status",
    "latitude",
    "longitude",
    "checkInDate",
    "total",
    "totalExclTax",
    "totalDiscounted",
    "discount",
    "taxAmount",
    "shippingFee",
    "paymentDate",
    "paymentTypeId",
    "paymentType",
    "advanceAmount",
    "orderPayments",
    "dueDate",
    "customerReference",
    "customer",
    "currency",
    "exchangeRate",
    "employeeReference",
    "user",
    "deliveryStatus",
    "deliveryDate",
    "deliveryComment",
    "deliveryCountry",
    "deliveryCity",
    "deliveryPostalCode",
    "deliveryAddress",
    "orderLines",
    "pdfUrl",
    "organization",
    "dateCreated",
    "lastUpdated",
    "deliveredBy",
    "desiredDeliveryDate",
    "deliveredOn",
    "assignmentDate",
]


async def test_an_order_that_knows_nothing_shows_every_key(client, place):
    order = await place(NewOrder(placed_at=datetime(2024, 2, 29, 1, 2, 3, 999_999, tzinfo=UTC)))
    answer = await client.get(f"/api/v1.0/orders/{order.id}")
    assert answer.status == 200
    shown = answer.json()
    assert list(shown) == KEYS
    assert {key: value for key, value in shown.items() if value is not None} == {
        "id": order.id,
        "operationType": "ORDER",
        "status": "NOT_PAID",
        "orderPayments": [],
        "orderLines": [],
        "organization": "acme",
        "dateCreated": "2024-02-29T01:02:03Z",
        "lastUpdated": "2024-02-29T01:02:03Z",
    }


@pytest.mark.parametrize(
    ("field", "value", "key", "shown"),
    [
        ("kind", "order", "operationType", "ORDER"),
        ("kind", "preorder", "operationType", "PREORDER"),
        ("kind", "invoice", "operationType", "INVOICE"),
        ("kind", "delivery_note", "operationType", "DELIVERYNOTE"),
        ("kind", "delivery", "operationType", "DELIVERY"),
        ("payment", "not_paid", "status", "NOT_PAID"),
        ("payment", "advance", "status", "ADVANCE"),
        ("payment", "paid", "status", "PAID"),
        ("payment", "in_process", "status", "IN_PROCESS"),
        ("delivery", "pending", "deliveryStatus", "PENDING"),
        ("delivery", "delivered", "deliveryStatus", "DELIVERED"),
        ("delivery", "rejected", "deliveryStatus", "REJECTED"),
        ("delivery", "cancelled", "deliveryStatus", "REJECTED"),
    ],
)
async def test_words_of_the_book_in_words_of_the_document(client, place, field, value, key, shown):
    order = await place(NewOrder(**{field: value}))
    assert (await client.get(f"/api/v1.0/orders/{order.id}")).json()[key] == shown


async def test_numbers_are_spelled_without_trailing_zeros(client, place):
    document = Document(
        total=Decimal("1572.00"),
        total_excl_tax=Decimal("1.5720E+3"),
        discount_percent=Decimal("12.50"),
        tax_amount=Decimal("0.000"),
        shipping_fee=Decimal("-7.10"),
        advance_amount=Decimal("123456789012.123456"),
    )
    order = await place(NewOrder(currency="EUR", document=document))
    body = (await client.get(f"/api/v1.0/orders/{order.id}")).body.decode()
    for text in (
        '"total":1572,',
        '"totalExclTax":1572,',
        '"discount":12.5,',
        '"taxAmount":0,',
        '"shippingFee":-7.1,',
        '"advanceAmount":123456789012.123456,',
        '"exchangeRate":1,',
    ):
        assert text in body


async def test_instants_are_shown_in_utc_to_the_second(client, place):
    at = datetime(2025, 6, 1, 0, 30, 59, 500_000, tzinfo=timezone(timedelta(hours=2)))
    order = await place(NewOrder(placed_at=at, document=Document(due_at=at, delivery=Delivery(at=at))))
    shown = (await client.get(f"/api/v1.0/orders/{order.id}")).json()
    for key in ("dateCreated", "lastUpdated", "dueDate", "deliveryDate"):
        assert shown[key] == "2025-05-31T22:30:59Z"


async def test_parties_lines_and_payments_without_ids_get_ids_that_last(client, place):
    document = Document(
        names={"reference": "A-1"},
        customer=Party(reference="C1", first_name="Ann", last_name="Lee"),
        recorded_by=Party(reference="emp-1"),
        payment_method=PaymentMethod(reference="CASH", name="Cash"),
        payments=(Payment(amount=Decimal(1)), Payment(id=77, reference="p77")),
        lines=(Line(item="a"), Line(id=9, item="b"), Line(item="c")),
        delivery=Delivery(by=Party(reference="emp-1")),
    )
    order = await place(NewOrder(document=document))
    other = await place(NewOrder(document=Document(customer=Party(reference="C1", name="Ann Lee"))))
    shown = (await client.get("/api/v2.1/orders/reference/A-1")).json()
    customer, user, method = shown["customer"], shown["user"], shown["paymentType"]
    assert customer == {
        "id": customer["id"],
        "reference": "C1",
        "reference2": None,
        "name": "Ann Lee",
        "href": f"/api/v2.1/customers/{customer['id']}",
    }
    assert user == {"id": user["id"], "reference": "emp-1", "href": f"/api/v2.1/users/{user['id']}"}
    assert shown["deliveredBy"] == user
    assert method["href"] == f"/api/v2.1/paymentTypes/{method['id']}"
    assert shown["paymentTypeId"] == method["id"]
    for stub in (customer, user, method):
        assert 0 < stub["id"] < 2**53
    assert [stub["id"] for stub in shown["orderLines"]] == [order.id * 4096 + 1, 9, order.id * 4096 + 3]
    assert [set(stub) for stub in shown["orderLines"]] == [{"id", "href"}] * 3
    assert shown["orderPayments"] == [
        {
            "id": order.id * 4096 + 1,
            "reference": None,
            "href": f"/api/v2.1/orderPayments/{order.id * 4096 + 1}",
        },
        {"id": 77, "reference": "p77", "href": "/api/v2.1/orderPayments/77"},
    ]
    again = (await client.get(f"/api/v1.0/orders/{other.id}")).json()
    assert again["customer"]["id"] == customer["id"]


async def test_a_party_without_anything_to_tell_it_by_is_null(client, place):
    document = Document(customer=Party(country="GB"), payment_method=PaymentMethod())
    order = await place(NewOrder(document=document))
    shown = (await client.get(f"/api/v1.0/orders/{order.id}")).json()
    assert (shown["customer"], shown["customerReference"]) == (None, None)
    assert (shown["paymentType"], shown["paymentTypeId"]) == (None, None)


async def test_an_order_known_by_an_id_of_its_own_is_found_by_that_alone(client, place):
    named = await place(NewOrder(document=Document(names={"valomnia.id": "-5"})))
    assert (await client.get("/api/v1.0/orders/-5")).json()["id"] == -5
    assert (await client.get(f"/api/v1.0/orders/{named.id}")).status == 404
    # A name in the scheme that is no id: shown by the order's own.
    odd = await place(NewOrder(document=Document(names={"valomnia.id": "x1", "reference": "odd"})))
    assert (await client.get("/api/v1.0/orders/reference/odd")).json()["id"] == odd.id


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("0", 404),
        ("-1", 404),
        ("007065", 404),
        ("9223372036854775807", 404),
        ("-9223372036854775808", 404),
        ("9223372036854775808", 400),
        ("99999999999999999999", 400),
        ("9" * 5_000, 400),
        ("abc", 400),
        ("5.0", 400),
        ("5x", 400),
        ("+5", 400),
        ("%205", 400),
        ("%D9%A5", 400),  # an Arabic-Indic five
        ("--5", 400),
        ("reference", 400),
    ],
)
async def test_what_is_an_id(client, sent, status):
    answer = await client.get(f"/api/v1.0/orders/{sent}")
    assert answer.status == status
    if status == 404:
        text = f"The order with the id {sent} doesn't exist."
        assert answer.json() == {"error": "not_found", "error_description": text}
    else:
        assert answer.json()["error"] == "invalid_param_type"


@pytest.mark.parametrize(
    ("reference", "path"),
    [
        ("123", "123"),
        ("reference", "reference"),
        ("a/b", "a%2Fb"),
        ("50% off", "50%25%20off"),
        ("a+b", "a+b"),
        ("é", "%C3%A9"),
    ],
)
async def test_references_are_any_text_decoded_once(client, place, reference, path):
    order = await place(NewOrder(document=Document(names={"reference": reference})))
    answer = await client.get(f"/api/v1.0/orders/reference/{path}")
    assert (answer.status, answer.json()["id"]) == (200, order.id)
    assert answer.json()["reference"] == reference


async def test_an_order_of_another_organisation_is_not_there(book, client, place):
    other = await make_organisation(book, "other")
    names = {"reference": "theirs", "valomnia.id": "31"}
    order = await place(NewOrder(document=Document(names=names)), other)
    for path in ("31", str(order.id), "reference/theirs"):
        answer = await client.get(f"/api/v1.0/orders/{path}")
        sought = path.removeprefix("reference/")
        assert (answer.status, answer.json()) == (
            404,
            {"error": "not_found", "error_description": f"The order with the id {sought} doesn't exist."},
        )


@pytest.mark.parametrize("version", ["v1.0", "v1.1", "v2.0", "v2.1", "v2.10"])
async def test_published_versions_stand_in_the_links(client, place, version):
    order = await place(NewOrder(document=Document(lines=(Line(id=3),))))
    shown = (await client.get(f"/api/{version}/orders/{order.id}")).json()
    assert shown["orderLines"] == [{"id": 3, "href": f"/api/{version}/orderDetails/3"}]


@pytest.mark.parametrize(
    "path",
    [
        "/api/v9.9/orders/5",
        "/api/v1/orders/5",
        "/api/1.0/orders/5",
        "/api/v1.0.0/orders/5",
        "/api/v1.00/orders/5",
        "/api/v0.9/orders/reference/a",
        "/api/v1.0/orders",
        "/api/v1.0/orders/5/lines",
        "/api/v1.0/orders/reference/a/b",
        "/api/v1.0/orders//5",
        "/api/v1.0/orders/%ff",
        "/api/v1.0/orders/reference/%00",
        "/login/elsewhere",
    ],
)
async def test_other_paths_are_not_found(client, path):
    answer = await client.get(path)
    assert answer.status == 404
    assert list(answer.json()) == ["error", "error_description"]
    assert answer.json()["error"] == "not_found"


@pytest.mark.parametrize(("configured", "shown"), [("", "http://testserver"), ("https://x.example", None)])
async def test_the_printed_document_has_an_absolute_address(book, client, place, configured, shown):
    order = await place(NewOrder(document=Document(pdf_path="/acme-1/orderPDF/4_a.pdf")))
    there = Client(app_over(book, contract, {"base_url": configured}))
    there.session = client.session
    answer = await there.get(f"/api/v1.0/orders/{order.id}")
    assert answer.json()["pdfUrl"] == f"{shown or configured}/acme-1/orderPDF/4_a.pdf"


async def test_answers_are_compact_json_and_name_no_server(client, place):
    order = await place(NewOrder())
    answer = await client.get(f"/api/v1.0/orders/{order.id}")
    assert answer.body == json.dumps(answer.json(), separators=(",", ":")).encode()
    assert answer.header("content-type") == "application/json;charset=UTF-8"
    assert answer.header("server") == "-"

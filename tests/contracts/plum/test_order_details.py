"""getOrderDetails: which order is meant, and what is told of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orderwire.book.operations import NewOrder
from orderwire.book.orders import Document, NewVoucher, Voucher
from tests.factories import make_organisation, read_mails
from tests.stores import POSTGRES, SQLITE

from .conftest import make_application, make_client, reward

pytestmark = pytest.mark.stores(SQLITE, POSTGRES)

KNOWN: dict[str, Any] = {"orderId": 1316578}


@pytest.mark.parametrize(
    "data",
    [
        {"orderId": 1316578},
        {"orderId": "1316578"},
        {"orderId": 1316578.0},
        {"orderId": "1316578.0"},
        {"orderId": "0001316578"},
        {"poNumber": "", "orderId": 1316578},
        {"poNumber": "", "orderId": "1316578"},
        {"poNumber": None, "orderId": 1316578},
        {"poNumber": None, "orderId": "1316578"},
        {"poNumber": "PO-1"},
        {"poNumber": "PO-1", "orderId": None},
        {"poNumber": "PO-1", "orderId": 0},
        {"poNumber": "PO-1", "orderId": "0"},
        {"poNumber": "PO-1", "orderId": ""},
        {"poNumber": "PO-1", "orderId": 0.0},
        {"poNumber": "PO-1", "orderId": 1316578},
        {"poNumber": "PO-1", "orderId": "1316578", "sendMailToReceiver": 0, "more": [1]},
        {"orderId": 1316578, "sendMailToReceiver": None},
        {"orderId": 1316578, "sendMailToReceiver": "0"},
    ],
    ids=str,
)
async def test_either_key_names_the_order(client, place, data):
    await place(reward())
    await place(reward("1316579", "PO-2"))
    assert (await client.details(**data))["orderId"] == 1316578


@pytest.mark.parametrize(
    "data",
    [
        {"orderId": 7065},
        {"orderId": "7065"},
        {"orderId": 10**63},
        {"orderId": "9" * 64},
        {"poNumber": "PO-9"},
        {"poNumber": "po-1"},
        {"poNumber": " PO-1"},
        {"poNumber": "1316578"},
        {"poNumber": "x" * 10_000},
        {"poNumber": "PO-2", "orderId": 1316578},
        {"poNumber": "PO-1", "orderId": 7065},
    ],
    ids=lambda data: str(data)[:60],
)
async def test_no_such_order(client, place, data):
    await place(reward())
    await place(reward("1316579", "PO-2"))
    answer = await client.ask(**data)
    assert (answer.status, answer.json()["errorId"]) == (404, "PLE10016")


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"poNumber": "", "orderId": ""},
        {"poNumber": None, "orderId": None},
        {"poNumber": "", "orderId": 0},
        {"orderId": -1},
        {"orderId": "-1"},
        {"orderId": 1.5},
        {"orderId": "1.5"},
        {"orderId": "abc"},
        {"orderId": " 1316578"},
        {"orderId": "１３"},
        {"orderId": True},
        {"orderId": [1316578]},
        {"orderId": {}},
        {"orderId": 1e300},
        {"orderId": "9" * 65},
        {"orderId": "abc", "poNumber": "PO-1"},
        {"poNumber": 1},
        {"poNumber": False},
        {"poNumber": ["PO-1"]},
        {"poNumber": "PO\0"},
        {**KNOWN, "sendMailToReceiver": 2},
        {**KNOWN, "sendMailToReceiver": -1},
        {**KNOWN, "sendMailToReceiver": True},
        {**KNOWN, "sendMailToReceiver": False},
        {**KNOWN, "sendMailToReceiver": ""},
        {**KNOWN, "sendMailToReceiver": "yes"},
        {**KNOWN, "sendMailToReceiver": []},
        {**KNOWN, "sendMailToReceiver": 0.5},
    ],
    ids=str,
)
async def test_data_that_can_not_be_taken(client, place, data):
    await place(reward())
    answer = await client.ask(**data)
    assert answer.status == 400
    assert answer.json() == {
        "code": 400,
        "errorId": "PLE10002",
        "errorInfo": "Validation error in get order details",
        "error": "Bad request",
    }


async def test_an_order_of_our_own_is_known_by_its_id(client, place):
    order = await place(NewOrder(currency="EUR"))
    assert await client.details(orderId=order.id) == {
        "orderId": order.id,
        "vouchers": [],
        "amountCharged": 0,
        "currencyCode": "EUR",
        "discountPercent": 0,
        "orderDiscount": 0,
        "orderTotal": 0,
        "orderStatus": "new",
        "deliveryStatus": "pending",
    }
    named = await place(reward())
    assert (await client.ask(orderId=named.id)).status == 404


async def test_an_order_of_another_organisation_is_not_there(book, client, place):
    other = await make_organisation(book, "other")
    order = await place(reward(), other)
    for data in ({"orderId": 1316578}, {"orderId": order.id}, {"poNumber": "PO-1"}):
        answer = await client.ask(**data)
        assert (answer.status, answer.json()["errorId"]) == (404, "PLE10016")
    theirs = await make_client(book, await make_application(book, other, "theirs"))
    assert (await theirs.details(orderId=1316578))["vouchers"][0]["voucherCode"] == "CODE-1"


@pytest.mark.parametrize("lifecycle", ["new", "processing", "complete", "cancelled"])
@pytest.mark.parametrize(
    ("delivery", "shown"),
    [
        (None, "pending"),
        ("pending", "pending"),
        ("delivered", "delivered"),
        ("cancelled", "cancelled"),
        ("rejected", "cancelled"),
    ],
)
async def test_states_move_independently(client, place, lifecycle, delivery, shown):
    await place(reward(lifecycle=lifecycle, delivery=delivery))
    details = await client.details(orderId=1316578, sendMailToReceiver=0)
    assert (details["orderStatus"], details["deliveryStatus"]) == (lifecycle, shown)


@pytest.mark.parametrize(
    ("recorded", "shown"),
    [
        ({"total": "100", "discount_percent": "10"}, ("100", "10", "10", "90")),
        ({"total": "11.53", "discount_percent": "3"}, ("11.53", "0.35", "3", "11.18")),
        ({"total": "100", "total_discounted": "92.5"}, ("100", "7.5", "7.5", "92.5")),
        ({"total": "100.50", "discount_amount": "0.50"}, ("100.5", "0.5", "0.5", "100")),
        ({"amount_charged": "90", "discount_amount": "10"}, ("100", "10", "10", "90")),
        ({"total": "100", "discount_amount": "4", "amount_charged": "96"}, ("100", "4", "4", "96")),
        ({"total": "0", "discount_percent": "10"}, ("0", "0", "10", "0")),
        ({"total": "-20"}, ("-20", "0", "0", "-20")),
        (
            {"total": "0.000000000001", "discount_amount": "999999999999"},
            ("1E-12", "999999999999", "99999999999900000000000000", "-999999999998.999999999999"),
        ),
    ],
)
async def test_what_was_not_recorded_is_reckoned(client, place, recorded, shown):
    money: dict[str, Any] = {name: Decimal(text) for name, text in recorded.items()}
    document = Document(names={"po_number": "PO-1"}, **money)
    await place(NewOrder(document=document))
    body = (await client.ask(poNumber="PO-1")).body.decode()
    total, discount, percent, charged = shown
    assert f'"amountCharged":{charged},"currencyCode":""' in body
    assert f'"discountPercent":{percent},"orderDiscount":{discount},"orderTotal":{total},' in body


async def test_rate_and_tag_stand_after_the_currency_when_there_are_any(client, place):
    document = Document(names={"po_number": "PO-1"}, exchange_rate=Decimal("0.013109"), tag="")
    await place(NewOrder(currency="INR", document=document))
    body = (await client.ask(poNumber="PO-1")).body.decode()
    assert '"currencyCode":"INR","currencyValue":0.013109,"tag":"","discountPercent"' in body


@pytest.mark.parametrize(
    ("kind", "pin", "shown"),
    [
        ("code", "", "code"),
        ("code_pin", "1", "codePin"),
        ("url", "", "url"),
        ("url_pin", "1", "urlPin"),
        (None, "", "code"),
        (None, "1", "codePin"),
        ("scratch", "", "scratch"),
    ],
)
async def test_types_of_vouchers(client, place, kind, pin, shown):
    voucher = NewVoucher(voucher=Voucher(kind=kind), code="c", pin=pin)
    order = await place(NewOrder(vouchers=(voucher,)))
    (told,) = (await client.details(orderId=order.id))["vouchers"]
    # Texts are never null, and a rate that nobody recorded is left out.
    assert told == {
        "amount": "",
        "country": "",
        "currency": "",
        "orderId": order.id,
        "pin": pin,
        "productId": 0,
        "tag": "",
        "type": shown,
        "validity": "",
        "voucherCode": "c",
    }


async def test_three_fields_have_another_type_on_the_later_server(book, application, client, place):
    def order(number: str, **money: Any) -> NewOrder:
        return NewOrder(
            document=Document(names={"plum.order_id": number}, **money),
            vouchers=(
                NewVoucher(voucher=Voucher(amount=Decimal("10.50")), code="c"),
                NewVoucher(voucher=Voucher(), code="d"),
            ),
        )

    await place(order("1", total=Decimal("11.53"), discount_percent=Decimal(3)))
    await place(order("2", total=Decimal(20)))
    later = await make_client(book, application, later_types=True)
    before = [await client.details(orderId=number) for number in (1, 2)]
    after = [await later.details(orderId=number) for number in (1, 2)]
    assert [told["discountPercent"] for told in before + after] == [3, 0, "3", ""]
    assert [told["orderDiscount"] for told in before + after] == [0.35, 0, "0.35", ""]
    assert [[v["amount"] for v in told["vouchers"]] for told in before + after] == [
        ["10.5", ""],
        ["10.5", ""],
        [10.5, 0],
        [10.5, 0],
    ]
    for old, new in zip(before, after, strict=True):
        for told in (old, new):
            del told["discountPercent"], told["orderDiscount"]
            for voucher in told["vouchers"]:
                del voucher["amount"]
        assert list(old) == list(new)
        assert old == new


@pytest.mark.parametrize("flag", [1, "1", 1.0])
async def test_vouchers_are_mailed_to_the_receiver_again(client, place, tmp_path, flag):
    await place(reward(amount=Decimal(10), currency="INR"))
    details = await client.details(orderId=1316578, sendMailToReceiver=flag)
    assert details["vouchers"][0]["voucherCode"] == "CODE-1"
    (mail,) = read_mails(tmp_path / "mail")
    assert "To: receiver@acme.example" in mail
    assert "CODE-1" in mail
    assert "PIN-1" in mail


@pytest.mark.parametrize(
    ("lifecycle", "delivery"),
    [
        ("new", "delivered"),
        ("processing", "delivered"),
        ("cancelled", "delivered"),
        ("complete", "pending"),
        ("complete", None),
        ("complete", "cancelled"),
    ],
)
async def test_the_state_of_an_order_may_forbid_the_mail(client, place, tmp_path, lifecycle, delivery):
    await place(reward(lifecycle=lifecycle, delivery=delivery))
    answer = await client.ask(orderId=1316578, sendMailToReceiver=1)
    assert answer.status == 502
    assert answer.json() == {
        "code": 502,
        "errorId": "PLE10034",
        "errorInfo": "Failed to process resendVoucher",
        "error": "Invalid Order status id.",
    }
    assert read_mails(tmp_path / "mail") == []


@pytest.mark.parametrize("email", ["", "no address", "a@b.example\r\nBcc: c@d.example"])
async def test_a_mail_that_can_not_go(client, place, tmp_path, email):
    await place(reward(email=email))
    answer = await client.ask(orderId=1316578, sendMailToReceiver=1)
    assert (answer.status, answer.json()["errorId"]) == (502, "PLE10034")
    assert read_mails(tmp_path / "mail") == []
    assert (await client.ask(orderId=1316578, sendMailToReceiver=0)).status == 200


async def test_a_full_mail_folder_is_a_mail_that_can_not_go(client, place, tmp_path):
    (tmp_path / "mail").write_text("a file where the folder should be")
    await place(reward())
    answer = await client.ask(orderId=1316578, sendMailToReceiver=1)
    assert (answer.status, answer.json()["errorId"]) == (502, "PLE10034")

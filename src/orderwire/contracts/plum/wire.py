"""The bytes of Plum's rewards orders: the envelope of its remote calls and the details of an order."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from orderwire.book.errors import FieldInvalid, FieldMissing
from orderwire.book.orders import Document, Order, Voucher
from orderwire.web.errors import BodyMalformed, ContentTypeWrong
from orderwire.web.json import decode_json
from orderwire.web.request import Request
from orderwire.web.response import Response

ID_SCHEME = "plum.order_id"
PO_NUMBER_SCHEME = "po_number"
TAG = "plumProAPI"

JSON_HEAD = ((b"content-type", b"application/json; charset=utf-8"),)

MAX_ID_DIGITS = 64

# The document's own table calls the fourth one "URL + Pin", loosely; every later page has urlPin.
VOUCHER_TYPES = {"code": "code", "code_pin": "codePin", "url": "url", "url_pin": "urlPin"}
ORDER_STATUSES = {
    "new": "new",
    "processing": "processing",
    "complete": "complete",
    "cancelled": "cancelled",
}
DELIVERY_STATUSES = {
    None: "pending",
    "pending": "pending",
    "delivered": "delivered",
    "rejected": "cancelled",
    "cancelled": "cancelled",
}

_NUMERIC = re.compile(r"([0-9]{1,64})(?:\.0{1,12})?")
_ZERO = Decimal(0)
_HUNDRED = Decimal(100)
_ONE = Decimal(1)
_CENT = Decimal("0.01")
# Rounding must not fail for the largest amounts that the book keeps.
_ROOMY = Context(prec=64)

encode = msgspec.json.Encoder(decimal_format="number").encode


class Message(Struct, frozen=True):
    """A remote call: the name of the operation, and the whole object that names it."""

    query: str
    fields: dict[str, Any]


class OrderRequest(Struct, frozen=True):
    """What `getOrderDetails` is asked: at least one of the two keys is given."""

    order_id: int | None
    po_number: str | None
    resend: bool


class VoucherDetails(Struct, frozen=True, gc=False):
    """One voucher, its keys in the order of the document's example."""

    amount: Decimal | str
    country: str
    currency: str
    orderId: int
    pin: str
    productId: int
    tag: str
    type: str
    validity: str
    voucherCode: str
    currencyValue: Decimal | UnsetType = UNSET


class OrderDetails(Struct, frozen=True, kw_only=True):
    """The details of an order, its keys in the order of the document's example."""

    orderId: int
    vouchers: list[VoucherDetails]
    amountCharged: Decimal
    currencyCode: str
    currencyValue: Decimal | UnsetType = UNSET
    tag: str | UnsetType = UNSET
    discountPercent: Decimal | str
    orderDiscount: Decimal | str
    orderTotal: Decimal
    orderStatus: str
    deliveryStatus: str


class Money(Struct, frozen=True):
    """What an order costs, in its own currency: before the discount, and after it."""

    total: Decimal
    discount: Decimal
    discount_percent: Decimal
    charged: Decimal


def parse_object(request: Request) -> dict[str, Any]:
    """The JSON object that the body holds. Raises ContentTypeWrong or BodyMalformed."""
    if request.media_type != "application/json":
        raise ContentTypeWrong
    fields = decode_json(request.body)
    if not isinstance(fields, dict):
        raise BodyMalformed("not an object")
    return fields


def parse_message(request: Request) -> Message:
    """The remote call in the body. Raises ContentTypeWrong, BodyMalformed, FieldMissing, FieldInvalid."""
    fields = parse_object(request)
    query = fields.get("query")
    if query is None:
        raise FieldMissing("query")
    if not isinstance(query, str):
        raise FieldInvalid("query", "must be a text")
    return Message(query, fields)


def parse_order_request(message: Message) -> OrderRequest:
    """What a call of `getOrderDetails` asks for. Raises FieldMissing or FieldInvalid."""
    if message.fields.get("tag") != TAG:
        raise FieldInvalid("tag", f"must be {TAG}")
    data = _object(_object(message.fields, "variables"), "data")
    order_id = parse_order_id(data.get("orderId"))
    po_number = _po_number(data.get("poNumber"))
    resend = _switch(data.get("sendMailToReceiver"))
    if order_id is None and po_number is None:
        raise FieldMissing("orderId")
    return OrderRequest(order_id, po_number, resend)


def name_asked(asked: OrderRequest) -> tuple[str, str]:
    """The scheme and the name that the order is found by."""
    if asked.order_id is None:
        return PO_NUMBER_SCHEME, asked.po_number or ""
    return ID_SCHEME, str(asked.order_id)


def parse_order_id(value: Any) -> int | None:
    """An order's id as a number or a numeric text; None for null, "" and zero, which mean "not given".

    A fraction of nothing but zeros is none. Raises FieldInvalid.
    """
    if value is None or value == "":
        return None
    number = -1
    if isinstance(value, str):
        digits = _NUMERIC.fullmatch(value)
        number = int(digits[1]) if digits else -1
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif (
        isinstance(value, Decimal) and value.adjusted() < MAX_ID_DIGITS and value == value.to_integral_value()
    ):
        number = int(value)
    if number < 0:
        raise FieldInvalid("orderId", f"must be a whole number of at most {MAX_ID_DIGITS} digits")
    return number or None


def parse_flag(text: str) -> bool:
    """An option that is on or off. Raises ValueError."""
    values = {"true": True, "1": True, "on": True, "false": False, "0": False, "off": False}
    if text.lower() not in values:
        raise ValueError("must be true or false")
    return values[text.lower()]


def render_order_details(
    order: Order, open_voucher: Callable[[Voucher], tuple[str, str]], *, later_types: bool
) -> Response:
    """The details of an order; `open_voucher` gives the code and the pin of a voucher in clear.

    `later_types` gives the three fields whose type the vendor changed later that later type.
    """
    document = order.document
    order_id = shown_id(order)
    money = order_money(document)
    details = OrderDetails(
        orderId=order_id,
        vouchers=[
            _voucher(order_id, voucher, *open_voucher(voucher), later_types=later_types)
            for voucher in document.vouchers
        ],
        amountCharged=money.charged,
        currencyCode=order.currency or "",
        currencyValue=UNSET if document.exchange_rate is None else document.exchange_rate,
        tag=UNSET if document.tag is None else document.tag,
        discountPercent=_later_text(money.discount_percent) if later_types else money.discount_percent,
        orderDiscount=_later_text(money.discount) if later_types else money.discount,
        orderTotal=money.total,
        orderStatus=ORDER_STATUSES[order.lifecycle],
        deliveryStatus=DELIVERY_STATUSES[order.delivery],
    )
    return Response(200, JSON_HEAD, encode({"data": {"getOrderDetails": {"status": 1, "data": details}}}))


def render_failure(
    status: int,
    error: str,
    *,
    error_id: str | None = None,
    error_info: str | None = None,
    head: tuple[tuple[bytes, bytes], ...] = (),
) -> Response:
    """A failure of a remote call: a flat object that always has `code` and `error`."""
    body: dict[str, Any] = {"code": status}
    if error_id is not None:
        body |= {"errorId": error_id, "errorInfo": error_info}
    body["error"] = error
    return Response(status, (*JSON_HEAD, *head), encode(body))


def render_limit_exceeded(penalty_seconds: int) -> Response:
    """The refusal of a client that asks too often, on any path, and for how long it is refused: 429."""
    error = {"message": "auth.request_limit_exceeded", "penaltySeconds": penalty_seconds}
    head = (*JSON_HEAD, (b"retry-after", b"%d" % penalty_seconds))
    return Response(429, head, encode({"errors": [error]}))


def shown_id(order: Order) -> int:
    """The id that the order is known by: the one it came with, or else its own."""
    name = order.document.names.get(ID_SCHEME)
    return (
        int(name) if name is not None and name.isascii() and name.isdecimal() and len(name) < 19 else order.id
    )


def order_money(document: Document) -> Money:
    """What the order costs; what was not recorded is reckoned from what was, or else nothing.

    The discount is `total * percent / 100`, rounded to two decimals, and the charge what is left.
    """
    percent, discount = document.discount_percent, document.discount_amount
    charged = document.amount_charged if document.amount_charged is not None else document.total_discounted
    total = document.total
    if total is None:
        total = _plain(charged + (discount or _ZERO)) if charged is not None else _ZERO
    if discount is None and percent is not None:
        discount = _cents(total * percent / _HUNDRED)
    if discount is None:
        discount = _plain(total - charged) if charged is not None else _ZERO
    if percent is None:
        percent = _cents(discount * _HUNDRED / total) if total else _ZERO
    if charged is None:
        charged = _plain(total - discount)
    return Money(total, discount, percent, charged)


def _voucher(order_id: int, voucher: Voucher, code: str, pin: str, *, later_types: bool) -> VoucherDetails:
    amount = voucher.amount
    if later_types:
        shown: Decimal | str = amount if amount is not None else _ZERO
    else:
        shown = format(amount, "f") if amount is not None else ""
    kind = voucher.kind or ("code_pin" if pin else "code")
    return VoucherDetails(
        amount=shown,
        country=voucher.country or "",
        currency=voucher.currency or "",
        orderId=order_id,
        pin=pin,
        productId=voucher.product_id or 0,
        tag=voucher.tag or "",
        type=VOUCHER_TYPES.get(kind, kind),
        validity=voucher.validity or "",
        voucherCode=code,
        currencyValue=UNSET if voucher.exchange_rate is None else voucher.exchange_rate,
    )


def _later_text(value: Decimal) -> str:
    return format(value, "f") if value else ""


def _cents(value: Decimal) -> Decimal:
    return _plain(value.quantize(_CENT, ROUND_HALF_UP, _ROOMY))


def _plain(value: Decimal) -> Decimal:
    """The number without trailing zeros, without an exponent, and zero without a sign."""
    if not value:
        return _ZERO
    short = value.normalize(_ROOMY)
    return short.quantize(_ONE, None, _ROOMY) if short == short.to_integral_value() else short


def _object(fields: dict[str, Any], name: str) -> dict[str, Any]:
    value = fields.get(name)
    if value is None:
        raise FieldMissing(name)
    if not isinstance(value, dict):
        raise FieldInvalid(name, "must be an object")
    return value


def _po_number(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise FieldInvalid("poNumber", "must be a text")
    if "\0" in value:
        raise FieldInvalid("poNumber", "holds a NUL character")
    return value


def _switch(value: Any) -> bool:
    if value is None:
        return False
    if not isinstance(value, bool) and value in (0, 1, "0", "1"):
        return value in (1, "1")
    raise FieldInvalid("sendMailToReceiver", "must be 0 or 1")

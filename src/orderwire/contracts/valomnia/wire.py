"""The bytes of Valomnia: what its documents call an operation is one order of the book."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
from msgspec import Struct

from orderwire.book.errors import FieldInvalid
from orderwire.book.orders import Delivery, Line, Order, Party, Payment, PaymentMethod, Visit
from orderwire.web.errors import RouteUnknown
from orderwire.web.request import Request
from orderwire.web.response import Response

ID_SCHEME = "valomnia.id"
REFERENCE_SCHEME = "reference"

JSON_HEAD = ((b"content-type", b"application/json;charset=UTF-8"),)

LONG_MIN, LONG_MAX = -(2**63), 2**63 - 1
# Ids of lines and payments that came without one: more room in an order than it may have of either.
PARTS_OF_AN_ORDER = 4_096

_VERSION = re.compile(r"v[12]\.(?:0|[1-9][0-9]{0,2})")
_LONG = re.compile(r"-?0*[0-9]{1,19}")
# An id as we print it: other names in the scheme are text that only their own system understands.
_PLAIN_ID = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")

OPERATION_TYPES = {
    "order": "ORDER",
    "preorder": "PREORDER",
    "invoice": "INVOICE",
    "delivery_note": "DELIVERYNOTE",
    "delivery": "DELIVERY",
}
STATUSES = {
    None: "NOT_PAID",
    "not_paid": "NOT_PAID",
    "advance": "ADVANCE",
    "paid": "PAID",
    "in_process": "IN_PROCESS",
}
DELIVERY_STATUSES = {
    None: None,
    "pending": "PENDING",
    "delivered": "DELIVERED",
    "rejected": "REJECTED",
    "cancelled": "REJECTED",
}
encode = msgspec.json.Encoder(decimal_format="number").encode
_NO_DELIVERY = Delivery()
_NO_VISIT = Visit()
_ONE = Decimal(1)


class LineStub(Struct, frozen=True, gc=False):
    id: int
    href: str


class Stub(Struct, frozen=True, gc=False):
    """A user or a payment."""

    id: int
    reference: str | None
    href: str


class PaymentTypeStub(Struct, frozen=True, gc=False):
    id: int
    reference: str | None
    name: str | None
    href: str


class CustomerStub(Struct, frozen=True, gc=False):
    id: int
    reference: str | None
    reference2: str | None
    name: str | None
    href: str


class Operation(Struct, frozen=True, kw_only=True):
    """The 41 keys of a shown operation, in the document's order."""

    id: int
    operationType: str
    reference: str | None
    status: str
    latitude: Decimal | None
    longitude: Decimal | None
    checkInDate: datetime | None
    total: Decimal | None
    totalExclTax: Decimal | None
    totalDiscounted: Decimal | None
    discount: Decimal | None
    taxAmount: Decimal | None
    shippingFee: Decimal | None
    paymentDate: datetime | None
    paymentTypeId: int | None
    paymentType: PaymentTypeStub | None
    advanceAmount: Decimal | None
    orderPayments: list[Stub]
    dueDate: datetime | None
    customerReference: str | None
    customer: CustomerStub | None
    currency: str | None
    exchangeRate: Decimal | None
    employeeReference: str | None
    user: Stub | None
    deliveryStatus: str | None
    deliveryDate: datetime | None
    deliveryComment: str | None
    deliveryCountry: str | None
    deliveryCity: str | None
    deliveryPostalCode: str | None
    deliveryAddress: str | None
    orderLines: list[LineStub]
    pdfUrl: str | None
    organization: str
    dateCreated: datetime | None
    lastUpdated: datetime | None
    deliveredBy: Stub | None
    desiredDeliveryDate: datetime | None
    deliveredOn: datetime | None
    assignmentDate: datetime | None


def parse_version(text: str) -> str:
    """The version segment of a path, such as `v1.0`. Raises RouteUnknown for any but v1.x and v2.x."""
    if not _VERSION.fullmatch(text):
        raise RouteUnknown
    return text


def parse_id(text: str) -> int:
    """The id in a path, a signed 64-bit decimal. Raises FieldInvalid."""
    if _LONG.fullmatch(text):
        number = int(text)
        if LONG_MIN <= number <= LONG_MAX:
            return number
    raise FieldInvalid("id", "must be a signed 64-bit number")


def parse_base_url(text: str) -> str:
    """A base URL from the settings, without a slash at its end. Raises ValueError."""
    if text and not (text.startswith(("http://", "https://")) and text.isascii() and text.isprintable()):
        raise ValueError("must start with http:// or https:// and hold plain characters only")
    return text.rstrip("/")


def base_url(configured: str, request: Request) -> str:
    """Scheme and host that absolute URLs start with: the configured ones, or else those asked for."""
    return configured or request.base_url


def render_operation(order: Order, organisation: str, version: str, base: str) -> Response:
    """An order as an operation of `organisation`; its links name the `version` asked for."""
    document = order.document
    delivery = document.delivery or _NO_DELIVERY
    visit = document.visit or _NO_VISIT
    path = f"/api/{version}"
    customer = _customer(document.customer, path)
    user = _user(document.recorded_by, path)
    method = _payment_type(document.payment_method, path)
    operation = Operation(
        id=operation_id(order),
        operationType=OPERATION_TYPES[order.kind],
        reference=document.names.get(REFERENCE_SCHEME),
        status=STATUSES[order.payment],
        latitude=visit.latitude,
        longitude=visit.longitude,
        checkInDate=_second(visit.began_at),
        total=document.total,
        totalExclTax=document.total_excl_tax,
        totalDiscounted=document.total_discounted,
        discount=document.discount_percent,
        taxAmount=document.tax_amount,
        shippingFee=document.shipping_fee,
        paymentDate=_second(document.paid_at),
        paymentTypeId=method.id if method is not None else None,
        paymentType=method,
        advanceAmount=document.advance_amount,
        orderPayments=_payments(order, path),
        dueDate=_second(document.due_at),
        customerReference=customer.reference if customer is not None else None,
        customer=customer,
        currency=order.currency,
        exchangeRate=_exchange_rate(order),
        employeeReference=user.reference if user is not None else None,
        user=user,
        deliveryStatus=DELIVERY_STATUSES[order.delivery],
        deliveryDate=_second(delivery.at),
        deliveryComment=delivery.comment,
        deliveryCountry=delivery.country,
        deliveryCity=delivery.city,
        deliveryPostalCode=delivery.postal_code,
        deliveryAddress=delivery.address,
        orderLines=_lines(order, path),
        pdfUrl=f"{base}/{document.pdf_path.lstrip('/')}" if document.pdf_path else None,
        organization=organisation,
        dateCreated=_second(order.placed_at),
        lastUpdated=_second(order.changed_at),
        deliveredBy=_user(delivery.by, path),
        desiredDeliveryDate=_second(delivery.desired_at),
        deliveredOn=_second(delivery.delivered_at),
        assignmentDate=_second(delivery.assigned_at),
    )
    return Response(200, JSON_HEAD, encode(operation))


def render_failure(
    status: int, code: str, description: str, head: tuple[tuple[bytes, bytes], ...] = ()
) -> Response:
    """A failure in the two-key form that all of them have."""
    body = encode({"error": code, "error_description": description})
    return Response(status, (*JSON_HEAD, *head), body)


def operation_id(order: Order) -> int:
    """The id that an operation is known by: the one it came with, or else the order's own."""
    name = order.document.names.get(ID_SCHEME)
    return int(name) if name is not None and _PLAIN_ID.fullmatch(name) else order.id


def derived_id(kind: str, key: str) -> int:
    """A positive number below 2**53 that is always the same for one `key` of a `kind` of records."""
    mark = hashlib.sha256(f"{kind}\0{key}".encode()).digest()
    return (int.from_bytes(mark[:8], "big") >> 11) or 1


def _second(at: datetime | None) -> datetime | None:
    if at is None:
        return None
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    return at.replace(microsecond=0) if at.microsecond else at


def _exchange_rate(order: Order) -> Decimal | None:
    if order.document.exchange_rate is not None:
        return order.document.exchange_rate
    return _ONE if order.currency is not None else None


def _full_name(party: Party) -> str | None:
    return party.name or f"{party.first_name or ''} {party.last_name or ''}".strip() or None


def _party_id(kind: str, party: Party) -> int | None:
    """The party's id, recorded or derived; None for one that has nothing to tell it by."""
    if party.id is not None:
        return party.id
    key = party.reference or _full_name(party) or party.email
    return derived_id(kind, key) if key else None


def _customer(party: Party | None, path: str) -> CustomerStub | None:
    number = _party_id("customers", party) if party is not None else None
    if party is None or number is None:
        return None
    href = f"{path}/customers/{number}"
    return CustomerStub(number, party.reference, party.reference2, _full_name(party), href)


def _user(party: Party | None, path: str) -> Stub | None:
    number = _party_id("users", party) if party is not None else None
    if party is None or number is None:
        return None
    return Stub(number, party.reference, f"{path}/users/{number}")


def _payment_type(method: PaymentMethod | None, path: str) -> PaymentTypeStub | None:
    if method is None:
        return None
    key = method.reference or method.name
    number = method.id
    if number is None and key:
        number = derived_id("paymentTypes", key)
    if number is None:
        return None
    return PaymentTypeStub(number, method.reference, method.name, f"{path}/paymentTypes/{number}")


def _payments(order: Order, path: str) -> list[Stub]:
    stubs = []
    for position, payment in enumerate(order.document.payments, start=1):
        number = _part_id(order, payment, position)
        stubs.append(Stub(number, payment.reference, f"{path}/orderPayments/{number}"))
    return stubs


def _lines(order: Order, path: str) -> list[LineStub]:
    stubs = []
    for position, line in enumerate(order.document.lines, start=1):
        number = _part_id(order, line, position)
        stubs.append(LineStub(number, f"{path}/orderDetails/{number}"))
    return stubs


def _part_id(order: Order, part: Line | Payment, position: int) -> int:
    return part.id if part.id is not None else order.id * PARTS_OF_AN_ORDER + position

"""The wire of our own API: orders and stages as they are handed in. The JSON mirrors the book's records."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from orderwire.book.errors import OrderNotFound
from orderwire.book.operations import NewOrder
from orderwire.book.orders import Access, Delivery, Document, ForeignId, Name, NewVoucher, Order, Voucher
from orderwire.book.stages import NewStage
from orderwire.web.errors import ContentTypeWrong
from orderwire.web.json import decode_json
from orderwire.web.request import Request
from orderwire.web.response import Response

from .wire_strict import convert, strict

# Fields of the document that have a form of their own here.
OWN_FORM = frozenset({"access", "delivery", "vouchers"})
DOCUMENT = tuple(field for field in msgspec.structs.fields(Document) if field.name not in OWN_FORM)
DOCUMENT_NAMES = tuple(field.name for field in DOCUMENT)
VOUCHER_NAMES = tuple(name for name in Voucher.__struct_fields__ if name not in {"code", "pin"})
MAX_USERS = 100
_ID = re.compile(r"[1-9][0-9]{0,15}")
_ETAG = re.compile(r'(?:W/)?("[^"]*")')


class VoucherBody(Voucher, frozen=True, kw_only=True):
    """A voucher as it is handed in: its secrets in clear."""

    code: Annotated[str, Meta(min_length=1, max_length=500)]
    pin: Annotated[str, Meta(max_length=500)] = ""


class AccessBody(Struct, frozen=True, kw_only=True):
    """Who may reach the order besides those who may reach every order: users of the organisation, by id."""

    users: Annotated[tuple[ForeignId, ...], Meta(max_length=MAX_USERS)] = ()


class OrderBody(Struct, frozen=True, kw_only=True):
    """An order as it is handed in; the fields of its document stand beside these.

    `delivery` is the state, so the document's delivery is called `shipping` here.
    """

    kind: str = "order"
    lifecycle: str = "new"
    payment: str | None = None
    delivery: str | None = None
    currency: str | None = None
    placed_at: datetime | None = None
    changed_at: datetime | None = None
    group_order_id: Name | None = None
    group_line: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None
    shipping: Delivery | None = None
    access: AccessBody | None = None
    vouchers: Annotated[tuple[VoucherBody, ...], Meta(max_length=1_000)] = ()
    stages: Annotated[tuple[NewStage, ...], Meta(max_length=1_000)] = ()


_HEAD_NAMES = tuple(
    name for name in OrderBody.__struct_fields__ if name not in {"shipping", "access", "vouchers", "stages"}
)
STRICT_ORDER = strict(OrderBody, also=DOCUMENT)
STRICT_STAGE = strict(NewStage)


def parse_id(text: str) -> int:
    """An order's own id. Raises OrderNotFound for what can't be one."""
    if not _ID.fullmatch(text):
        raise OrderNotFound(text)
    return int(text)


def parse_order(request: Request) -> NewOrder:
    """The order to place. Raises ContentTypeWrong, BodyMalformed, FieldMissing or FieldInvalid."""
    return _new_order(convert(_parse_body(request), STRICT_ORDER))


def parse_order_value(value: Any) -> NewOrder:
    """The order in decoded JSON. Raises FieldMissing or FieldInvalid."""
    return _new_order(convert(value, STRICT_ORDER))


def _new_order(given: OrderBody) -> NewOrder:
    return NewOrder(
        document=Document(
            delivery=given.shipping,
            access=parse_access(given.access),
            **{name: getattr(given, name) for name in DOCUMENT_NAMES},
        ),
        vouchers=tuple([parse_voucher(voucher) for voucher in given.vouchers]),
        stages=given.stages,
        **{name: getattr(given, name) for name in _HEAD_NAMES},
    )


def parse_access(given: AccessBody | None, owner: str | None = None) -> Access | None:
    """Who may reach an order that belongs to `owner`, or to nobody in particular."""
    users = given.users if given is not None else ()
    return Access(owner=owner, users=users) if users or owner else None


def parse_voucher(given: VoucherBody) -> NewVoucher:
    """A voucher to seal, from one that was handed in."""
    voucher = Voucher(**{name: getattr(given, name) for name in VOUCHER_NAMES})
    return NewVoucher(voucher=voucher, code=given.code, pin=given.pin)


def parse_stage(request: Request) -> NewStage:
    """The stage to append. Raises ContentTypeWrong, BodyMalformed, FieldMissing or FieldInvalid."""
    return convert(_parse_body(request), STRICT_STAGE)


def _parse_body(request: Request) -> Any:
    if request.media_type != "application/json":
        raise ContentTypeWrong
    return decode_json(request.body)


def render_etag(order: Order) -> str:
    """The strong validator of an order: its revision."""
    return f'"{order.revision}"'


def is_unchanged(request: Request, etag: str) -> bool:
    """True if the client says (If-None-Match) that it has this very revision."""
    known = request.header(b"if-none-match")
    return known is not None and (known.strip() == "*" or etag in _ETAG.findall(known))


def unless_unchanged(request: Request, answer: Response) -> Response:
    """The answer, or 304 if the client says that it has it: by its ETag, if it has one."""
    if request.header(b"if-none-match") is None:
        return answer
    etags = [value.decode() for name, value in answer.head if name == b"etag"]
    if not etags or not is_unchanged(request, etags[0]):
        return answer
    return Response(304, tuple(field for field in answer.head if field[0] != b"content-type"))

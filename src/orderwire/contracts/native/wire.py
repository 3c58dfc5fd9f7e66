"""The wire of our own API: JSON in snake case that mirrors the book's records one to one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec
from msgspec import Meta, Struct

from orderwire.book.errors import FieldInvalid, OrderNotFound
from orderwire.book.operations import NewOrder
from orderwire.book.orders import Delivery, Document, Name, NewVoucher, Order, Voucher
from orderwire.book.stages import NewStage, Stage, Status
from orderwire.web.errors import ContentTypeWrong
from orderwire.web.json import decode_json
from orderwire.web.request import Request

from .wire_strict import convert, read_instant, strict

# Fields that have a form of their own here, and `access`, which nobody reads or writes here.
_OWN_FORM = frozenset({"access", "delivery", "vouchers"})
_DOCUMENT = tuple(field for field in msgspec.structs.fields(Document) if field.name not in _OWN_FORM)
_DOCUMENT_NAMES = tuple(field.name for field in _DOCUMENT)
_ID = re.compile(r"[1-9][0-9]{0,15}")
_ETAG = re.compile(r'(?:W/)?("[^"]*")')
_PARAMETERS = frozenset({"as_of", "known_at"})

_encode = msgspec.json.Encoder().encode


class VoucherBody(Voucher, frozen=True, kw_only=True):
    """A voucher as it is handed in: its secrets in clear."""

    code: Annotated[str, Meta(min_length=1, max_length=500)]
    pin: Annotated[str, Meta(max_length=500)] = ""


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
    vouchers: Annotated[tuple[VoucherBody, ...], Meta(max_length=1_000)] = ()
    stages: Annotated[tuple[NewStage, ...], Meta(max_length=1_000)] = ()


_HEAD_NAMES = tuple(
    name for name in OrderBody.__struct_fields__ if name not in {"shipping", "vouchers", "stages"}
)
_VOUCHER_NAMES = tuple(name for name in Voucher.__struct_fields__ if name not in {"code", "pin"})
STRICT_ORDER = strict(OrderBody, also=_DOCUMENT)
STRICT_STAGE = strict(NewStage)


class Moment(NamedTuple):
    """What a read of the past asks for, None being now."""

    as_of: datetime | None = None
    known_at: datetime | None = None


class Standing(NamedTuple):
    """Where an order stands, or stood, as an answer shows it."""

    stage: str
    stage_number: int
    since: datetime
    changed_at: datetime
    detail: Any = None


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
            delivery=given.shipping, **{name: getattr(given, name) for name in _DOCUMENT_NAMES}
        ),
        vouchers=tuple(_parse_voucher(voucher) for voucher in given.vouchers),
        stages=given.stages,
        **{name: getattr(given, name) for name in _HEAD_NAMES},
    )


def parse_stage(request: Request) -> NewStage:
    """The stage to append. Raises ContentTypeWrong, BodyMalformed, FieldMissing or FieldInvalid."""
    return convert(_parse_body(request), STRICT_STAGE)


def parse_moment(request: Request) -> Moment | None:
    """The parameters `as_of` and `known_at`, None if neither is given. Raises FieldInvalid."""
    if not request.query:
        return None
    try:
        pairs = parse_qsl(
            request.query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=8
        )
    except ValueError as error:
        raise FieldInvalid("query", "can't be decoded, or has too many parameters") from error
    given: dict[str, datetime] = {}
    for name, text in pairs:
        if name not in _PARAMETERS:
            raise FieldInvalid(name[:100], "no such parameter")
        if name in given:
            raise FieldInvalid(name, "given twice")
        given[name] = read_instant(name, text)
    return Moment(**given) if given else None


def render_etag(order: Order) -> str:
    """The strong validator of an order: its revision."""
    return f'"{order.revision}"'


def is_unchanged(request: Request, etag: str) -> bool:
    """True if the client says (If-None-Match) that it has this very revision."""
    known = request.header(b"if-none-match")
    return known is not None and (known.strip() == "*" or etag in _ETAG.findall(known))


def render_order(
    order: Order,
    organisation: str,
    standing: Standing | None,
    secrets: Sequence[tuple[str, str]] | None,
) -> bytes:
    """An order as every answer shows it; `secrets` are its vouchers' codes and pins, if they are shown."""
    document = order.document
    shown: dict[str, Any] = {
        "id": order.id,
        "organisation": organisation,
        "revision": order.revision,
        "kind": order.kind,
        "lifecycle": order.lifecycle,
        "payment": order.payment,
        "delivery": order.delivery,
        "currency": order.currency,
        "placed_at": order.placed_at,
        "changed_at": order.changed_at,
        "group_order_id": order.group_order_id,
        "group_line": order.group_line,
        "status": _present(standing._asdict()) if standing is not None else None,
    }
    for name in _DOCUMENT_NAMES:
        value = getattr(document, name)
        if value is not None and value != () and value != {}:
            shown[name] = value
    if document.delivery is not None:
        shown["shipping"] = document.delivery
    if document.vouchers:
        shown["vouchers"] = [_render_voucher(*pair) for pair in _beside(document.vouchers, secrets)]
    return _encode(shown)


def render_stage(stage: Stage, standing: Standing | None) -> bytes:
    """A stage as it was recorded, and where the order stands now."""
    return _encode(
        {
            "order_id": stage.order_id,
            "number": stage.number,
            "revision": stage.revision,
            "stage": stage.stage,
            "effective_at": stage.effective_at,
            "recorded_at": stage.recorded_at,
            "status_at": stage.status_at,
            "detail": stage.detail,
            "origin": stage.origin,
            **({"supersedes": stage.supersedes} if stage.supersedes is not None else {}),
            "status": _present(standing._asdict()) if standing is not None else None,
        }
    )


def standing_now(status: Status | None) -> Standing | None:
    """What a status says."""
    if status is None:
        return None
    return Standing(status.stage, status.stage_number, status.since, status.changed_at, status.detail)


def _parse_body(request: Request) -> Any:
    if request.media_type != "application/json":
        raise ContentTypeWrong
    return decode_json(request.body)


def _parse_voucher(given: VoucherBody) -> NewVoucher:
    voucher = Voucher(**{name: getattr(given, name) for name in _VOUCHER_NAMES})
    return NewVoucher(voucher=voucher, code=given.code, pin=given.pin)


def _beside(
    vouchers: Sequence[Voucher], secrets: Sequence[tuple[str, str]] | None
) -> list[tuple[Voucher, tuple[str, str] | None]]:
    if secrets is None:
        return [(voucher, None) for voucher in vouchers]
    return list(zip(vouchers, secrets, strict=True))


def _render_voucher(voucher: Voucher, secret: tuple[str, str] | None) -> dict[str, Any]:
    shown = _present({name: getattr(voucher, name) for name in _VOUCHER_NAMES})
    if secret is not None:
        code, pin = secret
        shown["code"] = code
        if pin:
            shown["pin"] = pin
    return shown


def _present(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}

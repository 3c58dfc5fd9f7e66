"""The wire of changes: a JSON Merge Patch (RFC 7396) of an order in the form in which answers show it."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, inspect

from orderwire.book.amend import Amendment
from orderwire.book.errors import FieldInvalid, StaleOrder
from orderwire.book.orders import Delivery, Document, Name, NewVoucher, Order
from orderwire.web.request import Request

from .wire import DOCUMENT, DOCUMENT_NAMES, AccessBody, VoucherBody, parse_access, parse_voucher
from .wire_orders import GROUP_NAMES, HEAD_NAMES, show_state
from .wire_pages import parse_expected, parse_json
from .wire_strict import convert, strict

# What an answer shows, and only the book itself says.
ANSWERS_ONLY = frozenset(
    {"id", "organisation", "revision", "changed_at", "recorded_at", "status", "stages", "revisions"}
)


class AmendedOrder(Struct, frozen=True, kw_only=True):
    """An order as it is to be; the fields of its document stand beside these."""

    kind: str
    lifecycle: str
    placed_at: datetime
    payment: str | None = None
    delivery: str | None = None
    currency: str | None = None
    group_order_id: Name | None = None
    group_line: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None
    shipping: Delivery | None = None
    access: AccessBody | None = None


class PatchBody(Struct, frozen=True, kw_only=True):
    """What a patch says besides the fields of the order that can be merged."""

    effective_at: datetime | None = None
    vouchers: Annotated[tuple[VoucherBody, ...], Meta(max_length=1_000)] | None = None


STRICT_AMENDED = strict(AmendedOrder, also=DOCUMENT)
STRICT_PATCH = strict(PatchBody)
_AMENDED_TYPE = inspect.type_info(STRICT_AMENDED)


def parse_amendment(request: Request) -> Amendment:
    """The change in the body. Raises ContentTypeWrong, BodyMalformed or FieldInvalid.

    Fields that are not there are found here; what the rest makes of the order, when it is made.
    """
    patch = parse_json(request, is_patch=True)
    if not isinstance(patch, dict):
        raise FieldInvalid("body", "must be an object")
    own = {name: patch.pop(name) for name in PatchBody.__struct_fields__ if name in patch}
    for name in patch:
        if name in ANSWERS_ONLY:
            raise FieldInvalid(name, "can't be changed")
    _check_known(patch, _AMENDED_TYPE, "")
    given = convert(own, STRICT_PATCH)
    vouchers: tuple[NewVoucher, ...] | None = None
    if "vouchers" in own:
        vouchers = tuple(parse_voucher(voucher) for voucher in given.vouchers or ())
    return Amendment(change=partial(_amended, patch), effective_at=given.effective_at, vouchers=vouchers)


def expected_revision(request: Request, order: Order) -> int | None:
    """The revision at which If-Match allows a change of the order, None if any will do.

    Raises StaleOrder when it is not the order's.
    """
    revisions = parse_expected(request)
    if revisions is None:
        return None
    if order.revision not in revisions:
        raise StaleOrder(max(revisions, default=0), order.revision)
    return order.revision


def merge(target: Any, patch: Any) -> Any:
    """RFC 7396: objects are merged, null removes, everything else takes the place of what was there."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def _amended(patch: dict[str, Any], order: Order) -> Order:
    """The order with the patch merged into the form in which answers show it."""
    shown = msgspec.to_builtins(show_state(order, with_access=True))
    shown.pop("vouchers", None)
    given = convert(merge(shown, patch), STRICT_AMENDED)
    before = order.document
    document = Document(
        delivery=given.shipping,
        access=parse_access(given.access, before.access.owner if before.access is not None else None),
        vouchers=before.vouchers,
        **{name: getattr(given, name) for name in DOCUMENT_NAMES},
    )
    head = {name: getattr(given, name) for name in (*HEAD_NAMES, *GROUP_NAMES)}
    return msgspec.structs.replace(order, **head, document=document)


def _check_known(patch: Any, type_: inspect.Type, place: str) -> None:
    """Raises FieldInvalid for a key that no field has: null would remove it without a word."""
    if not isinstance(patch, dict):
        return
    for one in type_.types if isinstance(type_, inspect.UnionType) else (type_,):
        if isinstance(one, inspect.StructType):
            fields = {field.encode_name: field.type for field in one.fields}
            for name, value in patch.items():
                if name not in fields:
                    raise FieldInvalid(f"{place}{name[:200]}", "no such field")
                _check_known(value, fields[name], f"{place}{name}.")

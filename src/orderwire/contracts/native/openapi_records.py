"""What answers hold where they are rendered without a record of their own: an order, its parts, a problem."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from orderwire.book.orders import Delivery, Voucher

from .wire import DOCUMENT, VOUCHER_NAMES
from .wire_answers import RevisionObject, StageObject, StatusObject
from .wire_orders import ORDER_NAMES

Kind = Literal["delivery", "delivery_note", "invoice", "order", "preorder"]
Lifecycle = Literal["cancelled", "complete", "new", "processing"]
Payment = Literal["advance", "in_process", "not_paid", "paid"]
DeliveryState = Literal["cancelled", "delivered", "pending", "rejected"]


class AccessShown(Struct, frozen=True, kw_only=True):
    """Users of the organisation, by id, who may reach the order besides those who may reach every order."""

    users: tuple[int, ...]


# `code` and `pin` are opened for those with the right `vouchers.read`, and left out for all others.
VoucherShown = msgspec.defstruct(
    "VoucherShown",
    [
        *((one.name, one.type, None) for one in msgspec.structs.fields(Voucher) if one.name in VOUCHER_NAMES),
        ("code", str | UnsetType, UNSET),
        ("pin", str | UnsetType, UNSET),
    ],
    namespace={"__doc__": "A voucher; `code` and `pin` are shown with the right `vouchers.read` only."},
    kw_only=True,
)

_HEAD: dict[str, Any] = {
    "id": Annotated[int, Meta(ge=1, le=2**53)],
    "organisation": str,
    "revision": Annotated[int, Meta(ge=1)],
    "kind": Kind,
    "lifecycle": Lifecycle,
    "payment": Payment | None,
    "delivery": DeliveryState | None,
    "currency": str | None,
    "placed_at": datetime,
    "changed_at": datetime,
    "recorded_at": datetime,
    "group_order_id": str | None,
    "group_line": int | None,
    "status": StatusObject | None,
}
# What every answer shows of an order unless it was asked for some fields only.
HEAD_NAMES = tuple(_HEAD)
_OWN_FORM: dict[str, Any] = {
    "shipping": Delivery,
    "access": AccessShown,
    "vouchers": tuple[VoucherShown, ...],  # type: ignore[valid-type]  # made of the fields of Voucher
}
_DOCUMENT: dict[str, Any] = {one.name: one.type for one in DOCUMENT}
_BESIDES: dict[str, Any] = {
    "stages": tuple[StageObject, ...],
    "more_stages": Literal[True],
    "revisions": tuple[RevisionObject, ...],
    "more_revisions": Literal[True],
}

OrderShown = msgspec.defstruct(
    "OrderShown",
    [
        *((name, {**_HEAD, **_DOCUMENT, **_OWN_FORM}[name] | UnsetType, UNSET) for name in ORDER_NAMES),
        *((name, type_ | UnsetType, UNSET) for name, type_ in _BESIDES.items()),
    ],
    namespace={"__doc__": "An order, or the fields of it that were asked for."},
    kw_only=True,
)


class Problem(Struct, frozen=True, kw_only=True):
    """Problem details (RFC 9457). `code` tells what is wrong; some codes have fields of their own."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    field: str | UnsetType = UNSET
    scheme: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    order_id: int | UnsetType = UNSET
    revision: int | UnsetType = UNSET
    request_id: str | UnsetType = UNSET

"""What answers show of an order itself: its typed fields, its status, and what its document says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

import msgspec
from msgspec.structs import asdict, astuple, replace

from orderwire.book.orders import Access, Delivery, Document, Order, Voucher
from orderwire.book.stages import Status

from .wire import DOCUMENT, DOCUMENT_NAMES
from .wire_answers import StatusObject, show_status

# The fields beside the document's that an order has in every state, in the sort in which they are shown.
HEAD_NAMES = ("kind", "lifecycle", "payment", "delivery", "currency", "placed_at")
GROUP_NAMES = ("group_order_id", "group_line")
_STATE = frozenset({*HEAD_NAMES, *GROUP_NAMES})

_HEAD: list[tuple[str, Any]] = [
    ("id", int),
    ("organisation", str),
    ("revision", int),
    ("kind", str),
    ("lifecycle", str),
    ("payment", str | None),
    ("delivery", str | None),
    ("currency", str | None),
    ("placed_at", datetime),
    ("changed_at", datetime),
    ("recorded_at", datetime),
    ("group_order_id", str | None),
    ("group_line", int | None),
    ("status", StatusObject | None),
]


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default is not msgspec.NODEFAULT:
        return field.default
    return msgspec.field(default_factory=field.default_factory)


# Made in one go from the fields' values, in this sort: a list shows many orders.
OrderObject: Any = msgspec.defstruct(
    "OrderObject",
    [
        *_HEAD,
        *((field.name, field.type, _default(field)) for field in DOCUMENT),
        ("shipping", Delivery | None, None),
        ("access", Access | None, None),
        ("vouchers", tuple[Voucher, ...], ()),
    ],
    namespace={"__doc__": "An order; what its document does not say is left out."},
    frozen=True,
    gc=False,
    omit_defaults=True,
)
ORDER_NAMES: tuple[str, ...] = OrderObject.__struct_fields__
_said_by = itemgetter(*(Document.__struct_fields__.index(name) for name in DOCUMENT_NAMES))
_ALWAYS = frozenset(name for name, _ in _HEAD)

Secrets = Sequence[tuple[str, str]]


def show_order(
    order: Order,
    organisation: str,
    status: Status | None,
    secrets: Secrets | None = None,
    *,
    with_access: bool = False,
) -> Any:
    """An `OrderObject`, as every answer shows it; `secrets` are its vouchers' codes and pins, if they are
    shown."""
    document, access = order.document, None
    if with_access and document.access is not None and document.access.users:
        access = Access(users=document.access.users)
    return OrderObject(
        order.id,
        organisation,
        order.revision,
        order.kind,
        order.lifecycle,
        order.payment,
        order.delivery,
        order.currency,
        order.placed_at,
        order.changed_at,
        order.recorded_at,
        order.group_order_id,
        order.group_line,
        show_status(status),
        *_said_by(astuple(document)),
        document.delivery,
        access,
        _show_vouchers(document.vouchers, secrets),
    )


def show_state(order: Order, *, with_access: bool) -> dict[str, Any]:
    """What can be changed of an order, as answers show it; of its vouchers, no secret."""
    shown = fields_of(show_order(order, "", None, with_access=with_access))
    return {name: value for name, value in shown.items() if name in _STATE or name not in _ALWAYS}


def fields_of(shown: Any) -> dict[str, Any]:
    """The fields that an `OrderObject` shows, by name."""
    return {
        name: value
        for name, value in asdict(shown).items()
        if name in _ALWAYS or (value is not None and value != () and value != {})
    }


def _show_vouchers(vouchers: tuple[Voucher, ...], secrets: Secrets | None) -> tuple[Voucher, ...]:
    if secrets is None:
        return tuple([replace(voucher, code=None, pin=None) for voucher in vouchers])
    pairs = zip(vouchers, secrets, strict=True)
    return tuple([replace(voucher, code=code, pin=pin or None) for voucher, (code, pin) in pairs])

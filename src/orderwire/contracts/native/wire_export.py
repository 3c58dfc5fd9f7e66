"""An order as one line of JSON Lines, in the form in which `POST /v1/orders` takes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from orderwire.book.orders import Document, Order, Voucher
from orderwire.book.stages import Stage, StageDetail

_HEAD = (
    "kind",
    "lifecycle",
    "payment",
    "delivery",
    "currency",
    "placed_at",
    "changed_at",
    "group_order_id",
    "group_line",
)
# What has a form of its own; who else may reach an order is known by this book only.
_OWN_FORM = frozenset({"access", "delivery", "vouchers"})
_DOCUMENT = tuple(name for name in Document.__struct_fields__ if name not in _OWN_FORM)

_encode = msgspec.json.Encoder().encode


def render_order_line(
    order: Order, stages: Sequence[Stage], secrets: Sequence[tuple[str, str]] | None
) -> bytes:
    """The order with its stages, by number and all of them; `secrets` are its vouchers' codes and pins.

    Without them its vouchers are left out: an order can't be placed with vouchers that have no code. One
    without any name has its id, by which an import knows it again; only an import takes that.
    """
    document = order.document
    shown: dict[str, Any] = {} if document.names else {"id": order.id}
    for name in _HEAD:
        value = getattr(order, name)
        if value is not None:
            shown[name] = value
    for name in _DOCUMENT:
        value = getattr(document, name)
        if value is not None and value != () and value != {}:
            shown[name] = value
    if document.delivery is not None:
        shown["shipping"] = document.delivery
    if document.vouchers and secrets is not None:
        pairs = zip(document.vouchers, secrets, strict=True)
        shown["vouchers"] = [_voucher(voucher, *secret) for voucher, secret in pairs]
    if stages:
        shown["stages"] = [_stage(stage) for stage in stages]
    return _encode(shown)


def _voucher(voucher: Voucher, code: str, pin: str) -> Voucher:
    return msgspec.structs.replace(voucher, code=code, pin=pin or None)


def _stage(stage: Stage) -> dict[str, Any]:
    shown: dict[str, Any] = {"stage": stage.stage, "effective_at": stage.effective_at}
    if stage.status_at is None:
        shown["status"] = "leave"
    elif stage.status_at != stage.effective_at:
        shown["status_at"] = stage.status_at
    if stage.detail != _NO_DETAIL:
        shown["detail"] = stage.detail
    if stage.supersedes is not None:
        shown["supersedes"] = stage.supersedes
    return shown


_NO_DETAIL = StageDetail()

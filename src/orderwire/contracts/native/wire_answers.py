"""What answers show of an order: the order itself, its status, its stages and its revisions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from orderwire.book.lists import State
from orderwire.book.orders import Access, Order, Voucher
from orderwire.book.stages import Origin, Stage, StageDetail, Status, StatusDetail

from .wire import DOCUMENT_NAMES, VOUCHER_NAMES

encode = msgspec.json.Encoder().encode

# The fields beside the document's that an order has in every state, in the sort in which they are shown.
HEAD_NAMES = ("kind", "lifecycle", "payment", "delivery", "currency", "placed_at")
GROUP_NAMES = ("group_order_id", "group_line")
ORDER_NAMES = (
    "id",
    "organisation",
    "revision",
    *HEAD_NAMES,
    "changed_at",
    "recorded_at",
    *GROUP_NAMES,
    "status",
    *DOCUMENT_NAMES,
    "shipping",
    "access",
    "vouchers",
)
Secrets = Sequence[tuple[str, str]]


class StatusObject(Struct, frozen=True, kw_only=True, gc=False):
    """Where an order stands, or stood."""

    stage: str
    stage_number: int
    since: datetime
    changed_at: datetime
    detail: StatusDetail


class StageObject(Struct, frozen=True, kw_only=True, gc=False):
    """A stage as it was recorded. `supersedes` is the number of the stage that it corrects."""

    number: int
    revision: int
    stage: str
    effective_at: datetime
    recorded_at: datetime
    status_at: datetime | None
    detail: StageDetail
    origin: Origin
    supersedes: int | UnsetType = UNSET


class StageAnswer(Struct, frozen=True, kw_only=True, gc=False):
    """The answer to a stage that was appended: the stage, and where the order stands now."""

    order_id: int
    number: int
    revision: int
    stage: str
    effective_at: datetime
    recorded_at: datetime
    status_at: datetime | None
    detail: StageDetail
    origin: Origin
    supersedes: int | UnsetType = UNSET
    status: StatusObject | None


class RevisionObject(Struct, frozen=True, kw_only=True, gc=False):
    """A change of the order, its placing or its deletion. `supersedes` is the revision that it corrects."""

    revision: int
    effective_at: datetime
    recorded_at: datetime
    origin: Origin
    supersedes: int | UnsetType = UNSET
    deleted: bool | UnsetType = UNSET


def show_order(
    order: Order,
    organisation: str,
    status: Status | None,
    secrets: Secrets | None = None,
    *,
    with_access: bool = False,
) -> dict[str, Any]:
    """An order as every answer shows it; `secrets` are its vouchers' codes and pins, if they are shown."""
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
        "recorded_at": order.recorded_at,
        "group_order_id": order.group_order_id,
        "group_line": order.group_line,
        "status": show_status(status),
    }
    _show_document(shown, order, secrets, with_access=with_access)
    return shown


def show_state(order: Order, *, with_access: bool) -> dict[str, Any]:
    """What can be changed of an order, as answers show it; of its vouchers, no secret."""
    shown: dict[str, Any] = {name: getattr(order, name) for name in (*HEAD_NAMES, *GROUP_NAMES)}
    _show_document(shown, order, None, with_access=with_access)
    return shown


def show_status(status: Status | None) -> StatusObject | None:
    """A status as answers show it."""
    if status is None:
        return None
    return StatusObject(
        stage=status.stage,
        stage_number=status.stage_number,
        since=status.since,
        changed_at=status.changed_at,
        detail=status.detail,
    )


def show_stage(stage: Stage) -> StageObject:
    """A stage within its order."""
    return StageObject(
        number=stage.number,
        revision=stage.revision,
        stage=stage.stage,
        effective_at=stage.effective_at,
        recorded_at=stage.recorded_at,
        status_at=stage.status_at,
        detail=stage.detail,
        origin=stage.origin,
        supersedes=UNSET if stage.supersedes is None else stage.supersedes,
    )


def show_revision(state: State) -> RevisionObject:
    """A revision within its order, without what the order says."""
    said = state.revision
    return RevisionObject(
        revision=said.revision,
        effective_at=said.effective_at,
        recorded_at=said.recorded_at,
        origin=said.origin,
        supersedes=UNSET if said.supersedes is None else said.supersedes,
        deleted=True if state.deleted else UNSET,
    )


def render_stage(stage: Stage, status: Status | None) -> bytes:
    """A stage as it was recorded, and where the order stands now."""
    return encode(
        StageAnswer(
            order_id=stage.order_id,
            number=stage.number,
            revision=stage.revision,
            stage=stage.stage,
            effective_at=stage.effective_at,
            recorded_at=stage.recorded_at,
            status_at=stage.status_at,
            detail=stage.detail,
            origin=stage.origin,
            supersedes=UNSET if stage.supersedes is None else stage.supersedes,
            status=show_status(status),
        )
    )


def _show_document(
    shown: dict[str, Any], order: Order, secrets: Secrets | None, *, with_access: bool
) -> None:
    document = order.document
    for name in DOCUMENT_NAMES:
        value = getattr(document, name)
        if value is not None and value != () and value != {}:
            shown[name] = value
    if document.delivery is not None:
        shown["shipping"] = document.delivery
    access: Access | None = document.access
    if with_access and access is not None and access.users:
        shown["access"] = {"users": access.users}
    if document.vouchers:
        shown["vouchers"] = [_show_voucher(*pair) for pair in _beside(document.vouchers, secrets)]


def _beside(
    vouchers: Sequence[Voucher], secrets: Secrets | None
) -> list[tuple[Voucher, tuple[str, str] | None]]:
    if secrets is None:
        return [(voucher, None) for voucher in vouchers]
    return list(zip(vouchers, secrets, strict=True))


def _show_voucher(voucher: Voucher, secret: tuple[str, str] | None) -> dict[str, Any]:
    values = {name: getattr(voucher, name) for name in VOUCHER_NAMES}
    shown = {name: value for name, value in values.items() if value is not None}
    if secret is not None:
        code, pin = secret
        shown["code"] = code
        if pin:
            shown["pin"] = pin
    return shown

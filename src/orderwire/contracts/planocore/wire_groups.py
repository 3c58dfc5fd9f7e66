"""The wire of group_orders/read: its request and the four views of a group order."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from orderwire.book.errors import FieldInvalid, FieldMissing
from orderwire.book.orders import GroupOrder, Order, Party, PhotoTour
from orderwire.book.stages import Client, Details, Status, StatusDetail

from .wire import Params, check_common, first_known, order_numbers

DEFAULT_VIEW = "default"
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class GroupRequest(Struct, frozen=True):
    """What group_orders/read asks for."""

    id: str
    view: str

    @property
    def shows_orders(self) -> bool:
        """True when the view shows the orders of the group."""
        return "orders" in _VIEWS[self.view]


class MemberObject(Struct, frozen=True, kw_only=True):
    """One order of a group. `line` is its line in the upload, `stage` null while it has no status."""

    order_id: int | None
    order_request_id: int | None
    line: int | None
    external_id: str | None
    client_id: int | None
    client_name: str | None
    property_address: str | None
    service_type: str | None
    stage: str | None
    stage_since: datetime | None


# What each possible value of `view` shows, in this order. `inital_upload` is the document's spelling.
_VIEWS: dict[str, tuple[str, ...]] = {
    "inital_upload": ("_id", "status", "total_orders", "normalized_csv", "queue_job_id", "created_at"),
    "online_order_group_order_status": (
        "_id",
        "status",
        "total_orders",
        "successful_orders",
        "rejected_orders",
        "accepted_orders_xlsx",
        "rejected_orders_xlsx",
        "created_at",
    ),
    "planoworker_processing_view": (
        "_id",
        "status",
        "total_orders",
        "successful_orders",
        "rejected_orders",
        "normalized_csv",
        "queue_job_id",
        "created_at",
        "orders",
    ),
    DEFAULT_VIEW: (
        "_id",
        "status",
        "total_orders",
        "successful_orders",
        "rejected_orders",
        "normalized_csv",
        "accepted_orders_xlsx",
        "rejected_orders_xlsx",
        "queue_job_id",
        "created_at",
        "orders",
    ),
}


def parse_read(values: Mapping[str, Any]) -> GroupRequest:
    """The parameters of group_orders/read. Raises FieldMissing or FieldInvalid."""
    params = Params(values)
    sent = params.given("_id")
    if sent is None:
        raise FieldMissing("_id")
    check_common(values)
    view = params.word("view", _VIEWS) or DEFAULT_VIEW
    group_order_id = sent.lower() if isinstance(sent, str) else ""
    if not _UUID.fullmatch(group_order_id):
        raise FieldInvalid("_id", "must be a UUID")
    return GroupRequest(group_order_id, view)


def render_group_order(
    group: GroupOrder, members: Sequence[tuple[Order, Status | None]], view: str, base_url: str
) -> dict[str, Any]:
    """The group order in a view; the paths of its files are made absolute with `base_url`."""
    known = {
        "_id": group.id,
        "status": "complete" if group.is_complete else "processing",
        "total_orders": group.total,
        "successful_orders": group.accepted,
        "rejected_orders": group.rejected,
        "normalized_csv": _url(base_url, group.normalised_path),
        "accepted_orders_xlsx": _url(base_url, group.accepted_path),
        "rejected_orders_xlsx": _url(base_url, group.rejected_path),
        "queue_job_id": group.job_id,
        "created_at": group.created_at,
        "orders": [render_member(order, status) for order, status in members],
    }
    return {key: known[key] for key in _VIEWS[view]}


def render_member(order: Order, status: Status | None) -> MemberObject:
    """One order of the group, with where it stands; what its stages said is over what it has."""
    document = order.document
    said = StatusDetail() if status is None else status.detail
    client, details = said.client or Client(), said.details or Details()
    customer, tour = document.customer or Party(), document.tour or PhotoTour()
    order_id, order_request_id = order_numbers(order)
    name = customer.name or f"{customer.first_name or ''} {customer.last_name or ''}".strip()
    return MemberObject(
        order_id=order_id,
        order_request_id=order_request_id,
        line=order.group_line,
        external_id=first_known(details.external_id, tour.external_id or document.names.get("reference")),
        client_id=first_known(client.id, customer.id),
        client_name=name or None,
        property_address=tour.property_address,
        service_type=first_known(details.service_type, tour.service_type),
        stage=None if status is None else status.stage,
        stage_since=None if status is None else status.since,
    )


def _url(base_url: str, path: str | None) -> str | None:
    return None if path is None else f"{base_url}/{path.removeprefix('/')}"

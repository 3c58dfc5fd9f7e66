"""The wire of order_stages/create: its seventeen parameters, the stage and the status it answers with."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from orderwire.book.errors import FieldInvalid, FieldMissing
from orderwire.book.notices import is_address
from orderwire.book.orders import Order, Party, PhotoTour
from orderwire.book.stages import (
    Addon,
    Appointment,
    Client,
    Details,
    NewStage,
    Scalar,
    Stage,
    StageDetail,
    Status,
    WallClock,
)
from orderwire.book.store import Mail

from .wire import (
    LARGEST_INTEGER,
    LONG_TEXT_LENGTH,
    MAX_ADDON_KEYS,
    MAX_ADDONS,
    NAME_LENGTH,
    SMALLEST_INTEGER,
    TEXT_LENGTH,
    Params,
    check_common,
    first_known,
    number_of,
    order_numbers,
)
from .wire_times import parse_wall_clock

# The recipient of a notification that stands for the customer of the order.
CLIENT = "client"

_encode = msgspec.json.Encoder().encode


class StageRequest(Struct, frozen=True, kw_only=True):
    """What order_stages/create asks for: the order by one or both of its numbers, and the stage."""

    order_id: int | None
    order_request_id: int | None
    new: NewStage
    application_view: str | None


class AppointmentObject(Struct, frozen=True, kw_only=True):
    """The `appointment` hash."""

    appt_id: int | None
    appt_confirmed: str | None
    appt_duration_time: str | None
    appt_start_at: str | None
    appt_stop_at: str | None
    cancel_reason: str | None
    cancel_note: str | None


class ClientObject(Struct, frozen=True, kw_only=True):
    """The `client` hash."""

    client_id: int | None
    client_billing_postal_code: int | None


class OrderObject(Struct, frozen=True, kw_only=True):
    """The `order` hash."""

    notes: str | None
    delivery_rush: bool | None
    due_date: str | None
    external_id: str | None
    service_type: str | None
    services_addon_array: tuple[Addon, ...] | None
    cancel_reason: str | None
    cancel_note: str | None


class StageObject(Struct, frozen=True, kw_only=True):
    """The row of order_stages: each parameter under its own name, each wall clock as an instant, too.

    `id` numbers the stages of one order from 1; `created_at` is when the row was recorded.
    """

    id: int
    order_id: int | None
    order_request_id: int | None
    update_status: bool
    stage: str
    stage_trigger: str | None
    stage_at_mt: str | None
    stage_start_at: datetime
    created_at_mt: str | None
    created_at_fm: datetime | None
    created_by_id: int | None
    created_by: str | None
    appointment: AppointmentObject | None
    client: ClientObject | None
    order: OrderObject | None
    notes: str | None
    updated_by: str | None
    updated_by_id: int | None
    notified_at_mt: str | None
    notified_at: datetime | None
    event_slug: str | None
    created_at: datetime


class StatusObject(Struct, frozen=True, kw_only=True):
    """The row of order_statuses: where the order stands, since when, and what is known with it."""

    order_id: int | None
    order_request_id: int | None
    stage: str
    stage_since: datetime
    client_id: int | None
    client_billing_postal_code: int | None
    appointment: AppointmentObject | None
    order: OrderObject
    updated_at: datetime


class Created(Struct, frozen=True):
    """The `data` of order_stages/create."""

    order_stage: StageObject
    order_status: StatusObject | None


def parse_create(values: Mapping[str, Any]) -> StageRequest:
    """The parameters of order_stages/create. Raises FieldMissing, then FieldInvalid."""
    params = Params(values)
    if params.given("order_id") is None and params.given("order_request_id") is None:
        raise FieldMissing("order_id")
    for name in ("update_status", "stage"):
        if params.given(name) is None:
            raise FieldMissing(name)
    check_common(values)
    started = parse_wall_clock(params, "stage_at_mt")
    return StageRequest(
        order_id=params.integer("order_id"),
        order_request_id=params.integer("order_request_id"),
        new=NewStage(
            stage=params.text("stage") or "",
            effective_at=started.at if started is not None else None,
            status="set" if params.boolean("update_status") else "leave",
            detail=_parse_detail(params, started),
        ),
        application_view=params.text("application_view"),
    )


def _parse_detail(params: Params, started: WallClock | None) -> StageDetail:
    return StageDetail(
        trigger=params.text("stage_trigger"),
        started=started,
        created=parse_wall_clock(params, "created_at_mt"),
        notified=parse_wall_clock(params, "notified_at_mt"),
        created_by=params.text("created_by"),
        created_by_id=params.integer("created_by_id"),
        updated_by=params.text("updated_by"),
        updated_by_id=params.integer("updated_by_id"),
        event=params.text("event_slug"),
        notes=params.text("notes", LONG_TEXT_LENGTH),
        appointment=_parse_appointment(params.hash("appointment")),
        client=_parse_client(params.hash("client")),
        details=_parse_order(params.hash("order")),
    )


def _parse_appointment(params: Params | None) -> Appointment | None:
    if params is None:
        return None
    return Appointment(
        id=params.integer("appt_id"),
        confirmed=params.text("appt_confirmed"),
        duration=params.text("appt_duration_time"),
        start_at=params.text("appt_start_at"),
        stop_at=params.text("appt_stop_at"),
        cancel_reason=params.text("cancel_reason"),
        cancel_note=params.text("cancel_note", LONG_TEXT_LENGTH),
    )


def _parse_client(params: Params | None) -> Client | None:
    if params is None:
        return None
    return Client(
        id=params.integer("client_id"), billing_postal_code=params.integer("client_billing_postal_code")
    )


def _parse_order(params: Params | None) -> Details | None:
    if params is None:
        return None
    return Details(
        notes=params.text("notes", LONG_TEXT_LENGTH),
        rush=params.boolean("delivery_rush"),
        due_date=params.text("due_date"),
        external_id=params.text("external_id"),
        service_type=params.text("service_type"),
        addons=_parse_addons(params, "services_addon_array"),
        cancel_reason=params.text("cancel_reason"),
        cancel_note=params.text("cancel_note", LONG_TEXT_LENGTH),
    )


def _parse_addons(params: Params, name: str) -> tuple[Addon, ...] | None:
    sent = params.given(name)
    if sent is None:
        return None
    attr = params.attr(name)
    if not isinstance(sent, list) or len(sent) > MAX_ADDONS:
        raise FieldInvalid(attr, f"must be an array of at most {MAX_ADDONS} elements")
    return tuple(_parse_addon(attr, item) for item in sent)


def _parse_addon(attr: str, item: Any) -> Addon:
    """A plain value, or a flat hash of plain values (the sibling API's add-on services are such)."""
    if isinstance(item, dict):
        if len(item) > MAX_ADDON_KEYS or not all(0 < len(key) <= NAME_LENGTH for key in item):
            raise FieldInvalid(attr, f"a hash of at most {MAX_ADDON_KEYS} keys")
        return {key: _parse_scalar(attr, value) for key, value in item.items()}
    return _parse_scalar(attr, item)


def _parse_scalar(attr: str, item: Any) -> Scalar:
    if isinstance(item, str):
        # Read as a text of its own, so that it keeps to the limits of a text even when it is empty.
        return Params({attr: item}).text(attr, TEXT_LENGTH) or ""
    if item is None or isinstance(item, bool):
        return item
    if isinstance(item, Decimal) and math.isfinite(float(item)):
        return float(item)
    if isinstance(item, int) and SMALLEST_INTEGER <= item <= LARGEST_INTEGER:
        return item
    raise FieldInvalid(attr, "must hold plain values, or flat hashes of them")


def parse_notifications(text: str) -> dict[str, str]:
    """The option `notifications`: `event_slug=recipient` pairs, separated by `;`. Raises ValueError."""
    pairs = {}
    for item in text.split(";"):
        if not item.strip():
            continue
        slug, mark, recipient = (part.strip() for part in item.partition("="))
        if not (slug and mark and (recipient == CLIENT or is_address(recipient))):
            raise ValueError("must be event_slug=recipient pairs: each recipient an address or `client`")
        pairs[slug] = recipient
    return pairs


def repeat_key(asked: StageRequest) -> str:
    """What is the same for the very same request: a SHA-256 (hex) over the parameters 1 to 17."""
    return hashlib.sha256(_encode((asked.order_id, asked.order_request_id, asked.new))).hexdigest()


def render_notice(order: Order, new: NewStage, recipient: str) -> Mail:
    """The mail for a stage whose event has a notification; `to` is "" for a client without address."""
    customer = order.document.customer or Party()
    to = customer.email or "" if recipient == CLIENT else recipient
    order_id, order_request_id = order_numbers(order)
    number = order_id if order_id is not None else order_request_id
    lines = [f"Order: {number}", f"Event: {new.detail.event}", f"Stage: {new.stage}"]
    if new.detail.started is not None:
        lines.append(f"At: {new.detail.started.text} (Mountain Time)")
    # A stage may be any text; a subject is one line.
    subject = f"Order {number}: {' '.join(new.stage.split())}"
    return Mail(to=to, subject=subject, text="\n".join(lines) + "\n")


def render_created(order: Order, stage: Stage, status: Status | None) -> Created:
    """The stage that was recorded and the status as it stands now (None where it is not shown)."""
    return Created(_render_stage(order, stage), None if status is None else _render_status(order, status))


def _render_stage(order: Order, stage: Stage) -> StageObject:
    order_id, order_request_id = order_numbers(order)
    said = stage.detail
    return StageObject(
        id=stage.number,
        order_id=order_id,
        order_request_id=order_request_id,
        update_status=stage.status_at is not None,
        stage=stage.stage,
        stage_trigger=said.trigger,
        stage_at_mt=_text(said.started),
        stage_start_at=stage.effective_at,
        created_at_mt=_text(said.created),
        created_at_fm=_instant(said.created),
        created_by_id=said.created_by_id,
        created_by=said.created_by,
        appointment=_render_appointment(said.appointment),
        client=_render_client(said.client),
        order=None if said.details is None else _render_order(said.details),
        notes=said.notes,
        updated_by=said.updated_by,
        updated_by_id=said.updated_by_id,
        notified_at_mt=_text(said.notified),
        notified_at=_instant(said.notified),
        event_slug=said.event,
        created_at=stage.recorded_at,
    )


def _render_status(order: Order, status: Status) -> StatusObject:
    """What the stages said, over what the order itself has."""
    order_id, order_request_id = order_numbers(order)
    document, said = order.document, status.detail
    customer, tour = document.customer or Party(), document.tour or PhotoTour()
    client = said.client or Client()
    details = said.details or Details()
    known = OrderObject(
        notes=first_known(details.notes, document.notes),
        delivery_rush=first_known(details.rush, tour.rush),
        due_date=first_known(details.due_date, tour.due),
        external_id=first_known(details.external_id, tour.external_id or document.names.get("reference")),
        service_type=first_known(details.service_type, tour.service_type),
        services_addon_array=first_known(details.addons, tour.services or None),
        cancel_reason=details.cancel_reason,
        cancel_note=details.cancel_note,
    )
    return StatusObject(
        order_id=order_id,
        order_request_id=order_request_id,
        stage=status.stage,
        stage_since=status.since,
        client_id=first_known(client.id, customer.id),
        client_billing_postal_code=first_known(client.billing_postal_code, number_of(customer.postal_code)),
        appointment=_render_appointment(said.appointment),
        order=known,
        updated_at=status.changed_at,
    )


def _render_appointment(appointment: Appointment | None) -> AppointmentObject | None:
    if appointment is None:
        return None
    return AppointmentObject(
        appt_id=appointment.id,
        appt_confirmed=appointment.confirmed,
        appt_duration_time=appointment.duration,
        appt_start_at=appointment.start_at,
        appt_stop_at=appointment.stop_at,
        cancel_reason=appointment.cancel_reason,
        cancel_note=appointment.cancel_note,
    )


def _render_client(client: Client | None) -> ClientObject | None:
    if client is None:
        return None
    return ClientObject(client_id=client.id, client_billing_postal_code=client.billing_postal_code)


def _render_order(details: Details) -> OrderObject:
    return OrderObject(
        notes=details.notes,
        delivery_rush=details.rush,
        due_date=details.due_date,
        external_id=details.external_id,
        service_type=details.service_type,
        services_addon_array=details.addons,
        cancel_reason=details.cancel_reason,
        cancel_note=details.cancel_note,
    )


def _text(clock: WallClock | None) -> str | None:
    return None if clock is None else clock.text


def _instant(clock: WallClock | None) -> datetime | None:
    return None if clock is None else clock.at

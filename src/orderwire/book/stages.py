"""Stages, the append-only history of an order, and its status: where it stands now.

A stage has two instants: `effective_at`, when it happened, and `recorded_at`, when the book learned
it. `status_at` is the instant from which the stage is the order's status, or None when the stage was
told to leave the status alone; the status is the stage with the greatest (`status_at`, `number`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from .orders import LongText, Name, Text

# A service added to the order: a plain value, or a flat hash of plain values.
Scalar = Text | int | float | bool | None
Addon = Scalar | dict[Name, Scalar]


class WallClock(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """An instant that a client wrote as wall-clock text: the text as sent, and what it means."""

    text: Text
    at: datetime


class Appointment(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The appointment a stage speaks of; its texts are kept as sent."""

    id: int | None = None
    confirmed: Text | None = None
    duration: Text | None = None
    start_at: Text | None = None
    stop_at: Text | None = None
    cancel_reason: Text | None = None
    cancel_note: LongText | None = None


class Client(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The client of the order as its status knows it."""

    id: int | None = None
    billing_postal_code: int | None = None


class Details(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The details of the order as its status knows them; `due_date` is kept as sent."""

    notes: LongText | None = None
    rush: bool | None = None
    due_date: Text | None = None
    external_id: Text | None = None
    service_type: Text | None = None
    addons: Annotated[tuple[Addon, ...], Meta(max_length=200)] | None = None
    cancel_reason: Text | None = None
    cancel_note: LongText | None = None


class StageDetail(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What a stage says besides its name and instants."""

    trigger: Text | None = None
    started: WallClock | None = None
    created: WallClock | None = None
    notified: WallClock | None = None
    created_by: Text | None = None
    created_by_id: int | None = None
    updated_by: Text | None = None
    updated_by_id: int | None = None
    event: Text | None = None
    notes: LongText | None = None
    appointment: Appointment | None = None
    client: Client | None = None
    details: Details | None = None


# The detail of most stages: this very object, so that nobody looks for what it may hold.
NOTHING_SAID = StageDetail()

StatusRule = Literal["follow", "set", "leave"]


class NewStage(Struct, frozen=True, kw_only=True, gc=False):
    """A stage to append.

    `status` says what becomes of the status: `follow` (it moves if this stage is the last effective
    one), `set` (it moves to this stage whatever stood there) or `leave`. `supersedes` is the number of
    an earlier stage that this one corrects: from now on that one is known not to have been so.
    `status_at`, with `follow` only, is the instant from which it counts for the status, where that is
    not `effective_at`: so a stage that was told to set the status elsewhere is brought as it was.
    """

    stage: str
    effective_at: datetime | None = None
    status: StatusRule = "follow"
    detail: StageDetail = NOTHING_SAID
    supersedes: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    status_at: datetime | None = None


class Origin(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Who caused an entry of the history: contract, caller, application, request."""

    contract: str
    caller: str
    application: str | None = None
    request_id: str | None = None


class Stage(Struct, frozen=True, kw_only=True, gc=False):
    """One immutable entry of an order's history."""

    order_id: int
    number: int
    revision: int
    stage: str
    effective_at: datetime
    recorded_at: datetime
    status_at: datetime | None
    detail: StageDetail
    origin: Origin
    supersedes: int | None = None


class Advance(Struct, frozen=True, kw_only=True, gc=False):
    """What a new stage takes: the order's next revision, its own number, and when it is recorded."""

    revision: int
    number: int
    recorded_at: datetime


class StatusDetail(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What a status holds besides the stage: the last known client, appointment and details."""

    client: Client | None = None
    appointment: Appointment | None = None
    details: Details | None = None


class Status(Struct, frozen=True, kw_only=True, gc=False):
    """Where an order stands: its stage, since when, and what is known with it."""

    order_id: int
    stage: str
    stage_number: int
    since: datetime
    changed_at: datetime
    detail: StatusDetail


class Revision(Struct, frozen=True, kw_only=True, gc=False):
    """One entry of an order's change history: the order as it was from then on.

    `supersedes` is the revision that this one corrects.
    """

    revision: int
    effective_at: datetime
    recorded_at: datetime
    origin: Origin
    supersedes: int | None = None

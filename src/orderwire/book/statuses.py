"""How a new stage is made, and where an order stands after its stages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec
from msgspec import Struct

from .stages import (
    NOTHING_SAID,
    Advance,
    Appointment,
    NewStage,
    Origin,
    Stage,
    StageDetail,
    Status,
    StatusDetail,
)

Detail = TypeVar("Detail", bound=Struct)

NOTHING_KNOWN = StatusDetail()


def make_stage(
    order_id: int, new: NewStage, status: Status | None, advance: Advance, origin: Origin
) -> Stage:
    """The stage as it is recorded, for an order that stands at `status`."""
    effective_at = new.effective_at or advance.recorded_at
    status_at: datetime | None = new.status_at or effective_at
    if new.status == "leave":
        status_at = None
    elif new.status == "set" and status is not None and effective_at < status.since:
        status_at = max(advance.recorded_at, status.since)
    return Stage(
        order_id=order_id,
        number=advance.number,
        revision=advance.revision,
        stage=new.stage,
        effective_at=effective_at,
        recorded_at=advance.recorded_at,
        status_at=status_at,
        detail=new.detail,
        origin=origin,
        supersedes=new.supersedes,
    )


def next_status(status: Status | None, stage: Stage) -> Status | None:
    """Where the order stands after `stage`: the same object if it stays where it stood."""
    if stage.status_at is None or (status is not None and stage.status_at < status.since):
        return status
    detail = status.detail if status is not None else NOTHING_KNOWN
    if stage.detail is not NOTHING_SAID:
        detail = _after(detail, stage.detail)
    return Status(
        order_id=stage.order_id,
        stage=stage.stage,
        stage_number=stage.number,
        since=stage.status_at,
        changed_at=stage.recorded_at,
        detail=detail,
    )


def first_stages(
    order_id: int, news: Sequence[NewStage], now: datetime, origin: Origin
) -> tuple[list[Stage], Status | None]:
    """The stages that a new order brings, all in its first revision, and where it stands after them."""
    stages: list[Stage] = []
    status: Status | None = None
    for number, new in enumerate(news, start=1):
        if new.supersedes is not None:
            status = status_after(one for one in standing(stages) if one.number != new.supersedes)
        advance = Advance(revision=1, number=number, recorded_at=now)
        stages.append(make_stage(order_id, new, status, advance, origin))
        status = next_status(status, stages[-1])
    return stages, status


def status_after(stages: Iterable[Stage]) -> Status | None:
    """Where an order stands after these stages, told in the sort in which they were recorded."""
    status: Status | None = None
    for stage in sorted(stages, key=lambda one: one.number):
        status = next_status(status, stage)
    return status


def standing(stages: Sequence[Stage]) -> list[Stage]:
    """The stages that no other one of them supersedes."""
    corrected = {stage.supersedes for stage in stages}
    return [stage for stage in stages if stage.number not in corrected]


def _after(before: StatusDetail, said: StageDetail) -> StatusDetail:
    """What is known with a status, once a stage has said something."""
    return StatusDetail(
        client=_over(before.client, said.client),
        appointment=_appointment(before.appointment, said.appointment),
        details=_over(before.details, said.details),
    )


def _appointment(before: Appointment | None, said: Appointment | None) -> Appointment | None:
    """What is known of the appointment; nothing of another one's."""
    is_another = before is not None and said is not None and said.id is not None and said.id != before.id
    return said if is_another else _over(before, said)


def _over(before: Detail | None, said: Detail | None) -> Detail | None:
    """What was known before, with what was said now over it."""
    if before is None or said is None:
        return said or before
    given = {name: getattr(said, name) for name in said.__struct_fields__}
    return msgspec.structs.replace(before, **{k: v for k, v in given.items() if v is not None})

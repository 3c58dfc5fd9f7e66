"""What answers show beside an order: where it stands, its stages and its revisions."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import UNSET, Struct, UnsetType

from orderwire.book.lists import State
from orderwire.book.stages import Origin, Stage, StageDetail, Status, StatusDetail

encode = msgspec.json.Encoder().encode


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

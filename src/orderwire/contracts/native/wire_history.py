"""The wire of an order's history: its entries, each with the difference it made."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from orderwire.book.errors import FieldInvalid
from orderwire.book.history import MAX_ENTRIES, Entry, History
from orderwire.book.lists import State
from orderwire.book.stages import Origin, StageDetail, Status
from orderwire.web.request import Request

from .wire_answers import encode, show_status
from .wire_diff import Change, diff
from .wire_orders import show_state
from .wire_reading import MOMENT, Moment, parse_moment, parse_parameters

PARAMETERS = frozenset({*MOMENT, "after", "limit"})
DEFAULT_LIMIT = 100
_NUMBER = re.compile(r"0|[1-9][0-9]{0,15}")


class HistoryRequest(Struct, frozen=True, kw_only=True):
    """A page of a history: so many entries with revisions after `after`."""

    after: int
    limit: int
    moment: Moment | None
    given: dict[str, str]


class StageEntry(Struct, frozen=True, kw_only=True):
    """What an entry says of its stage."""

    number: int
    stage: str
    status_at: datetime | None
    detail: StageDetail


class EntryObject(Struct, frozen=True, kw_only=True):
    """One entry: a stage, or a change of the order (its placing and its deletion are changes, too).

    `supersedes` is what this entry corrects: of a stage the number of a stage, of a change a revision.
    `patch` makes of the order as it was held to be at `effective_at` until then what it is held to be
    since.
    """

    revision: int
    type: Literal["stage", "change", "deletion"]
    effective_at: datetime
    recorded_at: datetime
    origin: Origin
    supersedes: int | UnsetType = UNSET
    stage: StageEntry | UnsetType = UNSET
    patch: list[Change]


class HistoryObject(Struct, frozen=True, kw_only=True):
    """A page of the history of an order, oldest recorded first."""

    order_id: int
    deleted: bool
    entries: list[EntryObject]


def parse_history(request: Request) -> HistoryRequest:
    """The page that is asked for. Raises FieldInvalid."""
    given = parse_parameters(request, PARAMETERS)
    limit = _number(given.get("limit", [str(DEFAULT_LIMIT)])[0])
    if limit is None or not 1 <= limit <= MAX_ENTRIES:
        raise FieldInvalid("limit", f"must be 1 to {MAX_ENTRIES}")
    after = _number(given.get("after", ["0"])[0])
    if after is None:
        raise FieldInvalid("after", "must be a revision")
    return HistoryRequest(
        after=after,
        limit=limit,
        moment=parse_moment(given),
        given={name: texts[0] for name, texts in given.items() if name != "after"},
    )


def render_history(history: History, *, with_access: bool) -> bytes:
    """A page of the history; who may reach the order is told to those only who may change that."""
    entries = [_show_entry(entry, with_access=with_access) for entry in history.entries]
    return encode(HistoryObject(order_id=history.order_id, deleted=history.is_deleted, entries=entries))


def _show_entry(entry: Entry, *, with_access: bool) -> EntryObject:
    stage = entry.stage
    if stage is not None:
        return EntryObject(
            revision=entry.revision,
            type="stage",
            effective_at=stage.effective_at,
            recorded_at=stage.recorded_at,
            origin=stage.origin,
            supersedes=UNSET if stage.supersedes is None else stage.supersedes,
            stage=StageEntry(
                number=stage.number, stage=stage.stage, status_at=stage.status_at, detail=stage.detail
            ),
            patch=diff(_status_form(entry.status_before), _status_form(entry.status)),
        )
    assert entry.state is not None, "an entry is a stage or a state"
    said = entry.state.revision
    return EntryObject(
        revision=entry.revision,
        type="deletion" if entry.state.deleted else "change",
        effective_at=said.effective_at,
        recorded_at=said.recorded_at,
        origin=said.origin,
        supersedes=UNSET if said.supersedes is None else said.supersedes,
        patch=_difference(entry.before, entry.state, with_access=with_access),
    )


def _difference(before: State | None, state: State, *, with_access: bool) -> list[Change]:
    """A change's difference; a placing adds the whole order, a deletion removes it."""
    if state.deleted:
        return [Change(op="remove", path="")]
    after = _json(show_state(state.order, with_access=with_access))
    if before is None:
        return [Change(op="add", path="", value=after)]
    return diff(_json(show_state(before.order, with_access=with_access)), after)


def _status_form(status: Status | None) -> Any:
    return {"status": _json(show_status(status))}


def _json(value: object) -> Any:
    """The JSON value that answers show: all lists are lists, all numbers and instants as they are spelled."""
    return msgspec.json.decode(encode(value))


def _number(text: str) -> int | None:
    return int(text) if _NUMBER.fullmatch(text) else None

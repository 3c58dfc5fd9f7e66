"""What every read of orders may be asked besides: an instant, some fields only, stages and revisions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from msgspec import Struct

from orderwire.book.errors import FieldInvalid
from orderwire.book.lists import State
from orderwire.book.stages import Stage
from orderwire.book.values import check_text
from orderwire.web.request import Request

from .wire_answers import encode, show_revision, show_stage
from .wire_orders import ORDER_NAMES, fields_of
from .wire_strict import read_instant

MAX_PARAMETERS = 64
# Stages, and revisions, of one order in an answer; the history pages through all of them.
MAX_INCLUDED = 1_000
INCLUDES = ("stages", "revisions")
MOMENT = ("as_of", "known_at")
READING = frozenset({*MOMENT, "fields", "include"})

_FIELDS = frozenset(ORDER_NAMES)

Given = dict[str, list[str]]


class Moment(NamedTuple):
    """What a read of the past asks for, None being now."""

    as_of: datetime | None = None
    known_at: datetime | None = None


class Reading(Struct, frozen=True, kw_only=True):
    """What is shown of orders: as of when, which fields (None for all), and what besides."""

    moment: Moment | None = None
    fields: frozenset[str] | None = None
    include: frozenset[str] = frozenset()

    def wants(self, field: str) -> bool:
        """True if this field of an order is shown, where there is one."""
        return self.fields is None or field in self.fields


EVERYTHING = Reading()


class Included(NamedTuple):
    """What is shown of an order besides itself."""

    stages: Sequence[Stage] | None = None
    revisions: Sequence[State] | None = None


def parse_parameters(request: Request, known: Collection[str], many: Collection[str] = ()) -> Given:
    """The query's parameters, those in `many` as often as they were given. Raises FieldInvalid."""
    if not request.query:
        return {}
    try:
        pairs = parse_qsl(
            request.query.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_PARAMETERS,
        )
    except ValueError as error:
        raise FieldInvalid("query", "can't be decoded, or has too many parameters") from error
    given: Given = {}
    for name, text in pairs:
        if name not in known:
            raise FieldInvalid(name[:100], "no such parameter")
        if name in given and name not in many:
            raise FieldInvalid(name, "given twice")
        check_text(name, text)
        given.setdefault(name, []).append(text)
    return given


def check_no_parameters(request: Request) -> None:
    """Raises FieldInvalid for a query where there is nothing to ask."""
    parse_parameters(request, ())


def parse_reading(given: Given) -> Reading:
    """What is to be shown of orders. Raises FieldInvalid."""
    fields, include = given.get("fields"), given.get("include")
    return Reading(
        moment=parse_moment(given),
        fields=None if fields is None else _parse_names("fields", fields[0], _FIELDS),
        include=frozenset() if include is None else _parse_names("include", include[0], INCLUDES),
    )


def parse_moment(given: Given) -> Moment | None:
    """The parameters `as_of` and `known_at`, None if neither is given. Raises FieldInvalid."""
    said = {name: read_instant(name, given[name][0]) for name in MOMENT if name in given}
    return Moment(**said) if said else None


def show_fields(whole: Any, reading: Reading, included: Included) -> dict[str, Any]:
    """An `OrderObject`, cut to the fields that were asked for, with what was to be included."""
    shown = fields_of(whole)
    if reading.fields is not None:
        shown = {name: value for name, value in shown.items() if name in reading.fields}
    if included.stages is not None:
        shown["stages"] = [show_stage(stage) for stage in included.stages[:MAX_INCLUDED]]
        _tell_left_out(shown, "stages", included.stages)
    if included.revisions is not None:
        shown["revisions"] = [show_revision(state) for state in included.revisions[:MAX_INCLUDED]]
        _tell_left_out(shown, "revisions", included.revisions)
    return shown


def render_order(shown: Any) -> bytes:
    """An order as it is shown."""
    return encode(shown)


def _tell_left_out(shown: dict[str, Any], name: str, found: Sequence[object]) -> None:
    if len(found) > MAX_INCLUDED:
        shown[f"more_{name}"] = True


def _parse_names(parameter: str, text: str, known: Collection[str]) -> frozenset[str]:
    names = frozenset(text.split(","))
    for name in sorted(names):
        if name not in known:
            raise FieldInvalid(parameter, f"no such field: {name[:100]}")
    return names

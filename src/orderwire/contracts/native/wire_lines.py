"""Orders as lines of JSON Lines: what `POST /v1/orders` takes, and what an answer shows besides."""

from __future__ import annotations

from typing import Any

from orderwire.book.errors import FieldInvalid
from orderwire.book.operations import NewOrder
from orderwire.web.errors import BodyMalformed
from orderwire.web.json import decode_json

from .wire import parse_order_value

# What answers and exports say of an order, and of a stage, that nobody can ask for.
_ANSWERED = ("id", "organisation", "revision", "status", "recorded_at")
_STAGE_ANSWERED = frozenset({"order_id", "number", "revision", "recorded_at", "origin"})


def parse_order_line(line: bytes) -> tuple[NewOrder, int | None]:
    """The order in a line, and the id that it had where it was exported.

    Raises FieldMissing, or FieldInvalid: of the field "" when the line is no JSON object.
    """
    try:
        value = decode_json(line)
    except BodyMalformed as error:
        raise FieldInvalid("", str(error)) from error
    return _parse(value)


def _parse(value: Any) -> tuple[NewOrder, int | None]:
    if not isinstance(value, dict):
        raise FieldInvalid("", "not an object")
    known = value.get("id")
    for name in _ANSWERED:
        value.pop(name, None)
    stages = value.get("stages")
    if isinstance(stages, list):
        value["stages"] = [_without_answers(stage) for stage in stages]
    return parse_order_value(value), known if _is_id(known) else None


def _without_answers(stage: Any) -> Any:
    if not isinstance(stage, dict) or _STAGE_ANSWERED.isdisjoint(stage):
        return stage
    return {name: said for name, said in stage.items() if name not in _STAGE_ANSWERED}


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**53

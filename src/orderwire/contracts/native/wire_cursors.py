"""Cursors: where a page of a list of orders ends. A cursor of one list is none of another."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from orderwire.book.errors import FieldInvalid
from orderwire.book.lists import OrderQuery, Position, Sort

from .wire_reading import Moment

MAX_LENGTH = 2_048
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_encode = msgspec.json.Encoder().encode


class Cursor(Struct, frozen=True, array_like=True, forbid_unknown_fields=True, omit_defaults=True):
    """The list that the cursor is of, an order's id, and its value in the list's sort.

    An instant is microseconds since 1970 UTC; a list by id has no value besides.
    """

    digest: str
    id: Annotated[int, Meta(ge=0, le=2**62)]
    value: int | str | None = None


_decode = msgspec.json.Decoder(Cursor).decode


def digest_of(owner: int, query: OrderQuery, moment: Moment | None) -> str:
    """What tells one list from another: whose it is, its conditions, its sort, the moment it is told of."""
    known = _encode((owner, msgspec.structs.replace(query, limit=1), moment))
    return hashlib.blake2b(known, digest_size=8).hexdigest()


def render_position(digest: str, position: Position) -> str:
    """A position as a text for URLs."""
    value = position.value
    if isinstance(value, datetime):
        return _render(Cursor(digest, position.id, (value - _EPOCH) // _MICROSECOND))
    return _render(Cursor(digest, position.id, value if isinstance(value, str) else None))


def parse_position(parameter: str, text: str, digest: str, sort: Sort) -> Position:
    """The position that an answer of the very same list gave. Raises FieldInvalid for every other text."""
    try:
        if len(text) > MAX_LENGTH:
            raise ValueError("too long")
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        cursor = _decode(raw)
        if _render(cursor) != text or cursor.digest != digest:
            raise ValueError("of another list")
        return Position(value=_value(cursor, sort), id=cursor.id)
    except (ValueError, OverflowError, msgspec.MsgspecError) as error:
        raise FieldInvalid(parameter, "is not from an answer of this list") from error


def _value(cursor: Cursor, sort: Sort) -> datetime | str | int:
    value = cursor.value
    if sort == "id" and value is None:
        return cursor.id
    if sort == "name" and isinstance(value, str):
        return value
    if sort in ("placed_at", "changed_at") and isinstance(value, int):
        return _EPOCH + value * _MICROSECOND
    raise ValueError("not a value of this sort")


def _render(cursor: Cursor) -> str:
    return base64.urlsafe_b64encode(_encode(cursor)).rstrip(b"=").decode()

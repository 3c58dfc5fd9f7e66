"""What lists and changes have in common: parameters, cursors, links to the next page, conditions, bodies."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec

from orderwire.book.errors import FieldInvalid, RecordNotFound
from orderwire.web.errors import ContentTypeWrong
from orderwire.web.json import decode_json
from orderwire.web.request import Request

from . import wire_reading

T = TypeVar("T")

JSON_TYPE, MERGE_TYPE = "application/json", "application/merge-patch+json"
DEFAULT_LIMIT = 100
MAX_CURSOR_LENGTH = 4_096
_ID = re.compile(r"[1-9][0-9]{0,15}")
_LIMIT = re.compile(r"[1-9][0-9]{0,3}")
_TAG = re.compile(r'"([1-9][0-9]{0,17})"')

_encode = msgspec.json.Encoder().encode


def parse_parameters(request: Request, known: Collection[str]) -> dict[str, str]:
    """The query's parameters, none of which may be given twice. Raises FieldInvalid."""
    return {name: texts[0] for name, texts in wire_reading.parse_parameters(request, known).items()}


def check_no_parameters(request: Request) -> None:
    """Raises FieldInvalid for a query where there is nothing to ask."""
    parse_parameters(request, ())


def parse_limit(given: Mapping[str, str]) -> int:
    """The parameter `limit`, DEFAULT_LIMIT if left out. Raises FieldInvalid unless it is a number."""
    text = given.get("limit")
    if text is None:
        return DEFAULT_LIMIT
    if not _LIMIT.fullmatch(text):
        raise FieldInvalid("limit", "must be a whole number from 1")
    return int(text)


def parse_number(given: Mapping[str, str], name: str) -> int | None:
    """An id among the parameters. Raises FieldInvalid for what can't be one."""
    text = given.get(name)
    if text is None:
        return None
    if not _ID.fullmatch(text):
        raise FieldInvalid(name, "must be an id")
    return int(text)


def parse_record_id(kind: str, text: str) -> int:
    """A record's own id. Raises RecordNotFound for what can't be one."""
    if not _ID.fullmatch(text):
        raise RecordNotFound(kind, text)
    return int(text)


def parse_cursor(given: Mapping[str, str], type_: type[T]) -> T | None:
    """Where a page begins, as the answer before said. Raises FieldInvalid for what no answer says."""
    text = given.get("after")
    if text is None:
        return None
    try:
        if len(text) > MAX_CURSOR_LENGTH:
            raise ValueError("too long")
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(raw, type=type_)
    except (ValueError, binascii.Error, msgspec.DecodeError) as error:
        raise FieldInvalid("after", "is not from an answer of this list") from error


def render_next(path: str, given: Mapping[str, str], place: object) -> bytes:
    """The `Link` to the page behind `place`, with the same parameters."""
    cursor = base64.urlsafe_b64encode(_encode(place)).rstrip(b"=").decode()
    query = urlencode({**given, "after": cursor})
    return f'<{path}?{query}>; rel="next"'.encode()


def parse_json(request: Request, *, is_patch: bool = False) -> Any:
    """The body's JSON; a change may say that it is a merge patch. Raises ContentTypeWrong, BodyMalformed."""
    known = (JSON_TYPE, MERGE_TYPE) if is_patch else (JSON_TYPE,)
    if request.media_type not in known:
        raise ContentTypeWrong
    return decode_json(request.body)


def parse_expected(request: Request) -> tuple[int, ...] | None:
    """The revisions that If-Match names, None if any will do. A weak tag names none."""
    text = request.header(b"if-match")
    if text is None or text.strip() == "*":
        return None
    tags = [_TAG.fullmatch(part.strip()) for part in text.split(",")]
    return tuple(int(tag[1]) for tag in tags if tag is not None)

"""JSON bodies read strictly: UTF-8, one value, no key twice, bounded depth, numbers that fit.

Most bodies are read by a reader that takes a third of the time and lets a key given twice pass. One that is
the same when it is written again has none; any other is left to the strict reader, which decides.
"""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from .errors import BodyMalformed

MAX_DEPTH = 32
MAX_NUMBER_LENGTH = 64

_DIGITS_AS_ZEROS = bytes.maketrans(b"123456789", b"0" * 9)
# No whole number without so many digits on end is too long, sign and all.
_MANY_DIGITS = b"0" * MAX_NUMBER_LENGTH


def decode_json(body: bytes) -> Any:
    """The value that the body holds; numbers with a fraction or exponent are Decimal.

    Raises BodyMalformed for anything but one well-formed JSON value in UTF-8 within the limits; a
    key given twice and a lone surrogate are malformed, too.
    """
    value = _read_usual(body)
    return _read_strictly(body) if value is msgspec.UNSET else value


def _read_usual(body: bytes) -> Any:
    """The value; UNSET where the strict reader must look."""
    try:
        value = _read(body)
        again = _write(value)
        is_same = again == body or again == msgspec.json.format(body, indent=-1)
    except (ValueError, ArithmeticError, RecursionError):
        return msgspec.UNSET
    is_shallow = body.count(b"{") + body.count(b"[") <= MAX_DEPTH or _depth(value) <= MAX_DEPTH
    is_usual = is_same and is_shallow and _MANY_DIGITS not in body.translate(_DIGITS_AS_ZEROS)
    return value if is_usual else msgspec.UNSET


def _depth(value: Any) -> int:
    """How deep objects and lists nest; RecursionError is the reader's to raise."""
    kind = type(value)
    if kind is not dict and kind is not list:
        return 0
    return 1 + max(map(_depth, value.values() if kind is dict else value), default=0)


def _read_strictly(body: bytes) -> Any:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BodyMalformed("not UTF-8") from error
    check_depth(text)
    try:
        value = _DECODER.decode(text)
    except ValueError as error:
        raise BodyMalformed("not JSON") from error
    if "\\u" in text:
        check_unicode(value)
    return value


def check_depth(text: str) -> None:
    """Raises BodyMalformed when objects and lists nest deeper than MAX_DEPTH."""
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return
    depth, quoted, escaped = 0, False, False
    for char in text:
        if quoted:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                quoted = False
        elif char == '"':
            quoted = True
        elif char in "{[":
            depth += 1
            if depth > MAX_DEPTH:
                raise BodyMalformed(f"nested deeper than {MAX_DEPTH}")
        elif char in "}]":
            depth -= 1


def check_unicode(value: Any) -> None:
    """Raises BodyMalformed if a text anywhere in the value holds a lone surrogate."""
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError as error:
        raise BodyMalformed("holds a lone surrogate") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise BodyMalformed("a key is given twice")
    return made


def _decimal(text: str) -> Decimal:
    _check_number(text)
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise BodyMalformed("a number beyond all measure") from error


def _integer(text: str) -> int:
    _check_number(text)
    return int(text)


def _constant(text: str) -> Any:
    raise BodyMalformed(f"{text} is not JSON")


def _check_number(text: str) -> None:
    if len(text) > MAX_NUMBER_LENGTH:
        raise BodyMalformed(f"a number of more than {MAX_NUMBER_LENGTH} characters")


# json.loads makes a new one for each text that is read with hooks.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_decimal, parse_int=_integer, parse_constant=_constant
)
_read = msgspec.json.Decoder(float_hook=_decimal).decode
_write = msgspec.json.Encoder(decimal_format="number").encode

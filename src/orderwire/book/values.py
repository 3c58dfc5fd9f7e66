"""What a value must be to be kept: plain numbers, clean texts, instants in range, sizes in bounds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from types import NoneType
from typing import Any, TypeVar, cast, get_args

import msgspec
from msgspec import Struct

from .errors import FieldInvalid

T = TypeVar("T")

# Beyond any order's money, and still exact in a column of millionths (63 bits).
MAX_WHOLE_DIGITS = 12
MAX_PLACES = 12
# The years 1 and 9999 have no room for time zones on either side; nothing was ordered before 1900.
EARLIEST_YEAR, LATEST_YEAR = 1900, 9998

_encode = msgspec.json.Encoder().encode


def keep(field: str, record: T, limit_bytes: int, decode: Callable[[bytes], T]) -> tuple[T, bytes]:
    """The record in canonical form, and its JSON; every limit of its type was seen to hold.

    Raises FieldInvalid naming `field` and the place within it.
    """
    try:
        encoded = _encode(_plain(field, record))
    except UnicodeEncodeError:
        encoded = b""
    # Texts are seen in one go: unless one of them holds a mark that can't be kept, or looks like it.
    if not encoded or b"\\u0000" in encoded:
        encoded = _encode(canonical(field, record))
    if len(encoded) > limit_bytes:
        raise FieldInvalid(field, f"larger than {limit_bytes} bytes")
    try:
        return decode(encoded), encoded
    except msgspec.ValidationError as error:
        raise FieldInvalid(field, str(error)) from error


def canonical(field: str, value: T) -> T:
    """The value with every number in it plain and every text seen to be clean."""
    result: Any = value
    if isinstance(value, str):
        check_text(field, value)
    elif isinstance(value, Decimal):
        result = plain_number(field, value)
    elif isinstance(value, Struct):
        result = _canonical_struct(field, value)
    elif isinstance(value, tuple):
        result = tuple(canonical(field, item) for item in value)
    elif isinstance(value, dict):
        for key in value:
            check_text(field, key)
        result = {key: canonical(f"{field}.{key}", item) for key, item in value.items()}
    elif isinstance(value, datetime):
        check_instant(field, value)
    return cast("T", result)


def _canonical_struct(field: str, record: Struct) -> Struct:
    changes = {}
    for name in record.__struct_fields__:
        old = getattr(record, name)
        if old is None or old == ():
            continue
        new = canonical(f"{field}.{name}", old)
        if new is not old:
            changes[name] = new
    return msgspec.structs.replace(record, **changes) if changes else record


def _plain(field: str, value: Any) -> Any:
    """The value with every number in it plain, and every instant seen to be in range."""
    if isinstance(value, Decimal):
        return _plain_already(value) or plain_number(field, value)
    if isinstance(value, Struct):
        changes = {}
        for name in _telling(type(value)):
            old = getattr(value, name)
            if old is None or (type(old) is tuple and not old):
                continue
            # The place is spelled out only for what needs a second look.
            new = _plain_already(old) if isinstance(old, Decimal) else None
            if new is None:
                new = _plain(f"{field}.{name}", old)
            if new is not old:
                changes[name] = new
        return msgspec.structs.replace(value, **changes) if changes else value
    if isinstance(value, tuple):
        return tuple([_plain(field, item) for item in value])
    if isinstance(value, dict):
        return {key: _plain(f"{field}.{key}", item) for key, item in value.items()}
    if isinstance(value, datetime):
        check_instant(field, value)
    return value


_SILENT = (str, int, NoneType)


@lru_cache(maxsize=256)
def _telling(record: type[Struct]) -> tuple[str, ...]:
    """The fields of a record that may hold a number or an instant, at any depth."""
    return tuple(one.name for one in msgspec.structs.fields(record) if _may_tell(one.type))


def _may_tell(type_: Any) -> bool:
    if not isinstance(type_, type) or get_args(type_):
        return type_ is Any or any(_may_tell(inner) for inner in get_args(type_))
    if issubclass(type_, Struct):
        return bool(_telling(type_))
    # A contract's own type for numbers need not be a Decimal's.
    return not issubclass(type_, _SILENT)


def _plain_already(value: Decimal) -> Decimal | None:
    """The number, if it has a few digits and no zeros behind the point: most are plain as they come."""
    text = str(value)
    if len(text) > MAX_WHOLE_DIGITS or "E" in text or not text[-1].isdigit():
        return None
    # Without a point, a sign may stand before nothing but a nought.
    if text[-1] == "0" if "." in text else not text.isdigit():
        return None
    return value if type(value) is Decimal else Decimal(value)


def plain_number(field: str, value: Decimal) -> Decimal:
    """The number without trailing zeros or exponent: 1572.00 and 1.572E+3 become 1572.

    Raises FieldInvalid for NaN, infinities, and numbers that are too large or too fine to keep.
    """
    if not value.is_finite():
        raise FieldInvalid(field, "must be a finite number")
    if value == 0:
        return Decimal(0)
    if value.adjusted() >= MAX_WHOLE_DIGITS:
        raise FieldInvalid(field, f"has more than {MAX_WHOLE_DIGITS} digits before the point")
    if value.adjusted() < -MAX_PLACES or len(value.as_tuple().digits) > 4 * MAX_PLACES:
        raise FieldInvalid(field, f"has more than {MAX_PLACES} decimal places")
    plain = value.normalize()
    exponent = cast("int", plain.as_tuple().exponent)
    if -exponent > MAX_PLACES:
        raise FieldInvalid(field, f"has more than {MAX_PLACES} decimal places")
    return plain.quantize(Decimal(1)) if exponent > 0 else plain


def check_text(field: str, value: str) -> None:
    """Raises FieldInvalid for a text that holds a NUL character or a lone surrogate."""
    if "\0" in value:
        raise FieldInvalid(field, "holds a NUL character")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise FieldInvalid(field, "is not Unicode text (a lone surrogate)") from error


def check_word(field: str, value: str | None, words: frozenset[str]) -> None:
    """Raises FieldInvalid unless `value` is None or one of `words`."""
    if value is not None and value not in words:
        raise FieldInvalid(field, f"must be one of {', '.join(sorted(words))}")


def check_instant(field: str, value: datetime | None) -> None:
    """Raises FieldInvalid for an instant without a zone, or outside the years that can be kept."""
    if value is None:
        return
    if value.tzinfo is None:
        raise FieldInvalid(field, "needs a time zone")
    if not EARLIEST_YEAR <= value.year <= LATEST_YEAR:
        raise FieldInvalid(field, f"year must be {EARLIEST_YEAR} to {LATEST_YEAR}")

"""The book's records as a body may write them: the same fields, read more strictly.

`strict` derives a type from a record, so that a field added to a record can be written at once. The
derived type is a subclass of the record: what was read is handed to the book as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from operator import is_
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import FieldInfo

from orderwire.book.errors import BookFault, FieldInvalid, FieldMissing
from orderwire.book.values import check_instant, plain_number

R = TypeVar("R", bound=Struct)

MAX_NUMBER_LENGTH = 64
# Integers that a record does not bound: ids within stages, which other contracts give 64 bits.
_Integer = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
_Instant = Annotated[datetime, Meta(tz=True)]
# JSON's own grammar: an answer's text may be sent back as it is, and the smallest have an exponent.
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
# As the book keeps them: most are.
_PLAIN = re.compile(r"-?(?!0\Z)(0|[1-9][0-9]{0,11})(\.[0-9]{0,11}[1-9])?|0")
_PLACE = re.compile(r" - at (?:`key` in )?`\$(.*)`\Z", re.DOTALL)
# What _to_utc says: the field's own name stands in front of the reason.
_OWN = re.compile(r"([a-z_]+): (.*)", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(.*?)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*?)`", re.DOTALL)
MAX_PLACE_LENGTH = 200


class _ReadAsDecimal(type):
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, Decimal)


class Number(metaclass=_ReadAsDecimal):
    """A decimal number as a body may write it: a JSON number, or a text that holds one.

    What is read is a Decimal, plain if it can be kept.
    """


def strict(record: type[R], also: Sequence[FieldInfo] = ()) -> type[R]:
    """The record's type that knows no other key, no number but plain ones, no instant without a zone.

    `also` are further fields that it has. Instants are in UTC once they are read.
    """
    return cast("type[R]", _derive(record, also) if also else _strict_part(record))


def convert(value: Any, type_: type[R]) -> R:
    """The decoded JSON as a record of this type. Raises FieldMissing or FieldInvalid, with the place."""
    try:
        return msgspec.convert(value, type_, dec_hook=_read_number)
    except msgspec.ValidationError as error:
        # JSON knows one kind of number: 2.0 is the integer 2, though hardly anybody writes it so.
        whole = _with_integers(value) if "got `decimal`" in str(error) else value
        if whole is value:
            raise cast("Exception", _fault(str(error))) from error
    return convert(whole, type_)


def read_instant(field: str, text: str) -> datetime:
    """An instant as RFC 3339 writes it, in UTC. Raises FieldInvalid."""
    try:
        return _to_utc(field, msgspec.convert(text, _Instant))
    except ValueError as error:
        raise FieldInvalid(field, "must be an RFC 3339 instant with a zone") from error


@cache
def _strict_part(record: type[Struct]) -> type[Struct]:
    """The strict type of a record: one, wherever it stands."""
    return _derive(record, ())


def _derive(record: type[Struct], also: Sequence[FieldInfo]) -> type[Struct]:
    fields: list[tuple[str, Any, Any]] = []
    instants = []
    for one in (*msgspec.structs.fields(record), *also):
        type_ = _strict_type(one.type)
        default = one.default
        if one.default_factory is not msgspec.NODEFAULT:
            default = msgspec.field(default_factory=one.default_factory)
        elif default is msgspec.NODEFAULT:
            default = msgspec.field()
        fields.append((one.name, type_, default))
        if _Instant in (type_, *get_args(type_)):
            instants.append(one.name)

    def set_utc(self: Struct) -> None:
        for name in instants:
            value = getattr(self, name)
            if value is not None and (utc := _to_utc(name, value)) is not value:
                msgspec.structs.force_setattr(self, name, utc)

    return msgspec.defstruct(
        record.__name__,
        fields,
        bases=(record,),
        namespace={"__doc__": record.__doc__} | ({"__post_init__": set_utc} if instants else {}),
        frozen=True,
        gc=False,
        kw_only=True,
        forbid_unknown_fields=True,
    )


def _strict_type(type_: Any) -> Any:
    if isinstance(type_, type) and issubclass(type_, Struct):
        return _strict_part(type_)
    plain = {Decimal: Number, int: _Integer, datetime: _Instant}
    if type_ in plain:
        return plain[type_]
    origin, args = get_origin(type_), get_args(type_)
    if origin is Annotated:
        inner = type_.__origin__
        # A bound integer keeps its own bounds.
        return type_ if inner is int else Annotated[(_strict_type(inner), *type_.__metadata__)]
    if origin in (Union, UnionType):
        return Union[tuple(_strict_type(arg) for arg in args)]  # noqa: UP007 - made of a tuple
    if origin in (tuple, dict):
        return origin[tuple(arg if arg is Ellipsis else _strict_type(arg) for arg in args)]
    return type_


def _read_number(type_: type, value: Any) -> Decimal:
    if type_ is Number and isinstance(value, str):
        if _PLAIN.fullmatch(value):
            return Decimal(value)
        if len(value) > MAX_NUMBER_LENGTH or not _NUMBER.fullmatch(value):
            raise ValueError("Expected a decimal number")
    elif type_ is not Number or isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("Expected `number`")
    elif isinstance(value, int) and len(str(value)) > MAX_NUMBER_LENGTH:
        raise ValueError("Expected a shorter number")
    number = Decimal(value)
    try:
        return plain_number("", number)
    except FieldInvalid:
        # The book says why, and where.
        return number


def _with_integers(value: Any) -> Any:
    """The value with each whole Decimal in it as an int; the very value if there is none."""
    if isinstance(value, Decimal):
        is_whole = value.adjusted() < MAX_NUMBER_LENGTH and value == value.to_integral_value()
        return int(value) if is_whole else value
    if isinstance(value, dict):
        changed = {key: new for key, old in value.items() if (new := _with_integers(old)) is not old}
        return {**value, **changed} if changed else value
    if isinstance(value, list):
        new = [_with_integers(item) for item in value]
        return value if all(map(is_, new, value)) else new
    return value


def _to_utc(name: str, value: datetime) -> datetime:
    try:
        check_instant(name, value)
    except FieldInvalid as fault:
        raise ValueError(f"{name}: {fault.reason}") from fault
    return value if value.tzinfo is UTC else value.astimezone(UTC)


def _fault(message: str) -> BookFault:
    """The fact behind one of msgspec's messages, which end with the place as a JSON path."""
    at = _PLACE.search(message)
    place = at[1].removeprefix(".")[:MAX_PLACE_LENGTH] if at is not None else ""
    reason = (message[: at.start()] if at is not None else message)[:MAX_PLACE_LENGTH]
    missing, unknown = _MISSING.match(reason), _UNKNOWN.match(reason)
    if missing is not None:
        return FieldMissing(_join(place, missing[1]))
    if unknown is not None:
        return FieldInvalid(_join(place, unknown[1]), "no such field")
    own = _OWN.match(reason)
    if own is not None:
        return FieldInvalid(_join(place, own[1]), own[2])
    return FieldInvalid(place or "body", reason)


def _join(place: str, name: str) -> str:
    return f"{place}.{name[:MAX_PLACE_LENGTH]}".removeprefix(".")

"""JSON Schemas (2020-12) of the records that requests are read into and answers are rendered from."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import inspect as mi

from .wire_strict import Number

Schema = dict[str, Any]

REF = "#/components/schemas/"
# The instants that can be kept are those of the years 1900 to 9998, as they are written.
INSTANT: Schema = {
    "type": "string",
    "format": "date-time",
    "pattern": "^(?:19[0-9]{2}|[2-8][0-9]{3}|9[0-8][0-9]{2}|99[0-8][0-9]|999[0-8])-",
    "description": "An instant (RFC 3339) of the years 1900 to 9998, with its zone.",
}
_TINY = "|".join(f"[1-9](?:\\.[0-9]{{1,{12 - places}}})?[Ee]-{places}" for places in range(7, 12))
DECIMAL: Schema = {
    "type": "string",
    "pattern": f"^-?(?:(?:0|[1-9][0-9]{{0,11}})(?:\\.[0-9]{{1,12}})?|{_TINY}|[1-9][Ee]-12)$",
    "description": "A decimal number: at most 12 digits before the point and 12 behind it.",
}
AMOUNT: Schema = {
    "anyOf": [
        {"$ref": f"{REF}Decimal"},
        {"type": "number", "exclusiveMinimum": -(10**12), "exclusiveMaximum": 10**12},
    ],
    "description": "A decimal number as a text, or as a JSON number with at most 12 places.",
}
PLAIN: Mapping[str, Schema] = {"Instant": INSTANT, "Decimal": DECIMAL, "Amount": AMOUNT}


def ref(name: str) -> Schema:
    """A reference to a schema of the components."""
    return {"$ref": REF + name}


def nullable(schema: Schema) -> Schema:
    """The schema, and null besides."""
    type_ = schema.get("type")
    if isinstance(type_, list) or {"type": "null"} in schema.get("anyOf", ()):
        return schema
    if isinstance(type_, str):
        enum = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
        return {**schema, "type": [type_, "null"], **enum}
    options = schema["anyOf"] if set(schema) == {"anyOf"} else [schema]
    return {"anyOf": [*options, {"type": "null"}]}


class Components:
    """Schemas of records by name: those of requests, which are closed, or those of answers.

    `names` are the names of records that are not called as the class is, `suffix` ends all others.
    `own` are schemas of fields that the record's type says too little of: what the book checks besides.
    """

    def __init__(
        self, names: Mapping[str, str], own: Mapping[tuple[str, str], Schema], *, is_request: bool
    ) -> None:
        self._names = names
        self._own = own
        self._is_request = is_request
        self.schemas: dict[str, Schema] = {}

    def add(self, record: type[msgspec.Struct]) -> Schema:
        """A reference to the record's schema, which is among the components from now on."""
        return self._schema(mi.type_info(record))

    def _schema(self, type_: mi.Type) -> Schema:
        match type_:
            case mi.Metadata():
                return {**self._schema(type_.type), **(type_.extra_json_schema or {})}
            case mi.StructType():
                return self._struct(type_)
            case mi.UnionType():
                return self._union(type_)
            case mi.CollectionType():
                return {"type": "array", "items": self._schema(type_.item_type), **_bounds(type_, "Items")}
            case mi.DictType():
                return self._dict(type_)
            case mi.DateTimeType():
                return ref("Instant") if self._is_request else {"type": "string", "format": "date-time"}
            case mi.DecimalType():
                return ref("Decimal")
            case mi.CustomType() if type_.cls is Number:
                return ref("Amount")
            case _:
                return _scalar(type_)

    def _union(self, type_: mi.UnionType) -> Schema:
        options = [self._schema(one) for one in type_.types if not isinstance(one, mi.NoneType)]
        schema = options[0] if len(options) == 1 else {"anyOf": options}
        return schema if len(options) == len(type_.types) else nullable(schema)

    def _dict(self, type_: mi.DictType) -> Schema:
        schema: Schema = {"type": "object", "additionalProperties": self._schema(type_.value_type)}
        names = _scalar(type_.key_type)
        del names["type"]
        return {**schema, "propertyNames": names} if names else schema

    def _struct(self, type_: mi.StructType) -> Schema:
        name = self._names.get(type_.cls.__name__, type_.cls.__name__ + "Input" * self._is_request)
        if name not in self.schemas:
            made = self.schemas[name] = {}
            made.update(self._object(name, type_))
        return ref(name)

    def _object(self, name: str, type_: mi.StructType) -> Schema:
        properties = {}
        for one in type_.fields:
            schema = self._own.get((name, one.encode_name)) or self._schema(one.type)
            if self._is_request and isinstance(one.default, str | bool):
                schema = {**schema, "default": one.default}
            properties[one.encode_name] = schema
        required = [one.encode_name for one in type_.fields if one.required]
        said = " ".join((type_.cls.__doc__ or "").split())
        return {
            "type": "object",
            **({"description": said} if said else {}),
            "properties": properties,
            **({"required": required} if required else {}),
            **({"additionalProperties": False} if self._is_request else {}),
        }


def add_merge_patch(schemas: dict[str, Schema], name: str) -> Schema:
    """A reference to the schema of a JSON Merge Patch (RFC 7396) of an object among the schemas."""
    made = f"{name.removesuffix('Input')}Merge"
    if made not in schemas:
        patch = schemas[made] = copy.deepcopy(schemas[name])
        needed = patch.pop("required", ())
        for field, schema in patch["properties"].items():
            schema.pop("default", None)
            merged = _merged(schemas, schema)
            patch["properties"][field] = merged if field in needed else nullable(merged)
    return ref(made)


def _merged(schemas: dict[str, Schema], schema: Schema) -> Schema:
    """What a patch may say of a field: objects are merged, all else takes the place of what was there."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(REF)
        return add_merge_patch(schemas, name) if "properties" in schemas[name] else schema
    if "anyOf" in schema:
        return {**schema, "anyOf": [_merged(schemas, one) for one in schema["anyOf"]]}
    if isinstance(schema.get("additionalProperties"), dict):
        return {**schema, "additionalProperties": nullable(schema["additionalProperties"])}
    return schema


def _scalar(type_: mi.Type) -> Schema:
    match type_:
        case mi.AnyType():
            return {}
        case mi.BoolType():
            return {"type": "boolean"}
        case mi.IntType() | mi.FloatType():
            bounds = {"minimum": type_.ge, "maximum": type_.le}
            said = {name: bound for name, bound in bounds.items() if bound is not None}
            return {"type": "integer" if isinstance(type_, mi.IntType) else "number", **said}
        case mi.StrType():
            pattern = {"pattern": type_.pattern} if type_.pattern is not None else {}
            return {"type": "string", **_bounds(type_, "Length"), **pattern}
        case mi.LiteralType():
            kind = "string" if isinstance(type_.values[0], str) else "boolean"
            return {"type": kind, "enum": list(type_.values)}
        case _:
            raise TypeError(f"no schema of {type_!r}")


def _bounds(type_: mi.StrType | mi.CollectionType, what: str) -> Schema:
    bounds = {f"min{what}": type_.min_length, f"max{what}": type_.max_length}
    return {name: bound for name, bound in bounds.items() if bound is not None}

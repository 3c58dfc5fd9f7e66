"""What operations are described with: parameters, headers, bodies and answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orderwire.book.lists import MAX_PAGE
from orderwire.book.once import MAX_KEY_LENGTH

from .openapi_schemas import Schema, ref
from .wire_pages import DEFAULT_LIMIT, JSON_TYPE, MAX_CURSOR_LENGTH, MERGE_TYPE

BIGGEST_ID = 2**53 - 1

Parameter = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """What the description says of an operation besides its route.

    `rights` are those that the token needs; `answers` the responses by status, `problems` the codes that
    it may answer with besides those of every request; `body` schemas by media type.
    """

    tag: str
    rights: tuple[str, ...]
    answers: Mapping[str, Schema]
    parameters: tuple[Parameter, ...] = ()
    body: Mapping[str, Schema] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    description: str = ""


def query(name: str, schema: Schema, description: str) -> Parameter:
    """A parameter of the query, given once."""
    return {"name": name, "in": "query", "description": description, "schema": schema}


def words(name: str, schema: Schema, description: str, *, most: int | None = None) -> Parameter:
    """A parameter of the query that holds values with commas between them, `most` at most."""
    many: Schema = {"type": "array", "items": schema, "minItems": 1}
    if most is not None:
        many["maxItems"] = most
    return {**query(name, many, description), "style": "form", "explode": False}


def path(name: str, schema: Schema, description: str) -> Parameter:
    """A parameter of the path."""
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema}


def header(name: str, schema: Schema, description: str) -> Parameter:
    """A header field of the request."""
    return {"name": name, "in": "header", "description": description, "schema": schema}


def record_id(what: str) -> Parameter:
    """The id in the path of a record."""
    return path("id", {"type": "integer", "minimum": 1, "maximum": BIGGEST_ID}, f"The {what}'s own id.")


def limit(most: int, default: int = DEFAULT_LIMIT) -> Parameter:
    """How many records a page holds."""
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": default}
    return query("limit", schema, "How many a page holds at most.")


LIMIT = limit(MAX_PAGE)
AFTER = query(
    "after",
    {"type": "string", "minLength": 1, "maxLength": MAX_CURSOR_LENGTH},
    "Where the page begins: from the `Link` of the answer before.",
)
INSTANT = ref("Instant")
AS_OF = query("as_of", INSTANT, "What was so at this instant; now if left out.")
KNOWN_AT = query("known_at", INSTANT, "By what the book had recorded at this instant; now if left out.")
ORDERWIRE_AS_OF = header(
    "Orderwire-As-Of",
    {"anyOf": [INSTANT, {"type": "string", "maxLength": 0}]},
    "As `as_of`; a second instant after a comma is as `known_at`. Ignored if the settings turn it off.",
)
IF_NONE_MATCH = header(
    "If-None-Match", {"type": "string"}, "Entity tags: 304 if one of them is that of the answer."
)
IF_MATCH = header(
    "If-Match",
    {"type": "string", "examples": ["*"]},
    "Entity tags (revisions): 412 unless it is at one of them. `*` for any.",
)
IDEMPOTENCY_KEY = header(
    "Idempotency-Key",
    {"type": "string", "pattern": f"^[!-~](?:[ -~]{{0,{MAX_KEY_LENGTH - 2}}}[!-~])?$"},
    "The same request with the same key gets the first answer again, for a day.",
)

_REPLAYED = {
    "Idempotency-Replayed": {
        "description": "There when the answer is one that was given before.",
        "schema": {"const": "true"},
    }
}
_CACHE_CONTROL = {"Cache-Control": {"required": True, "schema": {"type": "string"}}}
ETAG = {
    "ETag": {
        "description": "The strong validator.",
        "schema": {"type": "string", "pattern": '^"[0-9a-f-]+"$'},
    }
}
NEEDED_ETAG = {"ETag": {**ETAG["ETag"], "required": True}}
LINK = {
    "Link": {
        "description": 'The path of the next page (`rel="next"`), while there is more.',
        "schema": {"type": "string", "pattern": '^</v1/[^>]+>; rel="(?:next|prev)"'},
    }
}


def location(of: str) -> Schema:
    """The header field with the path of what was made."""
    return {"Location": {"required": True, "schema": {"type": "string", "pattern": f"^{of}/[0-9a-f-]+$"}}}


def answer(
    said: str, schema: Schema, *headers: Mapping[str, Any], links: Mapping[str, Any] | None = None
) -> Schema:
    """A response with a JSON body."""
    return {
        "description": said,
        "headers": _merged(headers),
        "content": {JSON_TYPE: {"schema": schema}},
        **({"links": dict(links)} if links else {}),
    }


def empty(said: str, *headers: Mapping[str, Any]) -> Schema:
    """A response without a body."""
    return {"description": said, "headers": _merged(headers)}


def _merged(headers: tuple[Mapping[str, Any], ...]) -> Schema:
    return {name: said for one in (_CACHE_CONTROL, *headers) for name, said in one.items()}


def repeatable(response: Schema) -> Schema:
    """The response of a request that can be repeated."""
    return {**response, "headers": {**response["headers"], **_REPLAYED}}


def json_body(schema: Schema) -> dict[str, Schema]:
    """A body of JSON."""
    return {JSON_TYPE: schema}


def merge_patch(schema: Schema) -> dict[str, Schema]:
    """A body that is a JSON Merge Patch."""
    return {MERGE_TYPE: schema, JSON_TYPE: schema}


def link(operation: str, **parameters: str) -> Schema:
    """Where to go on from an answer: the operation, and what its parameters are taken from."""
    return {"operationId": operation, "parameters": parameters}

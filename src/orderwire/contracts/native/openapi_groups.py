"""The operations on group orders, as the description tells them."""

from __future__ import annotations

from collections.abc import Mapping

from orderwire.book.callers import READ, WRITE
from orderwire.book.jobs import ACCEPT_VALID, POLICIES
from orderwire.web.multipart import MEDIA_TYPE

from . import openapi_parts as parts
from .openapi_parts import Operation, answer, empty, link, query
from .openapi_problems import REPEATABLE, WITH_BODY, WRITING
from .openapi_schemas import Schema, ref
from .wire_groups import (
    DEFAULT_LIMIT,
    DEFAULT_REJECTIONS,
    FILES,
    FORMATS,
    MAX_LIMIT,
    MAX_MAP_BYTES,
    MAX_REJECTIONS,
    MAX_WORD_BYTES,
    MEDIA_TYPES,
)

_UUID = "^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
# As it is kept, and answered; empty for the first page.
_KEPT = "^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})?$"
_GROUP_ID = parts.path("id", {"type": "string", "pattern": _UUID}, "The group order's id.")
_FILE = parts.path("file", {"enum": list(FILES)}, "Which file.")
_FOUND = ("order_not_found", "route_unknown")
_LOCATION = parts.location("/v1/group-orders")
_LINKS = {
    name: link(name, id="$response.body#/id")
    for name in ("get_group_order", "list_group_order_rejections", "cancel_group_order")
}
# An upload. The file's form is told by the suffix of its name, or else by the type of its part.
UPLOAD: Schema = {
    "type": "object",
    "properties": {
        "file": {
            "type": "string",
            "contentMediaType": "application/octet-stream",
            "minLength": 1,
            "description": "CSV, XLSX or JSON Lines.",
        },
        "map": {
            "type": "string",
            "maxLength": MAX_MAP_BYTES,
            "description": "The map (TOML); needed but for JSON Lines.",
        },
        "policy": {"type": "string", "enum": sorted(POLICIES), "default": ACCEPT_VALID},
        "name": {
            "type": "string",
            "maxLength": MAX_WORD_BYTES,
            "description": "What the file is called, if not as it was sent.",
        },
    },
    "required": ["file"],
    "additionalProperties": False,
}
UPLOAD_ENCODING = {"file": {"contentType": ", ".join(sorted(name for name in FORMATS if "/" in name))}}

_FILE_ANSWER = {
    **empty(
        "The file.",
        parts.NEEDED_ETAG,
        {"Content-Disposition": {"schema": {"type": "string", "pattern": "^attachment; filename="}}},
        {"X-Content-Type-Options": {"schema": {"const": "nosniff"}}},
    ),
    "content": {
        media_type.decode(): {"schema": {"contentMediaType": media_type.decode()}}
        for media_type in MEDIA_TYPES.values()
    },
}
_LATER = {"Retry-After": {"required": True, "schema": {"type": "integer", "minimum": 1}}}

GROUPS: Mapping[str, Operation] = {
    "create_group_order": Operation(
        tag="group orders",
        rights=(WRITE,),
        parameters=(parts.IDEMPOTENCY_KEY,),
        body={MEDIA_TYPE: ref("Upload"), "application/json": ref("NewGroupOrder")},
        answers={
            "201": parts.repeatable(
                answer(
                    "JSON: the group order as it was elsewhere.", ref("GroupOrder"), _LOCATION, links=_LINKS
                )
            ),
            "202": parts.repeatable(
                answer(
                    "A form: the group order, whose file is imported behind the answer.",
                    ref("GroupOrder"),
                    _LOCATION,
                    links=_LINKS,
                )
            ),
        },
        problems=("route_withheld", "already_exists", *WRITING, *WITH_BODY, "body_too_large", *REPEATABLE),
    ),
    "list_group_orders": Operation(
        tag="group orders",
        rights=(READ,),
        parameters=(
            parts.limit(MAX_LIMIT, DEFAULT_LIMIT),
            query("after", {"type": "string", "pattern": _KEPT}, "The id of the last one seen."),
        ),
        answers={"200": answer("A page of group orders, newest first.", ref("GroupOrderList"), parts.LINK)},
    ),
    "get_group_order": Operation(
        tag="group orders",
        rights=(READ,),
        parameters=(_GROUP_ID,),
        answers={"200": answer("The group order, and how far its import came.", ref("GroupOrder"))},
        problems=_FOUND,
        description="Who uploaded it needs no right.",
    ),
    "list_group_order_rejections": Operation(
        tag="group orders",
        rights=(READ,),
        parameters=(
            _GROUP_ID,
            parts.limit(MAX_REJECTIONS, DEFAULT_REJECTIONS),
            query(
                "after",
                {"type": "integer", "minimum": 0, "maximum": 10**10 - 1},
                "Rejections after this line.",
            ),
        ),
        answers={"200": answer("A page of rejections, by line.", ref("RejectionList"), parts.LINK)},
        problems=_FOUND,
        description="Who uploaded it needs no right.",
    ),
    "get_group_order_file": Operation(
        tag="group orders",
        rights=(READ,),
        parameters=(_GROUP_ID, _FILE, parts.IF_NONE_MATCH),
        answers={
            "200": _FILE_ANSWER,
            "202": answer("The file is being made: ask again.", ref("GroupOrder"), _LATER),
            "304": empty("The client has this very file.", parts.NEEDED_ETAG),
        },
        problems=_FOUND,
        description="Who uploaded it needs no right.",
    ),
    "cancel_group_order": Operation(
        tag="group orders",
        rights=(WRITE, READ),
        parameters=(_GROUP_ID,),
        answers={"200": answer("The group order. One that has ended stays as it is.", ref("GroupOrder"))},
        problems=(*_FOUND, *WRITING, "body_too_large"),
        description="Who uploaded it needs the right to write only.",
    ),
}

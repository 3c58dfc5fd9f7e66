"""The operations on orders and parties, as the description tells them."""

from __future__ import annotations

from collections.abc import Mapping

from orderwire.book.callers import READ, READ_DELETED, WRITE
from orderwire.book.history import MAX_ENTRIES
from orderwire.book.lists import MAX_IDS, MAX_VALUES
from orderwire.book.orders import DELIVERIES, KINDS, LIFECYCLES, PAYMENTS
from orderwire.book.parties import PARTY_ROLES

from . import openapi_parts as parts
from .openapi_parts import Operation, Parameter, answer, empty, json_body, link, merge_patch, query, words
from .openapi_problems import REPEATABLE, WITH_BODY, WRITING
from .openapi_schemas import Schema, ref
from .wire_lists import MAX_LIMIT, SPANS
from .wire_orders import ORDER_NAMES
from .wire_reading import INCLUDES

_ORDER_ID = parts.record_id("order")
_PARTY_ID = parts.record_id("party")
_FIELDS = words(
    "fields",
    {"enum": list(ORDER_NAMES)},
    "Show these fields of an order only.",
)
_INCLUDE = words(
    "include",
    {"enum": list(INCLUDES)},
    "Show the first 1,000 stages, or revisions, of each order besides; a page then holds 100 orders at most.",
)
_READING = (_FIELDS, _INCLUDE, parts.AS_OF, parts.KNOWN_AT, parts.ORDERWIRE_AS_OF)
_BOUNDED_ID = {"type": "integer", "minimum": -(2**53), "maximum": 2**53}
_SCHEME = {"type": "string", "minLength": 1, "examples": ["reference"]}
_NAME = {"type": "string", "minLength": 1, "examples": ["R-1"]}
_AMOUNT = {"type": "string", "pattern": "^-?[0-9]{1,12}(?:\\.[0-9]{1,6})?$"}


def _any_of(name: str, known: frozenset[str], *, may_lack: bool) -> Parameter:
    values = [*sorted(known), "null"] if may_lack else sorted(known)
    lacking = "; `null` for orders that have none" if may_lack else ""
    said = f"Orders with one of these{lacking}. Values stand in one parameter or in several."
    return words(name, {"enum": values}, said, most=MAX_VALUES)


def _spans() -> list[Parameter]:
    said = {"since": "at or after this instant", "until": "before this instant"}
    happened = {"placed_at": "Placed", "changed_at": "Last changed", "recorded_at": "Last recorded"}
    return [
        query(f"{name}.{end}", parts.INSTANT, f"{happened[name]} {said[end]}.")
        for name, _ in SPANS
        for end in ("since", "until")
    ]


def _name(name: str, said: str, least: int) -> Parameter:
    schema = {"type": "string", "pattern": f"^[^:]{{1,64}}:[\\s\\S]{{{least},255}}$"}
    return query(name, schema, f"{said}, as `scheme:name`.")


_STAGE: Parameter = {
    **query(
        "stage",
        {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MAX_VALUES},
        "Orders that stand at one of these stages; an empty one for orders that stand at none.",
    ),
    "style": "form",
    "explode": True,
}
_LIST: tuple[Parameter, ...] = (
    _any_of("kind", KINDS, may_lack=False),
    _any_of("lifecycle", LIFECYCLES, may_lack=False),
    _any_of("payment", PAYMENTS, may_lack=True),
    _any_of("delivery", DELIVERIES, may_lack=True),
    words(
        "currency",
        {"type": "string", "pattern": "^(?:[A-Z]{3}|null)$"},
        "Orders in one of these currencies; `null` for orders that have none.",
        most=MAX_VALUES,
    ),
    _STAGE,
    *_spans(),
    query("customer.id", _BOUNDED_ID, "The customer's `id`."),
    query("customer.reference", {"type": "string"}, "The customer's `reference`."),
    query("group_order_id", {"type": "string"}, "The group order it belongs to."),
    query("revision", {**_BOUNDED_ID, "minimum": 1}, "The order's revision."),
    query("total.min", _AMOUNT, "Orders with this `total` or a larger one."),
    query("total.max", _AMOUNT, "Orders with this `total` or a smaller one."),
    _name("name", "The order that bears this name", 1),
    _name("name.prefix", "Orders with a name that begins so", 0),
    query(
        "sort",
        {
            "enum": [
                f"{sign}{name}" for name in ("id", "placed_at", "changed_at", "name") for sign in ("", "-")
            ]
        },
        "`-` reverses it; `-id` if left out. By `name` goes with `name.prefix`, and only with it.",
    ),
    parts.limit(MAX_LIMIT),
    parts.AFTER,
    {**parts.AFTER, "name": "before", "description": "Where the page ends; goes without `after`."},
    query("total", {"type": "boolean", "default": False}, "Count the orders on all pages."),
    words(
        "ids",
        {"type": "integer", "minimum": 1, "maximum": 10**16 - 1},
        "The orders with these ids, as they are asked for; goes with `fields`, `include` and instants only.",
        most=MAX_IDS,
    ),
    *_READING,
)
_HISTORY: tuple[Parameter, ...] = (
    parts.AS_OF,
    parts.KNOWN_AT,
    query("after", {"type": "integer", "minimum": 0, "maximum": 10**16 - 1}, "Entries after this revision."),
    parts.limit(MAX_ENTRIES),
    parts.ORDERWIRE_AS_OF,
)
_PARTY_LIST: tuple[Parameter, ...] = (
    query("role", {"enum": sorted(PARTY_ROLES)}, "Parties of this role."),
    query("reference", {"type": "string"}, "The parties with this reference."),
    query("reference_prefix", {"type": "string"}, "Parties whose reference begins so; needs `role`."),
    parts.LIMIT,
    parts.AFTER,
)
_ORDER_LINKS = {
    name: link(name, id="$response.body#/id")
    for name in ("get_order", "amend_order", "append_stage", "get_history", "delete_order")
}
_PARTY_LINKS = {
    name: link(name, id="$response.body#/id") for name in ("get_party", "update_party", "delete_party")
}
_CREATING = ("already_exists", *WRITING, *WITH_BODY, "body_too_large")
_FOUND = ("order_not_found", "route_unknown")
_CHANGED: Schema = answer("The order as it stands now.", ref("Order"), parts.NEEDED_ETAG)
_SHOWN: Schema = answer("The order.", ref("SelectedOrder"), parts.ETAG)
_UNCHANGED = empty("It is at a revision that the client has.", parts.NEEDED_ETAG)

ORDERS: Mapping[str, Operation] = {
    "create_order": Operation(
        tag="orders",
        rights=(WRITE,),
        parameters=(parts.IDEMPOTENCY_KEY,),
        body=json_body(ref("NewOrder")),
        answers={
            "201": parts.repeatable(
                answer(
                    "The order as it was placed.",
                    ref("Order"),
                    parts.location("/v1/orders"),
                    parts.NEEDED_ETAG,
                    links=_ORDER_LINKS,
                )
            )
        },
        problems=(*_CREATING, *REPEATABLE),
    ),
    "list_orders": Operation(
        tag="orders",
        rights=(READ,),
        parameters=_LIST,
        answers={
            "200": answer(
                "A page of orders; or with `ids`, those orders, and the ids of those that are not there.",
                {"anyOf": [ref("OrderList"), ref("OrderBatch")]},
                parts.LINK,
            )
        },
        description="All conditions must hold. A page with a `next` may hold fewer orders than asked for.",
    ),
    "get_order": Operation(
        tag="orders",
        rights=(READ,),
        parameters=(_ORDER_ID, *_READING, parts.IF_NONE_MATCH),
        answers={"200": _SHOWN, "304": _UNCHANGED},
        problems=_FOUND,
        description="An answer of the past has no `ETag`.",
    ),
    "get_order_by_name": Operation(
        tag="orders",
        rights=(READ,),
        parameters=(
            parts.path("scheme", _SCHEME, "The scheme of the name."),
            parts.path("name", _NAME, "The name, percent-encoded."),
            *_READING,
            parts.IF_NONE_MATCH,
        ),
        answers={"200": _SHOWN, "304": _UNCHANGED},
        problems=_FOUND,
    ),
    "amend_order": Operation(
        tag="orders",
        rights=(READ, WRITE),
        parameters=(_ORDER_ID, parts.IF_MATCH, parts.IDEMPOTENCY_KEY),
        body=merge_patch(ref("OrderPatch")),
        answers={"200": parts.repeatable(_CHANGED)},
        problems=(*_FOUND, *_CREATING, "order_closed", "stale_order", *REPEATABLE),
    ),
    "delete_order": Operation(
        tag="orders",
        rights=(READ, WRITE),
        parameters=(_ORDER_ID, parts.IF_MATCH),
        answers={"204": empty("The order is gone; its names stay taken and its history stays.")},
        problems=(*_FOUND, "stale_order", *WRITING),
    ),
    "append_stage": Operation(
        tag="orders",
        rights=(READ, WRITE),
        parameters=(_ORDER_ID, parts.IDEMPOTENCY_KEY),
        body=json_body(ref("NewStage")),
        answers={
            "201": parts.repeatable(
                answer("The stage, and where the order stands now.", ref("AppendedStage"))
            )
        },
        problems=(*_FOUND, *WRITING, *WITH_BODY, "body_too_large", *REPEATABLE),
    ),
    "get_history": Operation(
        tag="orders",
        rights=(READ,),
        parameters=(_ORDER_ID, *_HISTORY),
        answers={"200": answer("A page of the history.", ref("History"), parts.LINK)},
        problems=_FOUND,
        description=f"The history of a deleted order needs the right `{READ_DELETED}` besides.",
    ),
}

_PARTY: Schema = answer("The party.", ref("RegisteredParty"), parts.NEEDED_ETAG)
_PARTY_FOUND = ("party_not_found", "route_unknown")

PARTIES: Mapping[str, Operation] = {
    "list_parties": Operation(
        tag="parties",
        rights=(READ,),
        parameters=_PARTY_LIST,
        answers={"200": answer("A page of parties.", ref("PartyList"), parts.LINK)},
    ),
    "create_party": Operation(
        tag="parties",
        rights=(WRITE,),
        parameters=(parts.IDEMPOTENCY_KEY,),
        body=json_body(ref("NewParty")),
        answers={
            "201": parts.repeatable(
                answer(
                    "The party.",
                    ref("RegisteredParty"),
                    parts.location("/v1/parties"),
                    parts.NEEDED_ETAG,
                    links=_PARTY_LINKS,
                )
            )
        },
        problems=(*_CREATING, *REPEATABLE),
    ),
    "get_party": Operation(
        tag="parties",
        rights=(READ,),
        parameters=(_PARTY_ID, parts.IF_NONE_MATCH),
        answers={"200": _PARTY, "304": _UNCHANGED},
        problems=_PARTY_FOUND,
    ),
    "update_party": Operation(
        tag="parties",
        rights=(READ, WRITE),
        parameters=(_PARTY_ID, parts.IF_MATCH, parts.IDEMPOTENCY_KEY),
        body=merge_patch(ref("PartyPatch")),
        answers={"200": parts.repeatable(_PARTY)},
        problems=(*_PARTY_FOUND, *_CREATING, "stale_order", *REPEATABLE),
    ),
    "delete_party": Operation(
        tag="parties",
        rights=(READ, WRITE),
        parameters=(_PARTY_ID, parts.IF_MATCH),
        answers={"204": empty("The party is gone from every answer.")},
        problems=(*_PARTY_FOUND, "stale_order", *WRITING),
    ),
}

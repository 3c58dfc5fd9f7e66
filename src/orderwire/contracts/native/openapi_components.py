"""The schemas of the description: of what requests are read into and answers are rendered from."""

from __future__ import annotations

from collections.abc import Mapping

from orderwire.book.orders import DELIVERIES, KINDS, LIFECYCLES, MAX_NAMES, PAYMENTS

from . import wire, wire_accounts, wire_amend, wire_answers, wire_groups, wire_history, wire_parties
from .openapi_groups import UPLOAD
from .openapi_records import HEAD_NAMES, OrderShown, Problem
from .openapi_schemas import PLAIN, Components, Schema, add_merge_patch, nullable, ref

_REQUESTS: Mapping[str, str] = {
    "OrderBody": "NewOrder",
    "VoucherBody": "NewVoucher",
    "AccessBody": "AccessInput",
    "NewStage": "NewStage",
    "AmendedOrder": "AmendedOrder",
    "PatchBody": "PatchBody",
    "PartyBody": "NewParty",
    "PartyPatch": "PartyPatch",
    "PartyFields": "PartyFields",
    "UserBody": "NewUser",
    "UserPatch": "UserPatch",
    "ApplicationBody": "NewApplication",
    "TokenBody": "NewToken",
    "GroupOrderBody": "NewGroupOrder",
}
_ANSWERS: Mapping[str, str] = {
    "OrderShown": "SelectedOrder",
    "AccessShown": "Access",
    "VoucherShown": "Voucher",
    "StatusObject": "Status",
    "StageObject": "Stage",
    "StageAnswer": "AppendedStage",
    "RevisionObject": "Revision",
    "HistoryObject": "History",
    "EntryObject": "HistoryEntry",
    "StageEntry": "EnteredStage",
    "Change": "PatchOperation",
    "PartyShown": "RegisteredParty",
    "UserShown": "User",
    "ApplicationShown": "Application",
    "ApplicationIssued": "IssuedApplication",
    "ListedToken": "Token",
    "TokenIssued": "IssuedToken",
    "GroupOrderObject": "GroupOrder",
    "ImportObject": "Import",
    "ErrorObject": "ImportError",
}


def _word(known: frozenset[str]) -> Schema:
    return {"type": "string", "enum": sorted(known)}


_CURRENCY: Schema = {"type": "string", "pattern": "^[A-Z]{3}$"}
_STATE: Mapping[str, Schema] = {
    "kind": {**_word(KINDS), "default": "order"},
    "lifecycle": {**_word(LIFECYCLES), "default": "new"},
    "payment": nullable(_word(PAYMENTS)),
    "delivery": nullable(_word(DELIVERIES)),
    "currency": nullable(_CURRENCY),
    "names": {
        "type": "object",
        "propertyNames": {"minLength": 1, "maxLength": 64},
        "additionalProperties": {"type": "string", "minLength": 1, "maxLength": 255},
        "maxProperties": MAX_NAMES,
    },
}
# What the book checks of a field besides what the record's type says.
_OWN: Mapping[tuple[str, str], Schema] = {
    **{("NewOrder", name): schema for name, schema in _STATE.items()},
    **{("AmendedOrder", name): schema for name, schema in _STATE.items()},
    ("NewStage", "stage"): {"type": "string", "minLength": 1, "maxLength": 255},
    ("NewUser", "username"): {
        "type": "string",
        "minLength": 1,
        "maxLength": 255,
        "pattern": "^[^:]*$",
        "description": "Printable, without a colon.",
    },
}
_HOLDER = ("user_id", "application_id")


def components() -> dict[str, Schema]:
    """Every schema by its name."""
    requests = Components(_REQUESTS, _OWN, is_request=True)
    for record in (
        wire.STRICT_ORDER,
        wire.STRICT_STAGE,
        wire_amend.STRICT_AMENDED,
        wire_amend.STRICT_PATCH,
        wire_parties.STRICT_PARTY,
        wire_parties.STRICT_PARTY_PATCH,
        wire_accounts.STRICT_USER,
        wire_accounts.STRICT_USER_PATCH,
        wire_accounts.STRICT_APPLICATION,
        wire_accounts.STRICT_TOKEN,
        wire_groups.STRICT_GROUP_ORDER,
    ):
        requests.add(record)
    answers = Components(_ANSWERS, {}, is_request=False)
    for shown in (
        OrderShown,
        Problem,
        wire_answers.StageAnswer,
        wire_history.HistoryObject,
        wire_parties.PartyList,
        wire_accounts.UserList,
        wire_accounts.ApplicationList,
        wire_accounts.ApplicationIssued,
        wire_accounts.TokenList,
        wire_accounts.TokenIssued,
        wire_groups.GroupOrderList,
        wire_groups.RejectionList,
    ):
        answers.add(shown)
    made = {**PLAIN, **requests.schemas, **answers.schemas, **_lists(), "Upload": UPLOAD}
    _add_order_patch(made)
    made["NewToken"]["anyOf"] = [
        {"required": [name], "properties": {name: {"type": "integer"}}} for name in _HOLDER
    ]
    return dict(sorted(made.items()))


def _lists() -> dict[str, Schema]:
    """An order whole, and orders of a page."""
    orders: Schema = {"type": "array", "items": ref("SelectedOrder")}
    total: Schema = {"type": "integer", "minimum": 0, "description": "How many there are on all pages."}
    missing: Schema = {
        "type": "array",
        "items": {"type": "integer"},
        "description": "Ids of orders not there.",
    }
    return {
        "Order": {"allOf": [ref("SelectedOrder")], "required": list(HEAD_NAMES), "description": "An order."},
        "OrderList": {
            "type": "object",
            "properties": {"orders": orders, "total": total},
            "required": ["orders"],
        },
        "OrderBatch": {
            "type": "object",
            "properties": {"orders": orders, "missing": missing},
            "required": ["orders", "missing"],
        },
    }


def _add_order_patch(made: dict[str, Schema]) -> None:
    """The schema of a change of an order: what can be merged, and what a patch says besides."""
    add_merge_patch(made, "AmendedOrder")
    merged, besides = made.pop("AmendedOrderMerge"), made.pop("PatchBody")
    del made["AmendedOrder"]
    made["OrderPatch"] = {
        **merged,
        "description": "A JSON Merge Patch (RFC 7396) of an order: null takes away.",
        "properties": {**merged["properties"], **besides["properties"]},
    }

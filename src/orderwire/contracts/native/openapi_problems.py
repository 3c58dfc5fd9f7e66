"""Which problems an operation may answer with, as responses of the description."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .openapi_schemas import Schema, ref

# Every code that errors.py renders, with its status and what it means.
PROBLEMS: Mapping[str, tuple[int, str]] = {
    "body_malformed": (400, "The body can't be decoded."),
    "host_invalid": (400, "`Host` is missing, repeated or names no host."),
    "header_repeated": (400, "A header field that says one thing is there twice; `field` names it."),
    "credential_missing": (401, "There is no bearer token."),
    "credential_unknown": (401, "The token is not one of ours, or was revoked."),
    "credential_expired": (401, "The token has expired."),
    "not_allowed": (403, "The token lacks the right."),
    "order_not_found": (404, "There is no such order or group order."),
    "party_not_found": (404, "There is no such party."),
    "user_not_found": (404, "There is no such user."),
    "application_not_found": (404, "There is no such application."),
    "token_not_found": (404, "There is no such token."),
    "route_unknown": (404, "There is nothing at this path."),
    "route_withheld": (404, "The settings withhold it."),
    "method_unknown": (405, "The path does not have this method."),
    "timed_out": (408, "The request took too long."),
    "already_exists": (409, "A name is taken."),
    "order_closed": (409, "The order is past being changed."),
    "resend_refused": (409, "The order's state forbids sending its vouchers."),
    "request_in_flight": (409, "The first request with this `Idempotency-Key` is under way."),
    "stale_order": (412, "It is not at a revision that `If-Match` names, or was changed meanwhile."),
    "body_too_large": (413, "The body is too large."),
    "url_too_long": (414, "The URL is too long."),
    "content_type_wrong": (415, "The body has a media type that is not read here."),
    "field_missing": (422, "A field is missing."),
    "field_invalid": (422, "A field or a parameter is invalid or unknown."),
    "key_reused": (422, "The `Idempotency-Key` came before with another request."),
    "too_many_attempts": (429, "Too many wrong secrets came from this address."),
    "headers_too_large": (431, "The header fields are too many or too large."),
    "crashed": (500, "Something that nobody foresaw; `request_id` is in the log."),
    "mail_failed": (502, "The mail could not be handed over."),
    "not_set_up": (503, "The service is not set up."),
    "store_unavailable": (503, "The store can't be reached, and nothing was kept."),
    "outcome_unknown": (503, "What was sent may have been kept or not."),
}
# What any request may meet.
ALWAYS = (
    "host_invalid",
    "credential_missing",
    "credential_unknown",
    "credential_expired",
    "not_allowed",
    "timed_out",
    "url_too_long",
    "field_invalid",
    "headers_too_large",
    "crashed",
    "not_set_up",
    "store_unavailable",
)
WRITING = ("header_repeated", "outcome_unknown")
WITH_BODY = ("body_malformed", "content_type_wrong", "field_missing")
REPEATABLE = ("request_in_flight", "key_reused")

_CHALLENGE = {"WWW-Authenticate": {"required": True, "schema": {"type": "string", "pattern": "^Bearer "}}}
_LATER = {
    "Retry-After": {
        "description": "Seconds, unless the service is not set up.",
        "schema": {"type": "integer", "minimum": 1},
    }
}
_HEADERS: Mapping[int, Mapping[str, Any]] = {401: _CHALLENGE, 403: _CHALLENGE, 503: _LATER}


def problem_responses(codes: Iterable[str]) -> dict[str, Schema]:
    """The responses with these codes, by status."""
    by_status: dict[int, list[str]] = {}
    for code in sorted(codes, key=list(PROBLEMS).index):
        by_status.setdefault(PROBLEMS[code][0], []).append(code)
    return {str(status): _response(status, found) for status, found in sorted(by_status.items())}


def _response(status: int, codes: list[str]) -> Schema:
    said = {"status": {"const": status}, "code": {"enum": codes}}
    return {
        "description": " ".join(f"`{code}`: {PROBLEMS[code][1]}" for code in codes),
        **({"headers": dict(_HEADERS[status])} if status in _HEADERS else {}),
        "content": {
            "application/problem+json": {"schema": {"allOf": [ref("Problem"), {"properties": said}]}}
        },
    }

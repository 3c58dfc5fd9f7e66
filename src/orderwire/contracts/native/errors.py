"""Facts to problem details (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, assert_never

import msgspec

from orderwire.book import errors as book
from orderwire.contracts.contract import Fault, Mount
from orderwire.web import errors as web
from orderwire.web.request import Request
from orderwire.web.response import Response

Head = tuple[tuple[bytes, bytes], ...]

PROBLEM: Head = ((b"content-type", b"application/problem+json"), (b"cache-control", b"no-store"))
CHALLENGE = b'Bearer realm="orders"'
RETRY_AFTER_S = b"1"

_encode = msgspec.json.Encoder().encode
_PHRASES = {413: "Content Too Large", 414: "URI Too Long", 422: "Unprocessable Content"}


def render_error(_mount: Mount, _request: Request, fault: Fault) -> Response:
    """The problem details of a fact."""
    match fault:
        case book.OrderNotFound() | book.GroupOrderNotFound():
            return _problem(404, "order_not_found", "no such order")
        case book.RecordNotFound(kind=kind):
            return _problem(404, f"{kind}_not_found", f"no such {kind}")
        case book.CredentialMissing():
            return _unauthorized(b"", "credential_missing", "a bearer token is needed")
        case book.CredentialUnknown() | book.RoleMissing():
            return _unauthorized(b"invalid_token", "credential_unknown", "the token is not valid")
        case book.CredentialExpired():
            return _unauthorized(b"invalid_token", "credential_expired", "the token has expired")
        case book.TooManyAttempts(retry_after_seconds=seconds):
            later = ((b"retry-after", b"%d" % seconds),)
            return _problem(429, "too_many_attempts", "too many failed log-ins", later)
        case book.NotAllowed(right=right):
            return _forbidden(right)
        case book.FieldMissing(field=field):
            return _problem(422, "field_missing", f"{field}: needed", field=_name(field))
        case book.FieldInvalid(field=field, reason=reason):
            name = _name(field)
            return _problem(422, "field_invalid", f"{name}: {reason}", field=name)
        case book.AlreadyExists(scheme=scheme, name=name, order_id=order_id):
            taken = f'the name "{name}" in {scheme} is taken'
            return _problem(409, "already_exists", taken, scheme=scheme, name=name, order_id=order_id)
        case book.StaleOrder(actual=actual):
            return _problem(412, "stale_order", "it is at another revision", revision=actual)
        case book.OrderClosed(lifecycle=lifecycle):
            return _problem(409, "order_closed", f"the order is {lifecycle}")
        case book.KeyReused():
            return _problem(422, "key_reused", "the Idempotency-Key came before with another request")
        case book.RequestInFlight():
            return _problem(409, "request_in_flight", "the first request with this key is under way")
        case book.ResendRefused():
            return _problem(409, "resend_refused", "the order's state forbids it")
        case book.MailFailed():
            return _problem(502, "mail_failed", "the mail could not be handed over")
        case book.OrganisationUnknown():
            return _problem(503, "not_set_up", "this service is not set up yet")
        case book.StoreUnavailable():
            later = ((b"retry-after", RETRY_AFTER_S),)
            return _problem(503, "store_unavailable", "nothing was kept; try again", later)
        case book.OutcomeUnknown():
            later = ((b"retry-after", RETRY_AFTER_S),)
            unknown = "it may have been kept or not; send it again with the same Idempotency-Key"
            return _problem(503, "outcome_unknown", unknown, later)
        case _:
            return _render_web_error(fault)


def _render_web_error(fault: web.WebFault) -> Response:
    match fault:
        case web.RouteUnknown():
            return _problem(404, "route_unknown", "no such resource")
        case web.RouteWithheld():
            return _problem(404, "route_withheld", "not served here")
        case web.MethodUnknown(allowed=allowed):
            allow = ", ".join(allowed).encode()
            return _problem(405, "method_unknown", "not a method of this resource", ((b"allow", allow),))
        case web.BodyMalformed(reason=reason):
            return _problem(400, "body_malformed", f"the body can't be read: {reason}")
        case web.ContentTypeWrong(reason=reason):
            return _problem(415, "content_type_wrong", reason or "the body must be application/json")
        case web.BodyTooLarge(limit=limit, what=what):
            return _problem(413, "body_too_large", f"the {what} is larger than {limit} bytes")
        case web.BodyTimedOut():
            return _problem(408, "timed_out", "the request took too long")
        case web.UrlTooLong():
            return _problem(414, "url_too_long", "the URL is too long")
        case web.HeadersTooLarge():
            return _problem(431, "headers_too_large", "the header fields are too many or too large")
        case web.HostInvalid():
            return _problem(400, "host_invalid", "the Host field is missing, repeated, or names no host")
        case web.HeaderRepeated(name=name):
            return _problem(400, "header_repeated", f"the header field {name} is there twice", field=name)
        case web.Crashed(request_id=request_id):
            return _problem(500, "crashed", "an error that nobody foresaw", request_id=request_id)
        case _:
            assert_never(fault)


def _forbidden(right: str) -> Response:
    challenge = CHALLENGE + b', error="insufficient_scope", scope="%s"' % right.encode()
    head = ((b"www-authenticate", challenge),)
    return _problem(403, "not_allowed", f"the token lacks the right {right}", head)


def _problem(status: int, code: str, detail: str, head: Head = (), **more: Any) -> Response:
    body = {
        "type": "about:blank",
        "title": _PHRASES.get(status) or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    body.update({name: value for name, value in more.items() if value is not None})
    return Response(status, (*PROBLEM, *head), _encode(body))


def _unauthorized(error: bytes, code: str, detail: str) -> Response:
    challenge = CHALLENGE + (b', error="%s"' % error if error else b"")
    return _problem(401, code, detail, ((b"www-authenticate", challenge),))


def _name(field: str) -> str:
    """The field in the client's own words: here a document's fields stand beside the order's, and so on."""
    return field.removeprefix("document.").removeprefix("profile.")

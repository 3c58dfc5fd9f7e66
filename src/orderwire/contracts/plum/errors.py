"""From facts to Plum's failures: flat objects for remote calls, those of OAuth for tokens."""

from __future__ import annotations

from typing import assert_never

from orderwire.book.errors import (
    AlreadyExists,
    CredentialExpired,
    CredentialMissing,
    CredentialUnknown,
    FieldInvalid,
    FieldMissing,
    GroupOrderNotFound,
    MailFailed,
    NotAllowed,
    OrderClosed,
    OrderNotFound,
    OrganisationUnknown,
    ResendRefused,
    RoleMissing,
    StaleOrder,
    StoreUnavailable,
)
from orderwire.contracts.contract import Fault, Mount
from orderwire.web.errors import (
    BodyMalformed,
    BodyTimedOut,
    BodyTooLarge,
    ContentTypeWrong,
    Crashed,
    HeadersTooLarge,
    HostInvalid,
    MethodUnknown,
    RouteUnknown,
    RouteWithheld,
    UrlTooLong,
)
from orderwire.web.request import Request
from orderwire.web.response import Response

from .wire import render_failure
from .wire_tokens import is_token_path, render_oauth_failure

# (errorId, errorInfo) of the failures that have one.
UNAUTHORISED = ("PIPE10013", "Plum Pro APIs: Invalid authorization header")
INVALID_DATA = ("PLE10002", "Validation error in get order details")
NOT_FOUND = ("PLE10016", "Failed to get Order details")
RESEND_FAILED = ("PLE10034", "Failed to process resendVoucher")


def render_error(_mount: Mount, request: Request, fault: Fault) -> Response:
    """The contract's answer to a fact that ended the request."""
    if is_token_path(request.path):
        return render_token_error(fault)
    match fault:
        case CredentialMissing() | CredentialUnknown() | CredentialExpired() | NotAllowed() | RoleMissing():
            return _identified(401, UNAUTHORISED, "invalid authorization header!")
        case MethodUnknown():
            return render_failure(405, "Method Not Allowed", head=_allow(fault))
        case ContentTypeWrong():
            return render_failure(415, "Unsupported Media Type")
        case BodyMalformed() | FieldMissing(field="query") | FieldInvalid(field="query"):
            return render_failure(400, "Bad request")
        case FieldMissing() | FieldInvalid():
            return _identified(400, INVALID_DATA, "Bad request")
        case OrderNotFound() | GroupOrderNotFound():
            return _identified(404, NOT_FOUND, "Not Found, Order Details Not Found")
        case ResendRefused():
            return _identified(502, RESEND_FAILED, "Invalid Order status id.")
        case MailFailed():
            return _identified(502, RESEND_FAILED, "The mail could not be sent.")
        case RouteUnknown() | RouteWithheld():
            return render_failure(404, "Not Found")
        case AlreadyExists() | StaleOrder() | OrderClosed():
            return render_failure(409, "Conflict")
        case UrlTooLong():
            return render_failure(414, "URI Too Long")
        case HeadersTooLarge():
            return render_failure(431, "Request Header Fields Too Large")
        case HostInvalid():
            return render_failure(400, "Bad request")
        case BodyTooLarge():
            return render_failure(413, "Content Too Large")
        case BodyTimedOut():
            return render_failure(408, "Request Timeout")
        case StoreUnavailable():
            return render_failure(503, "Service Unavailable", head=((b"retry-after", b"1"),))
        case Crashed() | OrganisationUnknown():
            return render_failure(500, "Internal server error")
        case _:
            assert_never(fault)


def render_token_error(fault: Fault) -> Response:
    """The answer on the token paths."""
    match fault:
        case CredentialUnknown() | CredentialExpired() | NotAllowed() | RoleMissing():
            return render_oauth_failure(401, "invalid_token", "invalid/expired token")
        case CredentialMissing() | FieldMissing() | FieldInvalid() | BodyMalformed():
            text = "missing/invalid parameters authorization header"
            return render_oauth_failure(400, "invalid_request", text)
        case MethodUnknown():
            return render_oauth_failure(405, "invalid_request", "method not allowed", _allow(fault))
        case ContentTypeWrong():
            return render_oauth_failure(415, "invalid_request", "unsupported media type")
        case RouteUnknown() | RouteWithheld() | OrderNotFound() | GroupOrderNotFound():
            return render_oauth_failure(404, "invalid_request", "not found")
        case AlreadyExists() | StaleOrder() | OrderClosed():
            return render_oauth_failure(409, "invalid_request", "conflict")
        case UrlTooLong():
            return render_oauth_failure(414, "invalid_request", "uri too long")
        case HeadersTooLarge():
            return render_oauth_failure(431, "invalid_request", "header fields too large")
        case HostInvalid():
            return render_oauth_failure(400, "invalid_request", "invalid host")
        case BodyTooLarge():
            return render_oauth_failure(413, "invalid_request", "body too large")
        case BodyTimedOut():
            return render_oauth_failure(408, "invalid_request", "request timeout")
        case StoreUnavailable():
            head = ((b"retry-after", b"1"),)
            return render_oauth_failure(503, "temporarily_unavailable", "try again", head)
        case Crashed() | OrganisationUnknown() | ResendRefused() | MailFailed():
            return render_oauth_failure(500, "server_error", "internal server error")
        case _:
            assert_never(fault)


def _identified(status: int, kind: tuple[str, str], error: str) -> Response:
    error_id, error_info = kind
    return render_failure(status, error, error_id=error_id, error_info=error_info)


def _allow(fault: MethodUnknown) -> tuple[tuple[bytes, bytes], ...]:
    return ((b"allow", ", ".join(fault.allowed).encode()),)

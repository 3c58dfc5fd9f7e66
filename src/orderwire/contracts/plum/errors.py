"""From facts to Plum's failures: flat objects for remote calls, those of OAuth for tokens."""

from __future__ import annotations

from typing import assert_never

from orderwire.book import errors as book
from orderwire.contracts.contract import Fault, Mount
from orderwire.web import errors as web
from orderwire.web.request import Request
from orderwire.web.response import Response

from .wire import render_failure, render_limit_exceeded
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
        case (
            book.CredentialMissing()
            | book.CredentialUnknown()
            | book.CredentialExpired()
            | book.NotAllowed()
            | book.RoleMissing()
        ):
            return _identified(401, UNAUTHORISED, "invalid authorization header!")
        case book.TooManyAttempts(retry_after_seconds=seconds):
            return render_limit_exceeded(seconds)
        case web.MethodUnknown():
            return render_failure(405, "Method Not Allowed", head=_allow(fault))
        case web.ContentTypeWrong():
            return render_failure(415, "Unsupported Media Type")
        case web.BodyMalformed() | book.FieldMissing(field="query") | book.FieldInvalid(field="query"):
            return render_failure(400, "Bad request")
        case book.FieldMissing() | book.FieldInvalid():
            return _identified(400, INVALID_DATA, "Bad request")
        case book.OrderNotFound() | book.GroupOrderNotFound() | book.RecordNotFound():
            return _identified(404, NOT_FOUND, "Not Found, Order Details Not Found")
        case book.ResendRefused():
            return _identified(502, RESEND_FAILED, "Invalid Order status id.")
        case book.MailFailed():
            return _identified(502, RESEND_FAILED, "The mail could not be sent.")
        case web.RouteUnknown() | web.RouteWithheld():
            return render_failure(404, "Not Found")
        case (
            book.AlreadyExists()
            | book.StaleOrder()
            | book.OrderClosed()
            | book.KeyReused()
            | book.RequestInFlight()
        ):
            return render_failure(409, "Conflict")
        case web.UrlTooLong():
            return render_failure(414, "URI Too Long")
        case web.HeadersTooLarge():
            return render_failure(431, "Request Header Fields Too Large")
        case web.HostInvalid() | web.HeaderRepeated():
            return render_failure(400, "Bad request")
        case web.BodyTooLarge():
            return render_failure(413, "Content Too Large")
        case web.BodyTimedOut():
            return render_failure(408, "Request Timeout")
        case book.StoreUnavailable() | book.OutcomeUnknown():
            return render_failure(503, "Service Unavailable", head=((b"retry-after", b"1"),))
        case web.Crashed() | book.OrganisationUnknown():
            return render_failure(500, "Internal server error")
        case _:
            assert_never(fault)


def render_token_error(fault: Fault) -> Response:
    """The answer on the token paths."""
    match fault:
        case book.CredentialUnknown() | book.CredentialExpired() | book.NotAllowed() | book.RoleMissing():
            return render_oauth_failure(401, "invalid_token", "invalid/expired token")
        case book.CredentialMissing() | book.FieldMissing() | book.FieldInvalid() | web.BodyMalformed():
            text = "missing/invalid parameters authorization header"
            return render_oauth_failure(400, "invalid_request", text)
        case book.TooManyAttempts(retry_after_seconds=seconds):
            return render_limit_exceeded(seconds)
        case web.MethodUnknown():
            return render_oauth_failure(405, "invalid_request", "method not allowed", _allow(fault))
        case web.ContentTypeWrong():
            return render_oauth_failure(415, "invalid_request", "unsupported media type")
        case (
            web.RouteUnknown()
            | web.RouteWithheld()
            | book.OrderNotFound()
            | book.GroupOrderNotFound()
            | book.RecordNotFound()
        ):
            return render_oauth_failure(404, "invalid_request", "not found")
        case book.AlreadyExists() | book.StaleOrder() | book.OrderClosed():
            return render_oauth_failure(409, "invalid_request", "conflict")
        case web.UrlTooLong():
            return render_oauth_failure(414, "invalid_request", "uri too long")
        case web.HeadersTooLarge():
            return render_oauth_failure(431, "invalid_request", "header fields too large")
        case web.HostInvalid():
            return render_oauth_failure(400, "invalid_request", "invalid host")
        case web.HeaderRepeated():
            return render_oauth_failure(400, "invalid_request", "repeated header field")
        case web.BodyTooLarge():
            return render_oauth_failure(413, "invalid_request", "body too large")
        case web.BodyTimedOut():
            return render_oauth_failure(408, "invalid_request", "request timeout")
        case book.StoreUnavailable() | book.OutcomeUnknown():
            head = ((b"retry-after", b"1"),)
            return render_oauth_failure(503, "temporarily_unavailable", "try again", head)
        case (
            web.Crashed()
            | book.OrganisationUnknown()
            | book.ResendRefused()
            | book.KeyReused()
            | book.RequestInFlight()
            | book.MailFailed()
        ):
            return render_oauth_failure(500, "server_error", "internal server error")
        case _:
            assert_never(fault)


def _identified(status: int, kind: tuple[str, str], error: str) -> Response:
    error_id, error_info = kind
    return render_failure(status, error, error_id=error_id, error_info=error_info)


def _allow(fault: web.MethodUnknown) -> tuple[tuple[bytes, bytes], ...]:
    return ((b"allow", ", ".join(fault.allowed).encode()),)

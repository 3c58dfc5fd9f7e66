"""From facts to Valomnia's failures: `{"error", "error_description"}`, one for each request."""

from __future__ import annotations

from typing import assert_never

from orderwire.book import errors as book
from orderwire.contracts.contract import Fault, Mount
from orderwire.web import errors as web
from orderwire.web.request import Request
from orderwire.web.response import Response

from .wire import base_url, render_failure
from .wire_login import FORM, Login

OOPS = "Oops! Something went wrong..."


def render_error(mount: Mount, request: Request, fault: Fault) -> Response:
    """The contract's answer to a fact that ended the request."""
    match fault:
        case book.OrderNotFound():
            # The id as it was sent: 007065 stays 007065.
            text = f"The order with the id {request.params[-1]} doesn't exist."
            return render_failure(404, "not_found", text)
        case book.FieldInvalid(field="id"):
            text = "The type of parameter id you provided is not valid for this request."
            return render_failure(400, "invalid_param_type", text)
        case book.FieldInvalid(field=name, reason=rule):
            text = f"An invalid value was specified for parameter: {name} ({rule})"
            return render_failure(400, "invalid_param_type", text)
        case book.FieldMissing(field=name):
            return render_failure(400, "missing_param", f"{name} parameter is missing")
        case book.CredentialUnknown() | book.TooManyAttempts() if isinstance(request.scratch, Login):
            return _refuse_login(mount, request)
        case book.CredentialMissing() | book.CredentialUnknown() | book.CredentialExpired():
            return render_failure(401, "no_credentials", "No session, or one that has ended: log in first.")
        case book.TooManyAttempts(retry_after_seconds=seconds):
            return render_failure(429, "too_many_attempts", "Too many failed log-ins.", _later(seconds))
        case book.NotAllowed() | book.RoleMissing():
            return render_failure(403, "access_denied", "This session may not read the operation.")
        case book.AlreadyExists():
            return render_failure(400, "not_unique", "reference already used")
        case book.StaleOrder() | book.OrderClosed():
            return render_failure(400, "save_failed", "Failed to save instance")
        case web.RouteUnknown() | web.RouteWithheld() | book.GroupOrderNotFound() | book.RecordNotFound():
            return render_failure(404, "not_found", "Nothing is served at this address.")
        case web.MethodUnknown(allowed=allowed):
            return _refuse_method(", ".join(allowed))
        case web.UrlTooLong():
            return render_failure(414, "uri_too_long", "The address is too long.")
        case web.HeadersTooLarge():
            return render_failure(431, "headers_too_large", "The header fields are too many or too large.")
        case web.HostInvalid():
            return render_failure(400, "invalid_host", "The host is missing, repeated, or invalid.")
        case web.HeaderRepeated(name=name):
            return render_failure(400, "repeated_header", f"The header field {name} is repeated.")
        case web.BodyTooLarge(limit=limit):
            return render_failure(413, "body_too_large", f"The body has more than {limit} bytes.")
        case web.BodyTimedOut():
            return render_failure(408, "request_timeout", "The request took too long.")
        case web.ContentTypeWrong():
            return render_failure(415, "unsupported_media_type", f"The body must be {FORM}.")
        case web.BodyMalformed(reason=reason):
            return render_failure(400, "malformed_body", f"The body can't be read: {reason}.")
        case book.StoreUnavailable() | book.OutcomeUnknown():
            return render_failure(503, "server_error", OOPS, _later(1))
        case (
            web.Crashed()
            | book.OrganisationUnknown()
            | book.ResendRefused()
            | book.KeyReused()
            | book.RequestInFlight()
            | book.MailFailed()
        ):
            return render_failure(500, "server_error", OOPS)
        case _:
            assert_never(fault)


def _refuse_login(mount: Mount, request: Request) -> Response:
    """On to `authfail`; without Retry-After, which on a redirect asks to wait before it is followed."""
    location = f"{base_url(mount.options['base_url'], request)}/login/authfail?ajax=true"
    return Response(302, ((b"location", location.encode("latin-1")),))


def _refuse_method(allowed: str) -> Response:
    head = ((b"allow", allowed.encode()),)
    return render_failure(405, "method_not_allowed", f"Served here: {allowed}.", head)


def _later(seconds: int) -> tuple[tuple[bytes, bytes], ...]:
    return ((b"retry-after", b"%d" % seconds),)

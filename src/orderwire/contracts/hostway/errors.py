"""Facts to Hostway's faults: a JSON envelope, or plain text where a credential is missing or wrong."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import assert_never

import msgspec
from msgspec import Struct

from orderwire.book import errors as book
from orderwire.contracts.contract import Fault, Mount
from orderwire.web import errors as web
from orderwire.web.request import Request
from orderwire.web.response import Response

from .wire import CLIENT_ADDRESS, OPEN_SCHEME

Head = tuple[tuple[bytes, bytes], ...]

CORS = (b"access-control-allow-origin", b"*")
JSON: Head = ((b"content-type", b"application/json; charset=UTF-8"), CORS)
UNAUTHORIZED = Response(
    401,
    (
        (b"content-type", b"text/plain; charset=UTF-8"),
        (b"www-authenticate", b'Basic realm="Hostway API"'),
        CORS,
    ),
    b"401 Unauthorized\n\n"
    b"This server could not verify that you are authorized to access the document you requested. "
    b"Either you supplied the wrong credentials (e.g., bad password), "
    b"or your browser does not understand how to supply the credentials required.",
)

NOT_FOUND = "Resource not found"
NOT_PERMITTED = "Unauthorized: Order failed permission check"
DATA_ERROR = "POST data error"
CLIENT_IP_REFUSED = "User cannot specify the client IP address"
TOO_MANY_FAILURES = "Too many failed authentications"
ALREADY_OPEN = "A new order has already been created for this ownerID"
# What still works on an order that was submitted.
SUBMITTED_METHODS = ("GET", "OPTIONS")

# The name of the fault by status; 405, 409, 429 and 5xx are not shown in any document.
FAULTS = {
    400: "badRequest",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflict",
    429: "overLimit",
    500: "internalError",
    502: "badGateway",
}

_encode = msgspec.json.Encoder().encode


class FaultBody(Struct, frozen=True):
    """What every fault says; `guid` is this one occurrence's."""

    guid: str
    message: str
    code: int
    details: str | Mapping[str, str]


def render_error(_mount: Mount, _request: Request, fault: Fault) -> Response:
    """Hostway's answer to a fact."""
    match fault:
        case (
            book.OrderNotFound()
            | book.GroupOrderNotFound()
            | book.RecordNotFound()
            | web.RouteUnknown()
            | web.RouteWithheld()
            | web.UrlTooLong()
        ):
            return _fault(404, NOT_FOUND)
        case book.NotAllowed(right=right) if right == CLIENT_ADDRESS:
            return _fault(400, CLIENT_IP_REFUSED)
        case book.NotAllowed(identified=identified):
            return _fault(403, NOT_PERMITTED) if identified else UNAUTHORIZED
        case (
            book.CredentialMissing()
            | book.CredentialUnknown()
            | book.CredentialExpired()
            | book.RoleMissing()
        ):
            return UNAUTHORIZED
        case book.TooManyAttempts(retry_after_seconds=seconds):
            return _fault(429, TOO_MANY_FAILURES, ((b"retry-after", b"%d" % seconds),))
        case book.FieldMissing(field=field):
            return _fault(400, DATA_ERROR, details={field: "Required"})
        case book.FieldInvalid(field=field, reason=reason):
            return _fault(400, DATA_ERROR, details={field: reason})
        case web.BodyMalformed() | web.BodyTooLarge() | web.BodyTimedOut() | web.ContentTypeWrong():
            return _fault(400, DATA_ERROR)
        case web.HeadersTooLarge():
            return _fault(400, "Request header fields too large")
        case web.HostInvalid():
            return _fault(400, "Invalid host")
        case web.HeaderRepeated():
            return _fault(400, "Repeated header field")
        case book.AlreadyExists(scheme=scheme) if scheme == OPEN_SCHEME:
            return _fault(409, ALREADY_OPEN)
        case (
            book.AlreadyExists()
            | book.StaleOrder()
            | book.ResendRefused()
            | book.KeyReused()
            | book.RequestInFlight()
        ):
            return _fault(409, "Data conflict")
        case book.OrderClosed():
            return _refuse_method(SUBMITTED_METHODS)
        case web.MethodUnknown(allowed=allowed):
            return _refuse_method(allowed)
        case book.StoreUnavailable() | book.OutcomeUnknown() | book.MailFailed() | book.OrganisationUnknown():
            return _fault(502, "Bad Gateway")
        case web.Crashed():
            return _fault(500, "Internal Server Error")
        case _:
            assert_never(fault)


def _fault(status: int, message: str, head: Head = (), details: str | Mapping[str, str] = "") -> Response:
    body = FaultBody(str(uuid.uuid4()), message, status, details)
    return Response(status, (*JSON, *head), _encode({FAULTS[status]: body}))


def _refuse_method(allowed: tuple[str, ...]) -> Response:
    return _fault(405, "Method not allowed", ((b"allow", ", ".join(allowed).encode()),))

"""From facts to PlanoCore's statuses: every fact once, each with the code its document gives it."""

from __future__ import annotations

from typing import assert_never

from orderwire.book import errors as book
from orderwire.contracts.contract import Fault, Mount
from orderwire.web import errors as web
from orderwire.web.request import Request
from orderwire.web.response import Response

from . import wire


def render_error(_mount: Mount, request: Request, fault: Fault) -> Response:
    """The documented answer to a fact. Never raises."""
    match fault:
        case book.FieldMissing(field=wire.ANY_PARAM):
            return wire.render_failure(400, "no-params-decoded")
        case book.FieldMissing():
            message = wire.missing_message(request.scratch, fault.field)
            return wire.render_failure(400, "missing-param", fault.field, message)
        case book.CredentialMissing():
            message = wire.missing_message(request.scratch, "token")
            return wire.render_failure(400, "missing-param", "token", message)
        case book.CredentialUnknown():
            return wire.render_failure(401, "invalid-token", "token")
        case book.CredentialExpired():
            return wire.render_failure(401, "session-expired", "token", "expired")
        case book.TooManyAttempts():
            return wire.render_failure(429, "rate-limit-exceeded")
        case book.RoleMissing():
            return wire.render_client_required(fault.session)
        case book.FieldInvalid():
            return wire.render_failure(400, "invalid-param", wire.param_of(fault.field))
        case book.GroupOrderNotFound():
            return wire.render_failure(400, "invalid-param", "_id")
        case (
            book.OrderNotFound()
            | book.OrderClosed()
            | book.AlreadyExists()
            | book.ResendRefused()
            | book.KeyReused()
            | book.RequestInFlight()
        ):
            return wire.render_failure(400, "invalid-param", "order_id")
        case book.RecordNotFound():
            return wire.render_failure(400, "invalid-param", wire.param_of(fault.kind))
        case book.NotAllowed():
            return wire.render_failure(400, "invalid-param", "token", "unauthorized")
        case web.ContentTypeWrong():
            return wire.render_failure(400, "invalid-content-type")
        case web.BodyTimedOut() if request.body:
            return wire.render_failure(500, "application-crash")
        case web.BodyMalformed() | web.BodyTooLarge() | web.BodyTimedOut():
            return wire.render_failure(400, "invalid-encoded-params")
        case web.UrlTooLong() | web.HeadersTooLarge() | web.HostInvalid() | web.HeaderRepeated():
            return wire.render_failure(400, "invalid-encoded-params")
        case web.RouteUnknown() | web.MethodUnknown():
            return wire.render_failure(500, "route-non-existent")
        case web.RouteWithheld():
            slug = "service-not-found" if fault.service else "route-not-found"
            return wire.render_failure(500, slug)
        case book.OrganisationUnknown():
            return wire.render_failure(500, "identify-request-error")
        case book.MailFailed():
            return wire.render_failure(500, "mandrill-email-failed")
        case book.StaleOrder() | book.StoreUnavailable() | book.OutcomeUnknown() | web.Crashed():
            return wire.render_failure(500, "application-crash")
        case _:
            assert_never(fault)

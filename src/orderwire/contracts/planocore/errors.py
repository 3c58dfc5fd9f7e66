"""From facts to PlanoCore's statuses: every fact once, each with the code its document gives it."""

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

from . import wire


def render_error(_mount: Mount, request: Request, fault: Fault) -> Response:
    """The documented answer to a fact. Never raises."""
    match fault:
        case FieldMissing(field=wire.ANY_PARAM):
            return wire.render_failure(400, "no-params-decoded")
        case FieldMissing():
            message = wire.missing_message(request.scratch, fault.field)
            return wire.render_failure(400, "missing-param", fault.field, message)
        case CredentialMissing():
            message = wire.missing_message(request.scratch, "token")
            return wire.render_failure(400, "missing-param", "token", message)
        case CredentialUnknown():
            return wire.render_failure(401, "invalid-token", "token")
        case CredentialExpired():
            return wire.render_failure(401, "session-expired", "token", "expired")
        case RoleMissing():
            return wire.render_client_required(fault.session)
        case FieldInvalid():
            return wire.render_failure(400, "invalid-param", wire.param_of(fault.field))
        case GroupOrderNotFound():
            return wire.render_failure(400, "invalid-param", "_id")
        case OrderNotFound() | OrderClosed() | AlreadyExists() | ResendRefused():
            return wire.render_failure(400, "invalid-param", "order_id")
        case NotAllowed():
            return wire.render_failure(400, "invalid-param", "token", "unauthorized")
        case ContentTypeWrong():
            return wire.render_failure(400, "invalid-content-type")
        case BodyTimedOut() if request.body:
            return wire.render_failure(500, "application-crash")
        case BodyMalformed() | BodyTooLarge() | BodyTimedOut():
            return wire.render_failure(400, "invalid-encoded-params")
        case UrlTooLong() | HeadersTooLarge() | HostInvalid():
            return wire.render_failure(400, "invalid-encoded-params")
        case RouteUnknown() | MethodUnknown():
            return wire.render_failure(500, "route-non-existent")
        case RouteWithheld():
            slug = "service-not-found" if fault.service else "route-not-found"
            return wire.render_failure(500, slug)
        case OrganisationUnknown():
            return wire.render_failure(500, "identify-request-error")
        case MailFailed():
            return wire.render_failure(500, "mandrill-email-failed")
        case StaleOrder() | StoreUnavailable() | Crashed():
            return wire.render_failure(500, "application-crash")
        case _:
            assert_never(fault)

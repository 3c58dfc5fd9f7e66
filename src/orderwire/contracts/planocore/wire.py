"""The wire of PlanoCore v1: the body's parameters, the envelope, the session and application objects.

Documents: "Order API V3 Read API" and "Order Stages Create API". They show no response body; the
README says how each is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from orderwire.book.errors import FieldInvalid, FieldMissing
from orderwire.book.orders import Order
from orderwire.book.values import check_text
from orderwire.web.errors import ContentTypeWrong
from orderwire.web.json import decode_json
from orderwire.web.request import Request
from orderwire.web.response import Response

ORDER_ID = "planocore.order_id"
ORDER_REQUEST_ID = "planocore.order_request_id"

# The applications that the documents name, in their own spelling.
APPLICATIONS = {"planoauth": "PlanoAuth", "planoorder": "PlanoOrder", "planox2": "PlanoX2"}

# The routes that can be withheld, and the services they belong to.
ACTIONS = frozenset({"group_orders/read", "order_stages/create"})
SERVICES = frozenset(action.partition("/")[0] for action in ACTIONS)

# FieldMissing for a body that holds no parameter at all.
ANY_PARAM = ""

TEXT_LENGTH = 1_000
LONG_TEXT_LENGTH = 10_000
SMALLEST_INTEGER, LARGEST_INTEGER = -(2**63), 2**63 - 1
MAX_ADDONS = 200
MAX_ADDON_KEYS = 50
NAME_LENGTH = 255

_HEAD = ((b"content-type", b"application/json"),)
_INTEGER = re.compile(r"-?[0-9]{1,19}")
_NUMBER = re.compile(r"[0-9]{1,18}")
_encode = msgspec.json.Encoder().encode


class User(Struct, frozen=True):
    """The user of a session."""

    id: int
    email: str
    first_name: str
    last_name: str


class Session(Struct, frozen=True, kw_only=True):
    """The session object in full: `session_view` default."""

    token: str
    user: User
    role: str | None
    roles: tuple[str, ...]
    application: str | None
    remember_me: bool
    created_at: datetime
    last_used_at: datetime

    def __repr__(self) -> str:
        return f"Session(user={self.user.id})"


class SessionUser(Struct, frozen=True, kw_only=True):
    """`session_view` user: who it is, and as what."""

    token: str
    user: User
    role: str | None
    roles: tuple[str, ...]

    def __repr__(self) -> str:
        return f"SessionUser(user={self.user.id})"


class MinimalSession(Struct, frozen=True, kw_only=True):
    """`session_view` minimal."""

    token: str
    role: str | None

    def __repr__(self) -> str:
        return "MinimalSession(...)"


class ApplicationObject(Struct, frozen=True):
    """The application object: `application_view` default."""

    slug: str
    name: str


class MinimalApplication(Struct, frozen=True):
    """`application_view` minimal."""

    slug: str


class Success(Struct, frozen=True, kw_only=True):
    """The envelope of a success."""

    code: int = 200
    status: str = "action-successful"
    data: Any
    session: Any = UNSET
    application: Any = UNSET


class ParamError(Struct, frozen=True):
    """One parameter at fault."""

    attr: str
    message: str


class Failure(Struct, frozen=True, kw_only=True):
    """The envelope of a failure; client-required carries the session in place of the errors."""

    code: int
    status: str
    errors: tuple[ParamError, ...] | UnsetType = UNSET
    session: Any = UNSET


class Params:
    """The parameters of a body, or of a hash within it, read one by one.

    A parameter that is null, or an empty text, counts as not given. Every reader returns None for one
    that is not given and raises FieldInvalid, named by its dotted name, for one that can't be taken.
    """

    __slots__ = ("_path", "_values")

    def __init__(self, values: Mapping[str, Any], path: str = "") -> None:
        self._values = values
        self._path = path

    def given(self, name: str) -> Any:
        """The value as sent."""
        value = self._values.get(name)
        return None if value == "" else value

    def attr(self, name: str) -> str:
        """The parameter's dotted name."""
        return self._path + name

    def text(self, name: str, length: int = TEXT_LENGTH) -> str | None:
        """A text of at most `length` characters."""
        value = self.given(name)
        if value is None:
            return None
        attr = self.attr(name)
        if not isinstance(value, str):
            raise FieldInvalid(attr, "must be a text")
        if len(value) > length:
            raise FieldInvalid(attr, f"must have at most {length} characters")
        check_text(attr, value)
        return value

    def integer(self, name: str) -> int | None:
        """A whole number of 64 bits, or one in digits as text."""
        value = self.given(name)
        if value is None:
            return None
        if isinstance(value, str) and _INTEGER.fullmatch(value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise FieldInvalid(self.attr(name), "must be a whole number")
        if not SMALLEST_INTEGER <= value <= LARGEST_INTEGER:
            raise FieldInvalid(self.attr(name), "must fit in 64 bits")
        return value

    def boolean(self, name: str) -> bool | None:
        """true or false, or one of them as text."""
        value = self.given(name)
        if value is None or isinstance(value, bool):
            return value
        if value == "true" or value == "false":
            return bool(value == "true")
        raise FieldInvalid(self.attr(name), "must be true or false")

    def hash(self, name: str) -> Params | None:
        """The parameters of a hash."""
        value = self.given(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise FieldInvalid(self.attr(name), "must be a hash")
        return Params(value, f"{self.attr(name)}.")

    def word(self, name: str, words: Mapping[str, Any] | frozenset[str]) -> str | None:
        """One of `words`; an empty text is none of them."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or value not in words:
            raise FieldInvalid(self.attr(name), "must be one of its possible values")
        return value


def decode_params(request: Request) -> dict[str, Any]:
    """The parameters in the body, kept in `request.scratch`.

    Raises ContentTypeWrong, BodyMalformed, or FieldMissing(ANY_PARAM) for a body without parameters.
    """
    if request.media_type != "application/json":
        raise ContentTypeWrong
    params = decode_json(request.body) if request.body.strip() else None
    if not isinstance(params, dict) or not params:
        raise FieldMissing(ANY_PARAM)
    request.scratch = params
    return params


def check_common(params: Mapping[str, Any]) -> None:
    """Raises FieldInvalid for a bad `application` or `session_view`, which both operations take."""
    common = Params(params)
    common.word("application", APPLICATIONS)
    common.text("session_view")


def param_of(field: str) -> str:
    """The parameter behind a field that the book names: what a stage says is too large as a whole."""
    return "params" if field.split(".")[0] == "detail" else field


def missing_message(params: Any, attr: str) -> str:
    """`empty` for a required parameter sent as an empty text, else `missing`."""
    return "empty" if isinstance(params, dict) and params.get(attr) == "" else "missing"


def parse_base_url(text: str) -> str:
    """The option `base_url`. Raises ValueError."""
    url = text.strip().rstrip("/")
    if url and not re.fullmatch(r"https?://[^/?#\s]+(?:/[^?#\s]*)?", url):
        raise ValueError("must be an http:// or https:// URL without query")
    return url


def parse_undeployed(text: str) -> tuple[str, ...]:
    """The option `undeployed`: a comma list of routes and services. Raises ValueError."""
    items = tuple(item.strip() for item in text.split(",") if item.strip())
    if not ACTIONS.union(SERVICES).issuperset(items):
        raise ValueError(f"must be a comma list of {', '.join(sorted(ACTIONS | SERVICES))}")
    return items


def view_session(session: Session, view: Any) -> Session | SessionUser | MinimalSession:
    """The session object in the view asked for; any other than the two below is the default."""
    if view == "minimal":
        return MinimalSession(token=session.token, role=session.role)
    if view == "user":
        return SessionUser(token=session.token, user=session.user, role=session.role, roles=session.roles)
    return session


def view_application(
    slug: str | None, name: str, view: str | None
) -> ApplicationObject | MinimalApplication | UnsetType | None:
    """The application object in the view asked for: left out without a view, null without application."""
    if view is None:
        return UNSET
    if slug is None:
        return None
    return MinimalApplication(slug) if view == "minimal" else ApplicationObject(slug, name)


def render_success(data: Any, session: Any = UNSET, application: Any = UNSET) -> Response:
    """The envelope of a success: 200."""
    return Response(200, _HEAD, _encode(Success(data=data, session=session, application=application)))


def render_failure(code: int, status: str, attr: str = "", message: str = "invalid") -> Response:
    """The envelope of a failure; `errors` names the parameter at fault, or is empty."""
    errors = (ParamError(attr, message),) if attr else ()
    return Response(code, _HEAD, _encode(Failure(code=code, status=status, errors=errors)))


def render_client_required(session: object) -> Response:
    """The refusal of a user without roles, with the session that the user needs to register: 401."""
    return Response(401, _HEAD, _encode(Failure(code=401, status="client-required", session=session)))


def order_numbers(order: Order) -> tuple[int | None, int | None]:
    """The order's order_id (its own id when it has none from elsewhere) and order_request_id."""
    names = order.document.names
    order_id = number_of(names[ORDER_ID]) if ORDER_ID in names else order.id
    return order_id, number_of(names.get(ORDER_REQUEST_ID))


def number_of(text: str | None) -> int | None:
    """The integer that a text spells in plain digits, or None."""
    return int(text) if text is not None and _NUMBER.fullmatch(text) else None


def first_known(said: Any, known: Any) -> Any:
    """What the stages said, or else what the order itself has."""
    return known if said is None else said

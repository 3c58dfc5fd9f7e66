"""The bytes of Plum's tokens: the text of an access token, its refresh and its validation."""

from __future__ import annotations

import base64
import secrets
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from orderwire.book.errors import FieldInvalid, FieldMissing
from orderwire.web.request import Request
from orderwire.web.response import Response

from .wire import JSON_HEAD, encode, parse_object

TOKEN_PATH = "/chef/v1/oauth/token"  # noqa: S105 - a path
ACCESS_LIFETIME_S = 1_296_000  # 15 days
REFRESH_LIFETIME_S = 2_592_000  # 30 days
ACCESS_NONCE_BYTES = 32
REFRESH_TOKEN_BYTES = 20
MAX_FIELD_LENGTH = 4_096


class RefreshRequest(Struct, frozen=True):
    """The exchange of a refresh token. Its repr shows none of its secrets."""

    refresh_token: str
    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return f"RefreshRequest(client_id={self.client_id!r})"


def is_token_path(path: str) -> bool:
    """True where failures have the form of OAuth."""
    return path == TOKEN_PATH or path.startswith(f"{TOKEN_PATH}/")


def parse_refresh(request: Request) -> RefreshRequest:
    """The body of a refresh: four texts, all needed.

    Raises ContentTypeWrong, BodyMalformed, FieldMissing or FieldInvalid.
    """
    fields = parse_object(request)
    if _text(fields, "grant_type") != "refresh_token":
        raise FieldInvalid("grant_type", "must be refresh_token")
    return RefreshRequest(
        _text(fields, "refresh_token"), _text(fields, "client_id"), _text(fields, "client_secret")
    )


def access_token(issued_for: str, issued_at: datetime, nonce: str) -> str:
    """The text of an access token: base64 of a JSON object that holds `nonce`, the secret part.

    The nonce is lengthened by zeros until the text needs no padding, which clients are known to lose.
    """
    content = {
        "issuedFor": issued_for,
        "scope": "",
        "issuedAt": epoch_ms(issued_at),
        "expiresAt": _instant(issued_at + timedelta(seconds=ACCESS_LIFETIME_S)),
        "token_type": "USER",
    }
    text = encode({"tokenContent": content, "a_t": nonce})
    if len(text) % 3:
        text = encode({"tokenContent": content, "a_t": nonce + "0" * (3 - len(text) % 3)})
    return base64.b64encode(text).decode()


def new_nonce() -> str:
    """The secret part of a new access token, 256 bits."""
    return secrets.token_hex(ACCESS_NONCE_BYTES)


def new_refresh_token() -> str:
    """A new refresh token: 40 hex digits."""
    return secrets.token_hex(REFRESH_TOKEN_BYTES)


def render_pair(access: str, refresh: str, issued_at: datetime) -> Response:
    """The answer to a refresh; both instants of expiry are texts of epoch milliseconds."""
    body = {
        "access_token": access,
        "token_type": "bearer",
        "expires_in": ACCESS_LIFETIME_S,
        "refresh_token": refresh,
        "access_token_expiry": str(epoch_ms(issued_at) + ACCESS_LIFETIME_S * 1000),
        "refresh_token_expiry": str(epoch_ms(issued_at) + REFRESH_LIFETIME_S * 1000),
    }
    return Response(200, _UNKEPT_HEAD, encode(body))


def render_validation(access: str, seconds_left: int) -> Response:
    """The answer to a validation: the token, and how long it still lives."""
    body = {"access_token": access, "token_type": "bearer", "expires_in": seconds_left}
    return Response(200, _UNKEPT_HEAD, encode(body))


def render_oauth_failure(
    status: int, error: str, description: str, head: tuple[tuple[bytes, bytes], ...] = ()
) -> Response:
    """A failure on the token paths, in the form of OAuth."""
    body = encode({"error": error, "error_description": description})
    return Response(status, (*JSON_HEAD, *head), body)


def epoch_ms(at: datetime) -> int:
    """Milliseconds since 1970, rounded down."""
    return int(at.timestamp()) * 1000 + at.microsecond // 1000


def _instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S") + f".{at.microsecond // 1000:03d}Z"


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if value is None or value == "":
        raise FieldMissing(name)
    if not isinstance(value, str) or len(value) > MAX_FIELD_LENGTH or "\0" in value:
        raise FieldInvalid(name, f"must be a text of at most {MAX_FIELD_LENGTH} characters")
    return value


# RFC 6749, 5.1: an answer that holds a token is kept by nobody on its way.
_UNKEPT_HEAD = (*JSON_HEAD, (b"cache-control", b"no-store"))

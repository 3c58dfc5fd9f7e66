"""The wire of Hostway orders: order ids, the OwnerId cookie, Basic credentials, bodies and links."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import Struct

from orderwire.book.errors import FieldInvalid
from orderwire.book.orders import Order
from orderwire.web.errors import BodyMalformed
from orderwire.web.json import decode_json
from orderwire.web.request import Request

# Names that these orders bear in the book: the order id, and the claim of an owner's one open order.
ORDER_SCHEME = "hostway.order"
OPEN_SCHEME = "hostway.open_order"
# The right to say for which end customer's address an order is placed.
CLIENT_ADDRESS = "hostway.client_address"

COOKIE = "OwnerId"
BASE_URL = "https://api.hostway.com"
ACCOUNT_URL = "{base_url}/accounts/{number}"
NODE = "007f000000010001"

STATUSES = {"new": "new", "processing": "Processing", "complete": "Completed", "cancelled": "Cancelled"}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_OWN_ID = re.compile(r"[1-9][0-9]{0,15}")
_NODE = re.compile(r"[0-9a-f]{16}")
_encode = msgspec.json.Encoder().encode


class Link(Struct, frozen=True):
    """A hypermedia link; `href` is absolute."""

    href: str
    rel: str


class OrderPart(Struct, frozen=True, omit_defaults=True):
    """The `order` of an answer. Without an account there is no `Account`."""

    Status: str
    Account: str | None = None


class OrderAnswer(Struct, frozen=True):
    """The body of GET /orders/{orderId}."""

    order: OrderPart
    links: tuple[Link, ...]


class CreatedAnswer(Struct, frozen=True):
    """The body of POST /orders."""

    orderId: str
    links: tuple[Link, ...]


def make_order_id(now: datetime, node: str) -> str:
    """A new order id, 40 hex digits: milliseconds since 1970, 32 random bits, the node."""
    return f"{(now - _EPOCH) // _MILLISECOND:016x}{secrets.randbits(32):08x}{node}"


def read_order_id_time(order_id: str) -> datetime:
    """The instant, to the millisecond, at which an order id was made."""
    return _EPOCH + int(order_id[:16], 16) * _MILLISECOND


def parse_own_id(text: str) -> int | None:
    """The order's own id in the book, where the path gives that instead of an order id."""
    return int(text) if _OWN_ID.fullmatch(text) else None


def parse_basic(header: str) -> tuple[str, str] | None:
    """Username and password of an Authorization header, or None if it does not hold them."""
    kind, _, encoded = header.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded.strip(" "), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    username, colon, password = text.partition(":")
    return (username, password) if colon else None


def parse_order(request: Request) -> dict[str, Any]:
    """The body of POST /orders; none at all is an empty one. Raises BodyMalformed."""
    if not request.body.strip():
        return {}
    body = decode_json(request.body)
    if not isinstance(body, dict):
        raise BodyMalformed("not an object")
    return body


def parse_client_ip(value: Any) -> str:
    """The end customer's address. Raises FieldInvalid."""
    try:
        if not isinstance(value, str) or "%" in value:
            raise ValueError("not a text, or with a zone that only the sender's machine knows")
        return str(ip_address(value))
    except ValueError as error:
        raise FieldInvalid("clientIp", "Not an IP address") from error


def read_base_url(text: str) -> str:
    """A base URL without its trailing slash. Raises ValueError."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an http or https URL without query")
    return text.rstrip("/")


def read_account_url(text: str) -> str:
    """A template of account links. Raises ValueError."""
    if "{number}" not in text or set(re.findall(r"{(.*?)}", text)) - {"base_url", "number"}:
        raise ValueError("must hold {number}, may hold {base_url}, and no other name in braces")
    return text


def read_node(text: str) -> str:
    """The part of order ids that tells installations apart. Raises ValueError."""
    if not _NODE.fullmatch(text):
        raise ValueError("must be 16 lower-case hex digits")
    return text


def render_cookie(owner: str) -> str:
    """The Set-Cookie field that names the owner."""
    return f"{COOKIE}={owner}; Path=/"


def order_url(base_url: str, order: Order) -> str:
    """Where the order is found, without trailing slash."""
    return f"{base_url}/orders/{quote(order.document.names.get(ORDER_SCHEME) or str(order.id), safe='')}"


def render_created(base_url: str, order: Order) -> bytes:
    """The body of POST /orders: the collection has a trailing slash, the item none."""
    links = (Link(f"{base_url}/orders/", "self"), Link(order_url(base_url, order), "item"))
    return _encode(CreatedAnswer(orderId=order.document.names[ORDER_SCHEME], links=links))


def render_order(base_url: str, account_url: str, order: Order) -> bytes:
    """The body of GET /orders/{orderId}."""
    links = (Link(order_url(base_url, order) + "/", "self"),)
    return _encode(OrderAnswer(_render_part(base_url, account_url, order), links))


def render_open_order(base_url: str, account_url: str, order: Order) -> bytes:
    """The body of GET /order: the explicit URL is the alternate one."""
    links = (Link(f"{base_url}/order/", "self"), Link(order_url(base_url, order) + "/", "alternate"))
    return _encode(OrderAnswer(_render_part(base_url, account_url, order), links))


def _render_part(base_url: str, account_url: str, order: Order) -> OrderPart:
    account = order.document.account
    link = None
    if account is not None and account.number is not None:
        number = quote(account.number, safe="")
        link = account_url.replace("{base_url}", base_url).replace("{number}", number)
    return OrderPart(STATUSES[order.lifecycle], link)

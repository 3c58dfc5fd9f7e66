"""Hostway orders: POST /orders and /orders/{orderId}, as docs.hostway.com documents them."""

from __future__ import annotations

from orderwire.contracts.contract import Contract, Option

from .auth import identify
from .demo import DEMO
from .errors import render_error
from .routes import ROUTES
from .wire import ACCOUNT_URL, BASE_URL, NODE, read_account_url, read_base_url, read_node

contract = Contract(
    name="hostway",
    title="Hostway orders",
    prefixes=("/orders", "/order"),
    routes=ROUTES,
    identify=identify,
    render_error=render_error,
    demo=DEMO,
    options=(
        Option("base_url", BASE_URL, "public base URL of the links in answers", read_base_url),
        Option(
            "account_url",
            ACCOUNT_URL,
            "link of a hosting account, with {base_url} and {number} where these go",
            read_account_url,
        ),
        Option("node", NODE, "last 16 hex digits of the order ids made here", read_node),
    ),
)

__all__ = ["contract"]

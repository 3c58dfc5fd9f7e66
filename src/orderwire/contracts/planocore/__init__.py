"""PlanoCore API v1: group orders and order stages."""

from __future__ import annotations

from orderwire.contracts.contract import Contract, Option

from .auth import TOKEN_KINDS, identify
from .demo import DEMO
from .errors import render_error
from .routes import ROUTES
from .wire import parse_base_url, parse_undeployed
from .wire_stages import parse_notifications

__all__ = ["contract"]

contract = Contract(
    name="planocore",
    title="PlanoCore group orders and order stages",
    prefixes=("/api/v1",),
    routes=ROUTES,
    identify=identify,
    render_error=render_error,
    demo=DEMO,
    options=(
        Option("base_url", "", "what file paths are made absolute with; empty: as asked", parse_base_url),
        Option(
            "notifications",
            {},
            "event_slug=recipient pairs separated by `;`: which stages send mail, to an address or `client`",
            parse_notifications,
        ),
        Option("undeployed", (), "comma list of routes or services to withhold", parse_undeployed),
    ),
    token_kinds=TOKEN_KINDS,
)

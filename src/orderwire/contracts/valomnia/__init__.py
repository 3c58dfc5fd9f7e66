"""Valomnia: operations (order, pre-order, invoice, delivery note, delivery) of a field sales system."""

from __future__ import annotations

from orderwire.contracts.contract import Contract, Option

from .auth import identify
from .demo import DEMO
from .errors import render_error
from .routes import ROUTES
from .wire import parse_base_url
from .wire_login import parse_minutes

contract = Contract(
    name="valomnia",
    title="Valomnia operations",
    prefixes=("/api", "/j_spring_security_check", "/login"),
    routes=ROUTES,
    identify=identify,
    render_error=render_error,
    demo=DEMO,
    options=(
        Option(
            "base_url",
            "",
            "scheme and host of pdfUrl and of the log-in's Location; those of the request when empty",
            parse_base_url,
        ),
        Option(
            "session_idle_minutes",
            30,
            "how long a session may rest unused before it ends",
            parse_minutes,
        ),
    ),
)

__all__ = ["contract"]

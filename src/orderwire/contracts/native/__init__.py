"""Our own API, served like every other contract and with no privileges."""

from __future__ import annotations

from orderwire.contracts.contract import Contract

from .auth import TOKEN_KINDS, identify
from .demo import DEMO
from .errors import render_error
from .openapi import describe
from .routes import ROUTES

contract = Contract(
    name="native",
    title="Orderwire native API",
    prefixes=("/v1",),
    routes=ROUTES,
    identify=identify,
    render_error=render_error,
    demo=DEMO,
    token_kinds=TOKEN_KINDS,
    openapi=describe,
)

__all__ = ["contract"]

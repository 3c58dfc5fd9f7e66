"""Xoxoday Plum: the details of rewards orders, and the tokens that open them."""

from __future__ import annotations

from orderwire.contracts.contract import Contract, Option

from .auth import PAIR, identify
from .demo import DEMO
from .errors import render_error
from .routes import ROUTES
from .wire import parse_flag

contract = Contract(
    name="plum",
    title="Xoxoday Plum rewards orders",
    prefixes=("/chef",),
    routes=ROUTES,
    identify=identify,
    render_error=render_error,
    demo=DEMO,
    options=(
        Option(
            "later_types",
            False,
            "give discountPercent, orderDiscount (texts) and vouchers[].amount (a number) their later types",
            parse_flag,
        ),
    ),
    token_kinds=(PAIR,),
)

__all__ = ["contract"]

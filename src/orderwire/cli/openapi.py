"""`orderwire openapi`."""

from __future__ import annotations

import click

from .shared import USAGE, Failure, print_json


@click.command(epilog="\b\nExample:\n  orderwire openapi native")
@click.argument("contract")
def openapi(*, contract: str) -> None:
    """Print the OpenAPI description of a contract that has one, as it is served at /openapi/CONTRACT.json."""
    from orderwire import contracts

    described = {one.name: one.openapi for one in contracts.ALL if one.openapi is not None}
    if contract not in described:
        raise Failure(USAGE, f"described are: {', '.join(sorted(described))}")
    print_json(described[contract]())

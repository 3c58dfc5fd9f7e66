"""`orderwire version`."""

from __future__ import annotations

import click

from .shared import json_option, print_json


@click.command(epilog="\b\nExample:\n  orderwire version --json")
@json_option
def version(*, as_json: bool) -> None:
    """Print the version of this program."""
    import platform

    from orderwire import __version__

    if as_json:
        print_json({"version": __version__, "python": platform.python_version()})
    else:
        click.echo(f"orderwire {__version__}")

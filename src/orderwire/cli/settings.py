"""`orderwire settings`."""

from __future__ import annotations

import click

from .shared import State, json_option, load_settings, print_rows

COLUMNS = ("name", "value", "source")


@click.command(epilog="\b\nExample:\n  ORDERWIRE_PORT=8081 orderwire settings")
@json_option
@click.pass_obj
def settings(state: State, *, as_json: bool) -> None:
    """Print every setting, its value, and where that comes from; secrets are hidden.

    Exit code 2 if a setting can't be used, or the environment or the file names one that is not there.
    """
    rows = [
        {
            "name": one.setting.name,
            "value": one.shown,
            "source": one.source,
            "variable": one.setting.variable,
            "help": one.setting.help,
        }
        for one in load_settings(state)
    ]
    print_rows(rows, COLUMNS, as_json=as_json)

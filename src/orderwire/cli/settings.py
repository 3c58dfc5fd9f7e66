"""`orderwire settings`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from .shared import State, json_option, load_settings, print_rows

if TYPE_CHECKING:
    from orderwire.settings import Value

COLUMNS = ("name", "value", "source")
# What separates the pairs of a setting that holds some: its own reader tells which.
MARKS = (",", ";")


@click.command(epilog="\b\nExample:\n  ORDERWIRE_PORT=8081 orderwire settings")
@json_option
@click.pass_obj
def settings(state: State, *, as_json: bool) -> None:
    """Print every setting, its value as it is typed in the environment, and where that comes from.

    Secrets are hidden. Exit code 2 if a setting can't be used, or the environment or the file names one that
    is not there.
    """
    rows = [
        {
            "name": one.setting.name,
            "value": one.shown if as_json else _typed(one),
            "source": one.source,
            "variable": one.setting.variable,
            "help": one.setting.help,
        }
        for one in load_settings(state)
    ]
    print_rows(rows, COLUMNS, as_json=as_json)


def _typed(one: Value) -> Any:
    value = one.shown
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, Mapping):
        pairs = [f"{key}={text}" if text else str(key) for key, text in value.items()]
        texts = [mark.join(pairs) for mark in MARKS]
        return next((text for text in texts if _reads_as(one, text, value)), texts[0])
    return value


def _reads_as(one: Value, text: str, value: Any) -> bool:
    try:
        return bool(one.setting.read(text) == value)
    except ValueError:
        return False

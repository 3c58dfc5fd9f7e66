"""How far an import came: a line on the terminal that is written over, and what else is worth a word."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from orderwire.importer.request import Summary

# Not oftener: a terminal is slower than an import.
EVERY_S = 0.1
BAR_WIDTH = 24


class Line:
    """A context manager; without a terminal on standard error, only that an import goes on is said."""

    def __init__(self, *, is_quiet: bool) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._is_quiet = is_quiet
        self._said = ""
        self._next = 0.0
        self._resumed = False

    def show(self, summary: Summary) -> None:
        """Told by the import how far it came."""
        if summary.resumed and not self._resumed:
            self._resumed = True
            if not self._is_quiet:
                click.echo(f"going on after {summary.resumed} orders", err=True)
        now = time.monotonic()
        if self._is_terminal and now >= self._next:
            self._next = now + EVERY_S
            self._write(_line(summary))

    def __enter__(self) -> Line:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._said:
            self._write("")
            click.echo("\r", err=True, nl=False)

    def _write(self, text: str) -> None:
        click.echo(f"\r{text.ljust(len(self._said))}", err=True, nl=False)
        self._said = text


def _line(summary: Summary) -> str:
    """A bar of what is done: of the orders once their number is known, of the bytes before."""
    if summary.total is not None:
        share = summary.orders / max(1, summary.total)
    else:
        share = summary.read / max(1, summary.size)
    done = min(BAR_WIDTH, int(BAR_WIDTH * share))
    bar = "#" * done + "." * (BAR_WIDTH - done)
    counts = f"{summary.rows} rows"
    if summary.orders:
        counts = f"{summary.orders} orders, {summary.rejected} rejected"
    return f"[{bar}] {min(100, int(100 * share)):3} %  {counts}"

"""JSON Lines: one order a line, in the native shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from .request import Exported, RenderLine


class JsonLinesSink:
    """Writes each order as `render` gives it."""

    def __init__(self, file: BinaryIO, render: RenderLine) -> None:
        self._file = file
        self._render = render

    def write(self, orders: Sequence[Exported]) -> None:
        render = self._render
        lines = [render(one.order, one.stages, one.secrets) + b"\n" for one in orders]
        self._file.write(b"".join(lines))

    def finish(self) -> None:
        """Nothing is left."""

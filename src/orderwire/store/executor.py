"""What an engine gives to the verbs: one statement run, its rows returned."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

from .compiling import Statement
from .rows import Row


class Executor(ABC):
    """Runs statements; every verb stands on this."""

    @abstractmethod
    async def rows(self, statement: Statement, *values: Any) -> Sequence[Row]:
        """All rows that the statement gives, `values` in the order of its `params`."""

    async def insert_many(
        self,
        statement: Statement,
        many: Iterable[Sequence[Any]],  # noqa: ARG002 - for those that write
    ) -> int:
        """Run an insert (`insert_into`) of many whole rows; how many were written.

        Raises TypeError where nothing can be written.
        """
        raise TypeError(f"{statement.name}: nothing is written here")

    async def row(self, statement: Statement, *values: Any) -> Row | None:
        """The first row, or None."""
        found = await self.rows(statement, *values)
        return found[0] if found else None

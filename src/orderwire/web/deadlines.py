"""A time limit on every request, for less than a timer each: one sweep looks for those overdue."""

from __future__ import annotations

import asyncio
from typing import Any

Task = asyncio.Task[Any]


class Deadlines:
    """The tasks under way and when each is overdue.

    A task overdue is cancelled and found in `overdue`; it is noticed at most a quarter of the limit
    (or of a second) late. Only the loop that the tasks run on may use this.
    """

    def __init__(self, limit_seconds: float) -> None:
        self._limit = limit_seconds
        self._tick = min(0.25, limit_seconds / 4)
        self._ends: dict[Task, float] = {}
        self._last: float | None = None
        self._sweeping = False
        self.overdue: set[Task] = set()

    def begin(self) -> Task:
        """The running task, which has the limit's time from now on."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        self._ends[task] = loop.time() + self._limit
        if not self._sweeping:
            self._sweeping = True
            loop.call_later(self._tick, self._sweep, loop)
        return task

    def extend(self, task: Task, seconds: float) -> None:
        """The task has this many seconds from now on, unless everything is about to end."""
        if task in self._ends:
            end = asyncio.get_running_loop().time() + seconds
            self._ends[task] = end if self._last is None else min(end, self._last)

    def end(self, task: Task) -> None:
        """The task needs no watching any more."""
        self._ends.pop(task, None)
        if self.overdue:
            self.overdue.discard(task)

    def shorten(self, seconds: float) -> None:
        """Every task, also those to come, is overdue after this many seconds, if not before."""
        self._limit = min(self._limit, seconds)
        self._tick = min(self._tick, seconds / 4)
        self._last = end = asyncio.get_running_loop().time() + seconds
        for task, before in self._ends.items():
            self._ends[task] = min(before, end)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for task in [task for task, end in self._ends.items() if end < now]:
            del self._ends[task]
            self.overdue.add(task)
            task.cancel()
        self._sweeping = bool(self._ends)
        if self._sweeping:
            loop.call_later(self._tick, self._sweep, loop)

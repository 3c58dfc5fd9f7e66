"""Which works of the embedded store go into one commit: on the loop's side, before the writer has them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# More than this are not waited for, so that the first of a batch never waits long.
MAX_EXPECTED = 256
# Fewer are not waited for at all: they lose more than a common commit gives them.
COMPANY = 16
# A batch goes without those who are expected if nobody comes for one turn, or after so many.
TURN_S = 0.002
MAX_TURNS = 5


@dataclass(slots=True)
class Job:
    """A piece of work for the writer, and who waits for it."""

    work: Callable[[Any], Any]
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None

    def answer(self) -> None:
        """Tell who waits what became of it, on the loop's thread."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Gathering:
    """The works on their way to the writer: where many come again and again, they go together.

    Whoever was answered mostly comes again at once. The loop and the writer share the interpreter: a loop
    that takes in requests while the writer is at work costs both of them more than a moment's wait for all
    who are likely to come. A few go as they come. All of it runs on the thread of one loop.
    """

    def __init__(self, hand_over: Callable[[list[Job]], None]) -> None:
        self._hand_over = hand_over
        self._waiting: list[Job] = []
        # How many works the writer has, and how many the next batch is likely to have; 0 for a few.
        self._under_way = 0
        self._expected = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, job: Job) -> None:
        """Take in a piece of work."""
        self._waiting.append(job)
        if not self._expected or (not self._under_way and len(self._waiting) >= self._expected):
            self.flush()
        elif not self._under_way and self._timer is None:
            self._wait(MAX_TURNS)

    def settle(self, batch: list[Job]) -> None:
        """Answer a batch whose commit has come to its end, and see to the next one."""
        for job in batch:
            job.answer()
        self._under_way -= len(batch)
        # Some are on their way and not seen: what was expected is forgotten step by step.
        seen = len(batch) + self._under_way + len(self._waiting)
        expected = min(max(seen, self._expected * 7 // 8), MAX_EXPECTED)
        self._expected = expected if expected >= COMPANY else 0
        if self._waiting and not self._under_way:
            if len(self._waiting) >= self._expected:
                self.flush()
            else:
                self._wait(MAX_TURNS)

    def flush(self) -> None:
        """Hand over everything that waits, now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            batch, self._waiting = self._waiting, []
            self._under_way += len(batch)
            self._hand_over(batch)

    def _wait(self, turns: int) -> None:
        loop = self._waiting[0].future.get_loop()
        self._timer = loop.call_later(TURN_S, self._look, turns, len(self._waiting))

    def _look(self, turns: int, before: int) -> None:
        if turns > 1 and len(self._waiting) > before:
            self._wait(turns - 1)
        else:
            self.flush()

"""Work of an import that is not for the event loop: done by a thread of its own, one piece at a time."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


# A thread that computes lets others in after this long, for as long as an import runs: the loop and the
# writer wait for the interpreter after each call of the database, and Python's own 5 ms add up.
SWITCH_S = 0.000_5
# A batch is some thousand objects that go again without any cycle: looking for cycles more often than this
# costs a sixth of an import and finds nothing.
GARBAGE_AFTER = 50_000
# How many imports run, and what was set before the first of them.
_running = 0
_usual = (sys.getswitchinterval(), gc.get_threshold())


@contextmanager
def giving_way() -> Iterator[None]:
    """Within, threads take turns more often, and garbage is looked for less often."""
    global _running, _usual
    if not _running:
        _usual = (sys.getswitchinterval(), gc.get_threshold())
        sys.setswitchinterval(SWITCH_S)
        gc.set_threshold(GARBAGE_AFTER, *_usual[1][1:])
    _running += 1
    try:
        yield
    finally:
        _running -= 1
        if not _running:
            sys.setswitchinterval(_usual[0])
            gc.set_threshold(*_usual[1])


class Behind:
    """A context manager that runs functions in its thread. Cancelled, it lets the running one end first,
    so that nobody uses what the canceller takes away."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, name)

    async def __call__(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `work` gives. Raises what it raises."""
        future = asyncio.get_running_loop().run_in_executor(self._thread, lambda: work(*args, **kwargs))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            while not future.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([future])
            if not future.cancelled():
                # Nobody asks for it any more.
                future.exception()
            raise

    def __enter__(self) -> Behind:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._thread.shutdown(wait=False)

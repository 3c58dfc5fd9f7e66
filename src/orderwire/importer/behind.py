"""Work of an import that is not for the event loop: done by a thread of its own, one piece at a time."""

from __future__ import annotations

import asyncio
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
_running: list[float] = []


@contextmanager
def giving_way() -> Iterator[None]:
    """Within, threads take turns more often."""
    _running.append(sys.getswitchinterval())
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        usual = max(_running)
        _running.pop()
        if not _running:
            sys.setswitchinterval(usual)


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

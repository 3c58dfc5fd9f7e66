"""Which of the hosts in an address to talk to: the one that takes writes, on the latest timeline.

A primary that was cut off goes on taking connections although another has been promoted, until it is
told; a promotion begins a new timeline, so the later one is the true primary. A host that takes a
connection and then says nothing must not keep the others from being asked.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from typing import Any

import asyncpg

# Up to the hosts (the scheme, user and password), the hosts, and what follows them.
_ADDRESS = re.compile(r"((?:[^/]*//)?(?:[^/?#]*@)?)([^/?#]*)(.*)", re.DOTALL)

CONNECT_SECONDS = 2.0
# Once a host that takes writes is found, how long the others may still name a later timeline.
GRACE_SECONDS = 0.5
# 0 on a standby, else the timeline: the first eight digits of a log file's name.
_TIMELINE = """
SELECT CASE current_setting('transaction_read_only') WHEN 'on' THEN 0
ELSE ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::bigint END
"""


def split_hosts(url: str) -> list[str]:
    """One address for each host of an address."""
    # Not by urlsplit: to newer ones a bracket behind another host is an error.
    found = _ADDRESS.fullmatch(url)
    assert found is not None, "every text is such an address"
    begin, hosts, rest = found.groups()
    return [f"{begin}{host}{rest}" for host in hosts.split(",")]


class Hosts:
    """The hosts of an address, and which of them was the primary when last asked."""

    def __init__(self, url: str) -> None:
        self._urls = split_hosts(url)
        self._primary: str | None = self._urls[0] if len(self._urls) == 1 else None
        self._search: asyncio.Task[str] | None = None

    def forget(self) -> None:
        """Ask every host before the next connection is made."""
        if len(self._urls) > 1:
            self._primary = None

    async def connect(self, *_: Any, **options: Any) -> Any:
        """A connection to the host that takes writes. Raises what asyncpg raises; options are asyncpg's."""
        known = self._primary
        if known is not None:
            try:
                return await _connect(known, options)
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InternalClientError):
                if len(self._urls) == 1:
                    raise
                if self._primary == known:
                    self._primary = None
        return await _connect(await self._find(), options)

    async def _find(self) -> str:
        """The primary's address, looked for once for all who wait."""
        if self._primary is not None:
            return self._primary
        if self._search is None:
            self._search = asyncio.create_task(self._look())
            self._search.add_done_callback(self._end_search)
        return await asyncio.shield(self._search)

    def _end_search(self, search: asyncio.Task[str]) -> None:
        self._search = None
        if not search.cancelled() and search.exception() is None:
            self._primary = search.result()

    async def _look(self) -> str:
        asked = {asyncio.create_task(_timeline(url)): url for url in self._urls}
        try:
            await _answers(asked)
            found = {task: url for task, url in asked.items() if task.done() and task.exception() is None}
            best = max(found, key=lambda task: task.result(), default=None)
            if best is not None and best.result():
                return found[best]
            if found:
                raise asyncpg.TargetServerAttributeNotMatched("none of the hosts takes writes")
            for task in asked:
                if (error := task.exception()) is not None:
                    raise error
            raise AssertionError("a host neither answered nor failed")
        finally:
            for task in asked:
                task.cancel()


async def _answers(asked: Iterable[asyncio.Task[int]]) -> None:
    """Wait until all have answered, or for a while longer than the first that takes writes."""
    waiting = set(asked)
    end: float | None = None
    now = asyncio.get_running_loop().time
    while waiting and (end is None or now() < end):
        left = None if end is None else end - now()
        done, waiting = await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        if end is None and any(task.exception() is None and task.result() for task in done):
            end = now() + GRACE_SECONDS


async def _timeline(url: str) -> int:
    """The timeline that a host writes on, 0 for a standby. Raises what asyncpg raises."""
    async with asyncio.timeout(CONNECT_SECONDS):
        connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS)
        try:
            found: int = await connection.fetchval(_TIMELINE)
        finally:
            connection.terminate()
    return found


async def _connect(url: str, options: dict[str, Any]) -> Any:
    return await asyncpg.connect(url, target_session_attrs="read-write", **options)

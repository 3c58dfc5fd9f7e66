"""Writing to PostgreSQL: whatever waits shares one transaction, and what became of it is found out.

A transaction that loses against another, or whose connection breaks before it was told to commit, was
not kept and is run again. One whose connection breaks while it commits may have been kept: each
transaction writes a mark, and another connection tells by writing the same mark. If it can, the first
one was not kept and never will be; if it can't, the mark says who wrote it, and a further write of it,
which is behind it in the log, shows that it has reached where it must.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg
import structlog

from orderwire.book.errors import OutcomeUnknown, StoreUnavailable
from orderwire.book.store import Transaction

from .postgres_batches import Batch, Tangled, Work, WorkFailed
from .postgres_faults import Fate, fate_of, taken
from .postgres_pool import Pool, Session
from .rows import bucket_of_mark, micros_now

T = TypeVar("T")

log = structlog.get_logger("orderwire.store")

# Works that share a commit; more wait for the next one.
MAX_BATCH = 256
# So many works of one batch may fail before each is run by itself.
MAX_FAILED = 3
# Whoever looks for a key before writing it finds it when run again; whoever does not never will.
MAX_COLLISIONS = 3
# Waiting between tries: a random part of a time that doubles.
FIRST_WAIT_SECONDS = 0.01
LONGEST_WAIT_SECONDS = 1.0
# A try may take so much of the time that is left: a connection on which nothing comes back then leaves
# time to try another, or to find out what became of a commit.
PART_OF_A_TRY = 0.6
# With less than this left, no further try is begun.
LEAST_SECONDS = 0.02


@dataclass(slots=True)
class Job:
    """A work, who waits for it, and until when (by the loop's clock)."""

    work: Callable[[Any], Any]
    future: asyncio.Future[Any]
    deadline: float


class _OutOfTime(StoreUnavailable):
    """Nothing was kept until the deadline."""


class _Lost(Exception):
    """The connection broke, or can't be had; with `mark`, while the transaction was committing."""

    def __init__(self, reason: str, mark: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.mark = mark


class _Collided(Exception):
    """A unique key was taken, although the work may have looked for it."""

    def __init__(self, error: asyncpg.UniqueViolationError) -> None:
        super().__init__(str(error))
        self.error = error


class Writer:
    """Commits works, in the order they came, as many as wait in one transaction."""

    def __init__(self, pool: Pool, seconds: float, *, side_by_side: int = 0) -> None:
        """With `side_by_side` each work has a transaction of its own, so many of them at a time."""
        self._pool = pool
        self._seconds = seconds
        self._most = 1 if side_by_side else MAX_BATCH
        self._width = side_by_side or 1
        self._waiting: list[Job] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def write(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `work` in a transaction, and give what it gives once that is durable.

        Raises what `work` raises, StoreUnavailable (nothing was kept) or OutcomeUnknown.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._waiting.append(Job(work, future, loop.time() + self._seconds))
        if len(self._tasks) < self._width:
            self._tasks.add(asyncio.create_task(self._run()))
        return await future

    async def close(self) -> None:
        """Finish what waits."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _run(self) -> None:
        try:
            while self._waiting:
                jobs = [job for job in self._waiting[: self._most] if not job.future.done()]
                del self._waiting[: self._most]
                if jobs:
                    await self._settle(jobs)
        finally:
            # At once, not when the loop tells of the end: a work that comes between must not be left lying.
            task = asyncio.current_task()
            assert task is not None
            self._tasks.discard(task)

    async def _settle(self, jobs: Sequence[Job]) -> None:
        """Bring every job to its end: together, or without those that fail, or each by itself.

        They are tried until the first of them has waited long enough; the others then go on waiting."""
        deadline = min(job.deadline for job in jobs)
        left = list(jobs)
        failed: list[Job] = []
        while left and len(failed) < MAX_FAILED:
            works = {id(job): Work(job.work) for job in left}
            try:
                await self._commit(list(works.values()), deadline)
            except WorkFailed as failure:
                job = next(one for one in left if works[id(one)] is failure.work)
                if len(jobs) == 1:
                    _fail([job], failure.error)
                    return
                left.remove(job)
                failed.append(job)
            except _OutOfTime as error:
                self._part(left, error)
                left = []
            except Exception as error:
                if len(jobs) == 1 or isinstance(error, StoreUnavailable | OutcomeUnknown):
                    _fail(left, error)
                    left = []
                    break
                failed, left = [*failed, *left], []
            else:
                for job in left:
                    if not job.future.done():
                        job.future.set_result(works[id(job)].result)
                left = []
        for job in (*failed, *left):
            await self._settle([job])

    def _part(self, jobs: Sequence[Job], error: _OutOfTime) -> None:
        """Tell those who have waited long enough; nothing was kept, so the others may wait on."""
        now = asyncio.get_running_loop().time() + LEAST_SECONDS
        _fail([job for job in jobs if job.deadline <= now], StoreUnavailable(error.reason))
        self._waiting[:0] = [job for job in jobs if job.deadline > now]

    async def _commit(self, works: Sequence[Work], deadline: float) -> None:
        """Run works and commit them. Raises WorkFailed, StoreUnavailable, OutcomeUnknown, and what only
        a mistake of ours raises."""
        wait = FIRST_WAIT_SECONDS
        reason = ""
        collisions = 0
        while self._left(deadline) > LEAST_SECONDS:
            try:
                if await self._try(works, deadline):
                    return
                reason = "lost against other transactions"
            except _Collided as collided:
                collisions += 1
                if collisions > MAX_COLLISIONS:
                    raise (taken(collided.error) or collided.error) from collided.error
            except _Lost as lost:
                reason = lost.reason
                if lost.mark is not None and await self._was_kept(lost.mark, deadline):
                    return
            await asyncio.sleep(random.uniform(0, wait))  # noqa: S311 - spreads tries, keeps no secret
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)
        log.error("store unavailable", error=reason)
        raise _OutOfTime(reason)

    async def _try(self, works: Sequence[Work], deadline: float) -> bool:
        """One transaction. False when it lost against another. Raises _Lost and as `_commit`."""
        mark = str(uuid.uuid4())
        is_committing = False
        seconds = PART_OF_A_TRY * self._left(deadline)
        end = asyncio.get_running_loop().time() + seconds
        try:
            async with self._pool.session(seconds) as session:
                try:
                    async with asyncio.timeout_at(end):
                        await session.run(f"BEGIN; {_mark(mark)}")
                        await Batch(session).run(works)
                        is_committing = True
                        await session.run("COMMIT")
                except BaseException as error:
                    await _roll_back(session, error)
                    raise
                if not session.is_confirmed:
                    session.abandon()
                    raise _Lost("a standby did not confirm in time", mark)
                return True
        except (WorkFailed, Tangled, _Lost):
            raise
        except Exception as error:
            fate = fate_of(error)
            # A key that was looked for and not there, and that another transaction has taken since: who is
            # run again sees whose it is. Works that want it in one transaction are run one by one first.
            if len(works) == 1 and isinstance(error, asyncpg.UniqueViolationError):
                raise _Collided(error) from error
            if fate is Fate.AGAIN:
                return False
            if fate in (Fate.LOST, Fate.SLOW):
                await self._pool.forget()
                raise _Lost(str(error) or type(error).__name__, mark if is_committing else None) from error
            if fate is Fate.REFUSED:
                log.error("store unavailable", error=str(error))
                raise StoreUnavailable(str(error)) from error
            raise

    async def _was_kept(self, mark: str, deadline: float) -> bool:
        """True if the transaction that wrote the mark was kept; it can't be any more after False.

        Raises OutcomeUnknown when nobody can tell in time.
        """
        wait = FIRST_WAIT_SECONDS
        while self._left(deadline) > LEAST_SECONDS:
            try:
                was_kept = await self._find_out(mark, PART_OF_A_TRY * self._left(deadline))
                if was_kept is not None:
                    return was_kept
            except Exception as error:
                if fate_of(error) is Fate.OURS:
                    raise
                await self._pool.forget()
            await asyncio.sleep(random.uniform(0, wait))  # noqa: S311 - spreads tries, keeps no secret
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)
        log.error("outcome unknown", mark=mark)
        raise OutcomeUnknown

    async def _find_out(self, mark: str, seconds: float) -> bool | None:
        """Whether the transaction was kept; None when a standby did not confirm in time."""
        end = asyncio.get_running_loop().time() + seconds
        async with self._pool.session(seconds) as session:
            try:
                async with asyncio.timeout_at(end):
                    was_kept = await session.confirm(mark, bucket_of_mark(mark), micros_now())
            except BaseException:
                session.abandon()
                raise
            if session.is_confirmed:
                return was_kept
            session.abandon()
            return None

    def _left(self, deadline: float) -> float:
        return deadline - asyncio.get_running_loop().time()


async def _roll_back(session: Session, error: BaseException) -> None:
    """Leave no transaction open; a connection that is no good for that is cut."""
    if isinstance(error, WorkFailed | Tangled) or fate_of(error) in (Fate.AGAIN, Fate.REFUSED, Fate.OURS):
        try:
            async with asyncio.timeout(1.0):
                await session.run("ROLLBACK")
            return
        except Exception as second:
            log.warning("roll back failed", error=str(second))
    session.abandon()


def _mark(mark: str) -> str:
    # A uuid and two numbers of our own making: nothing here comes from outside.
    values = f"{bucket_of_mark(mark)}, '{mark}', {micros_now()}, 1"
    return f"INSERT INTO marks (bucket, id, created_at, kept) VALUES ({values})"  # noqa: S608 - see above


def _fail(jobs: Sequence[Job], error: BaseException) -> None:
    for job in jobs:
        if not job.future.done():
            job.future.set_exception(error)

"""The grown-up store: PostgreSQL, on which any number of processes may work.

Reads of one row that wait at the same time share a statement, and so do writes (`postgres_batches`):
one round trip then serves many.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import structlog

from orderwire.book.errors import FieldInvalid, StoreUnavailable
from orderwire.book.store import Transaction

from .citus import FETCH_CITUS
from .compiling import Statement
from .current import CurrentReads
from .mark_statements import DELETE_OLD_MARKS
from .numbers import Numbers
from .postgres_batches import findable, plan_of
from .postgres_faults import Fate, fate_of
from .postgres_pool import STATEMENT_MS, Pool
from .postgres_writer import LEAST_SECONDS, PART_OF_A_TRY, Writer
from .rows import Row, micros_now

T = TypeVar("T")

log = structlog.get_logger("orderwire.store")

# So many reads are under way at a time before those that come share a statement.
READERS = 2
# Reads that share a statement; more wait for the next one.
MAX_READS = 256
MARKS_KEPT_MICROS = 3_600_000_000


class Asked:
    """A read that waits: its values, who waits for its rows, and until when (by the loop's clock)."""

    __slots__ = ("deadline", "future", "values")

    def __init__(self, values: tuple[Any, ...], deadline: float) -> None:
        self.values = values
        self.deadline = deadline
        self.future: asyncio.Future[Sequence[Row]] = asyncio.get_running_loop().create_future()


class PostgresStore(CurrentReads):
    """The book on a PostgreSQL database; `seconds` is how long it tries before it gives up."""

    def __init__(self, pool: Pool, seconds: float, *, side_by_side: int = 0) -> None:
        """With `side_by_side` nothing shares statements or transactions, and so many works are under way
        at a time: for tables that are spread over machines, where a transaction should stay on one."""
        self._pool = pool
        self._seconds = seconds
        self._is_spread = bool(side_by_side)
        self._writer = Writer(pool, seconds, side_by_side=side_by_side)
        self._numbers = Numbers(self.write)
        self._waiting: dict[Statement, list[Asked]] = {}
        self._reading = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(cls, url: str, connections: int, seconds: float) -> PostgresStore:
        """Connect. Raises what asyncpg raises when that can't be done."""
        pool = await Pool.open(url, connections)
        store = cls(pool, seconds)
        try:
            has_citus = bool(await store.rows(FETCH_CITUS))
        except BaseException:
            await pool.close()
            raise
        return cls(pool, seconds, side_by_side=max(1, connections // 2)) if has_citus else store

    async def rows(self, statement: Statement, *given: Any) -> Sequence[Row]:
        values = findable(given)
        if statement.is_page or self._is_spread or plan_of(statement).vector is None:
            return await self._read(statement, values)
        if self._reading < READERS:
            self._reading += 1
            try:
                return await self._read(statement, values)
            finally:
                self._reading -= 1
                if self._waiting:
                    self._begin()
        asked = Asked(values, self._deadline())
        self._waiting.setdefault(statement, []).append(asked)
        return await asked.future

    async def take_number(self, counter: str) -> int:
        return await self._numbers.take(counter)

    async def write(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        return await self._writer.write(work)

    async def keep_house(self) -> None:
        """Let go of the marks that nobody can ask for any more."""
        before = micros_now() - MARKS_KEPT_MICROS
        await self._read(DELETE_OLD_MARKS, (before,))

    async def close(self) -> None:
        """Finish what is under way, then let go of the connections."""
        await self._writer.close()
        if self._tasks:
            await asyncio.wait(list(self._tasks))
        await self._pool.close()

    def _begin(self) -> None:
        """Let reads that wait be answered together, beside whoever runs now."""
        if self._reading >= READERS:
            return
        self._reading += 1
        task = asyncio.create_task(self._read_together())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _read_together(self) -> None:
        try:
            while self._waiting:
                statement = next(iter(self._waiting))
                asked = self._waiting.pop(statement)
                if len(asked) > MAX_READS:
                    self._waiting[statement] = asked[MAX_READS:]
                await self._answer(statement, asked[:MAX_READS])
                # Those who were answered go on first: what they ask for next shares a statement.
                await asyncio.sleep(0)
        finally:
            self._reading -= 1

    async def _answer(self, statement: Statement, asked: Sequence[Asked]) -> None:
        plan = plan_of(statement)
        assert plan.vector is not None
        deadline = min([one.deadline for one in asked])
        try:
            # What several wait for is asked for once; all of them came before it is.
            values = list(dict.fromkeys([one.values for one in asked]))
            if len(values) == 1:
                answers = [await self._read(statement, values[0], deadline)]
            else:
                columns = list(zip(*values, strict=True))
                answers = plan.share(await self._read(plan.vector.statement, columns, deadline), values)
        except Exception as error:
            if len(asked) > 1 and fate_of(error) is Fate.OURS:
                # One of them asks for what can't be asked; the others must not bear it.
                for one in asked:
                    await self._answer(statement, [one])
                return
            for one in self._told(statement, asked, error):
                if not one.future.done():
                    one.future.set_exception(error)
            return
        found = dict(zip(values, answers, strict=True))
        for one in asked:
            if not one.future.done():
                one.future.set_result(found[one.values])

    def _told(self, statement: Statement, asked: Sequence[Asked], error: Exception) -> Sequence[Asked]:
        """Who is told of the error: when time is up, those whose time it is; the others wait on."""
        now = asyncio.get_running_loop().time() + LEAST_SECONDS
        late = [one for one in asked if one.deadline <= now]
        if not late or not isinstance(error, StoreUnavailable):
            return asked
        others = [one for one in asked if one.deadline > now]
        if others:
            self._waiting.setdefault(statement, [])[:0] = others
        return late

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._seconds

    async def _read(
        self, statement: Statement, values: Sequence[Any], deadline: float | None = None
    ) -> Sequence[Row]:
        """The rows of a statement; asked again on another connection when one breaks or says nothing.

        Raises StoreUnavailable, or FieldInvalid for a list that takes too long.
        """
        deadline = self._deadline() if deadline is None else deadline
        part = 1.0 if statement.is_scattered or statement.is_page else PART_OF_A_TRY
        reason = "others took all the time"
        while (left := deadline - asyncio.get_running_loop().time()) > LEAST_SECONDS:
            try:
                return await self._ask(statement, values, part * left)
            except Exception as error:
                fate = fate_of(error)
                reason = str(error) or type(error).__name__
                if fate is Fate.OURS:
                    raise
                if fate is Fate.SLOW and statement.is_scattered:
                    slow = f"takes more than {STATEMENT_MS / 1_000:g} s: ask for less"
                    raise FieldInvalid("query", slow) from error
                if fate is Fate.REFUSED:
                    break
                if fate is Fate.LOST:
                    await self._pool.forget()
                # Nothing tells when the server is back; a failed try must not become a busy loop.
                await asyncio.sleep(min(0.05, max(0.0, deadline - asyncio.get_running_loop().time())))
        log.error("store unavailable", error=reason)
        raise StoreUnavailable(reason)

    async def _ask(self, statement: Statement, values: Sequence[Any], seconds: float) -> Sequence[Row]:
        """The rows of a statement within so many seconds, on a connection that is cut when it is in doubt
        afterwards."""
        session = self._pool.at_hand()
        if session is None:
            clock = asyncio.get_running_loop().time
            end = clock() + seconds
            session = await self._pool.take(seconds)
            seconds = max(LEAST_SECONDS, end - clock())
        try:
            if statement.is_page:
                found = await session.page(statement, values, seconds)
            elif statement.is_scattered:
                found = await session.rows(statement, values, seconds)
            else:
                found = await session.look_up(statement, values, seconds)
        except BaseException as error:
            if fate_of(error) is Fate.LOST:
                session.abandon()
            await self._pool.give_back(session)
            raise
        if not self._pool.lay_aside(session):
            await self._pool.give_back(session)
        return found

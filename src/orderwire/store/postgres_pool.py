"""Connections to PostgreSQL: how they are made, and one as the store uses it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from typing import Any

import asyncpg
from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect

from orderwire.book.errors import StoreUnavailable

from .compiling import STATEMENTS_COMPILED, Compiled, Statement, compile_statement
from .mark_statements import INSERT_MARK, TOUCH_MARK
from .pages import Page
from .postgres_faults import UNCONFIRMED
from .postgres_hosts import CONNECT_SECONDS, Hosts
from .rows import Row

APPLICATION = "orderwire"
# Bytes that nobody acknowledges mean a dead network after this long.
UNACKNOWLEDGED_MS = 3_000
# Of one statement and of waiting for a lock; a transaction whose program is gone ends by itself.
STATEMENT_MS = 5_000
LOCK_MS = 2_000
IDLE_IN_TRANSACTION_MS = 10_000
# A connection that nobody used for so long is not used again.
IDLE_SECONDS = 300
# As many as read and write at a time.
MAX_ASIDE = 4
# Rows of a page that the server sends at a time.
ROWS_AT_ONCE = 50
# Of saying good-bye to a server that may not answer any more.
CLOSE_SECONDS = 5.0
# Every statement of the book and its vectors, several times over.
STATEMENTS_KEPT = 1_000

_DIALECT = asyncpg_dialect.dialect()  # type: ignore[no-untyped-call]


@lru_cache(maxsize=STATEMENTS_COMPILED)
def compiled(statement: Statement) -> Compiled:
    """The statement in this engine's SQL, made when it is first used."""
    return compile_statement(statement, _DIALECT)


def prepare(statement: Statement, values: Sequence[Any]) -> tuple[str, Sequence[Any]]:
    """The statement's SQL, and the values as the driver wants them."""
    found = compiled(statement)
    return found.sql, values if found.arrange is None else found.arrange(values)


class _Connection(asyncpg.Connection):  # type: ignore[misc]
    """A connection that is given back without a round trip: nothing of ours outlives a transaction."""

    def get_reset_query(self) -> str:
        return ""


class Session:
    """A connection while the store uses it. `is_confirmed` turns False when a commit was told not to
    have reached a standby in time."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.is_confirmed = True
        self._prepared: dict[Statement, Any] = {}
        # When it was last laid aside, by the loop's clock, and how often the pool had forgotten when it was
        # made.
        self.idle_since = 0.0
        self.times_forgotten = 0
        connection.add_log_listener(self.note)

    @property
    def is_open(self) -> bool:
        """False once the connection is closed, by whichever side."""
        try:
            return not self._connection.is_closed()
        except asyncpg.InterfaceError:
            # The driver's pool has it back already.
            return False

    def part(self) -> Any:
        """The connection, for the driver's pool to have it back."""
        with suppress(asyncpg.InterfaceError):
            self._connection.remove_log_listener(self.note)
        return self._connection

    async def rows(
        self, statement: Statement, values: Sequence[Any], seconds: float | None = None
    ) -> Sequence[Row]:
        """All rows that a statement gives. Raises TimeoutError after so many seconds."""
        sql, arranged = prepare(statement, values)
        found: Sequence[Row] = await self._connection.fetch(sql, *arranged, timeout=seconds)
        return found

    async def look_up(self, statement: Statement, values: Sequence[Any], seconds: float) -> Sequence[Row]:
        """As `rows`, for a statement of the book's own, which stays prepared; not in a transaction.

        A change of the schema underneath makes it of no use; the session is given up, as after any error.
        """
        sql, arranged = prepare(statement, values)
        found: Sequence[Row]
        prepared = self._prepared.get(statement)
        if prepared is None:
            async with asyncio.timeout(seconds):
                prepared = self._prepared[statement] = await self._connection.prepare(sql)
                found = await prepared.fetch(*arranged)
        else:
            found = await prepared.fetch(*arranged, timeout=seconds)
        return found

    async def page(self, statement: Statement, values: Sequence[Any], seconds: float) -> Sequence[Row]:
        """The rows of a page, as many as it may hold; the server sends them in parts."""
        sql, arranged = prepare(statement, values)
        page = Page()
        async with asyncio.timeout(seconds), self._connection.transaction(readonly=True):
            found = await self._connection.cursor(sql, *arranged)
            while (some := await found.fetch(ROWS_AT_ONCE)) and page.take(some):
                pass
        return page.rows

    async def count(self, statement: Statement, values: Sequence[Any]) -> int:
        """How many rows a statement wrote."""
        sql, arranged = prepare(statement, values)
        said: str = await self._connection.execute(sql, *arranged)
        return int(said.rpartition(" ")[2])

    async def confirm(self, mark: str, bucket: int, at: int) -> bool:
        """True if the transaction that writes the mark was kept; after False it never will be.

        The mark is there in either case, and that it is has been written after it was. One that was put
        there by an earlier call, whose answer was lost, tells who wrote it.
        """
        if await self.rows(INSERT_MARK, (bucket, mark, at, 0)):
            return False
        ((kept,),) = await self.rows(TOUCH_MARK, (at, bucket, mark))
        return bool(kept)

    async def run(self, sql: str) -> None:
        """Run SQL without parameters, several statements in one round trip."""
        await self._connection.execute(sql)

    def note(self, _connection: Any, message: Any) -> None:
        """Take a notice of the server."""
        if message.sqlstate == UNCONFIRMED:
            self.is_confirmed = False

    def abandon(self) -> None:
        """Cut the connection; the pool makes a new one when it needs one."""
        self._connection.terminate()


class Pool:
    """The connections of one process.

    Those used last are laid aside instead of given back, for the next to take: the driver's own way of
    giving one back and taking it again costs as much as a read.
    """

    def __init__(self, pool: Any, hosts: Hosts) -> None:
        self._pool = pool
        self._hosts = hosts
        self._aside: list[Session] = []
        self._waiting = 0
        # Those in use meanwhile are not laid aside.
        self._times_forgotten = 0
        self._is_closing = False

    @classmethod
    async def open(cls, url: str, size: int) -> Pool:
        """A pool of at most `size` connections, one of them made at once.

        With several hosts in the URL it goes to the one that takes writes. Raises what asyncpg raises.
        """
        hosts = Hosts(url)
        pool = await asyncpg.create_pool(
            connect=hosts.connect,
            # None is kept up: asyncpg would try for it without an end while no primary is there.
            min_size=0,
            max_size=size,
            max_inactive_connection_lifetime=IDLE_SECONDS,
            connection_class=_Connection,
            init=_watch_the_network,
            timeout=CONNECT_SECONDS,
            command_timeout=2 * STATEMENT_MS / 1_000,
            statement_cache_size=STATEMENTS_KEPT,
            max_cached_statement_lifetime=0,
            server_settings={
                "application_name": APPLICATION,
                "default_transaction_isolation": "read committed",
                "statement_timeout": str(STATEMENT_MS),
                "lock_timeout": str(LOCK_MS),
                "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_MS),
                # Every statement is a look-up or a page; compiling it to machine code never pays.
                "jit": "off",
            },
        )
        try:
            await pool.release(await pool.acquire(timeout=2 * CONNECT_SECONDS))
        except BaseException:
            pool.terminate()
            raise
        return cls(pool, hosts)

    @asynccontextmanager
    async def session(self, wait_seconds: float) -> AsyncIterator[Session]:
        """A connection for as long as the block runs. Raises as `take`."""
        session = await self.take(wait_seconds)
        try:
            yield session
        except BaseException:
            await self.give_back(session)
            raise
        if not self.lay_aside(session):
            await self.give_back(session)

    async def take(self, wait_seconds: float) -> Session:
        """A connection; whoever takes it lays it aside or gives it back.

        Raises StoreUnavailable once the pool is closed, TimeoutError, and what asyncpg raises.
        """
        if self._is_closing:
            raise StoreUnavailable("the store is closed")
        while self._aside:
            session = self.at_hand()
            if session is not None:
                return session
            session = self._aside.pop()
            if session.is_open:
                session.abandon()
            await self.give_back(session)
        self._waiting += 1
        try:
            session = Session(await self._pool.acquire(timeout=wait_seconds))
        finally:
            self._waiting -= 1
        session.times_forgotten = self._times_forgotten
        return session

    def at_hand(self) -> Session | None:
        """The connection that was laid aside last, if it is still of use; like `take`, without waiting."""
        if self._aside and not self._is_closing:
            session = self._aside[-1]
            if session.is_open and session.idle_since > asyncio.get_running_loop().time() - IDLE_SECONDS:
                session.is_confirmed = True
                return self._aside.pop()
        return None

    def lay_aside(self, session: Session) -> bool:
        """Keep a connection that is in order for the next to take; False if it is to be given back."""
        is_wanted = not self._waiting and len(self._aside) < MAX_ASIDE and not self._is_closing
        if is_wanted and session.times_forgotten == self._times_forgotten:
            session.idle_since = asyncio.get_running_loop().time()
            self._aside.append(session)
            return True
        return False

    async def give_back(self, session: Session) -> None:
        """Take a connection back in whatever state: the driver's pool looks at it."""
        await self._pool.release(session.part())

    async def forget(self) -> None:
        """Use none of the present connections again: what they lead to is not the primary any more."""
        self._hosts.forget()
        self._times_forgotten += 1
        await self._give_back_all()
        await self._pool.expire_connections()

    async def _give_back_all(self) -> None:
        aside, self._aside = self._aside, []
        for session in aside:
            await self.give_back(session)

    async def close(self) -> None:
        """Close every connection; those that don't let go in time are cut."""
        self._is_closing = True
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._give_back_all()
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()


async def _watch_the_network(connection: Any) -> None:
    """Notice a dead network in seconds rather than in the quarter of an hour that is usual."""
    found = connection._transport.get_extra_info("socket")
    if found is not None and found.family in (socket.AF_INET, socket.AF_INET6):
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)

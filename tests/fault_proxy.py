"""A way to a PostgreSQL server on which things go wrong when told: a TCP proxy on the loopback interface."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any
from urllib.parse import urlsplit, urlunsplit

# What a client sends to commit: a simple query.
COMMIT = b"COMMIT\x00"
# How a client prepares the question what became of a commit, and the message with which it then asks.
QUESTION = (b"INSERT INTO marks", b"ON CONFLICT")
BIND = b"B"
CHUNK_BYTES = 65_536
# A slow way brings so many bytes at a time, and waits so long before the next.
TRICKLE_BYTES = 8
TRICKLE_SECONDS = 0.05
PATIENCE_SECONDS = 20.0


class Fault(Enum):
    """What goes wrong on the way."""

    NONE = auto()
    REFUSED = auto()  # nobody listens, and what was open is reset
    RESET = auto()  # a connection is reset as soon as something is asked on it
    STALLED = auto()  # connections are taken, and nothing goes through until the fault is over
    SLOW = auto()  # answers trickle
    HALF_ANSWERED = auto()  # an answer breaks off in its middle
    COMMIT_LOST = auto()  # the connection is reset when a commit is asked for: it never arrives
    COMMIT_HELD = auto()  # a commit arrives when the fault is over, its client long gone or not
    ANSWER_LOST = auto()  # a commit arrives, and the connection is reset in place of the answer
    ANSWER_CUT = auto()  # a commit arrives, and half of its answer comes back before the reset
    ANSWER_STALLED = auto()  # a commit arrives, and its answer never comes back
    FINDING_LOST = auto()  # what became of a commit is asked and found out, and the answer is lost


_AT_A_COMMIT = (
    *(Fault.COMMIT_LOST, Fault.COMMIT_HELD),
    *(Fault.ANSWER_LOST, Fault.ANSWER_CUT, Fault.ANSWER_STALLED, Fault.FINDING_LOST),
)

_RESETTING = (
    *(Fault.HALF_ANSWERED, Fault.ANSWER_CUT, Fault.ANSWER_LOST, Fault.COMMIT_HELD, Fault.FINDING_LOST),
)


class _Reset(Exception):
    """The connection is to be reset."""


@dataclass(eq=False)
class _Way:
    """A connection of a client, and the one to the server behind it."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    # What happens to the answer of the commit that was asked for.
    pending: Fault = Fault.NONE
    has_question: bool = False

    def reset(self) -> None:
        """Cut both sides, the client's so that it notices at once."""
        sock = self.client.get_extra_info("socket")
        if sock is not None:
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.client.transport.abort()
        if self.server is not None:
            self.server.transport.abort()


@dataclass
class FaultProxy:
    """Listens on a port of the loopback interface and passes on to the server of a URL, from a thread of
    its own."""

    target: str
    port: int = 0
    fault: Fault = Fault.NONE
    # How often a fault at a commit happens, and what goes wrong then: once, if that is one at a commit.
    times: int = 0
    then: Fault = Fault.NONE
    happened: threading.Event = field(default_factory=threading.Event)
    _ways: set[_Way] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _server: asyncio.Server | None = None

    def start(self) -> FaultProxy:
        """Begin to listen."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._run(self._listen())
        return self

    @property
    def url(self) -> str:
        """The database's URL by this way."""
        parts = urlsplit(self.target)
        login = parts.netloc.rpartition("@")[0]
        return urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{self.port}"))

    def set(self, fault: Fault, times: int = 1_000_000, then: Fault = Fault.NONE) -> None:
        """Let this go wrong from now on; a fault at a commit only so often, `then` (not REFUSED) after
        it. NONE ends what there is."""
        self._run(self._set(fault, times, then))

    def cut(self) -> None:
        """Reset every connection that is open now."""
        self._run(self._cut())

    def stop(self) -> None:
        """Listen no more, and cut what is open."""
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_SECONDS)
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_SECONDS)

    async def _listen(self) -> None:
        self._over = asyncio.Event()
        self._server = await asyncio.start_server(self._take, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _set(self, fault: Fault, times: int, then: Fault) -> None:
        self.fault, self.times, self.then = fault, times, then
        self.happened.clear()
        self._over.set()
        self._over = asyncio.Event()
        if fault is Fault.REFUSED and self._server is not None:
            self._server.close()
            self._server = None
            await self._cut()
        elif fault is not Fault.REFUSED and self._server is None:
            over = self._over
            await self._listen()
            self._over = over

    async def _cut(self) -> None:
        for way in list(self._ways):
            way.reset()

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._cut()
        self._over.set()
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=PATIENCE_SECONDS)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        way = _Way(writer)
        self._ways.add(way)
        try:
            if self.fault is Fault.STALLED:
                await self._held()
            parts = urlsplit(self.target)
            from_server, way.server = await asyncio.open_connection(parts.hostname, parts.port)
            asking = asyncio.create_task(self._ask(way, reader, way.server))
            answering = asyncio.create_task(self._answer(way, from_server, writer))
            await asyncio.wait([asking, answering], return_when=asyncio.FIRST_COMPLETED)
            for pump in (asking, answering):
                pump.cancel()
            await asyncio.gather(asking, answering, return_exceptions=True)
        except OSError:
            pass
        finally:
            way.reset()
            self._ways.discard(way)
            self._tasks.discard(task)

    async def _held(self) -> None:
        """Return when the fault is over."""
        self.happened.set()
        await self._over.wait()

    async def _ask(self, way: _Way, reader: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        with suppress(OSError, _Reset):
            while data := await reader.read(CHUNK_BYTES):
                await self._before(way, data)
                server.write(data)
                await server.drain()

    async def _before(self, way: _Way, data: bytes) -> None:
        """What goes wrong before this reaches the server. Raises _Reset."""
        if self.fault is Fault.RESET:
            self.happened.set()
            raise _Reset
        if self.fault is Fault.STALLED:
            await self._held()
        if all(part in data for part in QUESTION):
            way.has_question = True
        is_finding_out = way.has_question and data.startswith(BIND)
        is_due = is_finding_out if self.fault is Fault.FINDING_LOST else COMMIT in data
        if self.fault in _AT_A_COMMIT and is_due and self.times > 0:
            self.times -= 1
            way.pending = self.fault
            if self.times == 0:
                self.fault, self.then, self.times = self.then, Fault.NONE, 1
            if way.pending is Fault.COMMIT_LOST:
                self.happened.set()
                raise _Reset
            if way.pending is Fault.COMMIT_HELD:
                await self._held()

    async def _answer(self, way: _Way, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        with suppress(OSError, _Reset):
            while data := await reader.read(CHUNK_BYTES):
                await self._after(way, data, client)

    async def _after(self, way: _Way, data: bytes, client: asyncio.StreamWriter) -> None:
        """Bring an answer back, or as much of it as gets through. Raises _Reset."""
        fault = way.pending
        if fault is Fault.NONE and self.fault not in _AT_A_COMMIT:
            fault = self.fault
        if fault is Fault.STALLED or fault is Fault.ANSWER_STALLED:
            await self._held()
        elif fault is Fault.SLOW:
            self.happened.set()
            for start in range(0, len(data), TRICKLE_BYTES):
                client.write(data[start : start + TRICKLE_BYTES])
                await client.drain()
                await asyncio.sleep(TRICKLE_SECONDS)
            return
        elif fault in (Fault.HALF_ANSWERED, Fault.ANSWER_CUT):
            client.write(data[: len(data) // 2])
            await client.drain()
        if fault in _RESETTING:
            self.happened.set()
            raise _Reset
        client.write(data)
        await client.drain()

"""Bodies too large for the memory: read as they arrive by the handler that wants them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from .errors import BodyMalformed, BodyTooLarge
from .request import Request

Receive = Callable[[], Awaitable[dict[str, Any]]]

# A body is read on to this many times the limit before the connection is given up.
READ_ON = 16


class BodyStream:
    """The body of one request, at most `limit` bytes of it, or `short_limit` when it is read at once.

    The handler reads it after it has seen who asks; what is left is read and dropped up to `give_up`
    bytes before the answer, because many clients look for one only when they have sent everything.
    `allow_time` is called when a large body begins to be read.
    """

    def __init__(
        self,
        receive: Receive,
        request: Request,
        *,
        limit: int,
        short_limit: int,
        give_up: int,
        allow_time: Callable[[], None],
    ) -> None:
        self._receive = receive
        self._limit = limit
        self._short_limit = short_limit
        self._give_up = give_up
        self._allow_time = allow_time
        length = request.header(b"content-length")
        self._length = int(length) if length is not None and length.isdigit() else 0
        # Who waits to be told to go on has sent nothing that would have to be read.
        self._waits = (request.header(b"expect") or "").lower() == "100-continue"
        self._size = 0
        self._more = True

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises BodyTooLarge, or BodyMalformed when it breaks off."""
        self._allow_time()
        async for chunk in self._chunks(self._limit):
            yield chunk

    async def read(self) -> bytes:
        """The whole body, in the limits of every request: size and time.

        Raises BodyTooLarge, or BodyMalformed when it breaks off.
        """
        return b"".join([chunk async for chunk in self._chunks(self._short_limit)])

    async def drain(self) -> None:
        """Read what is left, within reason, and drop it."""
        if self._waits and not self._size:
            return
        while self._more and max(self._size, self._length) <= self._give_up:
            await self._next()

    async def _chunks(self, limit: int) -> AsyncIterator[bytes]:
        if self._length > limit:
            raise BodyTooLarge(limit)
        while self._more:
            chunk = await self._next()
            if chunk is None:
                # Gone, or merely done sending: if anybody still listens, this is what was wrong.
                raise BodyMalformed("incomplete")
            if self._size > limit:
                raise BodyTooLarge(limit)
            yield chunk

    async def _next(self) -> bytes | None:
        """The next piece, or None when the client is gone."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._more = False
            return None
        chunk: bytes = message.get("body", b"")
        self._size += len(chunk)
        self._more = message.get("more_body", False)
        return chunk

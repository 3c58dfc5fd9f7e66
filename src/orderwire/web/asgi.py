"""The ASGI adapter: from the server's scope to a `Request`, and from a `Response` to bytes."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Container
from typing import Any, Protocol

from .deadlines import Deadlines
from .errors import (
    BodyMalformed,
    BodyTimedOut,
    BodyTooLarge,
    HeadersTooLarge,
    HostInvalid,
    UrlTooLong,
    WebError,
)
from .limits import Limits
from .request import Request
from .response import FileResponse, Response
from .uploads import READ_ON, BodyStream, Receive

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]

# Methods whose body, if any, no route of ours reads.
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})

# Asks for the past. Noted here because every header field is looked at once in any case.
AS_OF = b"orderwire-as-of"
# A host and an optional port, as RFC 3986 spells them; links are built from it.
_HOST = re.compile(rb"(?:[A-Za-z0-9._~-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


def check_host(value: bytes) -> None:
    """Raises HostInvalid unless the value is a host that can stand in a link."""
    if not _HOST.fullmatch(value):
        raise HostInvalid


class Face(Protocol):
    """Something that answers requests below a path: a contract, or the pages about the service.

    `uploads` are the paths whose handlers read the body themselves, from `Request.stream`.
    """

    @property
    def name(self) -> str: ...
    @property
    def uploads(self) -> Container[str]: ...
    async def serve(self, request: Request) -> Response: ...
    def refuse(self, request: Request, fault: WebError) -> Response: ...


class AsgiApp:
    """An ASGI application over a function that finds the face of a request.

    `opened` and `closed` run at the start and the end of the server's lifespan; `counts` are the
    answers sent so far, by face and status.
    """

    def __init__(
        self,
        face_of: Callable[[Request], Face],
        limits: Limits,
        opened: Callable[[], Awaitable[None]],
        closed: Callable[[], Awaitable[None]],
    ) -> None:
        self._face_of = face_of
        self._limits = limits
        self._deadlines = Deadlines(limits.request_seconds)
        self._last_host = b""
        self._opened = opened
        self._closed = closed
        self.counts: defaultdict[tuple[str, int], int] = defaultdict(int)

    def drain(self, seconds: float) -> None:
        """Give what is under way this long to end, because the server is about to."""
        self._deadlines.shorten(seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._live(receive, send)
            return
        method = scope["method"]
        request = Request(
            method if method != "HEAD" else "GET",
            scope["raw_path"].decode("latin-1"),
            query=scope["query_string"],
            headers=scope["headers"],
            scheme=scope["scheme"],
            client=(scope.get("client") or ("",))[0],
        )
        face = self._face_of(request)
        task = self._deadlines.begin()
        response: Response | None = None
        try:
            self._check_head(request, scope.get("http_version", "1.1"))
            if method not in _BODILESS:
                if request.path in face.uploads:
                    request.stream = self._stream(request, receive, task)
                else:
                    request.body = await self._read_body(request, receive)
            response = await face.serve(request)
            if request.stream is not None:
                await request.stream.drain()
        except WebError as fault:
            response = face.refuse(request, fault)
        except asyncio.CancelledError:
            if task not in self._deadlines.overdue:
                raise
            task.uncancel()
            if response is None:
                response = face.refuse(request, BodyTimedOut())
        finally:
            self._deadlines.end(task)
        self.counts[face.name, response.status] += 1
        start = {"type": "http.response.start", "status": response.status, "headers": response.wire_headers()}
        if isinstance(response, FileResponse):
            await self._send_file(start, response, send, is_wanted=method != "HEAD")
            return
        await send(start)
        body = response.body if method != "HEAD" else b""
        await send({"type": "http.response.body", "body": body})

    def _stream(self, request: Request, receive: Receive, task: asyncio.Task[Any]) -> BodyStream:
        limits = self._limits
        return BodyStream(
            receive,
            request,
            limit=limits.upload_bytes,
            short_limit=limits.body_bytes,
            give_up=limits.upload_bytes + limits.body_bytes * READ_ON,
            allow_time=lambda: self._deadlines.extend(task, limits.transfer_seconds),
        )

    async def _send_file(
        self, start: dict[str, Any], response: FileResponse, send: Send, *, is_wanted: bool
    ) -> None:
        """Send a file piece by piece. One that nobody takes in time is broken off, with its connection."""
        task = self._deadlines.begin()
        self._deadlines.extend(task, self._limits.transfer_seconds)
        try:
            await send(start)
            if is_wanted:
                async for piece in response.pieces():
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        except asyncio.CancelledError:
            if task not in self._deadlines.overdue:
                raise
            task.uncancel()
        finally:
            self._deadlines.end(task)
            response.close()

    def _check_head(self, request: Request, version: str) -> None:
        limits = self._limits
        if len(request.path) + len(request.query) > limits.url_bytes:
            raise UrlTooLong
        if len(request.headers) > limits.header_count:
            raise HeadersTooLarge
        size = hosts = 0
        for name, value in request.headers:
            size += len(name) + len(value)
            # The server puts an empty one where the client sent none.
            if name == b"host" and value:
                hosts += 1
                # Most requests name the host that the one before named.
                if value != self._last_host:
                    check_host(value)
                    self._last_host = value
            elif name == AS_OF:
                request.as_of = value.decode("latin-1")
        if size > limits.header_bytes:
            raise HeadersTooLarge
        if hosts > 1 or (not hosts and version == "1.1"):
            raise HostInvalid

    async def _read_body(self, request: Request, receive: Receive) -> bytes:
        """The body. One that is too large is read to its end all the same, within reason, because many
        clients look for the answer only when they have sent everything."""
        limit = self._limits.body_bytes
        length = request.header(b"content-length")
        if length is not None and length.isdigit() and int(length) > limit * READ_ON:
            raise BodyTooLarge(limit)
        chunks: list[bytes] = []
        size = 0
        more = True
        while more and size <= limit * READ_ON:
            message = await receive()
            if message["type"] == "http.disconnect":
                # Gone, or merely done sending: if anybody still listens, this is what was wrong.
                raise BodyMalformed("incomplete")
            chunk = message.get("body", b"")
            size += len(chunk)
            if size <= limit:
                chunks.append(chunk)
            more = message.get("more_body", False)
        if size > limit:
            raise BodyTooLarge(limit)
        return b"".join(chunks)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await self._opened()
                except Exception as error:
                    await send({"type": "lifespan.startup.failed", "message": str(error)})
                    raise
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._closed()
                await send({"type": "lifespan.shutdown.complete"})
                return

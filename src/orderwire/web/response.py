"""One HTTP response: status, header fields and body bytes, or a file."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import BinaryIO

from .request import Headers

# The server's own name is no business of the client's; a token must stand there, so it says nothing.
NAMELESS = (b"server", b"-")
# RFC 9110 8.6: no length with these, for they never have content of their own.
BODILESS = frozenset({204, 304})
PIECE_BYTES = 262_144


class Response:
    """An answer. `head` is a tuple of header fields, usually a constant of the contract."""

    __slots__ = ("_wire", "body", "head", "status")

    def __init__(self, status: int, head: tuple[tuple[bytes, bytes], ...], body: bytes = b"") -> None:
        self.status = status
        self.head = head
        self.body = body
        self._wire: Headers | None = None

    def wire_headers(self) -> Headers:
        """The header fields as they are sent, with the length of the body where there may be one.

        Made once, for an answer may be sent many times.
        """
        if self._wire is None:
            self._wire = [*self.head, NAMELESS]
            if self.status not in BODILESS:
                self._wire.append((b"content-length", b"%d" % len(self.body)))
        return self._wire


class FileResponse(Response):
    """An answer whose body is an open file as it is now, never in memory as a whole.

    Whoever sends it closes it.
    """

    __slots__ = ("_file", "_size")

    def __init__(self, status: int, head: tuple[tuple[bytes, bytes], ...], file: BinaryIO) -> None:
        super().__init__(status, head)
        self._file = file
        self._size = os.fstat(file.fileno()).st_size

    def wire_headers(self) -> Headers:
        """The header fields as they are sent, with the file's length."""
        return [*self.head, NAMELESS, (b"content-length", b"%d" % self._size)]

    async def pieces(self) -> AsyncIterator[bytes]:
        """The file from its beginning, up to the length that was announced."""
        left = self._size
        while left and (piece := await asyncio.to_thread(self._file.read, min(left, PIECE_BYTES))):
            left -= len(piece)
            yield piece

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

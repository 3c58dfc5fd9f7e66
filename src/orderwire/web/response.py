"""One HTTP response: status, header fields and body bytes."""

from __future__ import annotations

from .request import Headers

# The server's own name is no business of the client's; a token must stand there, so it says nothing.
NAMELESS = (b"server", b"-")
# RFC 9110 8.6: no length with these, for they never have content of their own.
BODILESS = frozenset({204, 304})


class Response:
    """An answer. `head` is a tuple of header fields, usually a constant of the contract."""

    __slots__ = ("body", "head", "status")

    def __init__(self, status: int, head: tuple[tuple[bytes, bytes], ...], body: bytes = b"") -> None:
        self.status = status
        self.head = head
        self.body = body

    def wire_headers(self) -> Headers:
        """The header fields as they are sent, with the length of the body where there may be one."""
        if self.status in BODILESS:
            return [*self.head, NAMELESS]
        return [*self.head, NAMELESS, (b"content-length", b"%d" % len(self.body))]

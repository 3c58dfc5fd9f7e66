"""One HTTP request as a handler sees it. Everything is read when it is asked for, and only then."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Collection
from typing import Any, Protocol
from urllib.parse import parse_qsl

from .errors import HeaderRepeated

Headers = list[tuple[bytes, bytes]]

MAX_COOKIES = 64


class Stream(Protocol):
    """A body that its handler reads itself (`uploads.BodyStream`)."""

    def chunks(self) -> AsyncIterator[bytes]: ...
    async def read(self) -> bytes: ...
    async def drain(self) -> None: ...


class Request:
    """Method, path, headers and body of one request, and the address it came from ("" if unknown).

    `path` is the path as sent, still percent-encoded; `params` are the path parameters of the matched
    route, decoded once; `scratch` is where a contract keeps what it has parsed already (its decoded
    body) for this request. `stream` is the body that the handler itself is to read, where its route
    says so; `body` is empty then. `as_of` is the header Orderwire-As-Of, "" without one.
    """

    __slots__ = (
        "_id",
        "as_of",
        "body",
        "client",
        "headers",
        "method",
        "params",
        "path",
        "query",
        "scheme",
        "scratch",
        "stream",
    )

    def __init__(
        self,
        method: str,
        path: str,
        *,
        query: bytes = b"",
        headers: Headers | None = None,
        body: bytes = b"",
        scheme: str = "http",
        client: str = "",
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers if headers is not None else []
        self.body = body
        self.scheme = scheme
        self.client = client
        self.params: tuple[str, ...] = ()
        self.scratch: Any = None
        self.stream: Stream | None = None
        self.as_of = ""
        self._id: str | None = None

    @property
    def id(self) -> str:
        """The request's own id: 16 hex digits, made up when first asked for."""
        if self._id is None:
            # Keeps no secret: the system's own randomness would cost several microseconds.
            self._id = f"{random.getrandbits(64):016x}"
        return self._id

    def header(self, name: bytes) -> str | None:
        """The first header field of this lower-case name, as Latin-1 text."""
        for key, value in self.headers:
            if key == name:
                return value.decode("latin-1")
        return None

    def check_single(self, names: Collection[bytes]) -> None:
        """Raises HeaderRepeated if a header field of one of these lower-case names has several values."""
        found: dict[bytes, bytes] = {}
        for name, value in self.headers:
            if name in names and found.setdefault(name, value) != value:
                raise HeaderRepeated(name.decode("latin-1"))

    @property
    def host(self) -> str:
        """The host asked for, lower case, without port; "" when there is none."""
        host = (self.header(b"host") or "").lower()
        if host.startswith("["):
            return host.partition("]")[0] + "]"
        return host.partition(":")[0]

    @property
    def base_url(self) -> str:
        """Scheme and host as the client sees them, such as `http://127.0.0.1:8080`."""
        return f"{self.scheme}://{self.header(b'host') or 'localhost'}"

    @property
    def media_type(self) -> str:
        """The media type of the body, lower case, without parameters; "" when there is none."""
        return (self.header(b"content-type") or "").partition(";")[0].strip().lower()

    def cookie(self, name: str) -> str | None:
        """The first cookie of this name. Attributes echoed by a client (`Path`) are pairs like any."""
        for key, value in self.headers:
            if key == b"cookie":
                for pair in value.decode("latin-1").split(";", MAX_COOKIES):
                    found, _, text = pair.strip().partition("=")
                    if found == name:
                        return text.strip('"')
        return None

    def form(self, limit: int) -> dict[str, str]:
        """The fields of a URL-encoded body, the first of each name.

        Raises ValueError for more than `limit` fields or text that is not UTF-8.
        """
        pairs = parse_qsl(
            self.body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=limit
        )
        return dict(reversed(pairs))

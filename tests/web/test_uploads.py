"""Bodies that their handler reads itself, and answers that are files: order, limits, ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from orderwire.web.asgi import AsgiApp
from orderwire.web.errors import BodyTimedOut, BodyTooLarge, WebError
from orderwire.web.limits import Limits
from orderwire.web.request import Request
from orderwire.web.response import PIECE_BYTES, FileResponse, Response
from orderwire.web.uploads import READ_ON

LIMITS = Limits(body_bytes=100, upload_bytes=1_000, request_seconds=0.05, transfer_seconds=30.0)
GIVE_UP = LIMITS.upload_bytes + LIMITS.body_bytes * READ_ON
Message = dict[str, Any]


class UploadFace:
    """Answers what `handler` gives; a fact becomes its name."""

    name = "test"
    uploads = frozenset({"/up"})

    def __init__(self, handler: Callable[[Request], Awaitable[Response]]) -> None:
        self._handler = handler

    async def serve(self, request: Request) -> Response:
        try:
            return await self._handler(request)
        except WebError as fault:
            return self.refuse(request, fault)

    def refuse(self, request: Request, fault: WebError) -> Response:
        return Response(400, (), type(fault).__name__.encode())


class Client:
    """One request: what it sends on being asked, and what came back."""

    def __init__(self, *pieces: bytes, ends: bool = True, headers: dict[str, str] | None = None) -> None:
        last = len(pieces) - 1
        self._messages: list[Message] = [
            {"type": "http.request", "body": piece, "more_body": not ends or number < last}
            for number, piece in enumerate(pieces)
        ]
        self.headers = headers or {}
        self.taken = 0
        self.sent: list[Message] = []
        self.leaves = True
        self.asked = asyncio.Event()

    async def receive(self) -> Message:
        self.asked.set()
        if self._messages:
            self.taken += 1
            return self._messages.pop(0)
        if self.leaves:
            return {"type": "http.disconnect"}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def ask(self, handler: Callable[[Request], Awaitable[Response]], method: str = "POST") -> bytes:
        async def nothing() -> None:
            return None

        app = AsgiApp(lambda _request: UploadFace(handler), LIMITS, nothing, nothing)
        fields = [(b"host", b"x"), *((k.encode(), v.encode()) for k, v in self.headers.items())]
        scope = {
            "type": "http",
            "method": method,
            "scheme": "http",
            "raw_path": b"/up",
            "query_string": b"",
            "headers": fields,
        }
        await app(scope, self.receive, self.send)
        return b"".join(message.get("body", b"") for message in self.sent)


async def read_all(request: Request) -> Response:
    assert request.stream is not None
    assert request.body == b""
    return Response(200, (), b"".join([chunk async for chunk in request.stream.chunks()]))


async def refuse_at_once(request: Request) -> Response:
    return Response(401, (), b"no")


async def test_the_handler_reads_the_body():
    assert await Client(b"abc", b"", b"def").ask(read_all) == b"abcdef"


async def test_a_body_that_breaks_off_is_malformed():
    assert await Client(b"abc", ends=False).ask(read_all) == b"BodyMalformed"


async def test_nothing_is_read_before_the_handler_asks_and_the_rest_before_the_answer():
    client = Client(b"a" * 300, b"b" * 300)

    async def handler(request: Request) -> Response:
        assert client.taken == 0
        return Response(401, (), b"no")

    assert await client.ask(handler) == b"no"
    assert client.taken == 2


async def test_one_that_is_too_large_is_read_on_to_its_end():
    client = Client(*[b"a" * 400] * 6)
    assert await client.ask(read_all) == b"BodyTooLarge"
    assert client.taken == 6


async def test_one_that_is_far_too_large_is_given_up():
    client = Client(*[b"a" * 400] * 20)
    assert await client.ask(read_all) == b"BodyTooLarge"
    assert client.taken == GIVE_UP // 400 + 1


@pytest.mark.parametrize(("length", "taken"), [("1001", 1), (str(GIVE_UP), 1), (str(GIVE_UP + 1), 0)])
async def test_an_announced_size_is_looked_at_first(length, taken):
    client = Client(b"a", headers={"content-length": length})
    assert await client.ask(read_all) == b"BodyTooLarge"
    assert client.taken == taken


async def test_who_waits_to_go_on_is_answered_at_once():
    client = Client(b"a", headers={"expect": "100-continue"})
    assert await client.ask(refuse_at_once) == b"no"
    assert client.taken == 0


async def test_a_short_body_has_the_limit_of_every_body():
    async def handler(request: Request) -> Response:
        assert request.stream is not None
        return Response(200, (), await request.stream.read())

    assert await Client(b"a" * 60, b"b" * 40).ask(handler) == b"a" * 60 + b"b" * 40
    assert await Client(b"a" * 60, b"b" * 41).ask(handler) == b"BodyTooLarge"


async def test_who_is_refused_has_the_time_of_every_request_and_its_answer():
    client = Client(b"a", ends=False)
    client.leaves = False
    assert await client.ask(refuse_at_once) == b"no"


async def test_a_large_body_has_longer():
    client = Client(b"a", ends=False)
    client.leaves = False
    sweeps: list[bytes] = []

    async def handler(request: Request) -> Response:
        assert request.stream is not None
        chunks = request.stream.chunks()
        sweeps.append(await anext(chunks))
        # Longer than an ordinary request has.
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(chunks), 3 * LIMITS.request_seconds)
        client.leaves = True
        return Response(200, (), b"done")

    assert await client.ask(handler) == b"done"
    assert sweeps == [b"a"]


async def test_an_ordinary_read_has_not():
    client = Client(b"a", ends=False)
    client.leaves = False

    async def handler(request: Request) -> Response:
        assert request.stream is not None
        return Response(200, (), await request.stream.read())

    assert await client.ask(handler) == BodyTimedOut.__name__.encode()


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES, 2 * PIECE_BYTES + 1])
async def test_a_file_is_sent_in_pieces(tmp_path: Path, size: int):
    path = tmp_path / "file"
    path.write_bytes(b"x" * size)
    files = []

    async def handler(request: Request) -> Response:
        files.append(path.open("rb"))
        return FileResponse(200, ((b"content-type", b"text/csv"),), files[0])

    client = Client(b"")
    assert await client.ask(handler) == b"x" * size
    assert (b"content-length", str(size).encode()) in client.sent[0]["headers"]
    assert len(client.sent) == 2 + -(-size // PIECE_BYTES)
    assert [message["more_body"] for message in client.sent[1:-1]] == [True] * (len(client.sent) - 2)
    assert files[0].closed
    client = Client()
    files.clear()
    assert await client.ask(handler, "HEAD") == b""
    assert (b"content-length", str(size).encode()) in client.sent[0]["headers"]
    assert files[0].closed


async def test_a_file_that_grows_is_sent_as_it_was(tmp_path: Path):
    path = tmp_path / "file"
    path.write_bytes(b"abc")

    async def handler(request: Request) -> Response:
        response = FileResponse(200, (), path.open("rb"))
        path.write_bytes(b"abcdef")
        return response

    assert await Client(b"").ask(handler) == b"abc"


async def test_a_file_is_closed_when_its_reader_fails(tmp_path: Path):
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    file = path.open("rb")
    client = Client(b"")

    async def send(message: Message) -> None:
        raise OSError("gone")

    client.send = send  # type: ignore[method-assign]

    async def handler(request: Request) -> Response:
        return FileResponse(200, (), file)

    with pytest.raises(OSError, match="gone"):
        await client.ask(handler)
    assert file.closed


def test_too_large_says_how_large_it_may_be():
    assert BodyTooLarge(5).limit == 5

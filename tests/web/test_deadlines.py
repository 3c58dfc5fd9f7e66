"""The time limit: a request overdue is answered, one in time is left alone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from orderwire.web.asgi import AsgiApp
from orderwire.web.errors import BodyTimedOut, WebError
from orderwire.web.limits import Limits
from orderwire.web.request import Request
from orderwire.web.response import Response
from tests.inprocess import call


class Face:
    """Answers when it is let, and says what it refused for."""

    name = "test"
    uploads: frozenset[str] = frozenset()

    def __init__(self, waits_for: asyncio.Event) -> None:
        self.waits_for = waits_for

    async def serve(self, request: Request) -> Response:
        if request.path == "/slow":
            await self.waits_for.wait()
        return Response(200, (), b"done")

    def refuse(self, request: Request, fault: WebError) -> Response:
        assert isinstance(fault, BodyTimedOut)
        return Response(408, (), b"overdue")


def app(face: Face, limit_seconds: float) -> AsgiApp:
    async def nothing() -> None:
        return None

    return AsgiApp(lambda _request: face, Limits(request_seconds=limit_seconds), nothing, nothing)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_answer_overdue_is_given_up(method: str) -> None:
    served = app(Face(asyncio.Event()), 0.05)
    slow, quick = await asyncio.gather(
        asyncio.create_task(call(served, method, "/slow")),
        asyncio.create_task(call(served, method, "/quick")),
    )
    assert (slow.status, slow.body) == (408, b"overdue")
    assert (quick.status, quick.body) == (200, b"done")
    assert (await call(served, method, "/quick")).status == 200


async def test_a_body_that_never_ends_is_given_up() -> None:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError("never")

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    host = [(b"host", b"test")]
    scope = {"type": "http", "method": "POST", "raw_path": b"/quick", "query_string": b"", "headers": host}
    await app(Face(asyncio.Event()), 0.05)({**scope, "scheme": "http"}, receive, send)
    assert sent[0]["status"] == 408


async def test_a_cancellation_from_outside_is_not_an_answer() -> None:
    served = app(Face(asyncio.Event()), 60)
    task = asyncio.create_task(call(served, "GET", "/slow"))
    await asyncio.wait([task], timeout=0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_answer_in_time_is_not_disturbed() -> None:
    event = asyncio.Event()
    served = app(Face(event), 5)
    task = asyncio.create_task(call(served, "GET", "/slow"))
    await asyncio.wait([task], timeout=0.02)
    event.set()
    assert (await task).status == 200

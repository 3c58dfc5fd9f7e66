"""Requests that may be repeated: with an `Idempotency-Key`, the first answer is given again."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, cast

from orderwire.book.answers import Answer
from orderwire.book.callers import Caller
from orderwire.book.once import Once, answer_once
from orderwire.book.store import Book, Reads, Store
from orderwire.contracts.contract import Mount
from orderwire.web.request import Request
from orderwire.web.response import Response

KEY = b"idempotency-key"
REPLAYED = (b"idempotency-replayed", b"true")
# Besides method, path and body, what a request says.
_SAID_IN = (b"content-type", b"if-match")


def repeat_key(request: Request) -> str | None:
    """The key that makes the request repeatable, None for one that is not."""
    return request.header(KEY)


def digest_of(caller: Caller, request: Request, body: bytes) -> str:
    """What is the same (SHA-256, hex) for the very same request from a caller with the same rights."""
    said = [(request.header(name) or "").encode() for name in _SAID_IN]
    rights = " ".join(sorted(caller.rights)).encode()
    parts = (request.method.encode(), request.path.encode(), request.query, *said, rights, body)
    whole = hashlib.sha256()
    for part in parts:
        whole.update(b"%d:" % len(part) + part)
    return whole.hexdigest()


async def repeat(
    mount: Mount,
    caller: Caller,
    request: Request,
    operation: Callable[[Book], Awaitable[Any]],
    render: Callable[[Book, Any], Awaitable[Response]],
    digest: str | None = None,
) -> Response:
    """The answer to a request with a key: of `operation` now, or the one that was given before.

    `operation` writes exactly once, `render` reads what it gave in the same transaction. `digest` tells
    the same request from another, where its body does not. Raises KeyReused, RequestInFlight,
    FieldInvalid, and what `operation` raises.
    """
    made: list[Answer] = []

    async def answer(reads: Reads, result: Any) -> Answer:
        response = await render(dataclasses.replace(mount.book, store=cast("Store", reads)), result)
        made[:] = [_kept(response)]
        return made[0]

    digest = digest or digest_of(caller, request, request.body)
    once = Once(key=repeat_key(request) or "", request_digest=digest)
    given = await answer_once(mount.book, caller, once, operation, answer)
    head = tuple((name.encode(), value.encode()) for name, value in given.headers)
    is_first = bool(made) and given is made[0]
    return Response(given.status, head if is_first else (*head, REPLAYED), given.body)


def _kept(response: Response) -> Answer:
    headers = tuple((name.decode(), value.decode()) for name, value in response.head)
    return Answer(status=response.status, headers=headers, body=response.body)

"""Calling an ASGI application without a socket, for tests that set the clock or the settings."""

from __future__ import annotations

from typing import Any

from orderwire.contracts.contract import Mount
from orderwire.contracts.views import Views
from orderwire.web.asgi import AsgiApp
from orderwire.web.limits import Limits

from .server import Answer

Headers = dict[str, str] | list[tuple[str, str]] | None


async def call(app: Any, method: str, path: str, headers: Headers = None, body: bytes | str = b"") -> Answer:
    """Send one request to the application and give its whole answer."""
    content = body.encode() if isinstance(body, str) else body
    target, _, query = path.partition("?")
    fields = list(headers.items()) if isinstance(headers, dict) else list(headers or [])
    if not any(name.lower() == "host" for name, _ in fields):
        fields.append(("host", "testserver"))
    scope = {
        "type": "http",
        "method": method,
        "scheme": "http",
        "path": target,
        "raw_path": target.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in fields],
    }
    sent: list[dict[str, Any]] = []
    waiting = [{"type": "http.request", "body": content, "more_body": False}]

    async def receive() -> dict[str, Any]:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start = sent[0]
    found = [(name.decode(), value.decode("latin-1")) for name, value in start["headers"]]
    return Answer(start["status"], found, b"".join(m.get("body", b"") for m in sent[1:]))


def app_over(book: Any, contract: Any, options: dict[str, Any] | None = None, **binding: Any) -> Any:
    """An ASGI application that serves one contract on a book, options at their defaults."""
    values = {option.name: option.default for option in contract.options}
    mount = Mount(contract=contract, book=book, options={**values, **(options or {})}, **binding)
    mount.views = Views(1_048_576)

    async def nothing() -> None:
        return None

    return AsgiApp(lambda _request: mount, Limits(), nothing, nothing)

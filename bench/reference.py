"""The reference: the same server with the same settings, answering fixed bytes from a bare ASGI application.

python -m bench.reference --answers FILE --port PORT [--interface rsgi] [--in-turns]

With `--interface rsgi` the application is a bare one of the server's native interface. With `--in-turns` its
threads take turns as those of the service do; else they are scheduled as the system does it for any program.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import uvloop
from granian.constants import Interfaces

from orderwire.server import make_server, take_turns
from orderwire.web.limits import Limits

# Ends the paths whose requests are read to their end before they are answered.
READ = "!"

Answer = tuple[dict[str, Any], dict[str, Any]]


def read_answers(path: Path) -> dict[str, Answer]:
    """The two ASGI messages of each subject's answer, by path: one leaves a body unread, one reads it."""
    answers = {"/readyz": _answer(200, [], b"ready")}
    for subject, kept in json.loads(path.read_text()).items():
        fields = [(name.encode(), value.encode("latin-1")) for name, value in kept["headers"]]
        answers[f"/{subject}"] = answers[f"/{subject}{READ}"] = _answer(200, fields, kept["body"].encode())
    return answers


def _answer(status: int, fields: list[tuple[bytes, bytes]], body: bytes) -> Answer:
    return (
        {"type": "http.response.start", "status": status, "headers": fields},
        {"type": "http.response.body", "body": body},
    )


def asgi_application(answers: dict[str, Answer]) -> Any:
    """The bare ASGI application: two `send` calls, nothing else."""

    async def fixed(scope: dict[str, Any], receive: Any, send: Any) -> None:
        path = scope["path"]
        if path.endswith(READ):
            while (await receive()).get("more_body"):
                pass
        start, body = answers[path]
        await send(start)
        await send(body)

    return fixed


def rsgi_application(answers: dict[str, Answer]) -> Any:
    """The same of the native interface: one call."""
    prepared = {
        path: (
            start["status"],
            [(name.decode(), value.decode("latin-1")) for name, value in start["headers"]],
            body["body"],
        )
        for path, (start, body) in answers.items()
    }

    async def fixed(scope: Any, protocol: Any) -> None:
        path = scope.path
        if path.endswith(READ):
            await protocol()
        protocol.response_bytes(*prepared[path])

    return fixed


async def serve(answers: dict[str, Answer], port: int, interface: str) -> None:
    """Serve until SIGTERM."""
    is_native = interface == "rsgi"
    application = rsgi_application(answers) if is_native else asgi_application(answers)
    # Not a copy of its settings: whatever the service gives its server, the reference has, too.
    server = make_server(application, "127.0.0.1", port, Limits())
    server.interface = Interfaces.RSGI if is_native else Interfaces.ASGINL
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
    await server.serve()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--answers", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--interface", choices=("asgi", "rsgi"), default="asgi")
    parser.add_argument("--in-turns", action="store_true")
    given = parser.parse_args()
    if given.in_turns:
        take_turns()
    uvloop.run(serve(read_answers(given.answers), given.port, given.interface))


if __name__ == "__main__":
    main()

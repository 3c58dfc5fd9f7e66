"""The HTTP server in this process: its address, its start, and its orderly end."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from orderwire.web.asgi import AsgiApp
from orderwire.web.limits import Limits

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# hyper's smallest read buffer; anything between it and the header limit would be refused without a form.
LEAST_BUFFER_BYTES = 8_192
BACKLOG = 1_024
# What is under way when a stop is asked for may take this long; service managers wait 10 s or more.
DRAIN_SECONDS = 5.0
# From linux/prctl.h.
PR_SET_PDEATHSIG = 1


class StartRefused(Exception):
    """The service can't be started this way; the message says why and what to do."""


def find_address(host: str, port: int) -> str:
    """The IP address to listen on. Raises StartRefused if nobody could listen there: two servers on one
    port would share it silently."""
    try:
        family, kind, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError as error:
        raise StartRefused(f"can't listen on {host} port {port}: {error.strerror}") from error
    return str(place[0])


def make_server(asgi: AsgiApp, address: str, port: int, limits: Limits) -> Server:
    """The HTTP server with its settings; it runs no lifespan."""
    return Server(
        asgi,
        address=address,
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        backlog=BACKLOG,
        log_enabled=False,
        http1_settings=HTTP1Settings(
            max_buffer_size=max(LEAST_BUFFER_BYTES, 2 * (limits.header_bytes + limits.url_bytes)),
            header_read_timeout=int(limits.request_seconds * 1_000),
        ),
    )


async def serve(
    asgi: AsgiApp, address: str, port: int, limits: Limits, started: Callable[[], None] | None
) -> None:
    """Serve until SIGINT or SIGTERM; `started` is called once the listener takes connections.

    The caller opens what the application needs and closes it, so that what refuses to open is an error of
    the command.
    """
    server = make_server(asgi, address, port, limits)

    stopping = asyncio.Event()

    def stop() -> None:
        stopping.set()
        asgi.drain(DRAIN_SECONDS)
        server.signal_handler_interrupt()  # type: ignore[no-untyped-call]  # the library's own stop

    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stop)
    serving = asyncio.ensure_future(server.serve())
    if started is not None:
        await _listening(address, port, serving)
        started()
    asked = asyncio.ensure_future(stopping.wait())
    await asyncio.wait([serving, asked], return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    # The server would wait for connections that have sent half a request line, up to their time limit.
    await asyncio.wait([serving], timeout=DRAIN_SECONDS + 1)
    if serving.done():
        serving.result()


async def _listening(address: str, port: int, serving: asyncio.Future[None]) -> None:
    """Return once the listener takes connections, or the server has ended. Nothing tells: it is tried."""
    while not serving.done():
        try:
            _, writer = await asyncio.open_connection(address, port)
        except OSError:
            await asyncio.wait([serving], timeout=0.01)
        else:
            writer.close()
            return


def take_turns() -> None:
    """Let this thread, and those that it will make, finish what they do when another of them wakes up.

    The server's thread hands each request to the loop's. On one core each would interrupt the other at
    every request; in turns, both do several at a time.
    """
    if sys.platform == "linux":
        # Where even this is forbidden, it goes on as it is.
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def follow_parent() -> None:
    """End with the process that started this one (`make`), so that killing it leaves no server behind."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        raise StartRefused("the process that started this one is gone")

"""A load generator of our own, for machines without wrk: keeps every connection busy, one request each.

BENCH_REQUESTS=file BENCH_START=number python -m bench.client PORT CONNECTIONS SECONDS
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from itertools import cycle
from pathlib import Path
from typing import Any

import uvloop

# The first answer may take this long.
FIRST_SECONDS = 10.0


class Meter:
    """What all connections together have seen."""

    def __init__(self, requests: list[bytes]) -> None:
        self.following = cycle(requests)
        self.seconds: list[float] = []
        self.errors = 0
        self.over = False
        self.begun = asyncio.Event()


class Client(asyncio.Protocol):
    """One connection: sends the next request when the answer to the last one is complete."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._received = b""
        self._sent_at = 0.0
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(next(self._meter.following))

    def data_received(self, data: bytes) -> None:
        received = self._received + data if self._received else data
        end = received.find(b"\r\n\r\n")
        at = received.find(b"content-length: ", 0, end) if end > 0 else -1
        length = int(received[at + 16 : received.index(b"\r\n", at)]) if at > 0 else 0
        if end < 0 or len(received) < end + 4 + length:
            self._received = received
            return
        self._received = b""
        if self._meter.over:
            self._transport.close()
            return
        self._meter.seconds.append(time.perf_counter() - self._sent_at)
        self._meter.begun.set()
        self._meter.errors += received[9:10] >= b"4"
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._meter.errors += not self._meter.over


async def measure(requests: list[bytes], port: int, connections: int, seconds: float) -> dict[str, float]:
    """Keep the server busy for some seconds."""
    meter = Meter(requests)
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    await asyncio.gather(
        *(loop.create_connection(lambda: Client(meter), "127.0.0.1", port) for _ in range(connections))
    )
    await asyncio.sleep(seconds)
    # However short the run, and however slow the server: a rate of nothing is no rate.
    await asyncio.wait_for(meter.begun.wait(), FIRST_SECONDS)
    meter.over = True
    took = time.perf_counter() - began
    ranked = sorted(meter.seconds) or [0.0]
    return {
        "requests": len(meter.seconds),
        "seconds": took,
        "errors": meter.errors,
        "p50_ms": ranked[len(ranked) // 2] * 1_000,
        "p99_ms": ranked[len(ranked) * 99 // 100] * 1_000,
    }


if __name__ == "__main__":
    port, connections, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    prepared = Path(os.environ["BENCH_REQUESTS"]).read_bytes().split(b"\0")
    start = int(os.environ.get("BENCH_START", "0")) % len(prepared)
    print(
        "BENCH",
        json.dumps(uvloop.run(measure(prepared[start:] + prepared[:start], port, connections, seconds))),
    )

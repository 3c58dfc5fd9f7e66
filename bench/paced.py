"""A client that sends at a given rate whatever the server does, and times each answer from when it was due.

A client that waits for one answer before it sends the next asks less of a slow server, and sees less of what
its users would. This one looks at its sockets without ever sleeping: it wants a core of its own.

BENCH_REQUESTS=file python -m bench.paced PORT CONNECTIONS SECONDS RATE
"""

from __future__ import annotations

import gc
import json
import os
import select
import socket
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

# What is under way when all is sent may take this long.
DRAIN_SECONDS = 10.0
CHUNK = 65_536


@dataclass
class Connection:
    """One connection, and what is under way on it: when it was due, and whether it is a read."""

    socket: socket.socket
    due: float = 0.0
    is_read: bool = True
    received: bytes = b""


@dataclass
class Times:
    """Seconds of each answer, from when its request was due."""

    reads: list[float] = field(default_factory=list)
    writes: list[float] = field(default_factory=list)
    # How much after it was due each request was sent.
    late: list[float] = field(default_factory=list)
    errors: int = 0


@dataclass(frozen=True)
class Paced:
    """What a run gave, in milliseconds. `sent_late_ms` is how late the 99th of a hundred requests was sent,
    for want of the client's own time or of a free connection."""

    rate: float
    requests: int
    errors: int
    read_p50_ms: float
    read_p99_ms: float
    write_p50_ms: float
    write_p99_ms: float
    sent_late_ms: float


def rank(seconds: Sequence[float], per_cent: int) -> float:
    """The value that so many of a hundred don't exceed, in milliseconds; 0 of none."""
    ranked = sorted(seconds) or [0.0]
    return ranked[min(len(ranked) - 1, len(ranked) * per_cent // 100)] * 1_000


def is_whole(received: bytes) -> bool:
    """Whether this is all of an answer."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return False
    at = received.find(b"content-length: ", 0, end)
    length = int(received[at + 16 : received.index(b"\r\n", at)]) if at > 0 else 0
    return len(received) >= end + 4 + length


def drive(requests: Sequence[bytes], port: int, connections: int, seconds: float, rate: float) -> Times:
    """Send the requests in turn, `rate` of them a second, each when it is due or a connection is free."""
    times, total = Times(), int(rate * seconds)
    poller, by_number = select.epoll(), {}
    for _ in range(connections):
        one = Connection(socket.create_connection(("127.0.0.1", port)))
        one.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        one.socket.setblocking(False)
        poller.register(one.socket, select.EPOLLIN)
        by_number[one.socket.fileno()] = one
    free = deque(by_number.values())
    sent = answered = 0
    began = time.perf_counter()
    while answered < total and (now := time.perf_counter()) < began + seconds + DRAIN_SECONDS:
        while sent < total and free and (due := began + sent / rate) <= now:
            one, request = free.popleft(), requests[sent % len(requests)]
            one.due, one.is_read, one.received = due, request.startswith(b"GET"), b""
            one.socket.send(request)
            times.late.append(now - due)
            sent += 1
        for number, _ in poller.poll(0):
            one = by_number[number]
            if _take(one, times):
                free.append(one)
                answered += 1
    times.errors += total - answered
    for one in by_number.values():
        one.socket.close()
    poller.close()
    return times


def _take(one: Connection, times: Times) -> bool:
    """Take what has come; whether that ends an answer. Raises ConnectionError if nothing more will come."""
    chunk = one.socket.recv(CHUNK)
    if not chunk:
        raise ConnectionError("the server closed a connection")
    one.received += chunk
    if not is_whole(one.received):
        return False
    (times.reads if one.is_read else times.writes).append(time.perf_counter() - one.due)
    times.errors += one.received[9:10] >= b"4"
    return True


def main() -> None:
    """The command."""
    port, connections = int(sys.argv[1]), int(sys.argv[2])
    seconds, rate = float(sys.argv[3]), float(sys.argv[4])
    requests = Path(os.environ["BENCH_REQUESTS"]).read_bytes().split(b"\0")
    # A collection in the middle would look as if the server had been slow.
    gc.disable()
    times = drive(requests, port, connections, seconds, rate)
    paced = Paced(
        rate=rate,
        requests=len(times.reads) + len(times.writes),
        errors=times.errors,
        read_p50_ms=rank(times.reads, 50),
        read_p99_ms=rank(times.reads, 99),
        write_p50_ms=rank(times.writes, 50),
        write_p99_ms=rank(times.writes, 99),
        sent_late_ms=rank(times.late, 99),
    )
    print("BENCH", json.dumps(asdict(paced)))


if __name__ == "__main__":
    main()

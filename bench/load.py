"""The load generator: wrk, or our own client where there is no wrk."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .machine import Headers, Place, as_child, environment

LUA = Path(__file__).with_name("cycle.lua")
# What a run may take besides its own time, in seconds, before it is given up.
SPARE_SECONDS = 30
INSTALL_SECONDS = 120


@dataclass(frozen=True)
class Run:
    """What one run gave. `errors` are answers of 400 and more, and connections that failed."""

    requests: int
    seconds: float
    errors: int
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds


@dataclass(frozen=True)
class Generator:
    """How load is made; `remark` says what that means for the figures."""

    name: str
    wrk: str | None
    remark: str = ""

    def run(
        self, port: int, requests: Path, connections: int, seconds: float, place: Place, start: int = 0
    ) -> Run:
        """Send the prepared requests in turn for some seconds, over that many connections.

        The first is that of number `start`. wrk takes whole seconds.
        """
        if self.wrk is not None:
            plan = [
                f"-c{connections}",
                f"-d{max(1, round(seconds))}s",
                "-s",
                str(LUA),
                f"http://127.0.0.1:{port}",
            ]
            command = [self.wrk, "-t1", *plan]
        else:
            command = [sys.executable, "-m", "bench.client", str(port), str(connections), str(seconds)]
        variables = {"BENCH_REQUESTS": str(requests), "BENCH_START": str(start)}
        return Run(**run_client(command, variables, seconds, place))


def run_client(
    command: Sequence[str], variables: dict[str, str], seconds: float, place: Place
) -> dict[str, Any]:
    """What a client process tells on its line that begins with BENCH; it may take somewhat longer."""
    done = subprocess.run(
        command,
        env=environment(variables),
        capture_output=True,
        text=True,
        timeout=seconds + SPARE_SECONDS,
        check=False,
        preexec_fn=as_child(place),  # no other thread of ours runs now
    )
    for line in done.stdout.splitlines():
        if line.startswith("BENCH "):
            told: dict[str, Any] = json.loads(line[6:])
            return told
    raise SystemExit(f"{command[0]} failed:\n{done.stdout[-1000:]}{done.stderr[-1000:]}")


def find_generator(*, own_client: bool = False) -> Generator:
    """wrk from the PATH, or from the system's packages if we may install it, or else our own client."""
    if not own_client:
        wrk = shutil.which("wrk")
        if wrk is None and os.geteuid() == 0 and shutil.which("apt-get"):
            print("wrk is not on the PATH: installing it with apt-get", flush=True)
            wrk = _install()
        if wrk is not None:
            return Generator(f"wrk ({wrk})", wrk)
    return Generator(
        "bench.client",
        None,
        "own client instead of wrk (to have wrk: sudo apt-get install wrk). It may itself be what limits the"
        " faster reference, and then the ratios of the reads look better than they are",
    )


def _install() -> str | None:
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "install", "-qy", "wrk"], ["apt-get", "update", "-q"]) * 2:
        try:
            subprocess.run(command, env=quiet, capture_output=True, timeout=INSTALL_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return None
        if wrk := shutil.which("wrk"):
            return wrk
    return None


def request_text(method: str, target: str, headers: Headers, body: bytes = b"") -> bytes:
    """A whole request as it goes over the wire."""
    fields = [("Host", "127.0.0.1"), *headers]
    if body or method != "GET":
        fields.append(("Content-Length", str(len(body))))
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + body


def write_requests(path: Path, requests: Sequence[bytes]) -> Path:
    """The file that the load generator reads its requests from."""
    path.write_bytes(b"\0".join(requests))
    return path

"""Forms with a file, and waiting for what becomes of it."""

from __future__ import annotations

import csv
import io
import os
import select
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.server import ROOT, Answer, Service

PATH = "/v1/group-orders"
EXAMPLES = ROOT / "examples"
BOUNDARY = "----a-boundary-of-tests"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
WAIT_SECONDS = 90.0
OPEN = ("waiting", "running")

MAP = """
[order]
key = "id"
[date.placed_at]
column = "at"
format = "iso"
zone = "UTC"
[[name]]
scheme = "reference"
column = "id"
[line]
item = "item"
quantity = "count"
"""


def form(file: bytes | None = None, filename: str = "orders.csv", **texts: str) -> bytes:
    """A form with these parts; no file for None."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
        for name, text in texts.items()
    ]
    if file is not None:
        named = f'name="file"; filename="{filename}"'
        head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; {named}\r\nContent-Type: text/plain\r\n\r\n"
        parts.append(head.encode() + file + b"\r\n")
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def sample(**texts: str) -> bytes:
    """The form that uploads the example with its map."""
    file = (EXAMPLES / "online-retail-sample.csv").read_bytes()
    read_as = (EXAMPLES / "online-retail.toml").read_text()
    return form(file, "online-retail-sample.csv", **{"map": read_as, **texts})


def rows(count: int, first: int = 0) -> bytes:
    """A file of as many orders for MAP, one row each."""
    lines = [f"N-{number},2026-01-02T03:04:05,lamp,{number + 1}" for number in range(first, first + count)]
    return "\n".join(["id,at,item,count", *lines, ""]).encode()


def upload(service: Service, body: bytes, headers: dict[str, str]) -> Answer:
    return service.request("POST", PATH, {**headers, **FORM}, body)


def follow(service: Service, path: str, headers: dict[str, str]) -> list[dict[str, Any]]:
    """The group order each time that it was looked at, until its import has ended."""
    seen = []
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        answer = service.request("GET", path, headers)
        assert answer.status == 200, answer.body
        seen.append(answer.json())
        if seen[-1]["state"] not in OPEN:
            return seen
        # Another process imports: look again shortly.
        select.select([], [], [], 0.05)
    raise AssertionError(f"not ended after {WAIT_SECONDS} s: {seen[-1]}")


def files_in(folder: Path) -> list[Path]:
    """Every file below a folder, in which others may be deleting."""
    return sorted(Path(place) / name for place, _, names in os.walk(folder) for name in names)


def imports_of(service: Service) -> Path:
    """Where a service keeps uploads."""
    return service.data / "imports"


def read_rows(answer: Answer) -> list[list[str]]:
    """The rows of a CSV file that was downloaded."""
    assert answer.status == 200, answer.body
    return list(csv.reader(io.StringIO(answer.body.decode())))


def wait_until(is_so: Callable[[], bool]) -> None:
    """Another process is to do something: look again and again, within reason."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if is_so():
            return
        select.select([], [], [], 0.02)
    raise AssertionError("it did not come to be so")

"""A real service in a process of its own, and a client that sends exactly what it is told."""

from __future__ import annotations

import http.client
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import forked

ROOT = Path(__file__).parent.parent
START_SECONDS = 30.0
STOP_SECONDS = 20.0


@dataclass(frozen=True)
class Answer:
    """What came back: header names in lower case."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first header field of this name."""
        return next((value for key, value in self.headers if key == name.lower()), None)

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without settings of the service, with `extra` in it."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ORDERWIRE_")}
    clean["PYTHONPATH"] = str(ROOT / "src")
    return {**clean, **(extra or {})}


def run_command(*arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `orderwire` with these arguments to its end."""
    return forked.run(*arguments, folder=None, env=environment(env))


class Service:
    """An `orderwire` process (`demo` or `serve`) that listens on a loopback port."""

    def __init__(
        self, command: str, data: Path, env: Mapping[str, str], *, database: str | None = None
    ) -> None:
        self.data = data
        self.database = database
        self.port = free_port()
        self._command = command
        self._env = environment(env)
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process that serves."""
        assert self._process is not None
        return self._process.pid

    @property
    def describe(self) -> dict[str, Any]:
        """What `demo --describe` prints."""
        done = run_command("demo", "--describe")
        assert done.returncode == 0, done.stderr
        described: dict[str, Any] = json.loads(done.stdout)
        return described

    def start(self) -> None:
        """Start the process and wait until it is ready."""
        where = ["--data", str(self.data)] if self._command == "demo" else []
        host = [] if "ORDERWIRE_HOST" in self._env else ["--host", "127.0.0.1"]
        options = [*host, "--port", str(self.port), *where]
        chosen: list[str] = []
        if self._command != "demo":
            self._env.setdefault("ORDERWIRE_DATABASE", self.database or str(self.data / "book.db"))
        elif self.database is not None:
            # The password goes by the command line: it ends with the tests.
            chosen = ["--database", self.database]
        self.log = self.data.parent / f"{self.data.name}-{self.port}.log"
        self._said_before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "orderwire", *chosen, self._command, *options],
                env=self._env,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            code = self._process.poll()
            if code is not None:
                raise AssertionError(f"the service ended with {code}: {self.log.read_text()[-2000:]}")
            try:
                if self.request("GET", "/readyz").status == 200 and self._has_announced():
                    return
            except OSError:
                pass
            # Nothing tells when a process begins to listen: look again shortly.
            select.select([], [], [], 0.02)
        raise AssertionError(f"not ready after {START_SECONDS} s: {self.log.read_text()[-2000:]}")

    def _has_announced(self) -> bool:
        """True once the command has said where it serves, which is after it listens."""
        said = self.log.read_bytes()[self._said_before :].decode()
        return re.search(rf"http://\S+:{self.port}\b", said) is not None

    def kill(self) -> None:
        """SIGKILL: as when the machine's power goes."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, and wait for the orderly end."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self.exit_code = self._process.wait(STOP_SECONDS)
            self._process = None

    def restart(self) -> None:
        """End the process, if it runs, and start it again on the same book and port."""
        self.stop()
        self.start()

    def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | list[tuple[str, str]] | None = None,
        body: bytes | str = b"",
    ) -> Answer:
        """Send one request, the path exactly as given; redirects are not followed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            return send(connection, method, path, headers, body)
        finally:
            connection.close()


def send(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    headers: Mapping[str, str] | list[tuple[str, str]] | None = None,
    body: bytes | str = b"",
) -> Answer:
    """Send one request on a connection and read its answer."""
    content = body.encode() if isinstance(body, str) else body
    fields = list(headers.items()) if isinstance(headers, Mapping) else list(headers or [])
    names = {name.lower() for name, _ in fields}
    connection.putrequest(method, path, skip_host="host" in names, skip_accept_encoding=True)
    for name, value in fields:
        connection.putheader(name, value)
    if "content-length" not in names and (content or method in ("POST", "PUT", "PATCH")):
        connection.putheader("Content-Length", str(len(content)))
    connection.endheaders(content or None)
    response = connection.getresponse()
    found = [(name.lower(), value) for name, value in response.getheaders()]
    return Answer(response.status, found, response.read())


def curl_lines(text: str) -> list[str]:
    """The curl lines in a text, as printed for people."""
    return re.findall(r"^\s*(curl .*)$", text, re.MULTILINE)

"""The machine: cores, ports, processes that we start and end by their id, what they used."""

from __future__ import annotations

import contextlib
import ctypes
import http.client
import os
import platform
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 30.0
STOP_SECONDS = 20.0
# From linux/prctl.h.
PR_SET_PDEATHSIG = 1
KIB_PER_MB = 1_000_000 / 1_024

_libc = ctypes.CDLL(None)

Headers = Sequence[tuple[str, str]]
# Where a process runs: on one core, on some, or (None) wherever the system likes.
Place = int | frozenset[int] | None


@dataclass(frozen=True)
class Cores:
    """Which core the server runs on, and which the load generator; None where they can't be chosen."""

    server: int | None
    load: int | None

    @property
    def said(self) -> str:
        """For people."""
        if self.server is None or self.load is None:
            return "server and load generator share what there is: one core only, ratios are worth less"
        return f"server pinned to core {self.server}, load generator to core {self.load}"


def choose_cores() -> Cores:
    """Two different cores of those we may use, or none."""
    usable = sorted(os.sched_getaffinity(0))
    return Cores(usable[0], usable[1]) if len(usable) > 1 else Cores(None, None)


def as_child(place: Place) -> Callable[[], None]:
    """What a child process does before it starts its program: go to its place, and end when we end."""

    def prepare() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        move(0, place)

    return prepare


@contextlib.contextmanager
def pinned(place: Place) -> Iterator[None]:
    """This thread, and the threads and processes that it starts, in one place."""
    before = os.sched_getaffinity(0)
    try:
        move(0, place)
        yield
    finally:
        os.sched_setaffinity(0, before)


def move(pid: int, place: Place) -> None:
    """A process (0: this thread) to its place; what it starts from now on begins there."""
    if place is not None:
        os.sched_setaffinity(pid, {place} if isinstance(place, int) else place)


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """This process's environment without settings of the service, with `extra` in it."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ORDERWIRE_")}
    paths = (str(ROOT / "src"), str(ROOT))
    return {**clean, "PYTHONPATH": os.pathsep.join(paths), **extra}


class Server:
    """A server process on a loopback port, pinned to its place.

    `arguments` follow `python -m`, or the path of a `program`. It is there once `first` is answered with 200;
    it is tried every `poll_seconds`.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        folder: Path,
        place: Place,
        env: Mapping[str, str],
        *,
        program: Path | None = None,
        first: tuple[str, Headers] = ("/readyz", ()),
        poll_seconds: float = 0.05,
    ) -> None:
        self.port = free_port()
        self._first, self._poll_seconds = first, poll_seconds
        self._log = folder / f"server-{self.port}.log"
        command = [sys.executable, "-m"] if program is None else [str(program)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, *arguments, "--port", str(self.port)],
                cwd=folder,
                env=environment(env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=as_child(place),  # no other thread of ours runs now
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL if that does not help."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait_until_ready(self) -> None:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self._process.poll() is not None:
                break
            with contextlib.suppress(OSError):
                if self.request("GET", *self._first)[0] == 200:
                    return
            time.sleep(self._poll_seconds)
        raise SystemExit(f"the server did not start:\n{self._log.read_text()[-2000:]}")

    def request(
        self, method: str, target: str, headers: Headers = (), body: bytes = b""
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """One request: status, header fields and body of its answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, target, body or None, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def cpu_seconds(self) -> float:
        """Processor time that the process has used so far, with its workers."""
        return cpu_seconds(self._process.pid)

    def peak_memory_mb(self) -> float:
        """The most memory that the process ever had, in millions of bytes."""
        return peak_memory_mb(self._process.pid)

    def memory_mb(self) -> float:
        """The memory that the process has now, in millions of bytes."""
        return _memory_mb(self._process.pid, "VmRSS")


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used so far: all its threads, and all processes that it started."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    used = sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        # One that has ended since counts with its parent the next time.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            used += cpu_seconds(int(child))
    return used


def peak_memory_mb(pid: int) -> float:
    """The most memory that a process ever had, in millions of bytes."""
    return _memory_mb(pid, "VmHWM")


def _memory_mb(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / KIB_PER_MB
    raise SystemExit(f"this system does not tell the memory of a process ({name})")


def describe(folder: Path) -> dict[str, str]:
    """What the figures depend on: commit, processor, Python, file system, and how busy the machine is."""
    return {
        "commit": _commit(),
        "processor": _processor(),
        "python": platform.python_version(),
        "cores": str(len(os.sched_getaffinity(0))),
        "file_system": _file_system(folder),
        "load_average": load_average(),
    }


def load_average() -> str:
    """How many processes wanted to run in the last minute."""
    return f"{os.getloadavg()[0]:.2f}"


def _commit() -> str:
    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    changed = "+changes" if git("status", "--porcelain", "--", "src", "bench") else ""
    return (git("rev-parse", "--short", "HEAD") or "unknown") + changed


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _file_system(folder: Path) -> str:
    found = ("", "unknown")
    for line in Path("/proc/mounts").read_text().splitlines():
        place, kind = line.split()[1:3]
        if folder.resolve().is_relative_to(place) and len(place) > len(found[0]):
            found = (place, kind)
    return found[1]

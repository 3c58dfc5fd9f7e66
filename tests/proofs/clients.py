"""Clients that change orders as fast as they can, remember what they don't know, and ask it again."""

from __future__ import annotations

import http.client
import json
import random
import threading
from collections.abc import Mapping
from typing import Any

from tests.end_to_end.faces import JSON
from tests.server import Answer, send

from .ledger import CHANGE, CLOSING, DELETION, NEW, OPENED, STAGE, Asked, Ledger, native_order

# How often a request that another one of its key stands before is sent again.
MAX_TRIES = 500
# A client waits so long for an answer; longer than the service may take for one.
ANSWER_SECONDS = 30.0
WEIGHTS = {"place": 8, "stage": 5, "planocore": 2, "change": 4, "delete": 1, "open": 2}


class Client:
    """One client of several contracts. `described` is what the demo says of its credentials, `shared` are
    orders to which every client appends."""

    def __init__(
        self, name: str, port: int, described: Mapping[str, Any], ledger: Ledger, shared: list[int], seed: int
    ) -> None:
        self._name = name
        self._port = port
        self._ledger = ledger
        self._shared = shared
        self._chance = random.Random(f"{seed}-{name}")
        self._bearer = {"Authorization": f"Bearer {described['native']['token']}", **JSON}
        self._session_token = described["planocore"]["session_token"]
        self._count = 0
        self._own: list[int] = []
        self._owner = ""
        self._pending: Asked | None = None

    def work(self, over: threading.Event, acknowledged: threading.Event) -> None:
        """Make requests until told that it is over. A connection that breaks is made again; a request
        that was under way is then sent again with its key, or left open if it has none."""
        while not over.is_set():
            try:
                self._work_on(over, acknowledged)
            except (OSError, http.client.HTTPException):
                self._leave()
                over.wait(0.02)

    def finish(self) -> None:
        """Find out what became of the last request. Raises AssertionError if nobody tells."""
        pause = threading.Event()
        for _ in range(MAX_TRIES):
            if self._pending is None:
                return
            connection = self._connect()
            try:
                self._settle(connection, self._pending)
            except (OSError, http.client.HTTPException):
                # It may have reached a worker that had been killed and was not buried yet.
                self._leave()
                pause.wait(0.02)
            finally:
                connection.close()
        assert self._pending is None, f"no answer to {self._pending}"

    def _work_on(self, over: threading.Event, acknowledged: threading.Event) -> None:
        connection = self._connect()
        try:
            while not over.is_set():
                if self._pending is None:
                    self._pending = self._next()
                    self._ledger.note(self._pending)
                self._settle(connection, self._pending)
                acknowledged.set()
        finally:
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_SECONDS)

    def _leave(self) -> None:
        """Give up a request that may not be sent a second time."""
        one = self._pending
        if one is not None and not (one.is_keyed or one.may_repeat):
            self._pending = None

    def _settle(self, connection: http.client.HTTPConnection, asked: Asked) -> None:
        for _ in range(MAX_TRIES):
            answer = send(connection, asked.method, asked.path, asked.headers, asked.body)
            # The first request of this key may still be under way where its client is long gone.
            is_in_flight = answer.status == 409 and answer.json().get("code") == "request_in_flight"
            if not is_in_flight:
                break
        self._pending = None
        if self._is_done(asked, answer):
            self._ledger.acknowledge(asked, answer)
        else:
            self._ledger.fault(f"{asked.method} {asked.path} {asked.key}: {answer.status} {answer.body!r}")

    def _is_done(self, asked: Asked, answer: Answer) -> bool:
        """True for an answer that acknowledges; notes what this client does next with the order."""
        if asked.kind in (DELETION, CLOSING):
            # Sent again after its answer was lost, it finds nothing any more.
            return answer.status in (204, 404)
        if asked.kind == NEW and answer.status == 201:
            self._own.append(answer.json()["id"])
        if asked.kind == OPENED and answer.status == 201:
            self._owner = (answer.header("set-cookie") or "").split(";")[0]
        return answer.status in (200, 201)

    def _next(self) -> Asked:
        self._count += 1
        key = f"{self._name}-{self._count}"
        verb = self._chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        if verb == "open":
            return self._open(key)
        if not self._own or verb == "place":
            body = native_order(key, stages=[{"stage": "received"}] * self._chance.randint(0, 2))
            return self._keyed(NEW, key, "POST", "/v1/orders", body)
        if verb == "delete":
            order_id = self._own.pop(self._chance.randrange(len(self._own)))
            path = f"/v1/orders/{order_id}"
            return Asked(DELETION, key, "DELETE", path, self._bearer, order_id=order_id, may_repeat=True)
        if verb == "change":
            order_id = self._chance.choice(self._own)
            return self._keyed(
                CHANGE, key, "PATCH", f"/v1/orders/{order_id}", json.dumps({"notes": key}).encode(), order_id
            )
        order_id = self._chance.choice([*self._own[-5:], *self._shared])
        if verb == "planocore":
            stage = {
                "token": self._session_token,
                "order_id": order_id,
                "stage": key,
                "update_status": self._chance.random() < 0.5,
            }
            body = json.dumps(stage).encode()
            return Asked(STAGE, key, "POST", "/api/v1/order_stages/create", JSON, body, order_id)
        stage = {"stage": key, "status": self._chance.choice(["follow", "set", "leave"])}
        body = json.dumps(stage).encode()
        return self._keyed(STAGE, key, "POST", f"/v1/orders/{order_id}/stages", body, order_id)

    def _open(self, key: str) -> Asked:
        """Hostway: an owner's one open order is deleted before the next is made."""
        cookie, self._owner = self._owner, ""
        if cookie:
            headers = {"Cookie": cookie, **JSON}
            return Asked(CLOSING, key, "DELETE", "/order", headers, may_repeat=True)
        return Asked(OPENED, key, "POST", "/orders", JSON, b"{}")

    def _keyed(self, kind: str, key: str, method: str, path: str, body: bytes, order_id: int = 0) -> Asked:
        headers = {**self._bearer, "Idempotency-Key": key}
        return Asked(kind, key, method, path, headers, body, order_id, is_keyed=True)

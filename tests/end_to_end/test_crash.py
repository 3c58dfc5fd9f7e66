"""kill -9 in the middle of writes, twenty times: nothing acknowledged is lost, nothing is half there."""

from __future__ import annotations

import http.client
import json
import random
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.server import Answer, Service, send

KILLS = 20
WRITERS = 6
SEED = 20141220


@dataclass
class Ledger:
    """What the service acknowledged: orders by name, and the stages of each by their label."""

    orders: dict[str, int] = field(default_factory=dict)
    stages: defaultdict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    lock: threading.Lock = field(default_factory=threading.Lock)


def write_until_killed(
    service: Service, token: str, worker: str, ledger: Ledger, first: threading.Event
) -> None:
    """Place orders and append stages as fast as one client can, until the connection breaks."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)

    def post(path: str, body: object) -> Answer:
        return send(connection, "POST", path, headers, json.dumps(body))

    try:
        for number in range(100_000):
            name = f"{worker}-{number}"
            placed = post("/v1/orders", {"names": {"reference": name}, "total": "12.50"})
            assert placed.status == 201, placed.body
            order_id = placed.json()["id"]
            with ledger.lock:
                ledger.orders[name] = order_id
            for label in ("picked", "packed"):
                assert post(f"/v1/orders/{order_id}/stages", {"stage": label}).status == 201
                with ledger.lock:
                    ledger.stages[order_id].add(label)
            first.set()
    except (OSError, http.client.HTTPException):
        return
    finally:
        connection.close()


def check_book(path: Path, ledger: Ledger) -> None:
    """Read the file itself, past the code under test: all that was acknowledged, nothing by halves."""
    connection = sqlite3.connect(path)
    try:
        one = connection.execute
        assert one("PRAGMA integrity_check").fetchone() == ("ok",)
        assert one("PRAGMA foreign_key_check").fetchall() == []
        held: defaultdict[str, list[int]] = defaultdict(list)
        for name, order_id in one("SELECT name, order_id FROM names WHERE scheme = 'reference'"):
            held[name].append(order_id)
        for name, order_id in ledger.orders.items():
            assert held[name] == [order_id], f"{name} was acknowledged as {order_id}"
        stages: defaultdict[int, list[str]] = defaultdict(list)
        for order_id, stage in one("SELECT order_id, stage FROM order_stages"):
            stages[order_id].append(stage)
        for order_id, labels in ledger.stages.items():
            assert sorted(stages[order_id]) == sorted(set(stages[order_id])), "a stage is there twice"
            assert labels <= set(stages[order_id])
        halves = {
            "a name without its order": "SELECT count(*) FROM names n LEFT JOIN orders o ON o.id = n.order_id"
            " WHERE o.id IS NULL",
            "an order without its first revision": "SELECT count(*) FROM orders o LEFT JOIN order_revisions r"
            " ON r.order_id = o.id AND r.revision = 1 WHERE r.order_id IS NULL",
            "a stage count that is off": "SELECT count(*) FROM orders o WHERE o.stage_count <>"
            " (SELECT count(*) FROM order_stages s WHERE s.order_id = o.id)",
            "a revision that no entry explains": "SELECT count(*) FROM orders o WHERE o.revision <>"
            " (SELECT max(r.revision) FROM (SELECT revision FROM order_revisions WHERE order_id = o.id"
            " UNION ALL SELECT revision FROM order_stages WHERE order_id = o.id) r)",
            "a status that is not the last stage's": "SELECT count(*) FROM order_statuses t WHERE"
            " t.stage_number <> (SELECT number FROM order_stages s WHERE s.order_id = t.order_id AND"
            " s.status_at IS NOT NULL ORDER BY s.status_at DESC, s.number DESC LIMIT 1)",
        }
        for what, sql in halves.items():
            assert one(sql).fetchone() == (0,), what
    finally:
        connection.close()


@pytest.mark.timeout(300)
def test_nothing_acknowledged_is_lost_by_twenty_kills(start_service: Callable[..., Service]) -> None:
    chance = random.Random(SEED)
    service = start_service()
    token = service.describe["native"]["token"]
    ledger = Ledger()
    for kill in range(KILLS):
        first = threading.Event()
        writers = [
            threading.Thread(
                target=write_until_killed, args=(service, token, f"k{kill}w{number}", ledger, first)
            )
            for number in range(WRITERS)
        ]
        for writer in writers:
            writer.start()
        assert first.wait(20), "no write was acknowledged"
        threading.Event().wait(chance.uniform(0.0, 0.25))
        service.kill()
        for writer in writers:
            writer.join(20)
            assert not writer.is_alive()
        service.start()
        headers = {"Authorization": f"Bearer {token}"}
        for name in chance.sample(sorted(ledger.orders), 20):
            found = service.request("GET", f"/v1/orders/{ledger.orders[name]}", headers)
            assert found.status == 200
            assert found.json()["names"]["reference"] == name
    service.stop()
    assert service.exit_code == 0
    assert len(ledger.orders) > KILLS * WRITERS
    check_book(next(service.data.glob("*.db")), ledger)


def test_a_second_start_goes_on_with_the_same_book(start_service: Callable[..., Service]) -> None:
    service = start_service()
    described = service.describe
    headers = {"Authorization": f"Bearer {described['native']['token']}", "Content-Type": "application/json"}
    placed = service.request("POST", "/v1/orders", headers, '{"names": {"reference": "kept"}}')
    stage = {
        "token": described["planocore"]["session_token"],
        "order_id": described["planocore"]["order_id"],
        "update_status": True,
        "stage": "kept too",
    }
    appended = service.request(
        "POST", "/api/v1/order_stages/create", {"Content-Type": "application/json"}, json.dumps(stage)
    )
    assert (placed.status, appended.status) == (201, 200)
    service.restart()
    found = service.request("GET", f"/v1/orders/{placed.json()['id']}", headers)
    assert found.json() == placed.json()
    group = {"token": stage["token"], "_id": described["planocore"]["group_order_id"]}
    read = service.request(
        "POST", "/api/v1/group_orders/read", {"Content-Type": "application/json"}, json.dumps(group)
    )
    assert "kept too" in read.body.decode()

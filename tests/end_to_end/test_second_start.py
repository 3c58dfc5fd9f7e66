"""What was written is there after the service was stopped and started again."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.server import Service


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

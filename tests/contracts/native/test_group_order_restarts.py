"""Imports of uploads while the service is killed, stopped and started again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest

from tests.contracts.native.uploading import MAP, follow, form, read_rows, rows, upload, wait_until
from tests.server import Service

COUNT = 20_000


@pytest.mark.timeout(300)
def test_an_import_goes_on_after_a_kill(start_service: Callable[..., Service]) -> None:
    service = start_service()
    bearer = {"Authorization": f"Bearer {service.describe['native']['token']}"}
    path = upload(service, form(rows(COUNT), map=MAP), bearer).header("location") or ""
    wait_until(lambda: service.request("GET", path, bearer).json()["import"]["placed"] > 0)
    service.kill()
    before = orders_in(service)
    assert 0 < before < COUNT
    service.start()
    assert service.request("GET", path, bearer).json()["state"] == "running"
    seen = follow(service, path, bearer)
    ended = seen[-1]
    assert (ended["state"], ended["error"]) == ("done", None), ended
    assert (ended["total"], ended["accepted"], ended["rejected"]) == (COUNT, COUNT, 0)
    assert orders_in(service) == COUNT
    lines = read_rows(service.request("GET", ended["files"]["accepted.csv"], bearer))
    assert [int(line) for line, _ in lines[1:]] == list(range(2, COUNT + 2))
    assert len({order_id for _, order_id in lines[1:]}) == COUNT
    page = service.request("GET", ended["orders"], bearer)
    assert (page.status, page.json()["orders"][0]["group_order_id"]) == (200, ended["id"])
    service.stop()
    assert service.exit_code == 0


@pytest.mark.timeout(300)
def test_counts_rise_a_stop_is_orderly_and_a_cancelled_import_stays_so(
    start_service: Callable[..., Service],
) -> None:
    service = start_service()
    bearer = {"Authorization": f"Bearer {service.describe['native']['token']}"}
    path = upload(service, form(rows(COUNT), map=MAP), bearer).header("location") or ""
    second = upload(service, form(rows(3, COUNT), map=MAP), bearer).header("location") or ""
    wait_until(lambda: service.request("GET", path, bearer).json()["import"]["placed"] > 0)
    # One at a time: the second waits.
    assert service.request("GET", second, bearer).json()["state"] == "waiting"
    service.stop()
    assert service.exit_code == 0
    service.start()
    seen: list[int] = []

    def has_risen() -> bool:
        seen.append(service.request("GET", path, bearer).json()["accepted"])
        return len(set(seen)) > 1

    wait_until(has_risen)
    assert seen == sorted(seen)
    cancelled = service.request("POST", f"{path}/cancel", bearer)
    assert (cancelled.status, cancelled.json()["state"]) == (200, "cancelled")
    ended = follow(service, second, bearer)[-1]
    assert (ended["state"], ended["accepted"]) == ("done", 3)
    kept = orders_in(service)
    assert kept < COUNT
    again = service.request("POST", f"{path}/cancel", bearer)
    assert (again.status, again.json()["state"]) == (200, "cancelled")
    service.restart()
    assert service.request("GET", path, bearer).json()["state"] == "cancelled"
    assert orders_in(service) == kept


def orders_in(service: Service) -> int:
    """How many orders of our files the book has, read past the service."""
    connection = sqlite3.connect(next(service.data.glob("*.db")))
    try:
        found = connection.execute(
            "SELECT count(*) FROM names WHERE scheme = 'reference' AND name LIKE 'N-%'"
        )
        count: int = found.fetchone()[0]
        return count
    finally:
        connection.close()

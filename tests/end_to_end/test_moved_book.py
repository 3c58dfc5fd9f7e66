"""A demo that moves from SQLite to PostgreSQL and back answers every contract as it did before."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.server import Service, run_command
from tests.stores import Databases

from .faces import Faces

PAST = {"Orderwire-As-Of": "2025-06-01T00:00:00Z"}


def answers(service: Service) -> dict[str, Any]:
    """What each contract shows of every order, vouchers in clear, and of their past."""
    faces = Faces(service)
    told = faces.described
    found: dict[str, Any] = {"group": json.dumps(faces.group()).replace(service.host, "HOST")}

    def native(path: str, headers: dict[str, str]) -> None:
        answer = service.request("GET", path, {**faces.bearer, **headers})
        # Links tell where they were asked for.
        body = answer.body.decode().replace(service.host, "HOST")
        found[f"{path} {headers}"] = (answer.status, answer.header("etag"), body)

    listed = service.request("GET", "/v1/orders?limit=100", faces.bearer).json()
    ids = [order["id"] for order in listed["orders"]]
    assert len(ids) > 5
    for path in ("/v1/orders", "/v1/group-orders", "/v1/parties", "/v1/users", "/v1/applications"):
        native(path, {})
    for one in ids:
        for path in (f"/v1/orders/{one}", f"/v1/orders/{one}/history"):
            native(path, {})
        native(f"/v1/orders/{one}", PAST)
        found[f"valomnia {one}"] = (
            service.request("GET", f"/api/v1.0/orders/{one}", {"Cookie": faces.session})
            .body.decode()
            .replace(service.host, "HOST")
        )
        hosted = service.request("GET", f"/orders/{one}", faces.basic)
        # A refusal has another number each time.
        found[f"hostway {one}"] = hosted.body if hosted.status == 200 else hosted.status
    for name in ("order_id", "delivered_order_id"):
        found[f"plum {name}"] = faces.plum(orderId=told["plum"][name])
    return found


@pytest.mark.timeout(300)
def test_every_contract_answers_as_before(tmp_path: Path, databases: Databases) -> None:
    data = tmp_path / "data"
    file, url = data / "orderwire.db", databases.create_empty()
    service = Service("demo", data, {})
    faces = Faces(service)
    placed = faces.place({"names": {"reference": "moved-1"}, "total": "10", "kind": "invoice"})
    faces.append("moved", order_id=faces.described["planocore"]["order_id"])
    first = answers(service)
    service.stop()

    moved(str(file), url)
    # On PostgreSQL the key has another name.
    shutil.copy(data / "orderwire.db.key", data / "orderwire.key")
    service = Service("demo", data, {}, database=url)
    second = answers(service)
    faces = Faces(service)
    assert faces.native("by/reference/moved-1")["id"] == placed["id"]
    assert faces.place({"names": {"reference": "moved-2"}})["id"] not in {placed["id"]}
    third = answers(service)
    service.stop()

    for path in data.glob("orderwire.db*"):
        if not path.name.endswith(".key"):
            path.unlink()
    moved(url, str(file))
    service = Service("demo", data, {})
    fourth = answers(service)
    service.stop()
    databases.drop(url)
    assert first == second
    assert third == fourth
    assert third != first


def moved(source: str, target: str) -> None:
    """Move a book, and see that it is sound there."""
    done = run_command("copy", source, target)
    assert (done.returncode, done.stdout.splitlines()[-1].partition(" ")[2]) == (0, "holds the same."), done
    done = run_command("--database", target, "check", "--no-secrets")
    assert done.stdout.endswith("orders: nothing wrong\n"), done

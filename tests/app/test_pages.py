"""The pages about the service, and what no contract owns."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable

import pytest

from tests.server import Service


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/", 200, "Valomnia"),
        ("GET", "/healthz", 200, "alive"),
        ("GET", "/readyz", 200, "ready"),
        ("HEAD", "/readyz", 200, ""),
        ("GET", "/metrics", 200, "orderwire_answers_total"),
        ("GET", "/nothing", 404, "Not Found"),
        ("GET", "/v1x", 404, "Not Found"),
        ("POST", "/healthz", 405, "Method Not Allowed"),
        ("GET", "/" + "x" * 9_000, 414, "URI Too Long"),
    ],
)
def test_the_service_speaks_of_itself(demo: Service, method: str, path: str, status: int, text: str) -> None:
    answer = demo.request(method, path)
    assert answer.status == status
    assert text in answer.body.decode()


def test_no_answer_names_an_implementation(demo: Service) -> None:
    for path in ("/", "/orders/x", "/api/v1.0/orders/5", "/api/v1/x", "/chef/x", "/v1/orders/1", "/nothing"):
        answer = demo.request("GET", path)
        assert answer.header("server") == "-"
        said = " ".join([*(value for _, value in answer.headers), answer.body.decode()]).lower()
        for word in ("granian", "uvicorn", "python", "sqlite", "msgspec", "starlette", "hyper/"):
            assert word not in said


def test_metrics_count_answers_by_contract_and_status(start_service: Callable[..., Service]) -> None:
    service = start_service()
    for _ in range(3):
        service.request("GET", "/v1/orders/1")
    assert 'orderwire_answers_total{face="native",status="401"} 3.0' in (
        service.request("GET", "/metrics").body.decode()
    )


def test_a_book_that_cannot_be_read_is_not_ready_and_every_contract_says_so(
    start_service: Callable[..., Service],
) -> None:
    service = start_service(env={"ORDERWIRE_CREDENTIAL_CACHE_MS": "0"})
    described = service.describe
    connection = sqlite3.connect(next(service.data.glob("*.db")))
    connection.execute("ALTER TABLE organisations RENAME TO lost")
    connection.commit()
    connection.close()
    assert service.request("GET", "/readyz").status == 503
    assert service.request("GET", "/healthz").status == 200
    token = described["native"]["token"]
    native = service.request("GET", "/v1/orders/1", {"Authorization": f"Bearer {token}"})
    assert (native.status, native.header("retry-after") is not None) == (503, True)
    head = {"Content-Type": "application/json"}
    body = json.dumps({"token": described["planocore"]["session_token"], "_id": "x"})
    planocore = service.request("POST", "/api/v1/group_orders/read", head, body)
    assert (planocore.status, planocore.json()["status"]) == (500, "application-crash")
    hostway = service.request("POST", "/orders", head, b"{}")
    assert (hostway.status, list(hostway.json())) == (502, ["badGateway"])
    plum = service.request(
        *("GET", "/chef/v1/oauth/token"),
        {"Authorization": f"Bearer {described['plum']['access_token']}"},
    )
    assert plum.status == 503
    valomnia = service.request("GET", "/api/v1.0/orders/5", {"Cookie": "JSESSIONID=" + "A" * 32})
    assert valomnia.status >= 500
    assert set(valomnia.json()) == {"error", "error_description"}

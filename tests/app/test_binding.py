"""Host names and organisations: which face answers, and for whom."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server import Service, environment, run_command


class Installation:
    """A migrated book with two organisations, each with a user and a native token."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.env = {"ORDERWIRE_DATABASE": str(folder / "book.db")}
        self.run("migrate")
        self.tokens = {}
        for name in ("north", "south"):
            self.run("organisation", "create", name)
            self.run("application", "create", "shop", "--organisation", name)
            issued = self.run(
                *("token", "create", "--contract", "native", "--kind", "token", "--organisation", name),
                *("--application", "shop", "--json"),
            )
            self.tokens[name] = _only(json.loads(issued))
            subprocess.run(
                [
                    *(sys.executable, "-m", "orderwire", "user", "create", f"ann@{name}.example"),
                    *("--organisation", name, "--role", "staff", "--password-stdin"),
                ],
                env=environment(self.env),
                input=f"{name} password\n",
                text=True,
                check=True,
                capture_output=True,
            )

    def run(self, *arguments: str) -> str:
        """What a command prints; it must succeed."""
        done = run_command(*arguments, env=self.env)
        assert done.returncode == 0, done.stderr
        return done.stdout


def _only(issued: Any) -> str:
    """The one token in what `token create --json` prints."""
    texts = [value for value in issued.values() if isinstance(value, str) and len(value) == 43]
    assert len(texts) == 1, issued
    return texts[0]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(tmp_path_factory.mktemp("two") / "book")


@pytest.fixture(scope="module")
def service(installation: Installation) -> Iterator[Service]:
    env = {
        **installation.env,
        "ORDERWIRE_VALOMNIA_HOSTS": "north.example=north, south.example=south",
        "ORDERWIRE_HOSTWAY_ORGANISATION": "north",
        "ORDERWIRE_PLUM_ENABLED": "false",
        "ORDERWIRE_PLANOCORE_ORGANISATION": "nowhere",
    }
    started = Service("serve", installation.folder, env)
    yield started
    started.stop()


def log_in(service: Service, host: str, name: str) -> tuple[int, str]:
    body = f"j_username=ann%40{name}.example&j_password={name}%20password&ajax=true"
    head = {"Host": host, "Content-Type": "application/x-www-form-urlencoded"}
    answer = service.request("POST", "/j_spring_security_check", head, body)
    return answer.status, (answer.header("set-cookie") or "").split(";")[0]


def place(service: Service, token: str, reference: str) -> Any:
    head = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    answer = service.request("POST", "/v1/orders", head, json.dumps({"names": {"reference": reference}}))
    assert answer.status == 201, answer.body
    return answer.json()


def test_each_host_has_its_organisation(service: Service, installation: Installation) -> None:
    place(service, installation.tokens["north"], "same-name")
    place(service, installation.tokens["south"], "same-name")
    for name, other in (("north", "south"), ("south", "north")):
        status, cookie = log_in(service, f"{name}.example", name)
        assert (status, bool(cookie)) == (302, True)
        path = "/api/v1.0/orders/reference/same-name"
        here = service.request("GET", path, {"Host": f"{name}.example:8443", "Cookie": cookie})
        assert here.status == 200
        assert here.json()["organization"] == name
        there = service.request("GET", path, {"Host": f"{other}.example", "Cookie": cookie})
        assert (there.status, there.json()["error"]) == (401, "no_credentials")
        assert log_in(service, f"{other}.example", name)[1] == ""


def test_a_host_that_is_not_bound_finds_no_contract(service: Service) -> None:
    answer = service.request("GET", "/api/v1.0/orders/5", {"Host": "elsewhere.example"})
    assert (answer.status, answer.body) == (404, b"Not Found\n")


def test_strangers_of_a_bound_contract_find_their_organisation(
    service: Service, installation: Installation
) -> None:
    placed = service.request("POST", "/orders", {}, b"{}")
    assert placed.status == 201
    name = placed.json()["orderId"]
    shown = run_command(
        "orders", "show", f"hostway.order:{name}", "--organisation", "north", env=installation.env
    )
    assert shown.returncode == 0, shown.stderr
    assert name in shown.stdout
    cookie = (placed.header("set-cookie") or "").split(";")[0]
    assert service.request("GET", f"/orders/{name}", {"Cookie": cookie}).status == 200


def test_another_organisations_order_is_not_there(service: Service, installation: Installation) -> None:
    order_id = place(service, installation.tokens["south"], "only-south")["id"]
    head = {"Authorization": f"Bearer {installation.tokens['north']}"}
    for path in (f"/v1/orders/{order_id}", "/v1/orders/by/reference/only-south"):
        assert service.request("GET", path, head).status == 404


def test_a_contract_that_is_switched_off_is_not_there(service: Service) -> None:
    answer = service.request("POST", "/chef/v1/oauth/api", {"Content-Type": "application/json"}, b"{}")
    assert (answer.status, answer.header("content-type")) == (404, "text/plain; charset=utf-8")
    landing = service.request("GET", "/")
    assert b"/orders" in landing.body
    assert b"/chef" not in landing.body


def test_a_binding_to_nobody_is_told_before_the_route(service: Service) -> None:
    head = {"Content-Type": "application/json"}
    for path in ("/api/v1/group_orders/read", "/api/v1/nothing"):
        answer = service.request("POST", path, head, b"{}")
        assert (answer.status, answer.json()["status"]) == (500, "identify-request-error")


def test_it_runs_on_another_asgi_server(installation: Installation, service: Service, tmp_path: Path) -> None:
    order_id = place(service, installation.tokens["north"], "on-uvicorn")["id"]
    other = UvicornService(tmp_path, installation.env)
    try:
        head = {"Authorization": f"Bearer {installation.tokens['north']}"}
        answer = other.request("GET", f"/v1/orders/{order_id}", head)
        assert (answer.status, answer.json()["names"]) == (200, {"reference": "on-uvicorn"})
        assert other.request("GET", "/orders/%2F%ff", {}).status in (401, 404)
    finally:
        other.stop()


class UvicornService(Service):
    """The same application under uvicorn."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        super().__init__("serve", folder / "uvicorn", env)

    def _has_announced(self) -> bool:
        return True

    def start(self) -> None:
        """Start uvicorn on the application factory."""
        self.data.mkdir(exist_ok=True)
        self.log = self.data / "uvicorn.log"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "uvicorn", "--factory", "orderwire.app:create"),
                    *("--port", str(self.port), "--no-server-header", "--log-level", "warning"),
                ],
                env=self._env,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=os.fspath(self.data),
            )
        self._wait_until_ready()


def test_a_taken_port_is_refused(service: Service, start_service: Callable[..., Service]) -> None:
    done = run_command(
        *("serve", "--host", "127.0.0.1", "--port", str(service.port)),
        env={"ORDERWIRE_DATABASE": str(service.data / "book.db")},
    )
    assert done.returncode == 1
    assert "can't listen" in done.stderr

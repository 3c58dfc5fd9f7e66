"""The header Orderwire-As-Of: any order, in any contract's shape, as it stood."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.server import Service

from .faces import JSON, Faces

AS_OF = "Orderwire-As-Of"


class Past(Faces):
    """The faces, with a header on every request that is made through `service`."""

    def __init__(self, faces: Faces, instant: str) -> None:
        self.__dict__.update(faces.__dict__)
        self.service = _WithHeader(faces.service, instant)  # type: ignore[assignment]


class _WithHeader:
    def __init__(self, service: Service, instant: str) -> None:
        self._service = service
        self._instant = instant

    def request(self, method: str, path: str, headers: dict[str, str], body: str = "") -> Any:
        return self._service.request(method, path, {**headers, AS_OF: self._instant}, body)


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faces]:
    """A demo of this module's own: its tests write."""
    service = Service("demo", tmp_path_factory.mktemp("past") / "data", {})
    yield Faces(service)
    service.stop()


@pytest.fixture(scope="module")
def order(faces: Faces) -> Any:
    """An order of two stages, placed at nine and approved at eleven on the second of March 2026."""
    return faces.place(
        {
            "names": {"reference": "past-1", "po_number": "PO-past-1", "planocore.order_id": "880001"},
            "placed_at": "2026-03-02T09:00:00Z",
            "total": "10.50",
            "group_order_id": faces.described["planocore"]["group_order_id"],
            "group_line": 40,
            "stages": [
                {"stage": "ordered", "effective_at": "2026-03-02T09:00:00Z"},
                {"stage": "approved", "effective_at": "2026-03-02T11:00:00Z"},
            ],
        }
    )


def test_the_native_read_shows_where_the_order_stood(faces: Faces, order: Any) -> None:
    path = str(order["id"])
    assert faces.native(path)["status"]["stage"] == "approved"
    assert Past(faces, "2026-03-02T10:00:00Z").native(path)["status"]["stage"] == "ordered"
    assert Past(faces, "2026-03-02T12:00:00+01:00").native(path)["status"]["stage"] == "approved"


def test_a_group_order_shows_its_members_as_they_stood(faces: Faces, order: Any) -> None:
    def stage_of(some: Faces) -> Any:
        return {one["order_id"]: one["stage"] for one in some.group()["orders"]}.get(880001)

    assert stage_of(faces) == "approved"
    assert stage_of(Past(faces, "2026-03-02T10:00:00Z")) == "ordered"
    assert stage_of(Past(faces, "2026-03-02T08:00:00Z")) is None


@pytest.mark.parametrize("known_at", ["2026-03-02T12:00:00Z", "2026-03-02T12:00:00.000001Z"])
def test_what_was_not_recorded_yet_is_not_known(faces: Faces, order: Any, known_at: str) -> None:
    """It happened in March and was recorded today."""
    head = {**faces.bearer, AS_OF: f"2026-03-02T12:00:00Z, {known_at}"}
    assert faces.service.request("GET", f"/v1/orders/{order['id']}", head).status == 404


def test_every_contract_answers_in_its_own_shape(faces: Faces, order: Any) -> None:
    own = order["id"]
    past = Past(faces, "2026-03-02T10:00:00Z")
    for shown in (past.valomnia("reference/past-1"), past.valomnia(str(own))):
        assert (shown["id"], shown["total"]) == (own, 10.5)
    assert past.hostway(str(own))["order"] == {"Status": "new"}
    assert past.plum(poNumber="PO-past-1")["orderTotal"] == 10.5
    before = Past(faces, "2026-03-02T08:00:00Z")
    for method, path, head, body in (
        ("GET", f"/v1/orders/{own}", faces.bearer, ""),
        ("GET", "/api/v1.0/orders/reference/past-1", {"Cookie": faces.session}, ""),
        ("GET", f"/orders/{own}", faces.basic, ""),
    ):
        answer = before.service.request(method, path, head, body)
        assert answer.status == 404, (path, answer.body)


def test_nothing_is_written_in_the_past(faces: Faces, order: Any) -> None:
    head = {**faces.bearer, **JSON, AS_OF: "2026-03-02T10:00:00Z"}
    path = f"/v1/orders/{order['id']}"
    before = faces.native(str(order["id"]))
    for url, body in (("/v1/orders", {}), (f"{path}/stages", {"stage": "late"})):
        answer = faces.service.request("POST", url, head, json.dumps(body))
        assert answer.status == 422, answer.body
        assert answer.json()["field"] == AS_OF
    assert faces.native(str(order["id"])) == before
    created = faces.service.request("POST", "/orders", {**JSON, AS_OF: "2026-03-02T10:00:00Z"}, "{}")
    assert created.status == 400, created.body


@pytest.mark.parametrize(
    "instant", ["yesterday", "2026-03-02", "2026-03-02T10:00:00", "9999-12-31T00:00:00Z"]
)
def test_an_instant_that_is_none_is_refused(faces: Faces, order: Any, instant: str) -> None:
    answer = faces.service.request("GET", f"/v1/orders/{order['id']}", {**faces.bearer, AS_OF: instant})
    assert (answer.status, answer.json()["field"]) == (422, AS_OF)


def test_the_setting_turns_it_off(start_service: Callable[..., Service]) -> None:
    service = start_service(env={"ORDERWIRE_AS_OF_HEADER": "false"})
    faces = Faces(service)
    name = faces.described["native"]["name"]
    head = {**faces.bearer, AS_OF: "1999-01-01T00:00:00Z"}
    assert service.request("GET", f"/v1/orders/by/reference/{name}", head).status == 200

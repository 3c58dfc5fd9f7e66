"""Bad input to every contract: a documented 4xx in the contract's own form, and nothing written."""

from __future__ import annotations

import json
import socket
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server import Answer, Service

from .faces import JSON, Faces

ORDER_TABLES = ("orders", "order_stages", "order_revisions", "order_statuses", "names", "notices")


@dataclass(frozen=True)
class Target:
    """An endpoint that reads a JSON body, and the form of its contract's refusals."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    is_refusal: Callable[[Answer], bool]


def planocore_refusal(answer: Answer) -> bool:
    body = answer.json()
    return set(body) == {"code", "status", "errors"} and body["code"] == answer.status


def hostway_refusal(answer: Answer) -> bool:
    (fault,) = answer.json().values()
    return list(fault) == ["guid", "message", "code", "details"] and fault["code"] == answer.status


def plum_refusal(answer: Answer) -> bool:
    body = answer.json()
    return bool(body["code"] == answer.status and body["error"])


def native_refusal(answer: Answer) -> bool:
    body = answer.json()
    return answer.header("content-type") == "application/problem+json" and body["status"] == answer.status


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faces]:
    """A demo of this module's own."""
    service = Service("demo", tmp_path_factory.mktemp("limits") / "data", {})
    yield Faces(service)
    service.stop()


@pytest.fixture(scope="module")
def targets(faces: Faces) -> dict[str, Target]:
    """Every endpoint that reads a JSON body, with a request that it would take."""
    described = faces.described
    token = described["planocore"]["session_token"]
    stage = {
        "token": token,
        "order_id": described["planocore"]["order_id"],
        "update_status": False,
        "stage": "x",
    }
    group = {"token": token, "_id": described["planocore"]["group_order_id"]}
    plum = {
        "query": "plumProAPI.mutation.getOrderDetails",
        "tag": "plumProAPI",
        "variables": {"data": {"orderId": described["plum"]["order_id"]}},
    }
    bearer = {"Authorization": f"Bearer {described['plum']['access_token']}"}
    own = faces.native(f"by/reference/{described['valomnia']['order_reference']}")["id"]
    native = {**faces.bearer, **JSON}
    return {
        "planocore-stage": Target("/api/v1/order_stages/create", JSON, stage, planocore_refusal),
        "planocore-group": Target("/api/v1/group_orders/read", JSON, group, planocore_refusal),
        "hostway": Target("/orders", {**faces.basic, **JSON}, {"clientIp": "x"}, hostway_refusal),
        "plum": Target("/chef/v1/oauth/api", {**bearer, **JSON}, plum, plum_refusal),
        "native-order": Target("/v1/orders", native, {"notes": "x"}, native_refusal),
        "native-stage": Target(f"/v1/orders/{own}/stages", native, {"stage": "x"}, native_refusal),
    }


TARGETS = ("planocore-stage", "planocore-group", "hostway", "plum", "native-order", "native-stage")


def count_rows(data: Path) -> dict[str, int]:
    """Rows of every order table, read past the service."""
    connection = sqlite3.connect(next(data.glob("*.db")))
    try:
        sql = "SELECT count(*) FROM {}"
        return {name: connection.execute(sql.format(name)).fetchone()[0] for name in ORDER_TABLES}
    finally:
        connection.close()


def with_text(body: dict[str, Any], text: str) -> bytes:
    """The body with `text`, as raw JSON, in place of its last value's innermost text or number."""
    encoded = json.dumps(body)
    last = encoded.rstrip("}")
    start = max(last.rfind(": "), 0) + 2
    return (last[:start] + text + encoded[len(last) :]).encode("utf-8", "surrogatepass")


MALFORMED: dict[str, Callable[[dict[str, Any]], bytes]] = {
    "not JSON": lambda _: b"{",
    "trailing garbage": lambda body: json.dumps(body).encode() + b"]",
    "a list": lambda _: b"[1]",
    "a text": lambda _: b'"x"',
    "null": lambda _: b"null",
    "UTF-16": lambda body: json.dumps(body).encode("utf-16"),
    "Latin-1": lambda _: b'{"stage": "caf\xe9"}',
    "a raw NUL byte": lambda body: json.dumps(body).encode() + b"\0",
    "NaN": lambda body: with_text(body, "NaN"),
    "Infinity": lambda body: with_text(body, "-Infinity"),
    "a key twice": lambda body: (json.dumps(body)[:-1] + ', "stage": 1, "stage": 1}').encode(),
    "a lone surrogate": lambda body: with_text(body, '"\\ud800"'),
    "a lone surrogate in bytes": lambda body: with_text(body, '"\ud800"'),
    "a number of 5,000 digits": lambda body: with_text(body, "9" * 5_000),
    "deep nesting": lambda body: with_text(body, "[" * 5_000 + "]" * 5_000),
    "a NUL character": lambda body: with_text(body, '"a\\u0000b"'),
    "an object": lambda body: with_text(body, '{"a": 1}'),
    "a list inside": lambda body: with_text(body, "[[]]"),
    "a body far over the limit": lambda body: with_text(body, '"' + "x" * 9_000_000 + '"'),
    "a body over the limit": lambda body: with_text(body, '"' + "x" * 1_100_000 + '"'),
}


@pytest.mark.parametrize("what", MALFORMED)
@pytest.mark.parametrize("name", TARGETS)
def test_bad_bodies_are_refused_and_write_nothing(
    faces: Faces, targets: dict[str, Target], name: str, what: str
) -> None:
    target = targets[name]
    before = count_rows(faces.service.data)
    body = MALFORMED[what](target.body)
    answer = faces.service.request("POST", target.path, target.headers, body)
    assert 400 <= answer.status < 500, (answer.status, answer.body)
    assert target.is_refusal(answer), answer.body
    assert count_rows(faces.service.data) == before


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("name", TARGETS)
def test_any_value_in_any_field_is_answered(faces: Faces, targets: dict[str, Target], name: str) -> None:
    target = targets[name]
    inner = target.body["variables"]["data"] if name == "plum" else target.body
    fields = [*inner, "order_request_id", "appointment", "client", "order", "stage_at_mt", "created_by_id"]
    fields += ["lines", "total", "names", "vouchers", "placed_at", "detail", "poNumber", "view"]

    @given(st.sampled_from([field for field in fields if field != "token"]), JSON_VALUES)
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    def check(field: str, value: object) -> None:
        data = {**inner, field: value}
        body = {**target.body, "variables": {"data": data}} if name == "plum" else data
        answer = faces.service.request("POST", target.path, target.headers, json.dumps(body))
        assert answer.status < 500, (body, answer.body)
        assert answer.status in (200, 201) or target.is_refusal(answer), answer.body

    check()


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1.0/orders/{}",
        "/api/v1.0/orders/reference/{}",
        "/orders/{}",
        "/v1/orders/{}",
        "/v1/orders/by/reference/{}",
        "/api/v1/{}",
        "/chef/{}",
        "/{}",
    ],
)
@pytest.mark.parametrize(
    "part",
    [
        "%00",
        "%ff",
        "%ed%a0%80",
        "..",
        "%2e%2e",
        "a%2Fb",
        "9" * 400,
        "x" * 9_000,
        "-0",
        "1e3",
        "%",
        "/".join("x" * 40),
        "5;x=1",
        "4?" + "q=" + "1" * 200,
        "５",
    ],
)
def test_odd_paths_are_refused(faces: Faces, path: str, part: str) -> None:
    target = path.format(part).encode("utf-8", "replace").decode("latin-1")
    headers = [("Cookie", faces.session), ("Authorization", faces.bearer["Authorization"])]
    if path.startswith("/orders"):
        headers = list(faces.basic.items())
    answer = faces.service.request("GET", _ascii(target), headers)
    expected = 500 if path.startswith("/api/v1/") and len(part) < 9_000 else None
    assert answer.status == expected or 300 < answer.status < 500, (answer.status, answer.body)


def _ascii(target: str) -> str:
    return target.encode("latin-1").decode("ascii", "replace").replace("\ufffd", "%EF")


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize(
    "extra",
    [
        [(f"X-Filler-{number}", "x") for number in range(80)],
        [("X-Filler", "x" * 40_000)],
        [("Cookie", "a=b; " * 200)],
        [("Cookie", "OwnerId=\xff; JSESSIONID=\xff")],
    ],
    ids=["many", "large", "cookies", "latin-1"],
)
def test_odd_header_fields_are_answered(
    faces: Faces, targets: dict[str, Target], name: str, extra: list[tuple[str, str]]
) -> None:
    target = targets[name]
    headers = [*target.headers.items(), *extra]
    answer = faces.service.request("POST", target.path, headers, json.dumps(target.body))
    too_large = len(extra) > 64 or len(extra[0][1]) > 32_768
    assert answer.status < 500, answer.body
    if too_large:
        assert answer.status >= 400
        assert target.is_refusal(answer), answer.body


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("field", ["Authorization", "Content-Type", "Idempotency-Key"])
def test_what_is_said_once_is_not_said_twice(
    faces: Faces, targets: dict[str, Target], name: str, field: str
) -> None:
    """Of two values a proxy may have read the other one; the same one twice does no harm."""
    target = targets[name]
    before = count_rows(faces.service.data)
    first = target.headers.get(field, "first")
    rest = [(key, value) for key, value in target.headers.items() if key != field]
    answer = faces.service.request(
        "POST", target.path, [*rest, (field, first), (field, "other")], json.dumps(target.body)
    )
    assert answer.status == 400
    assert target.is_refusal(answer), answer.body
    assert count_rows(faces.service.data) == before
    same = faces.service.request("POST", target.path, [*rest, (field, first), (field, first)], b"{")
    once = faces.service.request("POST", target.path, [*rest, (field, first)], b"{")
    assert same.status == once.status


def test_a_body_that_never_ends_is_answered_in_time(start_service: Callable[..., Service]) -> None:
    service = start_service(env={"ORDERWIRE_REQUEST_SECONDS": "0.3"})
    headers = {"Content-Type": "application/json", "Content-Length": "500"}
    for path in ("/v1/orders", "/api/v1/group_orders/read", "/orders", "/chef/v1/oauth/token/user"):
        answer = service.request("POST", path, headers, b"{")
        assert 400 <= answer.status < 500, (path, answer.status)


def test_the_body_limit_is_a_setting(start_service: Callable[..., Service]) -> None:
    service = start_service(env={"ORDERWIRE_BODY_BYTES": "2048"})
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {service.describe['native']['token']}",
    }
    small = service.request("POST", "/v1/orders", headers, json.dumps({"notes": "x" * 1_900}))
    large = service.request("POST", "/v1/orders", headers, json.dumps({"notes": "x" * 2_100}))
    assert (small.status, large.status) == (201, 413)


def raw(service: Service, data: bytes, *, ends: bool = False) -> bytes:
    """What comes back for these very bytes; with `ends` we say that no more will follow."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        connection.sendall(data)
        if ends:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := connection.recv(65_536):
            received += chunk
    return received


BROKEN_BODIES = {
    "a chunk size that is none": b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "less than was announced": b"Content-Length: 50\r\n\r\n{}",
}


@pytest.mark.parametrize("what", BROKEN_BODIES)
@pytest.mark.parametrize("name", TARGETS)
def test_a_body_that_breaks_off_is_the_clients_fault(
    faces: Faces, targets: dict[str, Target], name: str, what: str
) -> None:
    target = targets[name]
    head = "".join(f"{key}: {value}\r\n" for key, value in target.headers.items())
    request = f"POST {target.path} HTTP/1.1\r\nHost: {faces.service.host}\r\n{head}".encode()
    answer = raw(faces.service, request + BROKEN_BODIES[what], ends=True)
    assert answer.startswith(b"HTTP/1.1 4"), answer
    assert b"granian" not in answer


@pytest.mark.parametrize(
    ("version", "hosts", "is_taken"),
    [
        ("1.1", [], False),
        ("1.0", [], True),
        ("1.1", ["a.example", "b.example"], False),
        ("1.1", ["a.example", "a.example"], False),
        ("1.1", ["a b<x>"], False),
        ("1.1", ['a"b'], False),
        ("1.1", ["a.example/path"], False),
        ("1.1", ["user@a.example"], False),
        ("1.1", [""], False),
        ("1.1", ["a.example:8080"], True),
        ("1.1", ["[::1]:8080"], True),
    ],
)
@pytest.mark.parametrize("path", ["/v1/orders/1", "/api/v1.0/orders/5", "/orders/x", "/chef/v1/oauth/token"])
def test_one_host_is_needed_and_it_must_be_one(
    faces: Faces, path: str, version: str, hosts: list[str], is_taken: bool
) -> None:
    fields = "".join(f"Host: {host}\r\n" for host in hosts)
    answer = raw(faces.service, f"GET {path} HTTP/{version}\r\n{fields}Connection: close\r\n\r\n".encode())
    status = int(answer.split(b" ", 2)[1])
    # No credential was shown: that is the next thing to be refused, if the host was taken.
    assert (b"host" in answer.lower().partition(b"\r\n\r\n")[2]) != is_taken or path.startswith("/chef"), (
        answer
    )
    assert status in ((400, 401, 404) if is_taken else (400,)), answer

"""What is refused of uploads: forms that are none, bodies too large or too slow, missing rights."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.contracts.native.uploading import (
    FORM,
    MAP,
    PATH,
    files_in,
    follow,
    form,
    imports_of,
    rows,
    upload,
    wait_until,
)
from tests.server import Service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A demo of this module's own."""
    started = Service("demo", tmp_path_factory.mktemp("uploads") / "data", {})
    yield started
    started.stop()


@pytest.fixture(scope="module")
def bearer(service: Service) -> dict[str, str]:
    return {"Authorization": f"Bearer {service.describe['native']['token']}"}


REFUSED: dict[str, tuple[bytes, int, str, str | None]] = {
    "no file": (form(None, map=MAP), 422, "field_missing", "file"),
    "no map": (form(rows(1)), 422, "field_missing", "map"),
    "an empty map": (form(rows(1), map=""), 422, "field_missing", "map"),
    "a map that is none": (form(rows(1), map="["), 422, "field_invalid", "map"),
    "a map with an unknown key": (form(rows(1), map=MAP + "\n[nonsense]\n"), 422, "field_invalid", "map"),
    "an empty file": (form(b"", map=MAP), 422, "field_invalid", "file"),
    "a file of another kind": (form(rows(1), "a.pdf", map=MAP), 422, "field_invalid", "file"),
    "an unknown policy": (form(rows(1), map=MAP, policy="some"), 422, "field_invalid", "policy"),
    "an unknown part": (form(rows(1), map=MAP, user="x"), 422, "field_invalid", "user"),
    "no end": (form(rows(9), map=MAP)[:-9], 400, "body_malformed", None),
    "no form": (b"hello", 400, "body_malformed", None),
    "nothing": (b"", 400, "body_malformed", None),
    "a map that is too long": (form(rows(1), map="x" * 262_145), 413, "body_too_large", None),
    "a policy that is too long": (form(rows(1), map=MAP, policy="x" * 9_000), 413, "body_too_large", None),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused_leaves_no_file(service: Service, bearer: dict[str, str], what: str) -> None:
    body, status, code, field = REFUSED[what]
    before = files_in(imports_of(service))
    answer = upload(service, body, bearer)
    assert (answer.status, answer.json()["code"], answer.json().get("field")) == (status, code, field)
    assert files_in(imports_of(service)) == before


def test_a_form_without_a_boundary_is_none(service: Service, bearer: dict[str, str]) -> None:
    for media_type in ("multipart/form-data", "multipart/form-data; boundary="):
        answer = service.request("POST", PATH, {**bearer, "Content-Type": media_type}, form(rows(1)))
        assert (answer.status, answer.json()["code"]) == (415, "content_type_wrong")
        assert answer.json()["detail"] == "multipart/form-data without a boundary"
    answer = service.request("POST", PATH, {**bearer, "Content-Type": "text/csv"}, rows(1))
    assert (answer.status, "multipart/form-data" in answer.json()["detail"]) == (415, True)


def test_without_the_right_nothing_is_kept(service: Service, bearer: dict[str, str]) -> None:
    before = files_in(imports_of(service))
    large = form(b"x" * 3_000_000, map=MAP)
    reader = {"Authorization": f"Bearer {service.describe['native']['reader_token']}"}
    for headers, status in ((reader, 403), ({"Authorization": "Bearer x"}, 401), ({}, 401)):
        # The whole body is taken, so that the client gets to the answer.
        assert upload(service, large, headers).status == status
    other = service.request("PUT", PATH, {**bearer, **FORM}, large)
    assert other.status == 405
    assert files_in(imports_of(service)) == before


def test_a_trailing_slash_is_tolerated(service: Service, bearer: dict[str, str]) -> None:
    answer = service.request("POST", f"{PATH}/", {**bearer, **FORM}, form(None, map=MAP))
    assert (answer.status, answer.json()["field"]) == (422, "file")


def connect(service: Service) -> socket.socket:
    return socket.create_connection(("127.0.0.1", service.port), timeout=30)


def head(service: Service, bearer: dict[str, str], length: int) -> bytes:
    fields = {**bearer, **FORM, "Host": service.host, "Content-Length": str(length)}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {PATH} HTTP/1.1\r\n{lines}\r\n".encode()


def answer_on(connection: socket.socket) -> bytes:
    received = b""
    while chunk := connection.recv(65_536):
        received += chunk
        if b"\r\n\r\n{" in received:
            break
    return received


def test_who_leaves_in_the_middle_leaves_no_file(service: Service, bearer: dict[str, str]) -> None:
    before = files_in(imports_of(service))
    body = form(b"x" * 2_000_000, map=MAP)
    with connect(service) as connection:
        connection.sendall(head(service, bearer, len(body)) + body[:1_000_000])
        wait_until(lambda: files_in(imports_of(service)) != before)
    wait_until(lambda: files_in(imports_of(service)) == before)
    wait_until(lambda: all(files_in(one) for one in list(imports_of(service).glob("*/*"))))
    assert files_in(imports_of(service)) == before


def test_a_body_that_is_too_slow_is_given_up(
    start_service: Callable[..., Service],
) -> None:
    env = {"ORDERWIRE_REQUEST_SECONDS": "20", "ORDERWIRE_TRANSFER_SECONDS": "0.5"}
    service = start_service(env=env)
    bearer = {"Authorization": f"Bearer {service.describe['native']['token']}"}
    body = form(b"x" * 2_000_000, map=MAP)
    with connect(service) as connection:
        connection.sendall(head(service, bearer, len(body)) + body[:1_000_000])
        answer = answer_on(connection)
    assert answer.startswith(b"HTTP/1.1 408 "), answer
    assert b'"code":"timed_out"' in answer
    assert files_in(imports_of(service)) == []


def test_a_body_that_is_too_large_is_refused_at_its_end(start_service: Callable[..., Service]) -> None:
    service = start_service(env={"ORDERWIRE_UPLOAD_BYTES": "100000", "ORDERWIRE_BODY_BYTES": "50000"})
    bearer = {"Authorization": f"Bearer {service.describe['native']['token']}"}
    fits = form(rows(1_000), map=MAP)
    assert 20_000 < len(fits) < 100_000
    assert upload(service, fits, bearer).status == 202
    known = files_in(imports_of(service))
    for size in (100_001, 700_000):
        answer = upload(service, form(b"x" * size, map=MAP), bearer)
        assert (answer.status, answer.json()["code"]) == (413, "body_too_large")
        assert "100000" in answer.json()["detail"]
    with connect(service) as connection:
        connection.sendall(head(service, bearer, 50_000_000))
        assert answer_on(connection).startswith(b"HTTP/1.1 413 ")
    # In pieces of no announced size.
    fields = {**bearer, **FORM, "Host": service.host, "Transfer-Encoding": "chunked"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    with connect(service) as connection:
        connection.sendall(f"POST {PATH} HTTP/1.1\r\n{lines}\r\n".encode())
        for _ in range(15):
            connection.sendall(b"2710\r\n" + b"x" * 10_000 + b"\r\n")
        connection.sendall(b"0\r\n\r\n")
        answer_bytes = answer_on(connection)
    # No form either, and that was seen first.
    assert answer_bytes.startswith((b"HTTP/1.1 413 ", b"HTTP/1.1 400 "))
    assert [path for path in files_in(imports_of(service)) if path.name == "file"] == [
        path for path in known if path.name == "file"
    ]


def test_a_folder_that_takes_nothing_is_told(start_service: Callable[..., Service], tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, no folder")
    service = start_service(env={"ORDERWIRE_IMPORT_FOLDER": str(tmp_path / "taken")})
    bearer = {"Authorization": f"Bearer {service.describe['native']['token']}"}
    answer = upload(service, form(rows(1), map=MAP), bearer)
    assert (answer.status, answer.json()["code"]) == (503, "store_unavailable")
    assert service.request("GET", PATH, bearer).json()["group_orders"][1:] == []


def test_a_download_that_nobody_takes_is_broken_off(start_service: Callable[..., Service]) -> None:
    service = start_service(env={"ORDERWIRE_TRANSFER_SECONDS": "1"})
    bearer = {"Authorization": f"Bearer {service.describe['native']['token']}"}
    path = upload(service, form(rows(3), map=MAP), bearer).header("location") or ""
    ended = follow(service, path, bearer)[-1]
    # Far more than the buffers on the way hold.
    size = 100_000_000
    report = next(imports_of(service).glob("*/*/file.accepted.csv"))
    os.truncate(report, size)
    fields = {**bearer, "Host": service.host}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    with connect(service) as connection:
        connection.sendall(f"GET {ended['files']['accepted.csv']} HTTP/1.1\r\n{lines}\r\n".encode())
        received = len(connection.recv(1_000))
        wait_until(lambda: not is_open(service, report))
        with suppress(ConnectionError):
            while chunk := connection.recv(1_000_000):
                received += len(chunk)
    assert 0 < received < size
    whole = service.request("GET", ended["files"]["accepted.csv"], bearer)
    assert (whole.status, len(whole.body)) == (200, size)


def is_open(service: Service, path: Path) -> bool:
    """True while the service holds the file open."""
    found = []
    for descriptor in Path(f"/proc/{service.pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(os.readlink(descriptor))
    return str(path) in found

"""Files uploaded to a real service: imported behind the answer, followed, downloaded; and what is refused."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any
from zipfile import ZipFile

import pytest
from python_calamine import CalamineWorkbook

from tests.contracts.native.uploading import (
    FORM,
    MAP,
    PATH,
    files_in,
    follow,
    form,
    imports_of,
    read_rows,
    rows,
    sample,
    upload,
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


@pytest.fixture(scope="module")
def imported(service: Service, bearer: dict[str, str]) -> dict[str, Any]:
    """The example, imported once for all."""
    answer = upload(service, sample(), bearer)
    assert answer.status == 202, answer.body
    placed = answer.json()
    assert answer.header("location") == f"{PATH}/{placed['id']}"
    assert (placed["state"], placed["import"]["orders"], placed["files"]) == ("waiting", 0, {})
    ended = follow(service, f"{PATH}/{placed['id']}", bearer)[-1]
    assert ended["state"] == "done", ended
    return ended


def test_the_example_becomes_its_orders(
    service: Service, bearer: dict[str, str], imported: dict[str, Any]
) -> None:
    told = imported["import"]
    assert (told["name"], told["format"], told["policy"]) == (
        "online-retail-sample.csv",
        "csv",
        "accept_valid",
    )
    assert (told["rows"], told["orders"], told["placed"], told["rejected"]) == (999, 66, 66, 0)
    assert (imported["total"], imported["accepted"], imported["rejected"]) == (66, 66, 0)
    order = service.request("GET", "/v1/orders/by/reference/536365", bearer).json()
    assert order["group_order_id"] == imported["id"]
    assert len(order["lines"]) == 7
    history = service.request("GET", f"/v1/orders/{order['id']}", bearer)
    assert history.status == 200


def test_planocore_shows_the_import(service: Service, imported: dict[str, Any]) -> None:
    body = {"token": service.describe["planocore"]["application_token"], "_id": imported["id"]}
    answer = service.request(
        "POST", "/api/v1/group_orders/read", {"Content-Type": "application/json"}, json.dumps(body)
    )
    data = answer.json()["data"]
    assert (data["status"], data["total_orders"], data["successful_orders"]) == ("complete", 66, 66)
    assert data["accepted_orders_xlsx"] == f"{service.url}{imported['accepted_path']}"
    assert data["rejected_orders_xlsx"] is None
    assert len(data["orders"]) == 66


def test_the_same_file_again_adds_nothing(
    service: Service, bearer: dict[str, str], imported: dict[str, Any]
) -> None:
    again = follow(service, f"{PATH}/{upload(service, sample(), bearer).json()['id']}", bearer)[-1]
    assert again["state"] == "done", again
    assert (again["import"]["placed"], again["import"]["already_there"]) == (0, 66)
    assert again["id"] != imported["id"]


def test_what_was_accepted_is_downloaded(
    service: Service, bearer: dict[str, str], imported: dict[str, Any]
) -> None:
    assert set(imported["files"]) >= {"accepted.csv", "accepted.xlsx"}
    answer = service.request("GET", imported["files"]["accepted.csv"], bearer)
    lines = read_rows(answer)
    assert lines[0] == ["line", "order_id"]
    assert [int(line) for line, _ in lines[1:]] == list(range(2, 1_001))
    assert answer.header("content-type") == "text/csv"
    assert answer.header("content-disposition") == f'attachment; filename="{imported["id"]}-accepted.csv"'
    tag = {"If-None-Match": answer.header("etag") or ""}
    unchanged = service.request("GET", imported["files"]["accepted.csv"], {**bearer, **tag})
    assert (unchanged.status, unchanged.body, unchanged.header("etag")) == (304, b"", tag["If-None-Match"])
    head = service.request("HEAD", imported["files"]["accepted.csv"], bearer)
    assert (head.status, head.body) == (200, b"")
    assert head.header("content-length") == str(len(answer.body))


def test_a_spreadsheet_says_the_same(
    service: Service, bearer: dict[str, str], imported: dict[str, Any]
) -> None:
    answer = service.request("GET", imported["files"]["accepted.xlsx"], bearer)
    assert answer.status == 200
    assert (answer.header("content-type") or "").endswith("spreadsheetml.sheet")
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.body))
    sheet = book.get_sheet_by_index(0).to_python()
    assert sheet == read_rows(service.request("GET", imported["files"]["accepted.csv"], bearer))
    again = service.request("GET", imported["files"]["accepted.xlsx"], bearer)
    assert (again.body, again.header("etag")) == (answer.body, answer.header("etag"))


def test_files_of_a_group_order_and_no_others(
    service: Service, bearer: dict[str, str], imported: dict[str, Any]
) -> None:
    for name in ("rejected.csv", "rejected.xlsx", "file", "map", "accepted.pdf", "..%2F..%2Fbook.key", "%00"):
        answer = service.request("GET", f"{PATH}/{imported['id']}/files/{name}", bearer)
        assert answer.status == 404, name
    nobody = service.request("GET", imported["files"]["accepted.csv"])
    assert nobody.status == 401


def test_files_are_for_their_owner_only(service: Service, imported: dict[str, Any]) -> None:
    place = next(imports_of(service).glob(f"*/{imported['id']}"))
    for folder in (imports_of(service), place.parent, place):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert files_in(place)
    assert {path.stat().st_mode & 0o777 for path in files_in(place)} == {0o600}


def test_rejected_rows_are_told_and_nobody_computes_them(service: Service, bearer: dict[str, str]) -> None:
    formula = '=HYPERLINK("http://x.example","y")'
    quoted = '"' + formula.replace('"', '""') + '"'
    bad = f"B-1,2026-01-02T03:04:05,lamp,{quoted}\nB-2,yesterday,lamp,1\n"
    answer = upload(service, form(rows(3, 50_000) + bad.encode(), map=MAP), bearer)
    ended = follow(service, answer.header("location") or "", bearer)[-1]
    assert (ended["state"], ended["total"], ended["accepted"], ended["rejected"]) == ("done", 5, 3, 2), ended
    assert ended["import"]["codes"] == {"number_invalid": 1, "date_invalid": 1}
    told = service.request("GET", ended["rejections"], bearer).json()["rejections"]
    assert [(one["line"], one["column"], one["code"]) for one in told] == [
        (5, "count", "number_invalid"),
        (6, "at", "date_invalid"),
    ]
    lines = read_rows(service.request("GET", ended["files"]["rejected.csv"], bearer))
    assert lines[0][:4] == ["line", "column", "code", "value"]
    assert lines[1][:4] == ["5", "count", "number_invalid", formula]
    sheet = service.request("GET", ended["files"]["rejected.xlsx"], bearer).body
    with ZipFile(io.BytesIO(sheet)) as parts:
        cells = parts.read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in cells
    assert b"<hyperlink" not in cells
    shown = CalamineWorkbook.from_filelike(io.BytesIO(sheet)).get_sheet_by_index(0).to_python()
    assert shown[1][3] == formula


def test_all_or_nothing_places_nothing_when_one_row_is_bad(service: Service, bearer: dict[str, str]) -> None:
    file = rows(300, 60_000) + b"B-3,yesterday,lamp,1\n"
    answer = upload(service, form(file, map=MAP, policy="all_or_nothing"), bearer)
    ended = follow(service, answer.header("location") or "", bearer)[-1]
    assert (ended["state"], ended["error"]["code"]) == ("failed", "rows_rejected"), ended
    assert (ended["accepted"], ended["import"]["placed"]) == (0, 0)
    assert service.request("GET", "/v1/orders/by/reference/N-60000", bearer).status == 404
    lines = read_rows(service.request("GET", ended["files"]["rejected.csv"], bearer))
    assert "date_invalid" in {line[2] for line in lines[1:]}
    answer = upload(service, form(rows(300, 60_000), map=MAP, policy="all_or_nothing"), bearer)
    ended = follow(service, answer.header("location") or "", bearer)[-1]
    assert (ended["state"], ended["import"]["placed"]) == ("done", 300)


def test_lines_of_json_need_no_map(service: Service, bearer: dict[str, str]) -> None:
    lines = [json.dumps({"names": {"reference": f"J-{n}"}, "total": "1.5"}) for n in range(5)]
    lines.append('{"names": {"reference": "J-9"}, "total": "much"}')
    answer = upload(service, form("\n".join(lines).encode(), "orders.jsonl"), bearer)
    ended = follow(service, answer.header("location") or "", bearer)[-1]
    assert (ended["state"], ended["accepted"], ended["rejected"]) == ("done", 5, 1), ended
    assert service.request("GET", "/v1/orders/by/reference/J-4", bearer).json()["total"] == "1.5"


def test_a_file_that_can_not_be_read_fails_and_says_why(service: Service, bearer: dict[str, str]) -> None:
    answer = upload(service, form(b"a,b\n1,2\n", map=MAP), bearer)
    ended = follow(service, answer.header("location") or "", bearer)[-1]
    assert (ended["state"], ended["error"]["code"]) == ("failed", "map_invalid"), ended
    assert "id" in ended["error"]["detail"]
    assert str(service.data) not in ended["error"]["detail"]
    answer = upload(service, form(b"no spreadsheet", "a.xlsx", map=MAP), bearer)
    ended = follow(service, answer.header("location") or "", bearer)[-1]
    assert (ended["state"], ended["error"]["code"]) == ("failed", "file_invalid"), ended


def test_the_same_upload_again_gets_the_first_answer(service: Service, bearer: dict[str, str]) -> None:
    keyed = {**bearer, "Idempotency-Key": "u-1"}
    body = form(rows(3, 70_000), map=MAP)
    first = upload(service, body, keyed)
    # Another boundary, as every client makes up its own.
    boundary = FORM["Content-Type"].partition("=")[2]
    other = {**keyed, "Content-Type": FORM["Content-Type"].replace(boundary, "other")}
    again = service.request("POST", PATH, other, body.replace(boundary.encode(), b"other"))
    assert (first.status, again.status) == (202, 202)
    assert again.body == first.body
    assert again.header("location") == first.header("location")
    ended = follow(service, first.header("location") or "", bearer)[-1]
    assert (ended["state"], ended["accepted"]) == ("done", 3)
    before = files_in(imports_of(service))
    reused = upload(service, form(rows(4, 70_000), map=MAP), keyed)
    assert (reused.status, reused.json()["code"]) == (422, "key_reused")
    assert files_in(imports_of(service)) == before
    assert len(list(imports_of(service).glob(f"*/{ended['id']}"))) == 1
    members = service.request("GET", ended["orders"], bearer).json()["orders"]
    assert sorted(order["names"]["reference"] for order in members) == ["N-70000", "N-70001", "N-70002"]

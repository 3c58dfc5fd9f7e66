"""group_orders/read: what each view shows, where files are, and when a group order is complete."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from orderwire.book.operations import NewOrder, place_order
from orderwire.book.orders import Document, GroupOrder, Party, Rejection
from orderwire.contracts.planocore.demo import DEMO
from tests.contracts.planocore.conftest import PlanoCore, invalid, make_planocore, refusal
from tests.factories import make_caller

SMALL = "11111111-2222-4333-8444-555555555555"


async def insert_group(planocore: PlanoCore, total: int, rejected: int) -> None:
    group = GroupOrder(
        id=SMALL,
        organisation_id=planocore.organisation.id,
        user_id=None,
        total=total,
        accepted=0,
        rejected=0,
        normalised_path="/files/a.csv",
        accepted_path="files/b.xlsx",
        rejected_path="/files/ü c.xlsx",
        job_id=None,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    rows = [Rejection(line=9 + n, column="Zip Code", code="invalid", value="") for n in range(rejected)]
    await planocore.book.store.write(lambda tx: tx.insert_group_order(group, rows))


async def place_member(planocore: PlanoCore, line: int, document: Document) -> int:
    caller = make_caller(planocore.organisation)
    order = NewOrder(group_order_id=SMALL, group_line=line, document=document)
    return (await place_order(planocore.book, caller, order)).id


async def test_file_paths_are_made_absolute(planocore, book):
    await insert_group(planocore, total=1, rejected=0)
    data = (await planocore.read(_id=SMALL)).json()["data"]
    assert data["normalized_csv"] == "http://testserver/files/a.csv"
    assert data["accepted_orders_xlsx"] == "http://testserver/files/b.xlsx"
    elsewhere = await make_planocore(book, base_url="https://files.example.com/x")
    data = (await elsewhere.read(_id=SMALL)).json()["data"]
    assert data["normalized_csv"] == "https://files.example.com/x/files/a.csv"
    assert data["rejected_orders_xlsx"] == "https://files.example.com/x/files/ü c.xlsx"


async def test_it_is_complete_once_every_row_was_taken_or_rejected(planocore):
    await insert_group(planocore, total=2, rejected=1)
    data = (await planocore.read(_id=SMALL)).json()["data"]
    assert (data["status"], data["successful_orders"], data["orders"]) == ("processing", 0, [])
    await place_member(planocore, 1, Document())
    data = (await planocore.read(_id=SMALL)).json()["data"]
    assert (data["status"], data["successful_orders"], data["rejected_orders"]) == ("complete", 1, 1)


async def test_an_order_from_elsewhere_shows_its_own_id_and_reference(planocore):
    await insert_group(planocore, total=3, rejected=0)
    party = Party(first_name="Marie", last_name="Noir")
    second = await place_member(planocore, 2, Document(names={"reference": "R-9"}, customer=party))
    await place_member(planocore, 1, Document(names={"planocore.order_id": "not a number"}))
    first, other = (await planocore.read(_id=SMALL)).json()["data"]["orders"]
    nothing = dict.fromkeys(first)
    assert first == {**nothing, "line": 1}
    assert other == {
        **nothing,
        "order_id": second,
        "line": 2,
        "external_id": "R-9",
        "client_name": "Marie Noir",
    }


async def test_what_a_status_was_told_stands_over_what_the_order_has(planocore):
    told = {
        "order_id": planocore.demo["order_id"],
        "stage": "hold",
        "client": {"client_id": 99},
        "order": {"external_id": "EXT-9", "service_type": "video"},
    }
    before = (await planocore.read()).json()["data"]["orders"]
    await planocore.create(**told, update_status=False)
    assert (await planocore.read()).json()["data"]["orders"] == before
    status = (await planocore.create(**told)).json()["data"]["order_status"]
    first, *others = (await planocore.read()).json()["data"]["orders"]
    assert others == before[1:]
    assert first == {
        **before[0],
        "external_id": "EXT-9",
        "client_id": 99,
        "service_type": "video",
        "stage": "hold",
        "stage_since": status["stage_since"],
    }


@pytest.mark.parametrize(
    "sent", ["x", "0", 5, True, [], {}, SMALL + "0", "{" + SMALL + "}", "\u0000"], ids=repr
)
async def test_what_is_no_uuid_is_refused(planocore, sent):
    assert refusal(await planocore.read(_id=sent)) == invalid("_id")


async def test_an_id_may_come_in_capitals(planocore):
    given = planocore.demo["group_order_id"]
    assert (await planocore.read(_id=given.upper())).json()["data"]["_id"] == given


@pytest.mark.parametrize(
    "view", ["", "initial_upload", "DEFAULT", "default ", 1, False, ["default"], {}], ids=repr
)
async def test_only_the_documented_views_are_views(planocore, view):
    assert refusal(await planocore.read(view=view)) == invalid("view")
    assert refusal(await planocore.read(application=view)) == invalid("application")


async def test_required_parameters_come_before_values(planocore):
    expected = (400, "missing-param", "_id", "missing")
    assert refusal(await planocore.read(_id=None, view="nonsense")) == expected
    assert refusal(await planocore.read(_id="", view="nonsense"))[3] == "empty"


async def test_unknown_parameters_and_the_url_are_ignored(planocore):
    answer = await planocore.read(view="inital_upload", views="x", order_id=[])
    assert answer.status == 200
    assert "orders" not in answer.json()["data"]
    body = {"token": planocore.demo["application_token"], "_id": planocore.demo["group_order_id"]}
    answer = await planocore.post("/api/v1/group_orders/read?view=nonsense", body)
    assert answer.status == 200


async def test_planting_again_adds_nothing_and_freshens_the_tokens(planocore):
    before = (await planocore.read()).json()["data"]
    at_first = planocore.book.clock()
    planocore.book.clock = lambda: at_first + timedelta(days=30)
    assert (await planocore.read(token=planocore.demo["session_token"])).status == 401
    await DEMO.plant(planocore.book, planocore.organisation)
    assert (await planocore.read(token=planocore.demo["session_token"])).json()["data"] == before
    assert (await planocore.read(token=planocore.demo["idle_session_token"])).status == 401
    assert len(await planocore.stages()) == 1

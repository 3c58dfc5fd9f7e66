"""order_stages/create: every parameter stored and read back, and what becomes of the status."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orderwire.book.accounts import create_person
from orderwire.book.callers import Profile
from orderwire.book.operations import NewOrder, place_order
from orderwire.book.orders import Document, Party
from orderwire.book.stages import Appointment, Client, Details, WallClock
from tests.contracts.planocore.conftest import CREATE, invalid, refusal
from tests.factories import make_caller
from tests.stores import POSTGRES, SQLITE

pytestmark = pytest.mark.stores(SQLITE, POSTGRES)

EVERYTHING: dict[str, Any] = {
    "update_status": True,
    "stage": "submitted_cancel_onsite",
    "stage_trigger": "field_app",
    "stage_at_mt": "2023-10-02 09:30:00.5",
    "created_at_mt": "10/02/2023 9:31:15 AM",
    "created_by_id": 77,
    "created_by": "Zoë Field",
    "appointment": {
        "appt_id": 7102,
        "appt_confirmed": "yes",
        "appt_duration_time": "01:30",
        "appt_start_at": "2023-10-02 09:00:00",
        "appt_stop_at": "2023-10-02 10:30:00",
        "cancel_reason": "weather",
        "cancel_note": "Snow\non the roof",
    },
    "client": {"client_id": 9_007_199_254_740_993, "client_billing_postal_code": 2134},
    "order": {
        "notes": "Use the side door",
        "delivery_rush": False,
        "due_date": "2023-10-05",
        "external_id": "EXT-9",
        "service_type": "video",
        "services_addon_array": ["aerial", "", 3, 2.5, True, None],
        "cancel_reason": "duplicate_order",
        "cancel_note": "Sold",
    },
    "notes": "Called twice 😀",
    "updated_by": "Ada",
    "updated_by_id": -1,
    "notified_at_mt": "2023-10-02T09:32",
    "event_slug": "order.processed",
}


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def test_every_parameter_is_stored(planocore):
    assert (await planocore.create(**EVERYTHING)).status == 200
    stage = (await planocore.stages())[-1]
    said = stage.detail
    assert (stage.number, stage.stage) == (2, "submitted_cancel_onsite")
    assert stage.effective_at == instant("2023-10-02 15:30:00.500000")
    assert said.started == WallClock(text="2023-10-02 09:30:00.5", at=stage.effective_at)
    assert said.created == WallClock(text="10/02/2023 9:31:15 AM", at=instant("2023-10-02 15:31:15"))
    assert said.notified == WallClock(text="2023-10-02T09:32", at=instant("2023-10-02 15:32:00"))
    assert (said.trigger, said.created_by, said.created_by_id) == ("field_app", "Zoë Field", 77)
    assert (said.updated_by, said.updated_by_id) == ("Ada", -1)
    assert (said.event, said.notes) == ("order.processed", "Called twice 😀")
    assert said.appointment == Appointment(
        id=7102,
        confirmed="yes",
        duration="01:30",
        start_at="2023-10-02 09:00:00",
        stop_at="2023-10-02 10:30:00",
        cancel_reason="weather",
        cancel_note="Snow\non the roof",
    )
    assert said.client == Client(id=9_007_199_254_740_993, billing_postal_code=2134)
    assert said.details == Details(
        notes="Use the side door",
        rush=False,
        due_date="2023-10-05",
        external_id="EXT-9",
        service_type="video",
        addons=("aerial", "", 3, 2.5, True, None),
        cancel_reason="duplicate_order",
        cancel_note="Sold",
    )
    assert stage.origin.contract == "planocore"
    assert stage.origin.application == "planoworker"


async def test_every_parameter_is_answered(planocore):
    data = (await planocore.create(**EVERYTHING)).json()["data"]
    stage, status = data["order_stage"], data["order_status"]
    assert {key: stage[key] for key in EVERYTHING} == EVERYTHING
    assert stage["stage_start_at"] == "2023-10-02T15:30:00.500000Z"
    assert (stage["created_at_fm"], stage["notified_at"]) == ("2023-10-02T15:31:15Z", "2023-10-02T15:32:00Z")
    assert status["stage"] == EVERYTHING["stage"]
    assert status["appointment"] == EVERYTHING["appointment"]
    assert status["order"] == EVERYTHING["order"]
    assert (status["client_id"], status["client_billing_postal_code"]) == (9_007_199_254_740_993, 2134)


async def test_numbers_and_booleans_may_come_as_text(planocore):
    answer = await planocore.create(
        order_id="210440",
        order_request_id="710440",
        update_status="false",
        created_by_id="12",
        created_by="x",
        client={"client_id": "-5", "client_billing_postal_code": "02134"},
        order={"delivery_rush": "true"},
    )
    stage = answer.json()["data"]["order_stage"]
    assert (stage["order_id"], stage["order_request_id"], stage["update_status"]) == (210440, 710440, False)
    assert stage["created_by_id"] == 12
    assert stage["client"] == {"client_id": -5, "client_billing_postal_code": 2134}
    assert stage["order"]["delivery_rush"] is True


async def test_null_and_empty_text_count_as_not_given(planocore):
    nothing = {key: "" for key in EVERYTHING if key not in ("update_status", "stage")}
    for value in ("", None):
        given = dict.fromkeys(nothing, value)
        stage = (await planocore.create(**given, order_request_id=value)).json()["data"]["order_stage"]
        assert all(stage[key] is None for key in given)


async def test_false_leaves_the_status_alone(planocore):
    before = (await planocore.create(stage="scheduled")).json()["data"]["order_status"]
    data = (await planocore.create(stage="hold", update_status=False, client={"client_id": 1})).json()["data"]
    assert data["order_stage"]["update_status"] is False
    assert data["order_status"] == before
    assert [stage.stage for stage in await planocore.stages()] == ["ordered", "scheduled", "hold"]


async def test_true_moves_the_status_even_backdated(planocore):
    await planocore.create(stage="now")
    data = (await planocore.create(stage="then", stage_at_mt="2020-01-01")).json()["data"]
    assert data["order_stage"]["stage_start_at"] == "2020-01-01T07:00:00Z"
    assert data["order_status"]["stage"] == "then"
    assert data["order_status"]["stage_since"] > data["order_stage"]["stage_start_at"]


async def test_the_status_knows_what_the_database_has(planocore):
    status = (await planocore.create(order_id=planocore.demo["order_id"])).json()["data"]["order_status"]
    assert (status["client_id"], status["client_billing_postal_code"]) == (4411, 80202)
    assert status["order"]["services_addon_array"] == ["twilight", "aerial"]
    assert (status["order"]["due_date"], status["order"]["delivery_rush"]) == ("2023-09-29", False)
    assert status["appointment"]["appt_id"] == 7101
    said = {"client": {"client_id": 8}, "order": {"due_date": "soon"}}
    later = (await planocore.create(order_id=planocore.demo["order_id"], **said)).json()["data"][
        "order_status"
    ]
    assert (later["client_id"], later["client_billing_postal_code"]) == (8, 80202)
    assert later["order"] == {**status["order"], "due_date": "soon"}
    last = (await planocore.create(order_id=planocore.demo["order_id"])).json()["data"]["order_status"]
    assert (last["client_id"], last["order"]["due_date"]) == (8, "soon")


async def test_created_by_over_the_user_with_created_by_id(planocore):
    person = await create_person(
        planocore.book, planocore.organisation, "zoe", None, Profile(first_name="Zoë", last_name="Q")
    )
    named = await planocore.create(created_by_id=person.id)
    assert named.json()["data"]["order_stage"]["created_by"] == "Zoë Q"
    given = await planocore.create(created_by_id=person.id, created_by="Me")
    assert given.json()["data"]["order_stage"]["created_by"] == "Me"
    unknown = await planocore.create(created_by_id=10**15, created_by="Me")
    assert unknown.json()["data"]["order_stage"]["created_by_id"] == 10**15
    assert refusal(await planocore.create(created_by_id=10**15)) == invalid("created_by_id")
    nameless = await create_person(planocore.book, planocore.organisation, "nameless", None, Profile())
    unsaid = await planocore.create(created_by_id=nameless.id)
    assert unsaid.json()["data"]["order_stage"]["created_by"] is None


async def test_an_order_from_elsewhere_is_known_by_its_own_id(planocore):
    party = Party(id=3, postal_code="SW1A 1AA")
    order = NewOrder(document=Document(names={"reference": "R1"}, customer=party))
    own = (await place_order(planocore.book, make_caller(planocore.organisation), order)).id
    data = (await planocore.create(order_id=own, update_status=False)).json()["data"]
    assert (data["order_stage"]["id"], data["order_stage"]["order_id"]) == (1, own)
    assert data["order_stage"]["order_request_id"] is None
    assert data["order_status"] is None
    status = (await planocore.create(order_id=own)).json()["data"]["order_status"]
    assert (status["client_id"], status["client_billing_postal_code"]) == (3, None)
    assert status["order"]["external_id"] == "R1"
    assert refusal(await planocore.create(order_id=None, order_request_id=own)) == invalid("order_request_id")
    both = await planocore.create(order_id=own, order_request_id=710440)
    assert refusal(both) == invalid("order_request_id")


async def test_a_named_order_is_not_known_by_its_own_id(planocore):
    own = (await planocore.order()).id
    assert refusal(await planocore.create(order_id=own)) == invalid("order_id")


async def test_future_stages_are_taken(planocore):
    ahead = datetime.now(UTC) + timedelta(days=400)
    data = (await planocore.create(stage="later", stage_at_mt=f"{ahead:%Y-%m-%d}")).json()["data"]
    assert data["order_status"]["stage"] == "later"
    back = (await planocore.create(stage="today")).json()["data"]
    assert back["order_status"]["stage"] == "today"


TEXTS = ("stage", "stage_trigger", "created_by", "notes", "updated_by", "event_slug")
NESTED_TEXTS = (
    *(("appointment", name) for name in list(EVERYTHING["appointment"])[1:]),
    *(
        ("order", name)
        for name in EVERYTHING["order"]
        if name not in ("delivery_rush", "services_addon_array")
    ),
)
INTEGERS = ("order_id", "order_request_id", "created_by_id", "updated_by_id")
NESTED_INTEGERS = (
    ("appointment", "appt_id"),
    ("client", "client_id"),
    ("client", "client_billing_postal_code"),
)
NO_TEXTS: tuple[Any, ...] = (5, 1.5, True, False, [], {}, ["x"], "nul\0", "x" * 10_001)
NO_INTEGERS = ("x", "1.0", "0x1", "１", " 1", "1 ", "+1", "-", "9" * 20, 2**63, -(2**63) - 1, 10**60, 1.5)
NO_INTEGERS_EITHER: tuple[Any, ...] = (True, False, [], {}, [1], "true", "9223372036854775808")

NO_BOOLEANS: tuple[Any, ...] = ("maybe", "True", "1", 1, 0, 1.0, [], {})
NO_HASHES: tuple[Any, ...] = ("x", 1, 0, True, False, [], [{}])
NO_ADDONS: tuple[Any, ...] = (
    *("x", {}, 1, ["x"] * 201),
    *([[]], [{"a": {}}], [{"": 1}], [{"a": "x" * 1_001}], ["x" * 1_001], ["\0"], [2**63], [10**60]),
)


def labelled(name: str | tuple[str, str], value: Any) -> tuple[dict[str, Any], str]:
    if isinstance(name, str):
        return {name: value}, name
    return {name[0]: {name[1]: value}}, ".".join(name)


@pytest.mark.parametrize("name", [*TEXTS, *NESTED_TEXTS], ids=str)
async def test_what_is_no_text_is_refused(planocore, name):
    for value in NO_TEXTS:
        params, attr = labelled(name, value)
        assert refusal(await planocore.create(**params)) == invalid(attr), value
    assert len(await planocore.stages()) == 1


@pytest.mark.parametrize("name", [*INTEGERS, *NESTED_INTEGERS], ids=str)
async def test_what_is_no_integer_is_refused(planocore, name):
    for value in (*NO_INTEGERS, *NO_INTEGERS_EITHER):
        params, attr = labelled(name, value)
        assert refusal(await planocore.create(**params)) == invalid(attr), value
    assert len(await planocore.stages()) == 1


@pytest.mark.parametrize("name", ["update_status", ("order", "delivery_rush")], ids=str)
async def test_what_is_no_boolean_is_refused(planocore, name):
    for value in NO_BOOLEANS:
        params, attr = labelled(name, value)
        assert refusal(await planocore.create(**params)) == invalid(attr), value
    assert len(await planocore.stages()) == 1


@pytest.mark.parametrize("name", ["appointment", "client", "order"])
async def test_what_is_no_hash_is_refused(planocore, name):
    for value in NO_HASHES:
        assert refusal(await planocore.create(**{name: value})) == invalid(name), value
    answer = await planocore.create(**{name: {}})
    assert set(answer.json()["data"]["order_stage"][name].values()) == {None}


async def test_addons_are_bounded(planocore):
    for value in NO_ADDONS:
        answer = await planocore.create(order={"services_addon_array": value})
        assert refusal(answer) == invalid("order.services_addon_array"), value
    token = planocore.demo["application_token"].encode()
    head = b'{"token":"%s","order_id":210440,"update_status":true,"stage":"x",' % token
    answer = await planocore.post(CREATE, head + b'"order":{"services_addon_array":[1e999]}}')
    assert refusal(answer) == invalid("order.services_addon_array")
    assert len(await planocore.stages()) == 1
    for value in (["x"] * 200, [{"group_slug": "twilight", "quantity": 2, "note": None}, 1.5]):
        answer = await planocore.create(order={"services_addon_array": value})
        assert answer.json()["data"]["order_stage"]["order"]["services_addon_array"] == value


async def test_a_stage_is_any_text_of_255(planocore):
    for stage in (
        "x" * 255,
        "never heard of it",
        "été",
        "0",
        "null",
        "two\nlines",
        "nb\u00a0sp",
        "👩\u200d🔧",
    ):
        assert (await planocore.create(stage=stage)).json()["data"]["order_stage"]["stage"] == stage
    for stage in ("x" * 256, "nul\0"):
        assert refusal(await planocore.create(stage=stage)) == invalid("stage")


async def test_texts_are_bounded_one_by_one(planocore):
    longest = {"created_by": "x" * 1_000, "order": {"due_date": "x" * 1_000, "cancel_note": "x" * 10_000}}
    assert (await planocore.create(**longest)).status == 200
    assert refusal(await planocore.create(created_by="x" * 1_001)) == invalid("created_by")
    assert refusal(await planocore.create(order={"due_date": "x" * 1_001})) == invalid("order.due_date")


async def test_texts_are_bounded_together(planocore):
    notes = {"notes": "é" * 10_000, "cancel_note": "é" * 10_000}
    params = {"notes": "é" * 10_000, "order": notes, "appointment": {"cancel_note": "é" * 10_000}}
    assert refusal(await planocore.create(**params)) == invalid("params")
    assert (await planocore.create(notes="é" * 10_000, order=notes)).status == 200


async def test_required_parameters_come_first_in_their_order(planocore):
    bad = {"application": "nonsense", "stage_at_mt": "nonsense"}
    for missing in ("order_id", "update_status", "stage"):
        assert refusal(await planocore.create(**bad, **{missing: None})) == (
            400,
            "missing-param",
            missing,
            "missing",
        )
        assert refusal(await planocore.create(**bad, **{missing: ""}))[1:] == (
            "missing-param",
            missing,
            "empty",
        )
    assert refusal(await planocore.create(**bad)) == invalid("application")

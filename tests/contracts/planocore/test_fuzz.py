"""Whatever a body holds: a documented answer below 500, and nothing half written."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.planocore.conftest import CREATE, READ, PlanoCore, make_planocore
from tests.factories import make_book

REFUSALS = {
    (400, "invalid-param"),
    (400, "missing-param"),
    (400, "no-params-decoded"),
    (400, "invalid-encoded-params"),
    (401, "invalid-token"),
}
EXAMPLES = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

HASHES = {
    "appointment": ("appt_id", "appt_confirmed", "appt_start_at", "cancel_note"),
    "client": ("client_id", "client_billing_postal_code"),
    "order": ("notes", "delivery_rush", "due_date", "services_addon_array", "cancel_note"),
}
PARAMS = (
    *(
        "order_id",
        "order_request_id",
        "update_status",
        "stage",
        "stage_trigger",
        "stage_at_mt",
        "created_at_mt",
    ),
    *("created_by_id", "created_by", "notes", "updated_by", "updated_by_id", "notified_at_mt", "event_slug"),
    *("token", "application_view", "application", "session_view", "view", "_id"),
    *HASHES,
)

texts = st.text(max_size=40) | st.sampled_from(
    ["", "210440", "true", "2023-01-01", "01/02/2023 3:04 PM", "default", "planox2", "\0", "-0"]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts | st.just(210440)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
hashes = st.one_of(
    [st.fixed_dictionaries({}, optional=dict.fromkeys(names, values)) for names in HASHES.values()]
)
params = st.dictionaries(st.sampled_from(PARAMS) | st.text(max_size=8), values | hashes, max_size=12)


class Fuzzed:
    """The contract on a loop of its own, for tests whose examples are drawn."""

    def __init__(self, runner: asyncio.Runner, planocore: PlanoCore) -> None:
        self.runner = runner
        self.planocore = planocore

    def post(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        answer = self.runner.run(self.planocore.post(path, body))
        assert answer.header("content-type") == "application/json"
        told: dict[str, Any] = answer.json()
        assert told["code"] == answer.status
        return answer.status, told

    def stage_count(self) -> int:
        """How many stages there are, seen to be the same in the order and in its history."""
        order = self.runner.run(self.planocore.order())
        stages = self.runner.run(self.planocore.stages())
        assert order.stage_count == len(stages) == max(stage.number for stage in stages)
        assert order.revision == max(stage.revision for stage in stages)
        return len(stages)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    with asyncio.Runner() as runner:
        book = make_book(tmp_path_factory.mktemp("fuzz"))
        yield Fuzzed(runner, runner.run(make_planocore(book, notifications={})))
        runner.run(book.close())


def encode(value: Any) -> bytes:
    # A lone surrogate can be drawn: escaped, it goes over the wire as text.
    return json.dumps(value).encode()


@EXAMPLES
@given(drawn=params)
def test_any_parameters_of_a_stage(fuzzed: Fuzzed, drawn: dict[str, Any]):
    needed = {
        "token": fuzzed.planocore.demo["application_token"],
        "order_id": fuzzed.planocore.demo["loose_order_id"],
        "update_status": True,
        "stage": "fuzzed",
    }
    before = fuzzed.stage_count()
    status, told = fuzzed.post(CREATE, encode({**needed, **drawn}))
    after = fuzzed.stage_count()
    if status == 200:
        other = told["data"]["order_stage"]["order_id"] != needed["order_id"]
        assert other or after == before + 1
        assert told["data"]["order_stage"]["stage"] in ("fuzzed", drawn.get("stage"))
    else:
        assert (status, told["status"]) in REFUSALS
        assert after == before


@EXAMPLES
@given(drawn=params)
def test_any_parameters_of_a_group_order(fuzzed: Fuzzed, drawn: dict[str, Any]):
    demo = fuzzed.planocore.demo
    needed = {"token": demo["application_token"], "_id": demo["group_order_id"]}
    status, told = fuzzed.post(READ, encode({**needed, **drawn}))
    assert status == 200 or (status, told["status"]) in REFUSALS


@EXAMPLES
@given(body=st.binary(max_size=200) | values.map(encode))
@pytest.mark.parametrize("path", [READ, CREATE])
def test_any_body(fuzzed: Fuzzed, path: str, body: bytes):
    status, told = fuzzed.post(path, body)
    assert (status, told["status"]) in REFUSALS


@EXAMPLES
@given(data=st.data())
def test_any_damage_to_a_good_body(fuzzed: Fuzzed, data: st.DataObject):
    good = encode(
        {
            "token": fuzzed.planocore.demo["application_token"],
            "order_id": fuzzed.planocore.demo["loose_order_id"],
            "update_status": True,
            "stage": "fuzzed",
            "stage_at_mt": "2023-09-22 14:05:09",
            "client": {"client_billing_postal_code": 80202},
        }
    )
    at = data.draw(st.integers(0, len(good) - 1))
    cut = data.draw(st.integers(0, 3))
    put = data.draw(st.binary(max_size=3))
    before = fuzzed.stage_count()
    status, told = fuzzed.post(CREATE, good[:at] + put + good[at + cut :])
    assert status == 200 or (status, told["status"]) in REFUSALS
    added = status == 200 and told["data"]["order_stage"]["order_id"] == 210440
    assert fuzzed.stage_count() == before + added

"""Whatever is sent about parties and accounts is taken whole or refused, and never half-written."""

from __future__ import annotations

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orderwire.book.callers import RIGHTS
from orderwire.book.orders import Party
from orderwire.contracts.native import wire_accounts as wire
from tests.contracts.native.account_calls import make_application, make_user

PLAIN = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["customer", "employee"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
TEXTS = st.text(min_size=1, max_size=300)


def fields_of(record: type[msgspec.Struct]) -> st.SearchStrategy[str]:
    """Names of a record's fields."""
    return st.sampled_from([field.name for field in msgspec.structs.fields(record)])


PARTIES = st.dictionaries(fields_of(Party), VALUES | TEXTS, max_size=4)


@PLAIN
@given(role=VALUES, party=PARTIES | VALUES)
async def test_any_party(native, role, party):
    answer = await native.ask("POST", "/v1/parties", {"role": role, "party": party})
    assert answer.status in {201, 409, 422, 400}, answer
    if answer.status == 201:
        assert (await native.ask("GET", answer.header("location"))).json() == answer.json()


@PLAIN
@given(patch=PARTIES)
async def test_any_change_of_a_party(native, patch):
    before = {"name": "Before", "phone": "1"}
    made = await native.ask("POST", "/v1/parties", {"role": "customer", "party": before})
    answer = await native.ask("PATCH", made.header("location"), {"party": patch})
    assert answer.status in {200, 409, 422, 400}, answer
    after = (await native.ask("GET", made.header("location"))).json()
    if answer.status == 200:
        merged = {**before, **patch}
        assert after["party"] == {name: value for name, value in merged.items() if value is not None}
    else:
        assert after == made.json()


@PLAIN
@given(patch=st.dictionaries(fields_of(wire.UserPatch), VALUES | TEXTS, max_size=4))
async def test_any_change_of_a_user(native, patch):
    username = f"user {len((await native.ask('GET', '/v1/users?limit=1000')).json()['users'])}"
    path, made = await make_user(native, username, email="before")
    answer = await native.ask("PATCH", path, patch)
    assert answer.status in {200, 422, 400}, answer
    if answer.status != 200:
        assert (await native.ask("GET", path)).json() == made


@PLAIN
@given(
    rights=st.lists(st.sampled_from(sorted(RIGHTS))) | VALUES,
    more=st.dictionaries(fields_of(wire.TokenBody), VALUES, max_size=3),
)
async def test_any_token(native, rights, more):
    applications = (await native.ask("GET", "/v1/applications")).json()["applications"]
    shop = applications[0] if applications else await make_application(native)
    body = {"application_id": shop["id"], **more, "rights": rights}
    answer = await native.ask("POST", "/v1/tokens", body)
    assert answer.status in {201, 422, 400}, answer
    if answer.status == 201:
        made = answer.json()
        assert set(made["rights"]) == set(rights)
        shown = (await native.ask("GET", "/v1/tokens?scheme=native.token&limit=1000")).json()["tokens"]
        assert made.pop("token")
        assert made in shown


@PLAIN
@given(cursor=st.text(max_size=80) | st.binary(max_size=80).map(lambda raw: raw.hex()))
async def test_any_cursor(native, cursor):
    safe = "".join(f"%{byte:02x}" for byte in cursor.encode("utf-8", "ignore"))
    for path in ("parties", "users", "applications", "tokens"):
        answer = await native.ask("GET", f"/v1/{path}?after={safe}")
        assert answer.status in {200, 422}, (path, answer)

"""Tokens: their age at the exact boundaries, the role taken on, and whose book they open."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orderwire.book.accounts import NewToken, create_person, issue_tokens, revoke_token
from orderwire.book.callers import Profile
from orderwire.book.store import Book
from orderwire.contracts.planocore import auth, contract
from orderwire.vault import digest
from tests.contracts.planocore.conftest import PlanoCore, invalid, make_planocore, refusal
from tests.factories import make_organisation
from tests.inprocess import app_over

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
EXPIRED = (401, "session-expired", "token", "expired")
UNKNOWN = (401, "invalid-token", "token", "invalid")


@pytest.fixture
async def still(book: Book) -> PlanoCore:
    """The demo records planted at START, where the clock stands until a test moves it."""
    book.clock = lambda: START
    return await make_planocore(book)


def at(planocore: PlanoCore, since: timedelta) -> None:
    planocore.book.clock = lambda: START + since


async def read_as(planocore: PlanoCore, **params: Any) -> dict[str, Any]:
    answer = await planocore.read(**{"token": planocore.demo["session_token"], **params})
    assert answer.status == 200, answer.body
    body: dict[str, Any] = answer.json()
    return body


async def settle(planocore: PlanoCore) -> None:
    """Wait for what is written behind the answers."""
    if planocore.book.tasks:
        await asyncio.wait(list(planocore.book.tasks))


async def test_a_session_rests_for_exactly_72_hours(still):
    token = still.demo["session_token"]
    at(still, timedelta(hours=72, microseconds=1))
    assert refusal(await still.read(token=token)) == EXPIRED
    at(still, timedelta(hours=72))
    assert (await still.read(token=token)).status == 200


async def test_use_keeps_a_session_awake_and_is_written(still):
    token = still.demo["session_token"]
    at(still, timedelta(hours=71))
    session = (await read_as(still))["session"]
    assert session["last_used_at"] == "2026-03-04T11:00:00Z"
    await settle(still)
    still.book.noted_uses.clear()  # as after a restart: what was written must do
    at(still, timedelta(hours=71 + 72))
    assert (await still.read(token=token)).status == 200
    await settle(still)


async def last_use_kept(still):
    """When the store says that the demo's session was used last."""
    await settle(still)
    credential = await still.book.store.fetch_credential(digest(still.demo["session_token"]))
    return credential.token.last_used_at


async def test_a_use_within_the_minute_is_not_written_again(still):
    at(still, timedelta(seconds=59))
    assert (await read_as(still))["session"]["last_used_at"] == "2026-03-01T12:00:00Z"
    assert await last_use_kept(still) == datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    at(still, timedelta(seconds=60))
    assert (await read_as(still))["session"]["last_used_at"] == "2026-03-01T12:01:00Z"
    assert await last_use_kept(still) == datetime(2026, 3, 1, 12, 1, tzinfo=UTC)


async def test_a_session_lives_for_exactly_seven_days(still):
    token = still.demo["session_token"]
    for hours in (70, 140):
        at(still, timedelta(hours=hours))
        assert (await still.read(token=token)).status == 200
    at(still, timedelta(days=7))
    assert (await still.read(token=token)).status == 200
    at(still, timedelta(days=7, microseconds=1))
    assert refusal(await still.read(token=token)) == EXPIRED
    await settle(still)


async def test_a_remembered_session_has_no_end_and_notes_its_use(still):
    at(still, timedelta(days=4_000))
    session = (await read_as(still, token=still.demo["remembered_session_token"]))["session"]
    assert session["remember_me"] is True
    assert session["created_at"] == "2026-01-30T12:00:00Z"
    assert session["last_used_at"] == "2037-02-11T12:00:00Z"
    await settle(still)


async def test_an_application_token_has_no_end_and_no_session(still):
    at(still, timedelta(days=4_000))
    assert "session" not in await read_as(still, token=still.demo["application_token"])


async def test_demo_tokens_have_the_ages_they_are_named_for(still):
    for name in ("expired_session_token", "idle_session_token"):
        assert refusal(await still.read(token=still.demo[name])) == EXPIRED
    at(still, -timedelta(hours=1))  # 73 hours unused are 72 an hour ago
    assert (await still.read(token=still.demo["idle_session_token"])).status == 200
    at(still, -timedelta(days=1))
    assert (await still.read(token=still.demo["expired_session_token"])).status == 200
    await settle(still)


@pytest.mark.parametrize("token", ["no-such-token", "x" * 5_000, "é", 5, 1.5, True, [], {}, ["a"]], ids=repr)
async def test_what_is_no_token_is_refused(planocore, token):
    assert refusal(await planocore.read(token=token)) == UNKNOWN


async def test_a_token_that_is_not_there_is_missing(planocore):
    for token, message in ((None, "missing"), ("", "empty")):
        assert refusal(await planocore.read(token=token)) == (400, "missing-param", "token", message)
        assert refusal(await planocore.create(token=token, stage=None))[2:] == ("token", message)


async def test_a_revoked_token_and_one_of_another_kind_are_unknown(planocore):
    await revoke_token(planocore.book, planocore.demo["session_token"])
    assert refusal(await planocore.read(token=planocore.demo["session_token"])) == UNKNOWN
    other = NewToken(scheme="elsewhere.token", organisation_id=planocore.organisation.id)
    (secret,) = await issue_tokens(planocore.book, [other])
    assert refusal(await planocore.read(token=secret)) == UNKNOWN


@pytest.mark.parametrize(
    ("roles", "role_by_application"),
    [
        (("client", "employee", "liaison"), ("employee", "employee", "client", "employee")),
        (("liaison", "client"), ("liaison", "liaison", "client", "liaison")),
        (("employee", "liaison"), ("employee", "employee", "liaison", "employee")),
        (("client",), ("client", "client", "client", "client")),
        (("auditor", "employee"), ("employee", "employee", "employee", "employee")),
        ((), (None, None, None, None)),
        (("auditor",), (None, None, None, None)),
    ],
)
def test_the_application_picks_the_role(roles, role_by_application):
    picked = tuple(auth.role_for(name, roles) for name in (None, "planoauth", "planoorder", "planox2"))
    assert picked == role_by_application
    assert auth.role_for(["planoorder"], roles) == role_by_application[0]


async def test_a_client_sees_its_own_group_orders_only(planocore):
    mine = await planocore.read(token=planocore.demo["session_token"], application="planoorder")
    assert mine.json()["session"]["role"] == "client"
    assert mine.json()["data"]["successful_orders"] == 3
    other = await planocore.read(token=planocore.demo["other_session_token"])
    assert refusal(other) == invalid("_id")


async def test_a_client_adds_stages_but_sees_only_its_own_status(planocore):
    other = await planocore.create(token=planocore.demo["other_session_token"])
    assert other.json()["data"]["order_stage"]["stage"] == "scheduled"
    assert other.json()["data"]["order_status"] is None
    mine = await planocore.create(token=planocore.demo["session_token"], application="planoorder")
    assert mine.json()["data"]["order_status"]["stage"] == "scheduled"


async def test_session_views(planocore):
    default = (await read_as(planocore))["session"]
    keys = ["token", "user", "role", "roles", "application", "remember_me", "created_at", "last_used_at"]
    assert list(default) == keys
    assert list(default["user"]) == ["id", "email", "first_name", "last_name"]
    assert (await read_as(planocore, session_view="minimal"))["session"] == {
        "token": planocore.demo["session_token"],
        "role": "employee",
    }
    assert list((await read_as(planocore, session_view="user"))["session"]) == keys[:4]
    for view in ("default", "full", "", None):
        assert list((await read_as(planocore, session_view=view))["session"]) == keys
    no_views: tuple[Any, ...] = (1, True, [], {})
    for view in no_views:
        assert refusal(await planocore.read(session_view=view)) == invalid("session_view")


async def test_client_required_shows_the_session_in_the_view_asked_for(planocore):
    token = planocore.demo["roleless_session_token"]
    for view, keys in (("minimal", 2), ("user", 4), ("default", 8), (7, 8)):
        answer = await planocore.read(token=token, session_view=view)
        body = answer.json()
        assert (answer.status, list(body)) == (401, ["code", "status", "session"])
        assert (body["code"], body["status"], len(body["session"])) == (401, "client-required", keys)
        assert (body["session"]["token"], body["session"]["role"]) == (token, None)


async def test_application_views(planocore):
    session, program = planocore.demo["session_token"], planocore.demo["application_token"]
    assert "application" not in (await planocore.create()).json()
    for view in ("default", "full"):
        answer = await planocore.create(token=program, application_view=view, application="planox2")
        assert answer.json()["application"] == {"slug": "planoworker", "name": "PlanOworker"}
    answer = await planocore.create(token=session, application_view="minimal", application="planoorder")
    assert answer.json()["application"] == {"slug": "planoorder"}
    assert (await planocore.create(token=session, application_view="default")).json()["application"] is None
    assert refusal(await planocore.create(application_view=3)) == invalid("application_view")
    assert "application" not in (await planocore.read(application_view="default")).json()


async def test_another_organisation_sees_nothing(planocore):
    book = planocore.book
    foreign = await make_organisation(book, "foreign")
    profile = Profile(first_name="Eve", roles=("employee",))
    person = await create_person(book, foreign, "eve", None, profile)
    request = auth.session_tokens(foreign, person, None)["session_token"]
    (token,) = await issue_tokens(book, [request])
    assert refusal(await planocore.read(token=token)) == invalid("_id")
    assert refusal(await planocore.create(token=token)) == invalid("order_id")
    own_id = (await planocore.order()).id
    assert refusal(await planocore.create(token=token, order_id=own_id)) == invalid("order_id")
    assert refusal(await planocore.create(created_by_id=person.id)) == invalid("created_by_id")
    planocore.app = app_over(book, contract, organisation="entity1")
    assert refusal(await planocore.read(token=token)) == UNKNOWN
    assert (await planocore.read()).status == 200


async def test_a_token_issued_without_the_right_is_refused(planocore):
    request = NewToken(scheme=auth.APPLICATION, organisation_id=planocore.organisation.id)
    (token,) = await issue_tokens(planocore.book, [request])
    assert refusal(await planocore.read(token=token)) == invalid("_id")
    expected = (400, "invalid-param", "token", "unauthorized")
    assert refusal(await planocore.create(token=token)) == expected
    assert len(await planocore.stages()) == 1

"""POST /orders: owners, the one open order of each, ids and bodies."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from orderwire.contracts.hostway import wire
from orderwire.contracts.hostway.demo import ORDER_ID, OTHER_ORDER_ID
from tests.contracts.hostway.conftest import NOW
from tests.contracts.hostway.golden_variables import basic
from tests.factories import all_orders
from tests.inprocess import call


def owner_in(answer) -> str:
    cookie = answer.header("set-cookie")
    assert cookie.startswith("OwnerId=")
    assert cookie.endswith("; Path=/")
    owner = cookie.removeprefix("OwnerId=").removesuffix("; Path=/")
    assert str(uuid.UUID(owner, version=4)) == owner
    return owner


async def stored(hostway, order_id):
    return await hostway.book.store.fetch_order_named(hostway.organisation.id, "hostway.order", order_id)


async def test_what_was_created_is_read_with_the_cookie_that_came_with_it(hostway):
    answer = await hostway.ask("POST", "/orders", body="{}")
    owner, order_id = owner_in(answer), answer.json()["orderId"]
    assert answer.header("location") == f"https://api.hostway.com/orders/{order_id}"
    found = await hostway.ask("GET", f"/orders/{order_id}", cookie=owner)
    assert found.json() == {
        "order": {"Status": "new"},
        "links": [{"href": f"https://api.hostway.com/orders/{order_id}/", "rel": "self"}],
    }
    assert (await hostway.ask("GET", f"/orders/{order_id}/", cookie=owner)).status == 200
    assert (await hostway.ask("GET", f"/orders/{order_id}")).status == 401


async def test_ids_hold_the_instant_and_the_node(hostway):
    hostway.book.clock = lambda: NOW
    order_id = (await hostway.ask("POST", "/orders")).json()["orderId"]
    assert order_id.startswith(f"{int(NOW.timestamp() * 1000):016x}")
    assert order_id.endswith("007f000000010001")
    assert wire.read_order_id_time(order_id) == NOW
    assert (await stored(hostway, order_id)).placed_at == NOW


def test_the_documents_ids_decode_to_their_instants():
    assert wire.read_order_id_time(ORDER_ID).isoformat() == "2013-02-04T16:44:49.275000+00:00"
    assert wire.read_order_id_time(OTHER_ORDER_ID).isoformat() == "2014-09-03T12:52:56.644000+00:00"


def test_ids_are_forty_lower_case_hex_digits_and_differ():
    made = {wire.make_order_id(NOW, wire.NODE) for _ in range(100)}
    assert len(made) == 100
    assert all(len(one) == 40 and not set(one) - set("0123456789abcdef") for one in made)


async def test_an_owner_is_never_taken_over_from_the_client(hostway):
    for cookie in ("not-a-uuid", str(uuid.uuid4()), "", "x" * 6_000):
        answer = await hostway.ask("POST", "/orders", cookie=cookie)
        assert answer.status == 201
        assert owner_in(answer) != cookie


async def test_an_owner_of_another_organisation_is_made_anew(hostway):
    owner = owner_in(await hostway.ask("POST", "/orders"))
    app = await hostway.elsewhere("second")
    answer = await call(app, "POST", "/orders", {"cookie": f"OwnerId={owner}"})
    assert answer.status == 201
    assert owner_in(answer) != owner


async def test_an_owner_has_one_open_order_and_keeps_its_cookie(hostway):
    first = await hostway.ask("POST", "/orders")
    owner = owner_in(first)
    second = await hostway.ask("POST", "/orders", cookie=owner)
    assert second.status == 409
    assert second.json()["conflict"]["message"] == "A new order has already been created for this ownerID"
    assert second.header("set-cookie") is None
    path = f"/orders/{first.json()['orderId']}"
    assert (await hostway.ask("DELETE", path, cookie=owner)).status == 204
    third = await hostway.ask("POST", "/orders", cookie=owner)
    assert third.status == 201
    assert owner_in(third) == owner
    assert (await hostway.ask("GET", path, cookie=owner)).status == 404


async def test_a_submitted_order_does_not_stand_in_the_way(hostway):
    answer = await hostway.ask("POST", "/orders", cookie=hostway.demo["associated_owner_id"])
    assert answer.status == 201
    assert owner_in(answer) == hostway.demo["associated_owner_id"]


async def test_of_clients_that_race_for_one_open_order_one_wins(hostway):
    owner = hostway.demo["associated_owner_id"]
    answers = await asyncio.gather(*(hostway.ask("POST", "/orders", cookie=owner) for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 7


async def test_an_order_made_by_a_user_is_associated_with_that_user(hostway):
    user = basic(hostway.demo["username"], hostway.demo["password"])
    order_id = (await hostway.ask("POST", "/orders", auth=user)).json()["orderId"]
    assert (await hostway.ask("GET", f"/orders/{order_id}", auth=user)).status == 200
    guest = basic(hostway.demo["unassociated_username"], hostway.demo["unassociated_password"])
    assert (await hostway.ask("GET", f"/orders/{order_id}", auth=guest)).status == 403


async def test_a_wrong_authorization_creates_nothing(hostway):
    before = await all_orders(hostway.book, hostway.organisation)
    assert (await hostway.ask("POST", "/orders", auth="Basic x")).status == 401
    assert await all_orders(hostway.book, hostway.organisation) == before


@pytest.mark.parametrize("body", ["", " \n", "{}", '{"unknown": [1, {}]}', '\ufeff{"a": 1e3}'])
async def test_bodies_that_are_taken(hostway, body):
    assert (await hostway.ask("POST", "/orders", body=body)).status == 201


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"null",
        b'"x"',
        b"1",
        b"{",
        b'{"a": 1,}',
        b'{"a": 1, "a": 2}',
        b"\xff\xfe{}",
        b'{"a": "\\ud800"}',
        b'{"a": NaN}',
        b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"a": ' + b"1" * 100 + b"}",
        b"a" * 1_048_577,
    ],
)
async def test_bodies_that_are_refused(hostway, body):
    answer = await hostway.ask("POST", "/orders", body=body)
    assert answer.status == 400
    fault = answer.json()["badRequest"]
    assert (fault["message"], fault["code"]) == ("POST data error", 400)
    assert answer.header("set-cookie") is None


async def test_only_elevated_users_name_the_clients_address(hostway):
    body = '{"clientIp": "2001:db8::7"}'
    user = basic(hostway.demo["username"], hostway.demo["password"])
    for auth in (None, user):
        answer = await hostway.ask("POST", "/orders", auth=auth, body=body)
        assert answer.status == 400
        assert answer.json()["badRequest"]["message"] == "User cannot specify the client IP address"
    agent = basic(hostway.demo["elevated_username"], hostway.demo["elevated_password"])
    answer = await hostway.ask("POST", "/orders", auth=agent, body=body)
    assert (await stored(hostway, answer.json()["orderId"])).document.client_address == "2001:db8::7"


@pytest.mark.parametrize("value", ['"300.1.1.1"', "1", "null", '""', '"1.2.3.4\\u0000"', '"::1%\\u0000"'])
async def test_an_address_that_is_none_is_a_data_error(hostway, value):
    agent = basic(hostway.demo["elevated_username"], hostway.demo["elevated_password"])
    answer = await hostway.ask("POST", "/orders", auth=agent, body=f'{{"clientIp": {value}}}')
    assert answer.status == 400
    assert answer.json()["badRequest"]["message"] == "POST data error"
    assert list(answer.json()["badRequest"]["details"]) == ["clientIp"]


async def test_the_history_names_who_created_the_order(hostway):
    order_id = (await hostway.ask("POST", "/orders")).json()["orderId"]
    order = await stored(hostway, order_id)
    revisions = await hostway.book.store.list_states(hostway.organisation.id, order.id, 0, 10)
    assert [(one.revision.origin.contract, one.revision.origin.caller) for one in revisions] == [
        ("hostway", "owner")
    ]
    assert revisions[0].revision.origin.request_id

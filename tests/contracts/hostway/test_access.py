"""Who may reach which order, and what is told to those who may not."""

from __future__ import annotations

import pytest

from orderwire.book.accounts import create_organisation
from tests.contracts.hostway.golden_variables import basic
from tests.inprocess import call

WRONG = basic("hostway-demo", "wrong")
# Cookie, Authorization and order, by their names in `values` below; None is not sent.
TABLE = [
    ("owner", None, "order", 200),
    ("other owner", None, "order", 401),
    ("junk", None, "order", 401),
    (None, None, "order", 401),
    (None, "guest", "associated", 403),
    (None, "user", "associated", 200),
    ("other owner", "guest", "associated", 403),
    ("other owner", "user", "associated", 200),
    ("associated owner", "guest", "associated", 200),
    ("associated owner", None, "associated", 200),
    (None, "guest", "order", 403),
    (None, "user", "order", 403),
    (None, "staff", "order", 200),
    # A wrong Authorization comes before everything else, existence included.
    ("owner", "wrong", "order", 401),
    (None, "wrong", "unknown", 401),
    # Existence comes before permission.
    (None, None, "unknown", 404),
    ("owner", None, "unknown", 404),
    (None, "guest", "unknown", 404),
    (None, "staff", "unknown", 404),
    (None, None, "malformed", 404),
]


async def test_the_order_of_checks_of_an_existing_order(hostway):
    demo = hostway.demo
    values = {
        None: None,
        "owner": demo["owner_id"],
        "other owner": demo["other_owner_id"],
        "associated owner": demo["associated_owner_id"],
        "junk": "wrong_owner_id",
        "user": basic(demo["username"], demo["password"]),
        "guest": basic(demo["unassociated_username"], demo["unassociated_password"]),
        "staff": basic(demo["staff_username"], demo["staff_password"]),
        "wrong": WRONG,
        "order": demo["order_id"],
        "associated": demo["associated_order_id"],
        "unknown": demo["unknown_order_id"],
        "malformed": "no-such-id",
    }
    found = []
    for cookie, auth, order, _ in TABLE:
        answer = await hostway.ask(
            "GET", f"/orders/{values[order]}", cookie=values[cookie], auth=values[auth]
        )
        found.append((cookie, auth, order, answer.status))
    assert found == TABLE


@pytest.mark.parametrize(
    "header",
    [
        "Bearer abc",
        "Basic",
        "Basic !!!!",
        "Basic /////w==",  # not UTF-8
        "Basic aG9zdHdheS1kZW1v",  # no colon
        basic("nobody", "x"),
        basic("hostway-demo", ""),
        basic("hostway-demo", "\0"),
        basic("x" * 5_000, "y" * 5_000),
    ],
)
async def test_a_wrong_authorization_is_401_in_plain_text(hostway, header):
    answer = await hostway.ask("GET", f"/orders/{hostway.demo['order_id']}", auth=header)
    assert answer.status == 401
    assert answer.header("content-type") == "text/plain; charset=UTF-8"
    assert answer.header("www-authenticate") == 'Basic realm="Hostway API"'
    assert answer.body.startswith(b"401 Unauthorized\n\nThis server could not verify")


async def test_the_scheme_of_authorization_is_read_in_any_case(hostway):
    header = basic(hostway.demo["username"], hostway.demo["password"]).replace("Basic", "bAsIc")
    answer = await hostway.ask("GET", f"/orders/{hostway.demo['associated_order_id']}", auth=header)
    assert answer.status == 200


async def test_after_too_many_wrong_passwords_none_is_looked_at(hostway):
    path = f"/orders/{hostway.demo['associated_order_id']}"
    right = basic(hostway.demo["username"], hostway.demo["password"])
    assert (await hostway.ask("GET", path, auth=right)).status == 200
    for _ in range(hostway.book.attempts.limit):
        assert (await hostway.ask("GET", path, auth=WRONG)).status == 401
    for auth in (WRONG, right):
        answer = await hostway.ask("GET", path, cookie=hostway.demo["associated_owner_id"], auth=auth)
        assert (answer.status, list(answer.json())) == (429, ["overLimit"])
        assert 1 <= int(answer.header("retry-after") or "") <= 300
    assert (await hostway.ask("GET", path, auth=basic("somebody", "else"))).status == 401
    assert (await hostway.ask("GET", path, cookie=hostway.demo["associated_owner_id"])).status == 200


async def test_options_needs_no_credential_and_tells_existence_only(hostway):
    path = f"/orders/{hostway.demo['other_order_id']}"
    for cookie, auth in ((None, None), ("junk", None), (None, WRONG)):
        answer = await hostway.ask("OPTIONS", path, cookie=cookie, auth=auth)
        assert (answer.status, answer.body) == (200, b"")
        assert answer.header("access-control-allow-methods") == "GET, DELETE, OPTIONS"
    assert (await hostway.ask("OPTIONS", f"/orders/{hostway.demo['unknown_order_id']}")).status == 404


async def test_without_a_home_organisation_a_stranger_is_nobody(hostway):
    await create_organisation(hostway.book, "second")
    path = f"/orders/{hostway.demo['order_id']}"
    cookie = hostway.demo["owner_id"]
    assert (await hostway.ask("GET", path, cookie=cookie)).status == 401
    assert (await hostway.ask("POST", "/orders")).status == 401
    assert (await hostway.ask("OPTIONS", path)).status == 404


async def test_orders_of_one_organisation_are_not_found_from_another(hostway):
    headers = {"cookie": f"OwnerId={hostway.demo['owner_id']}"}
    path = f"/orders/{hostway.demo['order_id']}"
    for name, status in (("second", 404), ("acme", 200)):
        app = await hostway.elsewhere(name)
        assert (await call(app, "GET", path, headers)).status == status


async def test_every_answer_allows_all_origins_and_names_no_implementation(hostway):
    asked = [
        ("GET", f"/orders/{hostway.demo['order_id']}"),
        ("GET", "/orders/x"),
        ("GET", "/orders"),
        ("POST", "/orders"),
        ("OPTIONS", "/orders"),
        ("GET", "/orders/x/account"),
    ]
    for method, path in asked:
        answer = await hostway.ask(method, path)
        assert answer.header("access-control-allow-origin") == "*", (method, path)
        assert answer.header("server") == "-"
        assert "orderwire" not in answer.body.decode().lower()

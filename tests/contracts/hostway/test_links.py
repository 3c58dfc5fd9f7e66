"""Links, accounts, statuses, options, and the /order shorthand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orderwire.book import operations
from orderwire.book.credentials import owner_of
from orderwire.book.operations import NewOrder
from orderwire.book.orders import Access, Document, HostingAccount
from orderwire.contracts.hostway import wire
from tests.contracts.hostway.golden_variables import basic
from tests.factories import make_caller
from tests.inprocess import call


async def place(hostway, **given):
    caller = make_caller(hostway.organisation)
    return await operations.place_order(hostway.book, caller, NewOrder(**given))


def staff(hostway) -> str:
    return basic(hostway.demo["staff_username"], hostway.demo["staff_password"])


async def test_links_and_accounts_follow_the_options(hostway):
    app = hostway.over(base_url="http://localhost:8080", account_url="{base_url}/accounts/{number}")
    headers = {"cookie": f"OwnerId={hostway.demo['owner_id']}"}
    body = (await call(app, "GET", f"/orders/{hostway.demo['order_id']}", headers)).json()
    assert body["order"]["Account"] == "http://localhost:8080/accounts/acc20130821"
    assert body["links"][0]["href"] == f"http://localhost:8080/orders/{hostway.demo['order_id']}/"


async def test_without_an_option_accounts_stand_below_the_base(hostway):
    body = await hostway.ask("GET", f"/orders/{hostway.demo['order_id']}", cookie=hostway.demo["owner_id"])
    assert body.json()["order"]["Account"] == "https://api.hostway.com/accounts/acc20130821"


async def test_the_node_of_new_ids_is_an_option(hostway):
    answer = await call(hostway.over(node="00c0ffee00000001"), "POST", "/orders")
    assert answer.json()["orderId"].endswith("00c0ffee00000001")


@pytest.mark.parametrize(
    ("lifecycle", "status"),
    [("new", "new"), ("processing", "Processing"), ("complete", "Completed"), ("cancelled", "Cancelled")],
)
async def test_an_order_from_elsewhere_is_read_by_its_own_id(hostway, lifecycle, status):
    document = Document(total=Decimal(5), account=HostingAccount(number="a/b c"))
    order = await place(hostway, lifecycle=lifecycle, document=document)
    answer = await hostway.ask("GET", f"/orders/{order.id}", auth=staff(hostway))
    assert answer.json() == {
        "order": {"Status": status, "Account": "https://api.hostway.com/accounts/a%2Fb%20c"},
        "links": [{"href": f"https://api.hostway.com/orders/{order.id}/", "rel": "self"}],
    }


async def test_an_order_with_an_order_id_has_no_other_here(hostway):
    order_id = hostway.demo["order_id"]
    order = await hostway.book.store.fetch_order_named(hostway.organisation.id, "hostway.order", order_id)
    assert (await hostway.ask("GET", f"/orders/{order.id}", auth=staff(hostway))).status == 404
    assert (await hostway.ask("OPTIONS", f"/orders/{order.id}")).status == 404


async def test_order_ids_of_any_form_are_links_that_lead_back(hostway):
    order = await place(hostway, document=Document(names={"hostway.order": "a/b?ü"}))
    assert order.document.names == {"hostway.order": "a/b?ü"}
    answer = await hostway.ask("GET", "/orders/a%2Fb%3F%C3%BC", auth=staff(hostway))
    href = answer.json()["links"][0]["href"]
    assert href == "https://api.hostway.com/orders/a%2Fb%3F%C3%BC/"


async def test_order_is_the_owners_open_order(hostway):
    cookie = hostway.demo["owner_id"]
    explicit = f"https://api.hostway.com/orders/{hostway.demo['order_id']}/"
    answer = await hostway.ask("GET", "/order", cookie=cookie)
    assert answer.json()["order"]["Status"] == "new"
    assert answer.json()["links"] == [
        {"href": "https://api.hostway.com/order/", "rel": "self"},
        {"href": explicit, "rel": "alternate"},
    ]
    assert (await hostway.ask("OPTIONS", "/order", cookie=cookie)).status == 200
    assert (await hostway.ask("DELETE", "/order", cookie=cookie)).status == 204
    for method in ("GET", "OPTIONS", "DELETE"):
        assert (await hostway.ask(method, "/order", cookie=cookie)).status == 404


async def test_order_without_an_open_order(hostway):
    assert (await hostway.ask("GET", "/order")).status == 401
    assert (await hostway.ask("OPTIONS", "/order")).status == 404
    assert (await hostway.ask("GET", "/order", cookie="junk")).status == 404
    # This owner's only order was submitted.
    assert (await hostway.ask("GET", "/order", cookie=hostway.demo["associated_owner_id"])).status == 404


async def test_order_knows_no_order_that_was_submitted_since(hostway):
    owner = owner_of("somebody")
    document = Document(access=Access(owner=owner))
    await place(hostway, lifecycle="processing", document=document, claims={wire.OPEN_SCHEME: owner})
    assert (await hostway.ask("GET", "/order", cookie="somebody")).status == 404


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (wire.read_base_url, "https://api.example.com/", "https://api.example.com"),
        (wire.read_base_url, "http://127.0.0.1:8080/shop", "http://127.0.0.1:8080/shop"),
        (wire.read_account_url, "http://accounts/{number}", "http://accounts/{number}"),
        (wire.read_node, "00c0ffee00000001", "00c0ffee00000001"),
    ],
)
def test_options_that_are_taken(read, text, value):
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (wire.read_base_url, "api.example.com"),
        (wire.read_base_url, "ftp://api.example.com"),
        (wire.read_base_url, "https://api.example.com/?a=1"),
        (wire.read_base_url, "https://"),
        (wire.read_base_url, "https://[::1"),
        (wire.read_account_url, "http://accounts/"),
        (wire.read_account_url, "http://{host}/{number}"),
        (wire.read_node, "00C0FFEE00000001"),
        (wire.read_node, "123"),
    ],
)
def test_options_that_are_refused(read, text):
    with pytest.raises(ValueError, match=r"must|Invalid"):
        read(text)

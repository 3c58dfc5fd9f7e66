"""The demo's records: planted once, its tokens again at every start."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

from orderwire.book.accounts import create_application
from orderwire.contracts.plum import contract
from orderwire.contracts.plum.demo import CLIENT_ID, CLIENT_SECRET, DEMO
from tests.factories import make_organisation, read_mails
from tests.inprocess import app_over

from .conftest import JSON, QUERY, Client


async def test_planting_goes_on_where_it_stopped(book):
    organisation = await make_organisation(book, "entity1")
    # As after a kill right behind the first write.
    await create_application(book, organisation, "plum-demo", "Plum demo", CLIENT_ID, CLIENT_SECRET)
    for _ in range(2):
        await DEMO.plant(book, organisation)
    told = DEMO.describe()
    client = Client(app_over(book, contract), CLIENT_ID, told["access_token"], told["refresh_token"])
    assert (await client.details(orderId=told["order_id"]))["orderTotal"] == 100
    assert (await client.details(poNumber=told["delivered_po_number"]))["deliveryStatus"] == "delivered"
    # A start years later finds the same tokens fresh, and the expired one expired.
    later = book.clock() + timedelta(days=800)
    book.clock = lambda: later
    assert (await client.validate()).status == 401
    await DEMO.plant(book, organisation)
    assert (await client.validate()).status == 200
    client.access_token = told["expired_access_token"]
    assert (await client.validate()).status == 401


async def test_every_token_of_the_demo_is_listed():
    told = DEMO.describe()
    secrets = {secret for _, secret in DEMO.tokens}
    assert secrets == {value for key, value in told.items() if key.endswith("token")}
    for key in ("access_token", "expired_access_token"):
        assert list(json.loads(base64.b64decode(told[key]))) == ["tokenContent", "a_t"]


def test_a_service_of_its_own(start_service):
    service = start_service(env={"ORDERWIRE_PLUM_LATER_TYPES": "true"})
    told = service.describe["plum"]
    headers = {**JSON, "Authorization": f"Bearer {told['access_token']}"}

    def ask(order_id: int, flag: int):
        data = {"orderId": order_id, "sendMailToReceiver": flag}
        body = {"query": QUERY, "tag": "plumProAPI", "variables": {"data": data}}
        answer = service.request("POST", "/chef/v1/oauth/api", headers, json.dumps(body))
        assert answer.status == 200, answer.body
        return answer.json()["data"]["getOrderDetails"]["data"]

    def refresh(token: str) -> int:
        body = {
            "grant_type": "refresh_token",
            "refresh_token": token,
            "client_id": told["client_id"],
            "client_secret": told["client_secret"],
        }
        return service.request("POST", "/chef/v1/oauth/token/user", JSON, json.dumps(body)).status

    details = ask(told["order_id"], 0)
    assert (details["discountPercent"], details["orderDiscount"]) == ("10", "10")
    assert [voucher["amount"] for voucher in details["vouchers"]] == [10]

    sent = ask(told["delivered_order_id"], 1)
    (mail,) = read_mails(service.data / "mail")
    assert f"To: {told['receiver_email']}" in mail
    for voucher in sent["vouchers"]:
        assert voucher["voucherCode"] in mail
        assert voucher["pin"] in mail
    assert "DEMO-PIN" not in service.log.read_text()

    assert [refresh(told["refresh_token"]) for _ in range(2)] == [200, 401]
    service.kill()
    service.start()
    assert refresh(told["refresh_token"]) == 200
    assert ask(told["order_id"], 0) == details

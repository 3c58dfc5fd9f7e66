"""The demo's records: planted once, and found by whoever logs in."""

from __future__ import annotations

from orderwire.contracts.valomnia import contract
from orderwire.contracts.valomnia.demo import DEMO
from tests.factories import all_orders, make_organisation
from tests.inprocess import app_over

from .conftest import Client
from .golden_variables import log_in


async def test_planting_twice_is_planting_once(book):
    organisation = await make_organisation(book, "entity1")
    for _ in range(2):
        await DEMO.plant(book, organisation)
    assert len(await all_orders(book, organisation)) == 1
    told = DEMO.describe()
    assert DEMO.passwords == ((told["username"], told["password"]),)
    client = Client(app_over(book, contract))
    await client.login(told["username"], told["password"])
    shown = (await client.get(f"/api/v1.0/orders/{told['order_id']}")).json()
    assert (shown["reference"], shown["organization"]) == (told["order_reference"], told["organization"])


def test_a_session_outlives_the_process(start_service):
    service = start_service(env={"ORDERWIRE_VALOMNIA_BASE_URL": "https://orders.example/"})
    told = service.describe["valomnia"]
    session = {"Cookie": f"JSESSIONID={log_in(service, told['username'], told['password'])}"}
    path = f"/api/v1.0/orders/reference/{told['order_reference']}"
    before = service.request("GET", path, session)
    assert before.status == 200
    assert before.json()["pdfUrl"].startswith("https://orders.example/entity1-")
    service.kill()
    service.start()
    after = service.request("GET", path, session)
    assert (after.status, after.body) == (200, before.body)

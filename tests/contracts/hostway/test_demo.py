"""The demo service as others use it: beside records of their own."""

from __future__ import annotations

from tests.server import run_command


def test_a_second_organisation_takes_nothing_from_the_demo(start_service):
    service = start_service(env={"ORDERWIRE_CREDENTIAL_CACHE_MS": "0"})
    hostway = service.describe["hostway"]
    made = run_command(
        "organisation", "create", "second", env={"ORDERWIRE_DATABASE": str(service.data / "orderwire.db")}
    )
    assert made.returncode == 0, made.stderr
    path = f"/orders/{hostway['order_id']}"
    cookie = {"Cookie": f"OwnerId={hostway['owner_id']}; Path=/"}
    assert service.request("GET", path, cookie).status == 200
    assert service.request("OPTIONS", path).status == 200
    assert service.request("POST", "/orders").status == 201

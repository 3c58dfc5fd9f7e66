"""An order placed through one contract is read through every other, with the same facts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server import Service, run_command
from tests.stores import POSTGRES, SQLITE

from .faces import Faces

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module", params=[SQLITE, POSTGRES])
def faces(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faces]:
    """A demo of this module's own on each engine: its tests write."""
    database = request.getfixturevalue("databases").create() if request.param == POSTGRES else None
    service = Service("demo", tmp_path_factory.mktemp("across") / "data", {}, database=database)
    yield Faces(service)
    service.stop()


def test_placed_through_the_native_contract(faces: Faces) -> None:
    group_id = faces.described["planocore"]["group_order_id"]
    placed = faces.place(
        {
            "names": {"reference": "across-1", "po_number": "PO-across-1", "planocore.order_id": "990001"},
            "kind": "invoice",
            "lifecycle": "processing",
            "payment": "advance",
            "delivery": "delivered",
            "currency": "CHF",
            "total": "1234.50",
            "amount_charged": "1234.50",
            "customer": {"id": 77, "reference": "C77", "name": "Zoë & Sons"},
            "account": {"number": "acc77"},
            "group_order_id": group_id,
            "group_line": 9,
        }
    )
    own = placed["id"]
    for path in (str(own), "reference/across-1"):
        shown = faces.valomnia(path)
        assert (shown["id"], shown["reference"], shown["total"]) == (own, "across-1", 1234.5)
        assert (shown["operationType"], shown["status"]) == ("INVOICE", "ADVANCE")
        assert (shown["deliveryStatus"], shown["currency"]) == ("DELIVERED", "CHF")
        assert shown["customer"]["name"] == "Zoë & Sons"
        assert shown["customerReference"] == "C77"
    hosted = faces.hostway(str(own))
    assert hosted["order"] == {"Status": "Processing", "Account": "http://accounts/acc77"}
    for key in ({"orderId": own}, {"poNumber": "PO-across-1"}):
        details = faces.plum(**key)
        assert (details["orderId"], details["orderTotal"]) == (own, 1234.5)
        assert (details["currencyCode"], details["amountCharged"]) == ("CHF", 1234.5)
        assert details["deliveryStatus"] == "delivered"
    data = faces.append("assembly", order_id=990001)
    assert data["order_stage"]["order_id"] == 990001
    member = next(order for order in faces.group()["orders"] if order["order_id"] == 990001)
    assert (member["stage"], member["client_name"]) == ("assembly", "Zoë & Sons")
    assert faces.native(str(own))["status"]["stage"] == "assembly"


def test_placed_through_hostway(faces: Faces) -> None:
    answer = faces.service.request("POST", "/orders", {"Content-Type": "application/json"}, "{}")
    assert answer.status == 201
    name = answer.json()["orderId"]
    native = faces.native(f"by/hostway.order/{name}")
    own = native["id"]
    assert native["lifecycle"] == "new"
    assert faces.hostway(name)["order"] == {"Status": "new"}
    shown = faces.valomnia(str(own))
    assert (shown["id"], shown["reference"], shown["orderLines"]) == (own, None, [])
    assert shown["dateCreated"][:19] == native["placed_at"][:19]
    assert faces.plum(orderId=own)["orderId"] == own
    data = faces.append("ordered", order_id=own)
    assert data["order_stage"]["order_id"] == own
    assert faces.native(str(own))["status"]["stage"] == "ordered"


def test_a_stage_appended_through_planocore_is_seen_everywhere_it_has_a_word(faces: Faces) -> None:
    placed = faces.place({"names": {"reference": "staged"}})
    faces.append("scheduled", order_id=placed["id"], notes="bring the ladder")
    native = faces.native("by/reference/staged")
    assert native["status"]["stage"] == "scheduled"
    assert native["revision"] == 2
    assert faces.valomnia("reference/staged")["lastUpdated"] >= placed["placed_at"][:19]


@pytest.mark.parametrize("contract", ["valomnia", "hostway", "plum", "planocore", "native"])
def test_the_documents_records_are_read_through_every_other_contract(faces: Faces, contract: str) -> None:
    described = faces.described
    known: dict[str, tuple[str, str]] = {
        "valomnia": ("reference", described["valomnia"]["order_reference"]),
        "hostway": ("hostway.order", described["hostway"]["order_id"]),
        "plum": ("po_number", described["plum"]["po_number"]),
        "planocore": ("planocore.order_id", str(described["planocore"]["order_id"])),
        "native": (described["native"]["name_scheme"], described["native"]["name"]),
    }
    scheme, name = known[contract]
    native = faces.native(f"by/{scheme}/{name}")
    names = native["names"]
    own = native["id"]
    shown = faces.valomnia(names.get("valomnia.id", str(own)))
    assert shown["reference"] == names.get("reference")
    assert shown["currency"] == native["currency"]
    assert _same(shown["total"], native.get("total"))
    assert _same(shown["shippingFee"], native.get("shipping_fee"))
    hosted = faces.hostway(names.get("hostway.order", str(own)))
    assert hosted["order"]["Status"].lower() == native["lifecycle"].replace("complete", "completed")
    details = faces.plum(orderId=int(names.get("plum.order_id", own)))
    if native.get("total") is not None:
        assert _same(details["orderTotal"], native["total"])
    assert details["currencyCode"] == (native["currency"] or details["currencyCode"])
    assert len(details["vouchers"]) == len(native.get("vouchers", []))


def _same(shown: Any, kept: str | None) -> bool:
    return shown is None if kept is None else shown == pytest.approx(float(kept))


def test_imported_from_a_file(faces: Faces, tmp_path: Path) -> None:
    service = faces.service
    export = tmp_path / "export.csv"
    shutil.copy(ROOT / "examples" / "online-retail-sample.csv", export)
    done = run_command(
        *("--database", service.database or str(next(service.data.glob("*.db"))), "import", str(export)),
        *("--organisation", "entity1", "--map", str(ROOT / "examples" / "online-retail.toml")),
        env={"ORDERWIRE_DATA_FOLDER": str(service.data)} if service.database else None,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    shown = faces.valomnia("reference/536365")
    assert (shown["reference"], shown["total"], shown["currency"]) == ("536365", 139.12, "GBP")
    assert shown["dateCreated"] == "2010-12-01T08:26:00Z"
    assert len(shown["orderLines"]) == 7
    assert shown["customerReference"] == "17850"
    native = faces.native("by/reference/536365")
    assert native["total"] == "139.12"
    assert faces.plum(poNumber="536365")["orderTotal"] == 139.12
    assert faces.hostway(str(native["id"]))["order"]["Status"] == "Completed"
    assert faces.append("delivered", order_id=536365)["order_stage"]["order_id"] == 536365
    assert faces.hostway(str(faces.native("by/reference/C536379")["id"]))["order"]["Status"] == "Cancelled"

"""The own id of the demo's order, which only the running demo knows."""

from __future__ import annotations

from tests.server import Service


def variables(demo: Service) -> dict[str, str]:
    """The id, looked up by name."""
    native = demo.describe["native"]
    headers = {"Authorization": f"Bearer {native['token']}"}
    found = demo.request("GET", f"/v1/orders/by/{native['name_scheme']}/{native['name']}", headers)
    return {"native_id": str(found.json()["id"])}

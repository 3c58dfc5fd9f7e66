"""Authorization header values of the demo's Hostway users."""

from __future__ import annotations

import base64

from tests.server import Service


def basic(username: str, password: str) -> str:
    """The value of an Authorization header by HTTP Basic."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def variables(demo: Service) -> dict[str, str]:
    """One value for each user."""
    hostway = demo.describe["hostway"]
    return {
        "hostway_user": basic(hostway["username"], hostway["password"]),
        "hostway_guest": basic(hostway["unassociated_username"], hostway["unassociated_password"]),
        "hostway_agent": basic(hostway["elevated_username"], hostway["elevated_password"]),
        "hostway_wrong": basic(hostway["username"], "not the password"),
    }

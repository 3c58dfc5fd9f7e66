"""What Valomnia's goldens need besides the demo's own values: a session."""

from __future__ import annotations

from urllib.parse import urlencode

from tests.server import Service


def log_in(service: Service, username: str, password: str) -> str:
    """The session that a log-in opens."""
    answer = service.request(
        "POST",
        "/j_spring_security_check",
        {"Content-Type": "application/x-www-form-urlencoded"},
        urlencode({"j_username": username, "j_password": password, "ajax": "true"}),
    )
    assert answer.status == 302, answer.body
    cookie = answer.header("set-cookie") or ""
    return cookie.partition(";")[0].partition("=")[2]


def variables(demo: Service) -> dict[str, str]:
    """`valomnia.session`: a session of the demo's user."""
    described = demo.describe["valomnia"]
    return {"valomnia.session": log_in(demo, described["username"], described["password"])}

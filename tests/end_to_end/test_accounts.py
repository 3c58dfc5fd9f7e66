"""A real service: who is disabled, or whose token is revoked, is out of every contract at once."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest

PASSWORD = "correct horse battery"


@pytest.fixture
def service(start_service):
    """A demo service of this test's own, which remembers credentials for a minute."""
    return start_service(env={"ORDERWIRE_CREDENTIAL_CACHE_MS": "60000"})


class Manager:
    """Asks the native API with the demo's token, which has every right."""

    def __init__(self, service):
        self.service = service
        self.token = service.describe["native"]["token"]

    def ask(self, method, path, body=None, token=None):
        head = {"Authorization": f"Bearer {token or self.token}", "Content-Type": "application/json"}
        return self.service.request(method, path, head, b"" if body is None else json.dumps(body))

    def log_in(self, username, password):
        """A log-in at Valomnia's: the session cookie, or None."""
        form = urlencode({"j_username": username, "j_password": password, "ajax": "true"})
        head = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = self.service.request("POST", "/j_spring_security_check", head, form)
        cookie = answer.header("set-cookie")
        return None if cookie is None else cookie.partition(";")[0]

    def read(self, cookie):
        """The status of reading an order that is not there: 404 for who is known."""
        path = "/api/v1.0/orders/reference/nothing-of-that-name"
        return self.service.request("GET", path, {"Cookie": cookie}).status


def test_a_disabled_user_is_out_of_every_contract(service):
    manager = Manager(service)
    made = manager.ask("POST", "/v1/users", {"username": "eve@example.com", "password": PASSWORD})
    assert made.status == 201, made.body
    path = made.header("location")
    cookie = manager.log_in("eve@example.com", PASSWORD)
    assert cookie is not None
    assert manager.read(cookie) == 404
    assert manager.ask("PATCH", path, {"disabled": True}).status == 200
    assert manager.read(cookie) == 401
    assert manager.log_in("eve@example.com", PASSWORD) is None
    assert manager.ask("PATCH", path, {"disabled": False}).status == 200
    assert manager.read(cookie) == 401
    again = manager.log_in("eve@example.com", PASSWORD)
    assert again is not None
    assert manager.read(again) == 404
    sessions = manager.ask("GET", "/v1/tokens?scheme=valomnia.session").json()["tokens"]
    mine = [one for one in sessions if one["user_id"] == made.json()["id"]]
    assert [one["revoked_at"] is None for one in mine].count(True) == 1
    for one in mine:
        assert manager.ask("DELETE", f"/v1/tokens/{one['id']}").status == 204
    assert manager.read(again) == 401
    assert manager.ask("PATCH", path, {"password": "another one"}).status == 200
    assert manager.log_in("eve@example.com", PASSWORD) is None
    assert manager.log_in("eve@example.com", "another one") is not None


def test_a_programme_gets_its_own_way_in_and_loses_it(service):
    manager = Manager(service)
    till = manager.ask("POST", "/v1/applications", {"slug": "till"}).json()
    body = {"application_id": till["id"], "rights": ["orders.read"], "label": "till 3"}
    issued = manager.ask("POST", "/v1/tokens", body)
    assert (issued.status, issued.header("cache-control")) == (201, "no-store")
    token = issued.json()["token"]
    assert manager.ask("GET", "/v1/orders/by/reference/native-demo-1", token=token).status == 200
    assert manager.ask("POST", "/v1/orders", {}, token=token).status == 403
    assert manager.ask("GET", "/v1/tokens", token=token).status == 403
    assert manager.ask("DELETE", f"/v1/tokens/{issued.json()['id']}").status == 204
    assert manager.ask("GET", "/v1/orders/by/reference/native-demo-1", token=token).status == 401
    log = service.log.read_text()
    assert token not in log
    assert till["client_secret"] not in log

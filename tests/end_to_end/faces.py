"""One order asked for through every contract, with the demo's credentials."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.server import Service

JSON = {"Content-Type": "application/json"}


class Faces:
    """The demo organisation's credentials for every contract of a running demo."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.described = service.describe
        form = {
            "j_username": self.described["valomnia"]["username"],
            "j_password": self.described["valomnia"]["password"],
            "ajax": "true",
        }
        body = "&".join(f"{name}={value}" for name, value in form.items())
        head = {"Content-Type": "application/x-www-form-urlencoded"}
        login = service.request("POST", "/j_spring_security_check", head, body)
        assert login.status == 302, login.body
        self.session = (login.header("set-cookie") or "").split(";")[0]
        user = self.described["hostway"]
        pair = f"{user['staff_username']}:{user['staff_password']}".encode()
        self.basic = {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        self.bearer = {"Authorization": f"Bearer {self.described['native']['token']}"}

    def native(self, path: str) -> Any:
        """What the native contract gives for an order's path below /v1/orders/."""
        answer = self.service.request("GET", f"/v1/orders/{path}", self.bearer)
        assert answer.status == 200, answer.body
        return answer.json()

    def place(self, order: dict[str, Any]) -> Any:
        """Place an order through the native contract."""
        answer = self.service.request("POST", "/v1/orders", {**self.bearer, **JSON}, json.dumps(order))
        assert answer.status == 201, answer.body
        return answer.json()

    def valomnia(self, path: str) -> Any:
        """The operation at a path below /api/v1.0/orders/."""
        answer = self.service.request("GET", f"/api/v1.0/orders/{path}", {"Cookie": self.session})
        assert answer.status == 200, answer.body
        return answer.json()

    def hostway(self, name: str) -> Any:
        """The order, as the demo's staff user sees it."""
        answer = self.service.request("GET", f"/orders/{name}", self.basic)
        assert answer.status == 200, answer.body
        return answer.json()

    def plum(self, **key: Any) -> Any:
        """The inner data of getOrderDetails."""
        query = "plumProAPI.mutation.getOrderDetails"
        body = {"query": query, "tag": "plumProAPI", "variables": {"data": key}}
        token = {"Authorization": f"Bearer {self.described['plum']['access_token']}"}
        answer = self.service.request("POST", "/chef/v1/oauth/api", {**token, **JSON}, json.dumps(body))
        assert answer.status == 200, answer.body
        return answer.json()["data"]["getOrderDetails"]["data"]

    def append(self, stage: str, **order: Any) -> Any:
        """Append a stage through PlanoCore; the data of its answer."""
        body = {
            "token": self.described["planocore"]["session_token"],
            "stage": stage,
            "update_status": True,
            **order,
        }
        answer = self.service.request("POST", "/api/v1/order_stages/create", JSON, json.dumps(body))
        assert answer.status == 200, answer.body
        return answer.json()["data"]

    def group(self) -> Any:
        """The demo's group order, as PlanoCore shows it."""
        body = {
            "token": self.described["planocore"]["application_token"],
            "_id": self.described["planocore"]["group_order_id"],
        }
        answer = self.service.request("POST", "/api/v1/group_orders/read", JSON, json.dumps(body))
        assert answer.status == 200, answer.body
        return answer.json()["data"]

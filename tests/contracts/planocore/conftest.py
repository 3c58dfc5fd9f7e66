"""The contract over a book that holds the demo's records, in this process."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from orderwire.book.callers import Organisation
from orderwire.book.orders import Order
from orderwire.book.stages import Stage
from orderwire.book.store import Book
from orderwire.contracts.planocore import contract
from orderwire.contracts.planocore.demo import DEMO, NOTIFICATIONS
from orderwire.contracts.planocore.wire_stages import parse_notifications
from tests.factories import make_organisation
from tests.inprocess import app_over, call
from tests.server import Answer

JSON = {"content-type": "application/json"}
READ = "/api/v1/group_orders/read"
CREATE = "/api/v1/order_stages/create"


@dataclass
class PlanoCore:
    """The contract, the book behind it, and what the demo says of its records."""

    book: Book
    organisation: Organisation
    app: Any
    demo: dict[str, Any] = field(default_factory=DEMO.describe)

    async def post(self, path: str, body: Any, headers: dict[str, str] | None = None) -> Answer:
        """One request; a body that is not bytes is sent as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await call(self.app, "POST", path, JSON if headers is None else headers, content)

    async def read(self, **params: Any) -> Answer:
        """group_orders/read of the demo's group order, with the application's token."""
        ids = {"token": self.demo["application_token"], "_id": self.demo["group_order_id"]}
        return await self.post(READ, {**ids, **params})

    async def create(self, **params: Any) -> Answer:
        """order_stages/create for the order that stands alone, with the application's token."""
        needed = {
            "token": self.demo["application_token"],
            "order_id": self.demo["loose_order_id"],
            "update_status": True,
            "stage": "scheduled",
        }
        return await self.post(CREATE, {**needed, **params})

    async def order(self, order_id: int | None = None) -> Order:
        """An order of the demo, by default the one that stands alone."""
        name = str(order_id or self.demo["loose_order_id"])
        found = await self.book.store.fetch_order_named(self.organisation.id, "planocore.order_id", name)
        assert found is not None
        return found

    async def stages(self, order_id: int | None = None) -> Sequence[Stage]:
        """The history of an order of the demo."""
        order = await self.order(order_id)
        end = datetime.max
        return await self.book.store.list_stages(self.organisation.id, order.id, end, 10_000)


async def make_planocore(book: Book, **options: Any) -> PlanoCore:
    """The contract with the demo's notifications, over a book that holds the demo's records."""
    organisation = await make_organisation(book, "entity1")
    await DEMO.plant(book, organisation)
    chosen = {"notifications": parse_notifications(NOTIFICATIONS), **options}
    return PlanoCore(book, organisation, app_over(book, contract, chosen))


@pytest.fixture
async def planocore(book: Book) -> PlanoCore:
    return await make_planocore(book)


def refusal(answer: Answer) -> tuple[int, str, str, str]:
    """Code, status, and the parameter at fault with its message ("" where there is none)."""
    body = answer.json()
    assert list(body) == ["code", "status", "errors"]
    assert body["code"] == answer.status
    assert answer.header("content-type") == "application/json"
    errors = body["errors"] or [{"attr": "", "message": ""}]
    assert len(errors) == 1
    return answer.status, body["status"], errors[0]["attr"], errors[0]["message"]


def invalid(attr: str) -> tuple[int, str, str, str]:
    """The refusal of a value that can't be taken."""
    return 400, "invalid-param", attr, "invalid"

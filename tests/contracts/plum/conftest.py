"""A book with one application in it, served by Plum's contract without a socket."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from orderwire.book.accounts import create_application, issue_tokens
from orderwire.book.callers import Application, Organisation
from orderwire.book.operations import NewOrder, place_order
from orderwire.book.orders import Document, NewVoucher, Order, Party, Voucher
from orderwire.book.store import Book
from orderwire.contracts.plum import contract
from orderwire.contracts.plum.auth import new_pair
from tests.factories import make_caller, make_organisation
from tests.inprocess import app_over, call
from tests.server import Answer

SECRET = "the client's secret"
QUERY = "plumProAPI.mutation.getOrderDetails"
JSON = {"Content-Type": "application/json"}


class Client:
    """A program that holds a pair of tokens."""

    def __init__(self, app: Any, client_id: str, access_token: str, refresh_token: str) -> None:
        self.app = app
        self.client_id = client_id
        self.access_token = access_token
        self.refresh_token = refresh_token

    @property
    def headers(self) -> dict[str, str]:
        return {**JSON, "Authorization": f"Bearer {self.access_token}"}

    async def post(self, body: bytes | str, **headers: str) -> Answer:
        """A remote call with any body."""
        return await call(self.app, "POST", "/chef/v1/oauth/api", {**self.headers, **headers}, body)

    async def ask(self, **data: Any) -> Answer:
        """A call of getOrderDetails."""
        body = {"query": QUERY, "tag": "plumProAPI", "variables": {"data": data}}
        return await self.post(json.dumps(body))

    async def details(self, **data: Any) -> dict[str, Any]:
        """What getOrderDetails tells."""
        answer = await self.ask(**data)
        assert answer.status == 200, answer.body
        found: dict[str, Any] = answer.json()["data"]["getOrderDetails"]["data"]
        return found

    async def refresh(self, **fields: Any) -> Answer:
        """A refresh with its four parameters, some of them changed (None leaves one out)."""
        body = {
            "grant_type": "refresh_token",
            "refresh_token": self.refresh_token,
            "client_id": self.client_id,
            "client_secret": SECRET,
            **fields,
        }
        given = {name: value for name, value in body.items() if value is not None}
        return await call(self.app, "POST", "/chef/v1/oauth/token/user", JSON, json.dumps(given))

    async def validate(self) -> Answer:
        """How the access token stands."""
        return await call(self.app, "GET", "/chef/v1/oauth/token", self.headers)


@pytest.fixture
async def organisation(book: Book) -> Organisation:
    return await make_organisation(book)


async def make_application(book: Book, organisation: Organisation, slug: str) -> Application:
    """An application whose client id is its slug."""
    made, _ = await create_application(book, organisation, slug, "Fresh Works", slug, SECRET)
    return made


async def make_client(book: Book, application: Application, **options: Any) -> Client:
    """A program of the application with a pair of tokens issued now."""
    tokens = new_pair(application, book.clock())
    access, refresh = await issue_tokens(book, list(tokens.values()))
    app = app_over(book, contract, options)
    return Client(app, application.client_id or "", access, refresh)


@pytest.fixture
async def application(book: Book, organisation: Organisation) -> Application:
    return await make_application(book, organisation, "fresh")


@pytest.fixture
async def client(book: Book, application: Application) -> Client:
    return await make_client(book, application)


@pytest.fixture
def place(book: Book, organisation: Organisation) -> Callable[..., Awaitable[Order]]:
    """Place an order in the organisation (or another one) whatever contract it may have come by."""

    async def placed(request: NewOrder, owner: Organisation | None = None) -> Order:
        return await place_order(book, make_caller(owner or organisation), request)

    return placed


def reward(
    order_id: str | None = "1316578",
    po_number: str | None = "PO-1",
    *,
    lifecycle: str = "complete",
    delivery: str | None = "delivered",
    email: str = "receiver@acme.example",
    **voucher: Any,
) -> NewOrder:
    """A rewards order with one voucher."""
    named = {"plum.order_id": order_id, "po_number": po_number}
    return NewOrder(
        lifecycle=lifecycle,
        delivery=delivery,
        currency="USD",
        document=Document(
            names={scheme: name for scheme, name in named.items() if name is not None},
            receiver=Party(email=email) if email else None,
        ),
        vouchers=(NewVoucher(voucher=Voucher(**voucher), code="CODE-1", pin="PIN-1"),),
    )

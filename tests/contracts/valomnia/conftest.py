"""A book with one person in it, served by Valomnia's contract without a socket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from orderwire.book.accounts import create_person
from orderwire.book.callers import Organisation, Profile
from orderwire.book.operations import NewOrder, place_order
from orderwire.book.orders import Order
from orderwire.book.store import Book
from orderwire.contracts.valomnia import contract
from tests.factories import make_caller, make_organisation
from tests.inprocess import app_over, call
from tests.server import Answer

USERNAME = "emp@acme.example"
PASSWORD = "correct horse"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Client:
    """Someone who logs in and looks at operations."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.session = ""

    async def login(self, username: str = USERNAME, password: str = PASSWORD, **fields: str) -> Answer:
        """Log in; the session is kept when one was opened."""
        form = urlencode({"j_username": username, "j_password": password, "ajax": "true", **fields})
        answer = await call(self.app, "POST", "/j_spring_security_check", FORM, form)
        cookie = answer.header("set-cookie")
        if cookie is not None:
            self.session = cookie.partition(";")[0].removeprefix("JSESSIONID=")
        return answer

    async def get(self, path: str, **headers: str) -> Answer:
        """GET with the session's cookie, if there is one."""
        cookie = {"Cookie": f"JSESSIONID={self.session}"} if self.session else {}
        return await call(self.app, "GET", path, {**cookie, **headers})


@pytest.fixture
async def organisation(book: Book) -> Organisation:
    return await make_organisation(book)


@pytest.fixture
async def client(book: Book, organisation: Organisation) -> Client:
    """A client with a session."""
    await create_person(book, organisation, USERNAME, PASSWORD, Profile(reference="emp-04"))
    made = Client(app_over(book, contract))
    await made.login()
    return made


@pytest.fixture
def place(book: Book, organisation: Organisation) -> Callable[..., Awaitable[Order]]:
    """Place an order in the organisation (or another one) whatever contract it may have come by."""

    async def placed(request: NewOrder, owner: Organisation | None = None) -> Order:
        return await place_order(book, make_caller(owner or organisation), request)

    return placed

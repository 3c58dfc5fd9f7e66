"""The contract over a book with one organisation, in this process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from orderwire.book.accounts import NewToken, issue_tokens
from orderwire.book.callers import RIGHTS, Organisation
from orderwire.book.store import Book
from orderwire.contracts.native import contract
from orderwire.contracts.native.auth import TOKEN_SCHEME
from tests.factories import make_organisation
from tests.inprocess import app_over, call
from tests.server import Answer


@dataclass
class Native:
    """The contract, the book behind it, and a token with every right."""

    book: Book
    organisation: Organisation
    app: Any
    token: str

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """One request; a body that is not bytes is sent as JSON."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        given = {
            "authorization": f"Bearer {token or self.token}",
            "content-type": "application/json",
            **(headers or {}),
        }
        return await call(self.app, method, path, given, content)

    async def token_with(self, *rights: str, organisation: Organisation | None = None) -> str:
        """A further token with these rights only."""
        return await make_token(self.book, organisation or self.organisation, frozenset(rights))


async def make_token(book: Book, organisation: Organisation, rights: frozenset[str]) -> str:
    request = NewToken(scheme=TOKEN_SCHEME, organisation_id=organisation.id, rights=rights)
    return (await issue_tokens(book, [request]))[0]


@pytest.fixture
async def native(book: Book) -> Native:
    organisation = await make_organisation(book)
    token = await make_token(book, organisation, RIGHTS)
    return Native(book, organisation, app_over(book, contract), token)

"""The contract over a book that holds the demo's records, in this process."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orderwire.book.callers import Organisation
from orderwire.book.store import Book
from orderwire.contracts.hostway import contract
from orderwire.contracts.hostway.demo import DEMO
from tests.factories import make_book, make_organisation
from tests.inprocess import app_over, call
from tests.server import Answer

NOW = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)


@dataclass
class Hostway:
    """The contract, the book behind it, and what the demo says of its records."""

    book: Book
    organisation: Organisation
    app: Any
    demo: dict[str, str]

    async def ask(
        self,
        method: str,
        path: str,
        *,
        cookie: str | None = None,
        auth: str | None = None,
        body: bytes | str = b"",
    ) -> Answer:
        """One request, with the cookie as the document's clients send it."""
        headers = [("cookie", f"OwnerId={cookie}; Path=/")] if cookie is not None else []
        if auth is not None:
            headers.append(("authorization", auth))
        return await call(self.app, method, path, headers, body)

    def over(self, **options: Any) -> Any:
        """The contract on the same book with other options."""
        return app_over(self.book, contract, options)

    async def elsewhere(self, name: str) -> Any:
        """The contract on the same book, bound to the organisation of this name."""
        await make_organisation(self.book, name)
        return app_over(self.book, contract, organisation=name)


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a closed book with the demo's records: hashing its passwords takes a while."""
    folder = tmp_path_factory.mktemp("hostway")
    asyncio.run(_plant(folder))
    return folder


async def _plant(folder: Path) -> None:
    book = make_book(folder)
    await DEMO.plant(book, await make_organisation(book))
    await book.close()


@pytest.fixture
async def hostway(planted: Path, tmp_path: Path) -> AsyncIterator[Hostway]:
    folder = tmp_path / "book"
    shutil.copytree(planted, folder)
    book = make_book(folder)
    yield Hostway(book, await make_organisation(book), app_over(book, contract), DEMO.describe())
    await book.close()

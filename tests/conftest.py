"""Fixtures that every folder of tests uses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from orderwire.book.store import Book

from .factories import make_book
from .server import Service


@pytest.fixture
async def book(tmp_path: Path) -> AsyncIterator[Book]:
    """A fresh `Book` on a migrated SQLite file."""
    made = make_book(tmp_path)
    yield made
    await made.close()


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One demo service for the whole session; tests leave its records as they found them."""
    service = Service("demo", tmp_path_factory.mktemp("demo") / "data", {})
    yield service
    service.stop()


@pytest.fixture
def start_service(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Start services of this test's own; they end with the test."""
    started: list[Service] = []

    def start(
        *, command: str = "demo", env: dict[str, str] | None = None, data: Path | None = None
    ) -> Service:
        service = Service(command, data or tmp_path / "data", env or {})
        started.append(service)
        return service

    yield start
    for service in started:
        service.kill()

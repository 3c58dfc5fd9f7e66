"""A demo service of the test's own on the store that the test runs on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.server import Service
from tests.stores import SQLITE, Shelf


@pytest.fixture
def database(tmp_path: Path, shelf: Shelf, store_name: str) -> str:
    """The address of the book that the test's services serve."""
    return f"sqlite:///{tmp_path / 'data/orderwire.db'}" if store_name == SQLITE else shelf.address(tmp_path)


@pytest.fixture
def serve(tmp_path: Path, database: str) -> Iterator[Callable[..., Service]]:
    """Start the demo on that book, or on `through`, which leads to it; it ends with the test."""
    started: list[Service] = []

    def start(env: dict[str, str] | None = None, *, through: str | None = None) -> Service:
        address = None if database.startswith("sqlite:") else through or database
        service = Service("demo", tmp_path / "data", env or {}, database=address)
        started.append(service)
        return service

    yield start
    for service in started:
        service.kill()

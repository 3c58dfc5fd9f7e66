"""Constraints that are hit are told as facts, by table and columns."""

from __future__ import annotations

import sqlite3
from typing import Any

import asyncpg
import pytest

from orderwire.book.errors import AlreadyExists
from orderwire.book.store import Book
from orderwire.store import postgres_faults, sqlite_faults
from orderwire.store.party_statements import INSERT_PARTY, UPDATE_PARTY
from tests.factories import make_organisation


@pytest.mark.parametrize(
    ("detail", "table", "fact"),
    [
        (
            "Key (organisation_id, role, reference)=(1, customer, C, 7) already exists.",
            "parties",
            ("reference", "7"),
        ),
        ("Key (organisation_id, username)=(1, ann) already exists.", "persons", ("person", "ann")),
        ("Key (client_id)=(abc) already exists.", "applications_102034", ("client_id", "abc")),
        ("Key (bucket, id)=(1, 2) already exists.", "orders", None),
        ("nothing to be read", "persons", None),
    ],
)
def test_postgresql(detail: str, table: str, fact: tuple[str, str] | None) -> None:
    error = asyncpg.UniqueViolationError("duplicate key value violates unique constraint")
    error.detail, error.table_name = detail, table
    found = postgres_faults.taken(error)
    assert (None if found is None else (found.scheme, found.name)) == fact


def test_an_error_of_another_kind_is_nobodys_fact() -> None:
    assert sqlite_faults.taken(sqlite3.IntegrityError("FOREIGN KEY constraint failed")) is None
    assert (
        sqlite_faults.taken(sqlite3.IntegrityError("UNIQUE constraint failed: orders.bucket, orders.id"))
        is None
    )


async def test_a_reference_that_another_party_took_meanwhile(book: Book) -> None:
    """Past the book's own look, so that only the constraint is in the way."""
    owner = (await make_organisation(book)).id

    async def rename(tx: Any) -> None:
        for number in (1, 2):
            await tx.rows(INSERT_PARTY, number, owner, "customer", f"C-{number}", 1, "{}", 0, 0, None)
        await tx.rows(UPDATE_PARTY, "C-1", 2, "{}", 0, None, 2, owner, 1)

    with pytest.raises(AlreadyExists) as caught:
        await book.store.write(rename)
    assert caught.value.scheme == "reference"
    assert await book.store.fetch_party(owner, 1) is None, "nothing was kept"

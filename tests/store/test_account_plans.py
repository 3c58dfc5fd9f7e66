"""Pages of parties and accounts are read from an index in its sort, however many there are."""

from __future__ import annotations

import sqlite3

import pytest

from orderwire.store import account_statements as accounts
from orderwire.store import party_statements as parties
from orderwire.store.migrations import upgrade
from orderwire.store.sqlite import prepare

CASES = [
    (accounts.LIST_PERSONS, (1, "", 9)),
    (accounts.LIST_APPLICATIONS, (1, "", 9)),
    (accounts.LIST_TOKENS, (1, "", "", 9)),
    (accounts.LIST_TOKENS_OF_SCHEME, (1, "native.token", "", 9)),
    (accounts.LIST_TOKENS_OF_PERSON, (1, 1, "", "", 9)),
    (accounts.LIST_TOKENS_OF_APPLICATION, (1, 1, "", "", 9)),
    (accounts.REVOKE_TOKENS_OF_PERSON, (0, 1, 1, "")),
    (parties.LIST_PARTIES, (1, "", 0, 9)),
    (parties.LIST_PARTIES_OF_ROLE, (1, "customer", 0, 9)),
    (parties.LIST_PARTIES_BY_REFERENCE, (1, "customer", "a", "b", "", 9)),
    (parties.FETCH_PARTY_REFERENCED, (1, "customer", "a")),
]


def plan_of(tmp_path, statement, values):
    """How SQLite goes about a statement."""
    path = tmp_path / "book.db"
    upgrade(path)
    connection = sqlite3.connect(path)
    sql, arranged = prepare(statement, values)
    found = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", arranged)]
    connection.close()
    return found


@pytest.mark.parametrize(("statement", "values"), CASES, ids=lambda value: getattr(value, "name", ""))
def test_a_page_is_one_search_of_an_index(tmp_path, statement, values):
    (step,) = plan_of(tmp_path, statement, values)
    assert step.startswith("SEARCH")
    assert " USING INDEX " in step


def test_a_token_is_found_by_its_id_without_reading_the_others(tmp_path):
    (step,) = plan_of(tmp_path, accounts.LIST_DIGESTS, (1, "0", "f", 2))
    assert "(digest>? AND digest<?)" in step

"""Each statement goes to one part of the tables that are spread; those that can't are named here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import BigInteger, Integer, SmallInteger

from orderwire.book.lists import NameSought, OrderQuery
from orderwire.store import catalogue
from orderwire.store.compiling import Statement
from orderwire.store.listing import plan_by_id, plan_count, plan_list, plan_stages_of
from orderwire.store.postgres_pool import prepare
from orderwire.store.vectors import _types, vectorise
from tests.partitions import BUCKETED
from tests.postgres import fetch
from tests.stores import PARTITIONED, Databases

# What an organisation, a person or the whole book is asked for lies in every part.
SCATTERED = {
    "delete_ended_attempts",
    "delete_old_answers",
    "delete_old_marks",
    "list_group_orders",
    "list_few_members",
    "list_members",
    "list_open_jobs",
    "list_orders_at_ascending",
    "list_orders_at_descending",
}
# One that names a bucket, and counts members wherever they lie; the part of its rejections is found only
# when it runs.
HALF_SCATTERED = {
    "fetch_group_order": {"orders", "group_rejections"},
    "fetch_small_group_order": {"orders"},
}
# Scattered in name only: no table that they ask for has a bucket.
WITHOUT_BUCKET = {
    "list_persons",
    "list_applications",
    "list_tokens",
    "list_tokens_of_person",
    "list_tokens_of_application",
    "list_tokens_of_scheme",
    "list_parties",
    "list_parties_of_role",
    "list_parties_by_reference",
}
ORGANISATION = 1
AN_ORDER = 4096 * 1_048_576 + 77
AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def parted(databases: Databases) -> Iterator[str]:
    """An empty book whose tables are in parts."""
    url = databases.create(PARTITIONED)
    yield url
    databases.drop(url)


def value_for(kind: Any) -> Any:
    """Any value of a column's type; numbers are buckets and limits as well as ids."""
    return 77 if isinstance(kind, BigInteger | Integer | SmallInteger) else "x"


def values_for(statement: Statement) -> list[Any]:
    types = _types(statement)
    table = getattr(statement.clause, "table", None)
    found = []
    for name in statement.params:
        kind = types.get(name)
        if name.startswith("v_") and table is not None:
            kind = table.c[name.removeprefix("v_")].type
        # Only what a page begins after, and how long it is, has no column to tell its type.
        found.append(9 if name in ("limit", "after_id") else value_for(kind))
    return found


def parts_read(url: str, statement: Statement, values: Any) -> dict[str, set[str]]:
    """Which parts of each spread table the plan of a statement touches."""
    sql, arranged = prepare(statement, values)
    ((plan,),) = fetch(url, f"EXPLAIN (FORMAT JSON, COSTS OFF) {sql}", *arranged)
    found: dict[str, set[str]] = {}

    def walk(node: Any) -> None:
        relation = node.get("Relation Name")
        # A row to insert finds its own part, without one being planned.
        is_routed = node["Node Type"] == "ModifyTable" and node["Operation"] == "Insert"
        if relation is not None and not is_routed:
            name, _, part = relation.rpartition("_")
            if name in BUCKETED and part.isdecimal():
                found.setdefault(name, set()).add(part)
        for inner in node.get("Plans", ()):
            walk(inner)

    walk(json.loads(plan)[0]["Plan"])
    return found


@pytest.mark.parametrize("statement", catalogue.ALL, ids=lambda one: one.name)
def test_a_statement_touches_one_part(parted: str, statement: Statement) -> None:
    touched = parts_read(parted, statement, values_for(statement))
    if statement.name in SCATTERED:
        assert statement.is_scattered
        assert max(len(parts) for parts in touched.values()) > 1, "is not scattered: say so no more"
    elif statement.name in HALF_SCATTERED:
        assert statement.is_scattered
        wide = {name for name, parts in touched.items() if len(parts) > 1}
        assert wide == HALF_SCATTERED[statement.name]
    elif statement.name in WITHOUT_BUCKET:
        assert not touched
    else:
        assert not statement.is_scattered
        assert all(len(parts) == 1 for parts in touched.values()), touched
        sql = str(statement.clause)
        named = {name for name in BUCKETED if f" {name}" in sql}
        assert sql.startswith("INSERT") or set(touched) == named


@pytest.mark.parametrize("plan", [plan_by_id, plan_stages_of], ids=lambda one: one.__name__)
def test_an_order_is_looked_up_in_its_part(parted: str, plan: Any) -> None:
    statement, values = plan(ORGANISATION, [AN_ORDER])
    touched = parts_read(parted, statement, values)
    assert touched
    assert all(len(parts) == 1 for parts in touched.values()), touched


def test_a_list_by_name_looks_the_name_up_in_its_part(parted: str) -> None:
    query = OrderQuery(name=NameSought(scheme="reference", name="R-1"))
    for statement, values in (plan_list(ORGANISATION, query), plan_count(ORGANISATION, query)):
        assert statement.is_scattered
        assert len(parts_read(parted, statement, values)["names"]) == 1


def test_lists_of_an_organisation_are_scattered(parted: str) -> None:
    for query in (OrderQuery(), OrderQuery(sort="placed_at"), OrderQuery(lifecycles=("new",))):
        for statement, values in (plan_list(ORGANISATION, query), plan_count(ORGANISATION, query)):
            assert statement.is_scattered
            assert len(parts_read(parted, statement, values)["orders"]) > 1


def test_statements_for_many_values_cut_no_text_short() -> None:
    for statement in catalogue.ALL:
        vector = None if statement.is_scattered else vectorise(statement)
        if vector is not None:
            sql, _ = prepare(vector.statement, [[] for _ in vector.statement.params])
            assert "VARCHAR(" not in sql, f"{statement.name}: a cast to a length cuts without a word"

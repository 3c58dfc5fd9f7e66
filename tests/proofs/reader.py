"""Reads a book past the code under test, by plain SQL of its own, and tells whatever is half there."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from tests.postgres import fetch

BUCKETS = 4096
# What an entry of the history says of its order, as it stands in the order's own row, too.
STATE = (
    *("kind", "lifecycle", "payment", "delivery", "currency", "placed_at"),
    *("group_order_id", "group_line", "deleted", "document"),
)
TABLES = {
    "orders": (
        *("bucket", "id", "organisation_id", "revision", "stage_count", "changed_at", "recorded_at"),
        *STATE,
    ),
    "order_revisions": (
        *("bucket", "order_id", "organisation_id", "revision", "effective_at", "recorded_at"),
        *("supersedes", *STATE),
    ),
    "order_stages": (
        *("bucket", "order_id", "organisation_id", "number", "revision", "stage"),
        *("effective_at", "recorded_at", "status_at", "supersedes"),
    ),
    "order_statuses": ("bucket", "order_id", "organisation_id", "stage", "stage_number", "since"),
    "names": ("organisation_id", "scheme", "name", "order_id"),
    "answers": ("key", "status", "headers"),
    "group_orders": ("id", "total"),
}

Row = dict[str, Any]


def read(database: str, sql: str) -> list[tuple[Any, ...]]:
    """All rows of a query to the book at an address, on a connection of its own."""
    if not database.startswith("sqlite:///"):
        return [tuple(row) for row in fetch(database, sql)]
    with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as connection:
        return list(connection.execute(sql))


@dataclass
class Found:
    """Everything that a book holds of its orders."""

    tables: dict[str, list[Row]]
    orders: dict[int, Row]
    revisions: defaultdict[int, list[Row]] = field(default_factory=lambda: defaultdict(list))
    stages: defaultdict[int, list[Row]] = field(default_factory=lambda: defaultdict(list))
    statuses: defaultdict[int, list[Row]] = field(default_factory=lambda: defaultdict(list))
    holders: dict[tuple[int, str, str], int] = field(default_factory=dict)

    @classmethod
    def of(cls, database: str) -> Found:
        """Read the whole book."""
        tables = {
            table: [
                dict(zip(columns, row, strict=True))
                for row in read(database, f"SELECT {', '.join(columns)} FROM {table}")  # noqa: S608 - ours
            ]
            for table, columns in TABLES.items()
        }
        found = cls(tables, {row["id"]: row for row in tables["orders"]})
        for table, by_order in (
            ("order_revisions", found.revisions),
            ("order_stages", found.stages),
            ("order_statuses", found.statuses),
        ):
            for row in tables[table]:
                by_order[row["order_id"]].append(row)
        for row in tables["names"]:
            found.holders[(row["organisation_id"], row["scheme"], row["name"])] = row["order_id"]
        return found

    def named(self, scheme: str) -> defaultdict[str, list[int]]:
        """The orders by their names of a scheme."""
        by_name: defaultdict[str, list[int]] = defaultdict(list)
        for row in self.tables["names"]:
            if row["scheme"] == scheme:
                by_name[row["name"]].append(row["order_id"])
        return by_name

    def stage_counts(self) -> Counter[tuple[int, str]]:
        """How often each order has each stage."""
        return Counter((row["order_id"], row["stage"]) for row in self.tables["order_stages"])

    def note_counts(self) -> Counter[tuple[int, str]]:
        """How often a change of each order wrote these notes."""
        return Counter(
            (row["order_id"], json.loads(row["document"]).get("notes", ""))
            for row in self.tables["order_revisions"]
            if row["revision"] > 1 and not row["deleted"]
        )

    def defects(self) -> list[str]:
        """What can't be so in any book that was left in order, in words."""
        said = [line for order in self.orders.values() for line in self._defects_of(order)]
        for table in ("order_revisions", "order_stages", "order_statuses", "names"):
            said += [f"{table}: {row}: no such order" for row in self.tables[table] if self._is_lost(row)]
        for row in self.tables["answers"]:
            place = dict(json.loads(row["headers"])).get("location", "")
            if place.startswith("/v1/orders/") and int(place.rpartition("/")[2]) not in self.orders:
                said.append(f"an answer without its order: {row}")
            if place.startswith("/v1/group-orders/"):
                group_id = place.rpartition("/")[2]
                if group_id not in {group["id"] for group in self.tables["group_orders"]}:
                    said.append(f"an answer without its group order: {row}")
        return said

    def _is_lost(self, row: Row) -> bool:
        order = self.orders.get(row["order_id"])
        return order is None or order["organisation_id"] != row["organisation_id"]

    def _defects_of(self, order: Row) -> Iterable[str]:
        order_id, where = order["id"], f"order {order['id']}"
        entries, stages = self.revisions[order_id], self.stages[order_id]
        if any(row["bucket"] != order_id % BUCKETS for row in (order, *entries, *stages)):
            yield f"{where}: in the wrong bucket"
        numbers = sorted(stage["number"] for stage in stages)
        if numbers != list(range(1, order["stage_count"] + 1)):
            yield f"{where}: {order['stage_count']} stages, numbered {numbers}"
        told = [entry["revision"] for entry in entries]
        told += [stage["revision"] for stage in stages if stage["revision"] > 1]
        if sorted(told) != list(range(1, order["revision"] + 1)):
            yield f"{where}: at revision {order['revision']}, entries of {sorted(told)}"
        yield from self._wrong_state(order, where)
        yield from self._wrong_status(order, where)
        yield from self._wrong_names(order, where)

    def _wrong_state(self, order: Row, where: str) -> Iterable[str]:
        entries = self.revisions[order["id"]]
        if not entries:
            return
        last = max(entries, key=lambda entry: (entry["effective_at"], entry["revision"]))
        differing = [name for name in STATE if last[name] != order[name]]
        if differing:
            yield f"{where}: its row and its last entry differ in {differing}"
        timeline = sorted(
            [(entry["revision"], entry["recorded_at"]) for entry in entries]
            + [(stage["revision"], stage["recorded_at"]) for stage in self.stages[order["id"]]]
        )
        recorded = [at for _, at in timeline]
        if recorded != sorted(recorded) or recorded[-1] != order["recorded_at"]:
            yield f"{where}: recorded at {order['recorded_at']}, its entries at {recorded}"

    def _wrong_status(self, order: Row, where: str) -> Iterable[str]:
        stages = self.stages[order["id"]]
        superseded = {stage["supersedes"] for stage in stages}
        counted = [
            stage for stage in stages if stage["status_at"] is not None and stage["number"] not in superseded
        ]
        expected = []
        if counted:
            last = max(counted, key=lambda stage: (stage["status_at"], stage["number"]))
            expected = [(last["stage"], last["number"], last["status_at"])]
        status = [(row["stage"], row["stage_number"], row["since"]) for row in self.statuses[order["id"]]]
        if status != expected:
            yield f"{where}: stands at {status}, its stages say {expected}"

    def _wrong_names(self, order: Row, where: str) -> Iterable[str]:
        for scheme, name in json.loads(order["document"]).get("names", {}).items():
            holder = self.holders.get((order["organisation_id"], scheme, name))
            if holder != order["id"]:
                yield f"{where}: its name {scheme} {name} leads to {holder}"


def defects_of_file(database: str) -> list[str]:
    """What the engine's own check says against an embedded book."""
    if not database.startswith("sqlite:///"):
        return []
    said = [line for (line,) in read(database, "PRAGMA integrity_check") if line != "ok"]
    return said + [f"no such parent: {row}" for row in read(database, "PRAGMA foreign_key_check")]

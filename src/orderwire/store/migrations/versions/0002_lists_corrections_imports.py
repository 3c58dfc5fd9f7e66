"""Lists and searches, corrections of the history, repeatable requests, parties and imports."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ROWS_AT_ONCE = 1_000
# Sought by its beginning: compared by code point, whatever the database's language.
SORTED_TEXT = sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql")
INDEXES = (
    ("tokens_by_organisation", "tokens", ["organisation_id", "scheme", "digest"]),
    ("orders_by_placing", "orders", ["organisation_id", "placed_at", "id"]),
    ("orders_by_change", "orders", ["organisation_id", "changed_at", "id"]),
    ("orders_by_lifecycle", "orders", ["organisation_id", "lifecycle", "id"]),
    ("names_by_name", "names", ["organisation_id", "scheme", "name"]),
    ("order_revisions_by_organisation", "order_revisions", ["organisation_id", "order_id"]),
    ("order_statuses_by_stage", "order_statuses", ["organisation_id", "stage", "order_id"]),
    ("group_orders_by_organisation", "group_orders", ["organisation_id", "created_at", "id"]),
)
# Indexes of the rows that have a value in a column.
PARTIAL = (
    ("tokens_by_user", "tokens", "user_id", ["organisation_id", "user_id", "scheme", "digest"]),
    (
        "tokens_by_application",
        "tokens",
        "application_id",
        ["organisation_id", "application_id", "scheme", "digest"],
    ),
    (
        "orders_by_customer",
        "orders",
        "customer_reference",
        ["organisation_id", "customer_reference", "id"],
    ),
    ("orders_by_customer_id", "orders", "customer_id", ["organisation_id", "customer_id", "id"]),
    ("orders_by_group_and_id", "orders", "group_order_id", ["organisation_id", "group_order_id", "id"]),
)
COLUMNS: tuple[tuple[str, str, Any], ...] = (
    ("tokens", "label", sa.String(length=255)),
    ("orders", "customer_id", sa.BigInteger()),
    ("orders", "customer_reference", sa.String(length=255)),
    ("order_revisions", "supersedes", sa.BigInteger()),
    ("order_stages", "supersedes", sa.Integer()),
)


def upgrade() -> None:
    for table, column, kind in COLUMNS:
        op.add_column(table, sa.Column(column, kind, nullable=True))
    _fill_customers()
    for name, table, columns in INDEXES:
        op.create_index(name, table, columns, unique=False)
    for name, table, column, columns in PARTIAL:
        has_value = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            name, table, columns, unique=False, sqlite_where=has_value, postgresql_where=has_value
        )
    _create_parties()
    _create_answers()
    _create_imports()
    _create_marks()
    # Whoever writes the tables above the way they were before leaves the new columns empty.
    op.execute(sa.text("INSERT INTO book_facts (name, value) VALUES ('works_with', '0002')"))


def downgrade() -> None:
    for name in ("marks", "imports", "answers", "parties"):
        op.drop_table(name)
    op.execute(sa.text("DELETE FROM counters WHERE name = 'party'"))
    op.execute(sa.text("DELETE FROM book_facts WHERE name = 'works_with'"))
    for name, table, _, _ in reversed(PARTIAL):
        op.drop_index(name, table_name=table)
    for name, table, _ in reversed(INDEXES):
        op.drop_index(name, table_name=table)
    for table, column, _ in reversed(COLUMNS):
        with op.batch_alter_table(table) as batch:
            batch.drop_column(column)


def _fill_customers() -> None:
    """Copy each order's customer from its document into the new columns."""
    connection = op.get_bind()
    read = sa.text(
        "SELECT bucket, id, document FROM orders WHERE (bucket > :bucket) OR (bucket = :bucket AND id > :id)"
        " ORDER BY bucket, id LIMIT :limit"
    )
    write = sa.text(
        "UPDATE orders SET customer_id = :customer_id, customer_reference = :reference"
        " WHERE bucket = :bucket AND id = :id"
    )
    bucket, last = -1, 0
    while True:
        rows = connection.execute(read, {"bucket": bucket, "id": last, "limit": ROWS_AT_ONCE}).fetchall()
        found = [(row[0], row[1], json.loads(row[2]).get("customer") or {}) for row in rows]
        changes = [
            {"bucket": b, "id": i, "customer_id": party.get("id"), "reference": party.get("reference")}
            for b, i, party in found
            if "id" in party or "reference" in party
        ]
        if changes:
            connection.execute(write, changes)
        if len(rows) < ROWS_AT_ONCE:
            return
        bucket, last = rows[-1][0], rows[-1][1]


def _create_parties() -> None:
    op.create_table(
        "parties",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("reference", SORTED_TEXT, nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("organisation_id", "role", "reference"),
    )
    op.create_index("parties_by_organisation", "parties", ["organisation_id", "role", "id"], unique=False)
    op.execute(sa.text("INSERT INTO counters (name, next) VALUES ('party', 1)"))


def _create_answers() -> None:
    op.create_table(
        "answers",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("caller", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("request_digest", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "organisation_id", "caller", "key"),
    )
    op.create_index("answers_by_age", "answers", ["created_at"], unique=False)


def _create_imports() -> None:
    op.create_table(
        "imports",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("group_order_id", sa.String(length=36), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("progress", sa.Text(), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "organisation_id", "key"),
    )
    op.create_index("imports_by_state", "imports", ["state", "created_at"], unique=False)


def _create_marks() -> None:
    op.create_table(
        "marks",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("kept", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "id"),
    )
    op.create_index("marks_by_age", "marks", ["created_at"], unique=False)

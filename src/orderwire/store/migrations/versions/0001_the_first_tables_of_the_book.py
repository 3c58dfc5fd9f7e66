"""The first tables of the book."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# Orders' own ids begin above 2**32, so that they don't meet the ids that come from elsewhere.
FIRST_ORDER_NUMBER = 2**20
# Sought by its beginning: compared by code point, whatever the database's language.
SORTED_TEXT = sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql")


def upgrade() -> None:
    _create_accounts()
    _create_credentials()
    _create_orders()
    _create_history()
    _create_statuses()
    _create_groups()


def downgrade() -> None:
    for name in (
        "group_rejections",
        "group_orders",
        "notices",
        "order_statuses",
        "order_stages",
        "order_revisions",
        "names",
        "orders",
        "tokens",
        "applications",
        "persons",
        "organisations",
        "book_facts",
        "counters",
    ):
        op.drop_table(name)


def _create_accounts() -> None:
    counters = op.create_table(
        "counters",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("next", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.bulk_insert(
        counters,
        [
            {"name": "order", "next": FIRST_ORDER_NUMBER},
            {"name": "organisation", "next": 1},
            {"name": "person", "next": 1},
            {"name": "application", "next": 1},
        ],
    )
    op.create_table(
        "book_facts",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "organisations",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("directory", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "persons",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("username", sa.String(length=255), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=True),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("disabled", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("organisation_id", "username"),
    )
    with op.batch_alter_table("persons", schema=None) as batch_op:
        batch_op.create_index("persons_username", ["username"], unique=False)


def _create_credentials() -> None:
    op.create_table(
        "applications",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=True),
        sa.Column("secret_digest", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("client_id"),
        sa.UniqueConstraint("organisation_id", "slug"),
    )
    op.create_table(
        "tokens",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("scheme", sa.String(length=64), nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("application_id", sa.BigInteger(), nullable=True),
        sa.Column("rights", sa.String(length=255), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_at", sa.BigInteger(), nullable=False),
        sa.Column("idle_limit_s", sa.BigInteger(), nullable=True),
        sa.Column("remember", sa.SmallInteger(), nullable=False),
        sa.Column("family", sa.String(length=64), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("digest"),
    )


def _create_orders() -> None:
    op.create_table(
        "orders",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("stage_count", sa.Integer(), nullable=False),
        sa.Column("total_micros", sa.BigInteger(), nullable=True),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("lifecycle", sa.String(length=32), nullable=False),
        sa.Column("payment", sa.String(length=32), nullable=True),
        sa.Column("delivery", sa.String(length=32), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("placed_at", sa.BigInteger(), nullable=False),
        sa.Column("group_order_id", sa.String(length=36), nullable=True),
        sa.Column("group_line", sa.Integer(), nullable=True),
        sa.Column("deleted", sa.SmallInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.CheckConstraint("bucket = id % 4096", name="bucket_of_id"),
        sa.CheckConstraint("revision >= 1", name="revision_positive"),
        sa.PrimaryKeyConstraint("bucket", "id"),
    )
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.create_index(
            "orders_by_group", ["organisation_id", "group_order_id", "group_line"], unique=False
        )
        batch_op.create_index("orders_by_organisation", ["organisation_id", "id"], unique=False)
    op.create_table(
        "names",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("scheme", sa.String(length=64), nullable=False),
        sa.Column("name", SORTED_TEXT, nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "organisation_id", "scheme", "name"),
    )


def _create_history() -> None:
    op.create_table(
        "order_revisions",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("effective_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("lifecycle", sa.String(length=32), nullable=False),
        sa.Column("payment", sa.String(length=32), nullable=True),
        sa.Column("delivery", sa.String(length=32), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("placed_at", sa.BigInteger(), nullable=False),
        sa.Column("group_order_id", sa.String(length=36), nullable=True),
        sa.Column("group_line", sa.Integer(), nullable=True),
        sa.Column("deleted", sa.SmallInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["bucket", "order_id"],
            ["orders.bucket", "orders.id"],
        ),
        sa.PrimaryKeyConstraint("bucket", "order_id", "revision"),
    )
    op.create_table(
        "order_stages",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("stage", sa.String(length=255), nullable=False),
        sa.Column("effective_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("status_at", sa.BigInteger(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["bucket", "order_id"],
            ["orders.bucket", "orders.id"],
        ),
        sa.PrimaryKeyConstraint("bucket", "order_id", "number"),
    )


def _create_statuses() -> None:
    op.create_table(
        "order_statuses",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("stage", sa.String(length=255), nullable=False),
        sa.Column("stage_number", sa.Integer(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["bucket", "order_id"],
            ["orders.bucket", "orders.id"],
        ),
        sa.PrimaryKeyConstraint("bucket", "order_id"),
    )
    op.create_table(
        "notices",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("repeat_key", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["bucket", "order_id"],
            ["orders.bucket", "orders.id"],
        ),
        sa.PrimaryKeyConstraint("bucket", "order_id", "number"),
    )


def _create_groups() -> None:
    op.create_table(
        "group_orders",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("normalised_path", sa.String(length=1000), nullable=True),
        sa.Column("accepted_path", sa.String(length=1000), nullable=True),
        sa.Column("rejected_path", sa.String(length=1000), nullable=True),
        sa.Column("job_id", sa.String(length=255), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "id"),
    )
    op.create_table(
        "group_rejections",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("group_order_id", sa.String(length=36), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("column_name", sa.String(length=255), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["bucket", "group_order_id"],
            ["group_orders.bucket", "group_orders.id"],
        ),
        sa.PrimaryKeyConstraint("bucket", "group_order_id", "line"),
    )

"""Wrong secrets are counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # Nothing but a table more: code of 0002 goes on working, and counts nothing.
    op.create_table(
        "attempts",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "key"),
    )
    op.create_index("attempts_by_end", "attempts", ["ends_at"], unique=False)


def downgrade() -> None:
    op.drop_table("attempts")

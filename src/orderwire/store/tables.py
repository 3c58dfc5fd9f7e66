"""The tables of the book: one metadata for every engine.

Inside the portable subset: BIGINT, SMALLINT, VARCHAR and TEXT only; instants are microseconds since
1970 UTC, money in columns is in millionths, flags are SMALLINT. Every order table's primary key
begins with the order's bucket, so that all rows of one order live and commit together.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()

UUID_LENGTH = 36
DIGEST_LENGTH = 64


def _sorted_text(length: int) -> String:
    """A text that is sought by its beginning: compared by code point, whatever the database's language."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


def _instant(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _index_where(name: str, column: str, *columns: str) -> Index:
    """An index of the rows that have a value in `column`: it costs nothing to write the others."""
    has_value = text(f"{column} IS NOT NULL")
    return Index(name, *columns, sqlite_where=has_value, postgresql_where=has_value)


counters = Table(
    "counters",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("next", BigInteger, nullable=False),
)

# Whether a transaction was committed: written by it (kept 1), or by whoever lost the connection meanwhile
# and asks (kept 0).
marks = Table(
    "marks",
    metadata,
    Column("bucket", SmallInteger, nullable=False),
    Column("id", String(UUID_LENGTH), nullable=False),
    _instant("created_at"),
    Column("kept", SmallInteger, nullable=False),
    PrimaryKeyConstraint("bucket", "id"),
    Index("marks_by_age", "created_at"),
)

# What is true of the book as a whole, such as the proof that its key is at hand.
book_facts = Table(
    "book_facts",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", Text, nullable=False),
)

organisations = Table(
    "organisations",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String(64), nullable=False, unique=True),
    Column("directory", String(255), nullable=False),
    _instant("created_at"),
)

persons = Table(
    "persons",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("organisation_id", BigInteger, nullable=False),
    Column("username", String(255), nullable=False),
    Column("password_hash", String(255)),
    Column("profile", Text, nullable=False),
    Column("disabled", SmallInteger, nullable=False),
    _instant("created_at"),
    UniqueConstraint("organisation_id", "username"),
    Index("persons_username", "username"),
)

applications = Table(
    "applications",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("organisation_id", BigInteger, nullable=False),
    Column("slug", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("client_id", String(255), unique=True),
    Column("secret_digest", String(DIGEST_LENGTH)),
    _instant("created_at"),
    UniqueConstraint("organisation_id", "slug"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("digest", String(DIGEST_LENGTH), primary_key=True),
    Column("scheme", String(64), nullable=False),
    Column("organisation_id", BigInteger, nullable=False),
    Column("user_id", BigInteger),
    Column("application_id", BigInteger),
    Column("rights", String(255), nullable=False),
    _instant("issued_at"),
    _instant("expires_at", nullable=True),
    _instant("last_used_at"),
    Column("idle_limit_s", BigInteger),
    Column("remember", SmallInteger, nullable=False),
    Column("family", String(64)),
    _instant("revoked_at", nullable=True),
    Column("label", String(255)),
    Index("tokens_by_organisation", "organisation_id", "scheme", "digest"),
    _index_where("tokens_by_user", "user_id", "organisation_id", "user_id", "scheme", "digest"),
    _index_where(
        "tokens_by_application", "application_id", "organisation_id", "application_id", "scheme", "digest"
    ),
)

# Wrong secrets, counted by who was claimed to log in and from where; a count is over when its window ends.
attempts = Table(
    "attempts",
    metadata,
    Column("bucket", SmallInteger, nullable=False),
    Column("key", String(DIGEST_LENGTH), nullable=False),
    Column("failures", Integer, nullable=False),
    _instant("began_at"),
    _instant("ends_at"),
    PrimaryKeyConstraint("bucket", "key"),
    Index("attempts_by_end", "ends_at"),
)

# Who orders and who receives, as an organisation knows them beside its orders.
parties = Table(
    "parties",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("organisation_id", BigInteger, nullable=False),
    Column("role", String(32), nullable=False),
    Column("reference", _sorted_text(255)),
    Column("revision", BigInteger, nullable=False),
    Column("record", Text, nullable=False),
    _instant("created_at"),
    _instant("changed_at"),
    _instant("deleted_at", nullable=True),
    UniqueConstraint("organisation_id", "role", "reference"),
    Index("parties_by_organisation", "organisation_id", "role", "id"),
)

# The first answer to a request that may be repeated, kept with what the request wrote.
answers = Table(
    "answers",
    metadata,
    Column("bucket", SmallInteger, nullable=False),
    Column("organisation_id", BigInteger, nullable=False),
    Column("caller", String(64), nullable=False),
    Column("key", String(255), nullable=False),
    Column("request_digest", String(DIGEST_LENGTH), nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", Text, nullable=False),
    Column("body", Text, nullable=False),
    _instant("created_at"),
    PrimaryKeyConstraint("bucket", "organisation_id", "caller", "key"),
    Index("answers_by_age", "created_at"),
)

# What an order is at a revision: the same columns stand in its row and in its change history.
_STATE = (
    ("kind", String(32), False),
    ("lifecycle", String(32), False),
    ("payment", String(32), True),
    ("delivery", String(32), True),
    ("currency", String(3), True),
    ("placed_at", BigInteger, False),
    ("group_order_id", String(UUID_LENGTH), True),
    ("group_line", Integer, True),
    ("deleted", SmallInteger, False),
    ("document", Text, False),
)


def _state() -> list[Column[object]]:
    return [Column(name, kind, nullable=nullable) for name, kind, nullable in _STATE]


orders = Table(
    "orders",
    metadata,
    Column("bucket", SmallInteger, nullable=False),
    Column("id", BigInteger, nullable=False),
    Column("organisation_id", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("stage_count", Integer, nullable=False),
    Column("total_micros", BigInteger),
    Column("customer_id", BigInteger),
    Column("customer_reference", String(255)),
    _instant("changed_at"),
    _instant("recorded_at"),
    *_state(),
    PrimaryKeyConstraint("bucket", "id"),
    CheckConstraint("bucket = id % 4096", name="bucket_of_id"),
    CheckConstraint("revision >= 1", name="revision_positive"),
    Index("orders_by_organisation", "organisation_id", "id"),
    Index("orders_by_group", "organisation_id", "group_order_id", "group_line"),
    Index("orders_by_placing", "organisation_id", "placed_at", "id"),
    Index("orders_by_change", "organisation_id", "changed_at", "id"),
    Index("orders_by_lifecycle", "organisation_id", "lifecycle", "id"),
    _index_where("orders_by_customer", "customer_reference", "organisation_id", "customer_reference", "id"),
    _index_where("orders_by_customer_id", "customer_id", "organisation_id", "customer_id", "id"),
    _index_where("orders_by_group_and_id", "group_order_id", "organisation_id", "group_order_id", "id"),
)

names = Table(
    "names",
    metadata,
    Column("bucket", SmallInteger, nullable=False),
    Column("organisation_id", BigInteger, nullable=False),
    Column("scheme", String(64), nullable=False),
    Column("name", _sorted_text(255), nullable=False),
    Column("order_id", BigInteger, nullable=False),
    PrimaryKeyConstraint("bucket", "organisation_id", "scheme", "name"),
    Index("names_by_name", "organisation_id", "scheme", "name"),
)

order_revisions = Table(
    "order_revisions",
    metadata,
    Column("bucket", SmallInteger, nullable=False),
    Column("order_id", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("organisation_id", BigInteger, nullable=False),
    _instant("effective_at"),
    _instant("recorded_at"),
    Column("origin", Text, nullable=False),
    Column("supersedes", BigInteger),
    *_state(),
    PrimaryKeyConstraint("bucket", "order_id", "revision"),
    ForeignKeyConstraint(["bucket", "order_id"], ["orders.bucket", "orders.id"]),
    Index("order_revisions_by_organisation", "organisation_id", "order_id"),
)

order_stages = Table(
    "order_stages",
    metadata,
    Column("bucket", SmallInteger, nullable=False),
    Column("order_id", BigInteger, nullable=False),
    Column("number", Integer, nullable=False),
    Column("organisation_id", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("stage", String(255), nullable=False),
    _instant("effective_at"),
    _instant("recorded_at"),
    _instant("status_at", nullable=True),
    Column("detail", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("supersedes", Integer),
    PrimaryKeyConstraint("bucket", "order_id", "number"),
    ForeignKeyConstraint(["bucket", "order_id"], ["orders.bucket", "orders.id"]),
)

order_statuses = Table(
    "order_statuses",
    metadata,
    Column("bucket", SmallInteger, nullable=False),
    Column("order_id", BigInteger, nullable=False),
    Column("organisation_id", BigInteger, nullable=False),
    Column("stage", String(255), nullable=False),
    Column("stage_number", Integer, nullable=False),
    _instant("since"),
    _instant("changed_at"),
    Column("detail", Text, nullable=False),
    PrimaryKeyConstraint("bucket", "order_id"),
    ForeignKeyConstraint(["bucket", "order_id"], ["orders.bucket", "orders.id"]),
    Index("order_statuses_by_stage", "organisation_id", "stage", "order_id"),
)

# What a stage owes to somebody outside: settled once it was handed over.
notices = Table(
    "notices",
    metadata,
    Column("bucket", SmallInteger, nullable=False),
    Column("order_id", BigInteger, nullable=False),
    Column("number", Integer, nullable=False),
    Column("organisation_id", BigInteger, nullable=False),
    Column("repeat_key", String(DIGEST_LENGTH), nullable=False),
    _instant("created_at"),
    _instant("settled_at", nullable=True),
    PrimaryKeyConstraint("bucket", "order_id", "number"),
    ForeignKeyConstraint(["bucket", "order_id"], ["orders.bucket", "orders.id"]),
)

group_orders = Table(
    "group_orders",
    metadata,
    Column("bucket", SmallInteger, nullable=False),
    Column("id", String(UUID_LENGTH), nullable=False),
    Column("organisation_id", BigInteger, nullable=False),
    Column("user_id", BigInteger),
    Column("total", Integer, nullable=False),
    Column("normalised_path", String(1000)),
    Column("accepted_path", String(1000)),
    Column("rejected_path", String(1000)),
    Column("job_id", String(255)),
    _instant("created_at"),
    PrimaryKeyConstraint("bucket", "id"),
    Index("group_orders_by_organisation", "organisation_id", "created_at", "id"),
)

group_rejections = Table(
    "group_rejections",
    metadata,
    Column("bucket", SmallInteger, nullable=False),
    Column("group_order_id", String(UUID_LENGTH), nullable=False),
    Column("line", Integer, nullable=False),
    Column("organisation_id", BigInteger, nullable=False),
    Column("column_name", String(255), nullable=False),
    Column("code", String(64), nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("bucket", "group_order_id", "line"),
    ForeignKeyConstraint(["bucket", "group_order_id"], ["group_orders.bucket", "group_orders.id"]),
)

# An import of a file: what was asked, how far it came, and which process runs it until when.
imports = Table(
    "imports",
    metadata,
    Column("bucket", SmallInteger, nullable=False),
    Column("organisation_id", BigInteger, nullable=False),
    Column("key", String(DIGEST_LENGTH), nullable=False),
    Column("group_order_id", String(UUID_LENGTH)),
    Column("state", String(16), nullable=False),
    Column("request", Text, nullable=False),
    Column("progress", Text, nullable=False),
    Column("owner", String(64)),
    _instant("until", nullable=True),
    Column("epoch", BigInteger, nullable=False),
    _instant("created_at"),
    _instant("changed_at"),
    PrimaryKeyConstraint("bucket", "organisation_id", "key"),
    Index("imports_by_state", "state", "created_at"),
)

"""What must hold of every table but those of orders: its values, its buckets, and whom its rows name."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Column, Table, and_, func, literal_column, select

from orderwire.book.callers import RIGHTS, Profile
from orderwire.book.jobs import JobProgress, JobRequest
from orderwire.book.once import answer_place
from orderwire.book.orders import BUCKETS, Party
from orderwire.book.parties import PARTY_ROLES
from orderwire.vault import Vault

from ..compiling import Statement
from ..import_verbs import STATE as IMPORTING
from ..rows import (
    Row,
    bucket_of_attempt,
    bucket_of_group,
    bucket_of_import,
    bucket_of_mark,
    bucket_of_name,
    pairs_of,
)
from ..schema import COPYING, KEY_PROOF
from ..tables import (
    DIGEST_LENGTH,
    answers,
    applications,
    attempts,
    book_facts,
    counters,
    group_orders,
    group_rejections,
    imports,
    marks,
    names,
    orders,
    organisations,
    parties,
    persons,
    tokens,
)
from .check_orders import UNREADABLE, Found, opens
from .snapshots import Snapshot, key_of
from .values import complaint

_DIGEST = re.compile(rf"[0-9a-f]{{{DIGEST_LENGTH}}}")
_decode_profile = msgspec.json.Decoder(Profile).decode
_decode_party = msgspec.json.Decoder(Party).decode
_decode_request = msgspec.json.Decoder(JobRequest).decode
_decode_progress = msgspec.json.Decoder(JobProgress).decode
# Which numbers a counter gives: the ids in a table, so many of them for each number.
COUNTED: dict[str, tuple[Table, int]] = {
    "order": (orders, BUCKETS),
    "organisation": (organisations, 1),
    "person": (persons, 1),
    "application": (applications, 1),
    "party": (parties, 1),
}

Values = dict[str, Any]
# Says what is wrong with a row, or None.
Rule = Callable[[Values, Vault | None], str | None]


def _person(row: Values, _vault: Vault | None) -> str | None:
    _decode_profile(row["profile"])
    return None


def _application(row: Values, _vault: Vault | None) -> str | None:
    secret = row["secret_digest"]
    return "secret_digest is no digest" if secret is not None and not _DIGEST.fullmatch(secret) else None


def _token(row: Values, _vault: Vault | None) -> str | None:
    if not _DIGEST.fullmatch(row["digest"]):
        return "digest is no digest"
    return None if set(row["rights"].split()) <= RIGHTS else "it has a right that there is not"


def _party(row: Values, _vault: Vault | None) -> str | None:
    if row["role"] not in PARTY_ROLES:
        return "there is no such role"
    is_said = _decode_party(row["record"]).reference == row["reference"]
    return None if is_said else "reference is not what the record says"


def _name(row: Values, _vault: Vault | None) -> str | None:
    return _lies(row, bucket_of_name(row["organisation_id"], row["scheme"], row["name"]))


def _group(row: Values, _vault: Vault | None) -> str | None:
    return _lies(row, bucket_of_group(row["id"]))


def _rejection(row: Values, _vault: Vault | None) -> str | None:
    return _lies(row, bucket_of_group(row["group_order_id"]))


def _import(row: Values, _vault: Vault | None) -> str | None:
    if row["state"] == IMPORTING:
        return _lies(row, bucket_of_import(row["organisation_id"], row["key"]))
    _decode_request(row["request"])
    _decode_progress(row["progress"])
    if row["key"] != row["group_order_id"]:
        return "its key is not that of its group order"
    return _lies(row, bucket_of_group(row["key"]))


def _answer(row: Values, vault: Vault | None) -> str | None:
    pairs_of(row["headers"])
    if not 100 <= row["status"] <= 599:
        return "status is none"
    holder = (row["organisation_id"], row["caller"], row["key"])
    if vault is not None and not opens(vault, row["body"], answer_place(holder)):
        return "its body can't be opened"
    return _lies(row, bucket_of_name(*holder))


def _attempt(row: Values, _vault: Vault | None) -> str | None:
    if not _DIGEST.fullmatch(row["key"]):
        return "its key is no digest"
    if row["failures"] < 1 or row["ends_at"] < row["began_at"]:
        return "it counts nothing, or ends before it begins"
    return _lies(row, bucket_of_attempt(row["key"]))


def _mark(row: Values, _vault: Vault | None) -> str | None:
    return _lies(row, bucket_of_mark(row["id"]))


def _lies(row: Values, bucket: int) -> str | None:
    return None if row["bucket"] == bucket else f"lies in bucket {row['bucket']}, its key says {bucket}"


# Every table that the passes over orders do not read.
RULES: dict[Table, Rule | None] = {
    organisations: None,
    persons: _person,
    applications: _application,
    tokens: _token,
    parties: _party,
    names: _name,
    group_orders: _group,
    group_rejections: _rejection,
    imports: _import,
    answers: _answer,
    attempts: _attempt,
    marks: _mark,
    book_facts: None,
    counters: None,
}


async def check_table(
    snapshot: Snapshot, table: Table, vault: Vault | None, found: Found, tell: Callable[[str, int], None]
) -> None:
    """Every row of a table by itself. Raises CannotOpen."""
    rule, columns, done = RULES[table], [column.name for column in table.columns], 0
    async for page in snapshot.scan(table):
        for row in page:
            what = complaint(table, row) or _said(rule, dict(zip(columns, row, strict=True)), vault)
            if what is not None:
                found(table.name, shown_key(table, row), what)
        done += len(page)
        tell(table.name, done)


def shown_key(table: Table, row: Row) -> tuple[Any, ...]:
    """A whole row's primary key without the bucket, which the rest of it tells."""
    key = key_of(table, row)
    return key[1:] if "bucket" in table.c else key


def _said(rule: Rule | None, row: Values, vault: Vault | None) -> str | None:
    if rule is None:
        return None
    try:
        return rule(row, vault)
    except UNREADABLE as error:
        at = f": {error}" if isinstance(error, msgspec.ValidationError) else ""
        return f"can't be read{at}"


async def check_facts(snapshot: Snapshot, found: Found) -> None:
    """What a book must know of itself. Raises CannotOpen."""
    known = {row[0] for row in await snapshot.rows(_all_of(book_facts))}
    if KEY_PROOF not in known:
        found("book_facts", (KEY_PROOF,), "is missing: nothing proves the key")
    if COPYING in known:
        found("book_facts", (COPYING,), "a copy into this book has not ended")


async def check_counters(snapshot: Snapshot, found: Found) -> None:
    """No counter may give a number again. Raises CannotOpen."""
    following = {row[0]: row[1] for row in await snapshot.rows(_all_of(counters))}
    for name, (table, ids) in COUNTED.items():
        if name not in following:
            found("counters", (name,), "is missing")
            continue
        last = Statement(f"last {table.name}", select(func.max(table.c.id)), (), is_scattered=True)
        ((greatest,),) = await snapshot.rows(last)
        if greatest is not None and following[name] <= greatest // ids:
            what = f"gives {following[name]} next, {greatest // ids} is in use"
            found("counters", (name,), what)


def _all_of(table: Table) -> Statement:
    return Statement(f"all {table.name}", select(*table.columns), (), is_scattered=True)


# (a column of a table, the table in which it names a row of the same organisation)
NAMED: tuple[tuple[Column[Any], Table], ...] = (
    (persons.c.organisation_id, organisations),
    (applications.c.organisation_id, organisations),
    (parties.c.organisation_id, organisations),
    (tokens.c.organisation_id, organisations),
    (tokens.c.user_id, persons),
    (tokens.c.application_id, applications),
    (answers.c.organisation_id, organisations),
    (imports.c.organisation_id, organisations),
    (group_orders.c.organisation_id, organisations),
    (group_orders.c.user_id, persons),
    (orders.c.organisation_id, organisations),
    (names.c.order_id, orders),
    (group_rejections.c.group_order_id, group_orders),
)


def _missing(column: Column[Any], there: Table) -> Statement:
    """Keys of the rows whose column names nothing that is there."""
    table: Any = column.table
    conditions: list[Any] = [there.c.id == column]
    if there is not organisations:
        conditions.append(there.c.organisation_id == table.c.organisation_id)
    if there is orders:
        conditions.append(orders.c.bucket == column % literal_column(str(BUCKETS)))
    if there is group_orders:
        conditions.append(group_orders.c.bucket == table.c.bucket)
    is_there = select(there.c.id).where(and_(*conditions)).exists()
    clause = select(*table.primary_key.columns).where(column.is_not(None), ~is_there)
    return Statement(f"missing {column}", clause, (), is_scattered=True)


async def check_references(snapshot: Snapshot, found: Found, tell: Callable[[str, int], None]) -> None:
    """Every row that a row names is there, and the same organisation's. Raises CannotOpen."""
    for column, there in NAMED:
        table = column.table
        has_bucket = "bucket" in table.c
        async for page in snapshot.pages(_missing(column, there)):
            for key in page:
                shown: Sequence[Any] = key[1:] if has_bucket else key
                found(str(table), tuple(shown), f"{column.name}: there is none in {there.name}")
        tell(f"{column} to {there.name}", 0)

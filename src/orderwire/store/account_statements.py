"""The statements about who may ask: organisations, persons, applications, tokens, counters."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, bindparam, delete, literal_column, or_, select, tuple_, update

from .compiling import Statement, insert_into
from .tables import applications, book_facts, counters, organisations, persons, tokens

_p = bindparam

_PERSON = (
    persons.c.id,
    persons.c.organisation_id,
    persons.c.username,
    persons.c.password_hash,
    persons.c.profile,
    persons.c.disabled,
)
_APPLICATION = (
    applications.c.id,
    applications.c.organisation_id,
    applications.c.slug,
    applications.c.name,
    applications.c.client_id,
    applications.c.secret_digest,
)
_TOKEN = (
    tokens.c.digest,
    tokens.c.scheme,
    tokens.c.organisation_id,
    tokens.c.user_id,
    tokens.c.application_id,
    tokens.c.rights,
    tokens.c.issued_at,
    tokens.c.expires_at,
    tokens.c.last_used_at,
    tokens.c.idle_limit_s,
    tokens.c.remember,
    tokens.c.family,
    tokens.c.revoked_at,
    tokens.c.label,
)
_ORGANISATION = (organisations.c.id, organisations.c.name, organisations.c.directory)

TAKE_BLOCK = Statement(
    "take_block",
    update(counters)
    .where(counters.c.name == _p("counter"))
    .values(next=counters.c.next + _p("size"))
    .returning(counters.c.next),
    ("size", "counter"),
)

FETCH_FACT = Statement(
    "fetch_fact", select(book_facts.c.value).where(book_facts.c.name == _p("name")), ("name",)
)
INSERT_FACT = insert_into(book_facts, ignore=["name"])

FETCH_ORGANISATION = Statement(
    "fetch_organisation", select(*_ORGANISATION).where(organisations.c.name == _p("name")), ("name",)
)
LIST_ORGANISATIONS = Statement(
    "list_organisations",
    select(*_ORGANISATION).order_by(organisations.c.id).limit(_p("limit")),
    ("limit",),
)
INSERT_ORGANISATION = insert_into(organisations, ignore=["name"])

FETCH_PERSON = Statement(
    "fetch_person",
    select(*_PERSON).where(persons.c.id == _p("id"), persons.c.organisation_id == _p("organisation_id")),
    ("id", "organisation_id"),
)
FETCH_PERSON_NAMED = Statement(
    "fetch_person_named",
    select(*_PERSON).where(
        persons.c.organisation_id == _p("organisation_id"), persons.c.username == _p("username")
    ),
    ("organisation_id", "username"),
)
LIST_PERSONS_NAMED = Statement(
    "list_persons_named",
    select(*_PERSON).where(persons.c.username == _p("username")).limit(_p("limit")),
    ("username", "limit"),
)
LIST_PERSONS = Statement(
    "list_persons",
    select(*_PERSON)
    .where(persons.c.organisation_id == _p("organisation_id"), persons.c.username > _p("after"))
    .order_by(persons.c.username)
    .limit(_p("limit")),
    ("organisation_id", "after", "limit"),
    is_scattered=True,
)
# Writes nothing new: whoever else would change the row waits, and what is read stays true until the end.
HOLD_PERSON = Statement(
    "hold_person",
    update(persons)
    .where(persons.c.id == _p("k_id"), persons.c.organisation_id == _p("k_organisation_id"))
    .values(disabled=persons.c.disabled)
    .returning(*_PERSON),
    ("k_id", "k_organisation_id"),
)
UPDATE_PERSON = Statement(
    "update_person",
    update(persons)
    .where(persons.c.id == _p("k_id"), persons.c.organisation_id == _p("k_organisation_id"))
    .values(password_hash=_p("v_password_hash"), profile=_p("v_profile"), disabled=_p("v_disabled")),
    ("v_password_hash", "v_profile", "v_disabled", "k_id", "k_organisation_id"),
)
INSERT_PERSON = insert_into(persons, ignore=["organisation_id", "username"])

FETCH_CLIENT = Statement(
    "fetch_client",
    select(*_APPLICATION).where(applications.c.client_id == _p("client_id")),
    ("client_id",),
)
FETCH_APPLICATION = Statement(
    "fetch_application",
    select(*_APPLICATION).where(
        applications.c.organisation_id == _p("organisation_id"), applications.c.slug == _p("slug")
    ),
    ("organisation_id", "slug"),
)
FETCH_APPLICATION_BY_ID = Statement(
    "fetch_application_by_id",
    select(*_APPLICATION).where(
        applications.c.id == _p("id"), applications.c.organisation_id == _p("organisation_id")
    ),
    ("id", "organisation_id"),
)
LIST_APPLICATIONS = Statement(
    "list_applications",
    select(*_APPLICATION)
    .where(applications.c.organisation_id == _p("organisation_id"), applications.c.slug > _p("after"))
    .order_by(applications.c.slug)
    .limit(_p("limit")),
    ("organisation_id", "after", "limit"),
    is_scattered=True,
)
INSERT_APPLICATION = insert_into(applications, ignore=["organisation_id", "slug"])

FETCH_CREDENTIAL = Statement(
    "fetch_credential",
    select(*_TOKEN, *_ORGANISATION, *_PERSON, *_APPLICATION)
    .select_from(tokens)
    .join(organisations, organisations.c.id == tokens.c.organisation_id)
    .outerjoin(persons, persons.c.id == tokens.c.user_id)
    .outerjoin(applications, applications.c.id == tokens.c.application_id)
    .where(tokens.c.digest == _p("digest")),
    ("digest",),
)
PUT_TOKEN = insert_into(tokens, replace=["digest"])
TOUCH_TOKEN = Statement(
    "touch_token",
    update(tokens)
    .where(tokens.c.digest == _p("k_digest"), tokens.c.last_used_at < _p("at"))
    .values(last_used_at=_p("at")),
    ("at", "k_digest"),
)
REVOKE_TOKEN = Statement(
    "revoke_token",
    update(tokens)
    .where(tokens.c.digest == _p("k_digest"), tokens.c.revoked_at.is_(None))
    .values(revoked_at=_p("at"))
    .returning(tokens.c.digest),
    ("at", "k_digest"),
)
REVOKE_TOKENS_OF_PERSON = Statement(
    "revoke_tokens_of_person",
    update(tokens)
    .where(
        tokens.c.organisation_id == _p("k_organisation_id"),
        tokens.c.user_id == _p("k_user_id"),
        tokens.c.revoked_at.is_(None),
        tokens.c.digest != _p("spared"),
    )
    .values(revoked_at=_p("at")),
    ("at", "k_organisation_id", "k_user_id", "spared"),
)


def _list_tokens(name: str, column: Column[Any] | None = None) -> Statement:
    """Tokens by scheme and digest: all of an organisation's, or those with a value in a column."""
    conditions = [tokens.c.organisation_id == _p("organisation_id")]
    params = ["organisation_id"]
    if column is not None:
        conditions.append(column == _p(column.name))
        params.append(column.name)
    behind = tuple_(tokens.c.scheme, tokens.c.digest) > tuple_(_p("after_scheme"), _p("after_digest"))
    clause = (
        select(*_TOKEN)
        .where(*conditions, behind)
        .order_by(tokens.c.scheme, tokens.c.digest)
        .limit(_p("limit"))
    )
    return Statement(name, clause, (*params, "after_scheme", "after_digest", "limit"), is_scattered=True)


LIST_TOKENS = _list_tokens("list_tokens")
LIST_TOKENS_OF_PERSON = _list_tokens("list_tokens_of_person", tokens.c.user_id)
LIST_TOKENS_OF_APPLICATION = _list_tokens("list_tokens_of_application", tokens.c.application_id)
LIST_TOKENS_OF_SCHEME = Statement(
    "list_tokens_of_scheme",
    select(*_TOKEN)
    .where(
        tokens.c.organisation_id == _p("organisation_id"),
        tokens.c.scheme == _p("scheme"),
        tokens.c.digest > _p("after_digest"),
    )
    .order_by(tokens.c.digest)
    .limit(_p("limit")),
    ("organisation_id", "scheme", "after_digest", "limit"),
    is_scattered=True,
)
# The sum keeps the engine from reading all tokens of the organisation: the digests are a few at most.
LIST_DIGESTS = Statement(
    "list_digests",
    select(tokens.c.digest)
    .where(
        tokens.c.organisation_id + literal_column("0") == _p("organisation_id"),
        tokens.c.digest >= _p("first"),
        tokens.c.digest <= _p("last"),
    )
    .order_by(tokens.c.digest)
    .limit(_p("limit")),
    ("organisation_id", "first", "last", "limit"),
)
# Idle limits are kept in seconds, instants in microseconds.
DELETE_ENDED_TOKENS = Statement(
    "delete_ended_tokens",
    delete(tokens)
    .where(
        or_(
            tokens.c.revoked_at < _p("before"),
            tokens.c.expires_at < _p("before"),
            tokens.c.last_used_at + tokens.c.idle_limit_s * 1_000_000 < _p("before"),
        )
    )
    .returning(tokens.c.scheme),
    ("before",),
)

ALL: tuple[Statement, ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Statement)
)

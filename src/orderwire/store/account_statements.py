"""The statements about who may ask: organisations, persons, applications, tokens, counters."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, or_, select, update

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
    .where(persons.c.organisation_id == _p("organisation_id"))
    .order_by(persons.c.username)
    .limit(_p("limit")),
    ("organisation_id", "limit"),
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
LIST_APPLICATIONS = Statement(
    "list_applications",
    select(*_APPLICATION)
    .where(applications.c.organisation_id == _p("organisation_id"))
    .order_by(applications.c.slug)
    .limit(_p("limit")),
    ("organisation_id", "limit"),
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

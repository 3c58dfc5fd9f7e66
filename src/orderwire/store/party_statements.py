"""The statements about the parties of an organisation."""

from __future__ import annotations

from sqlalchemy import bindparam, select, tuple_, update

from .compiling import Statement, insert_into
from .tables import parties

_p = bindparam

_PARTY = (
    parties.c.id,
    parties.c.organisation_id,
    parties.c.role,
    parties.c.revision,
    parties.c.record,
    parties.c.created_at,
    parties.c.changed_at,
)
_OWN = parties.c.organisation_id == _p("organisation_id")
_IS_THERE = parties.c.deleted_at.is_(None)

FETCH_PARTY = Statement(
    "fetch_party", select(*_PARTY).where(parties.c.id == _p("id"), _OWN, _IS_THERE), ("id", "organisation_id")
)
_REFERENCED = (_OWN, parties.c.role == _p("role"), parties.c.reference == _p("reference"))
FETCH_PARTY_REFERENCED = Statement(
    "fetch_party_referenced",
    select(*_PARTY).where(*_REFERENCED, _IS_THERE),
    ("organisation_id", "role", "reference"),
)
# A party that was removed has its reference still.
FETCH_REFERENCE = Statement(
    "fetch_reference", select(parties.c.id).where(*_REFERENCED), ("organisation_id", "role", "reference")
)
LIST_PARTIES = Statement(
    "list_parties",
    select(*_PARTY)
    .where(_OWN, tuple_(parties.c.role, parties.c.id) > tuple_(_p("after_role"), _p("after_id")), _IS_THERE)
    .order_by(parties.c.role, parties.c.id)
    .limit(_p("limit")),
    ("organisation_id", "after_role", "after_id", "limit"),
    is_scattered=True,
)
LIST_PARTIES_OF_ROLE = Statement(
    "list_parties_of_role",
    select(*_PARTY)
    .where(_OWN, parties.c.role == _p("role"), parties.c.id > _p("after_id"), _IS_THERE)
    .order_by(parties.c.id)
    .limit(_p("limit")),
    ("organisation_id", "role", "after_id", "limit"),
    is_scattered=True,
)
LIST_PARTIES_BY_REFERENCE = Statement(
    "list_parties_by_reference",
    select(*_PARTY)
    .where(
        _OWN,
        parties.c.role == _p("role"),
        parties.c.reference >= _p("first"),
        parties.c.reference < _p("end"),
        parties.c.reference > _p("after"),
        _IS_THERE,
    )
    .order_by(parties.c.reference)
    .limit(_p("limit")),
    ("organisation_id", "role", "first", "end", "after", "limit"),
    is_scattered=True,
)
INSERT_PARTY = insert_into(parties, ignore=["organisation_id", "role", "reference"])
# Writes nothing new: whoever else would change the row waits, and what is read stays true until the end.
HOLD_PARTY = Statement(
    "hold_party",
    update(parties)
    .where(parties.c.id == _p("k_id"), parties.c.organisation_id == _p("k_organisation_id"), _IS_THERE)
    .values(revision=parties.c.revision)
    .returning(*_PARTY),
    ("k_id", "k_organisation_id"),
)
UPDATE_PARTY = Statement(
    "update_party",
    update(parties)
    .where(
        parties.c.id == _p("k_id"),
        parties.c.organisation_id == _p("k_organisation_id"),
        parties.c.revision == _p("was"),
        _IS_THERE,
    )
    .values(
        reference=_p("v_reference"),
        revision=_p("v_revision"),
        record=_p("v_record"),
        changed_at=_p("v_changed_at"),
        deleted_at=_p("v_deleted_at"),
    )
    .returning(parties.c.id),
    (
        "v_reference",
        "v_revision",
        "v_record",
        "v_changed_at",
        "v_deleted_at",
        "k_id",
        "k_organisation_id",
        "was",
    ),
)

ALL: tuple[Statement, ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Statement)
)

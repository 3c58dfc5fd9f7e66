"""The statements about an order's history: its stages and revisions, and orders as they stood."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, bindparam, select, tuple_

from .compiling import Statement
from .statements import NOT_DELETED, ONE, STAGE, one_order, state_of
from .tables import order_revisions, order_stages, orders

_p = bindparam
_r = order_revisions.c

# An order as an entry of its history says it, in the columns of `statements.ORDER`.
_THEN = (
    _r.order_id,
    _r.organisation_id,
    _r.revision,
    orders.c.stage_count,
    _r.effective_at,
    _r.recorded_at,
    *state_of(order_revisions),
)
# ... and what the entry says of itself.
_ENTRY = (_r.revision, _r.effective_at, _r.recorded_at, _r.origin, _r.supersedes, _r.deleted)
_WITH_ORDER = order_revisions.join(orders, and_(orders.c.bucket == _r.bucket, orders.c.id == _r.order_id))

FETCH_ORDER_AT = Statement(
    "fetch_order_at",
    select(*_THEN, _r.deleted)
    .select_from(_WITH_ORDER)
    .where(
        *one_order(order_revisions, "order_id"),
        _r.effective_at <= _p("as_of"),
        _r.recorded_at <= _p("known_at"),
        orders.c.deleted <= _p("deleted_at_most"),
    )
    .order_by(_r.effective_at.desc(), _r.revision.desc())
    .limit(1),
    (*ONE, "as_of", "known_at", "deleted_at_most"),
)
LIST_STAGES = Statement(
    "list_stages",
    select(*STAGE)
    .where(*one_order(order_stages, "order_id"), order_stages.c.recorded_at <= _p("known_at"))
    .order_by(order_stages.c.effective_at, order_stages.c.number)
    .limit(_p("limit")),
    (*ONE, "known_at", "limit"),
)
LIST_STATES = Statement(
    "list_states",
    select(*_THEN, *_ENTRY)
    .select_from(_WITH_ORDER)
    .where(*one_order(order_revisions, "order_id"), _r.revision > _p("after"))
    .order_by(_r.revision)
    .limit(_p("limit")),
    (*ONE, "after", "limit"),
)
# What was held to be so at an instant, before a revision changed it.
FETCH_STATE = Statement(
    "fetch_state",
    select(*_THEN, *_ENTRY)
    .select_from(_WITH_ORDER)
    .where(
        *one_order(order_revisions, "order_id"),
        _r.effective_at <= _p("effective_at"),
        _r.recorded_at <= _p("known_at"),
        _r.revision < _p("before"),
    )
    .order_by(_r.effective_at.desc(), _r.revision.desc())
    .limit(1),
    (*ONE, "effective_at", "known_at", "before"),
)


def _orders_at(*, is_descending: bool) -> Statement:
    """Orders of an organisation as they stood, by id: of each, the last revision that counts, if that
    did not delete it."""
    later = order_revisions.alias("later")
    is_overtaken = (
        select(later.c.revision)
        .where(
            later.c.bucket == _r.bucket,
            later.c.order_id == _r.order_id,
            later.c.effective_at <= _p("as_of"),
            later.c.recorded_at <= _p("known_at"),
            tuple_(later.c.effective_at, later.c.revision) > tuple_(_r.effective_at, _r.revision),
        )
        .exists()
    )
    after: Any = _r.order_id < _p("after_id") if is_descending else _r.order_id > _p("after_id")
    clause = (
        select(*_THEN)
        .select_from(_WITH_ORDER)
        .where(
            _r.organisation_id == _p("organisation_id"),
            _r.effective_at <= _p("as_of"),
            _r.recorded_at <= _p("known_at"),
            orders.c.deleted <= _p("deleted_at_most"),
            _r.deleted == NOT_DELETED,
            after,
            ~is_overtaken,
        )
        .order_by(_r.order_id.desc() if is_descending else _r.order_id)
        .limit(_p("limit"))
    )
    return Statement(
        f"list_orders_at_{'descending' if is_descending else 'ascending'}",
        clause,
        ("organisation_id", "as_of", "known_at", "deleted_at_most", "after_id", "limit"),
        is_scattered=True,
    )


LIST_ORDERS_AT = _orders_at(is_descending=False)
LIST_ORDERS_AT_DESCENDING = _orders_at(is_descending=True)


ALL: tuple[Statement, ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Statement)
)

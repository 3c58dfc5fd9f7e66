"""Every statement of the book, written once in SQLAlchemy Core, for every engine.

Each lists its parameters in the order in which callers give the values. Each touches one bucket,
save those in `SCATTERED`.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Table, and_, bindparam, case, func, literal_column, select, update

from . import account_statements
from .compiling import Statement, insert_into
from .tables import (
    group_orders,
    group_rejections,
    names,
    notices,
    order_revisions,
    order_stages,
    order_statuses,
    orders,
)

_p = bindparam
# A literal, not a parameter: it never varies, and the driver has one value less to bind.
_ZERO: Any = literal_column("0")

_STATE = (
    "kind",
    "lifecycle",
    "payment",
    "delivery",
    "currency",
    "placed_at",
    "group_order_id",
    "group_line",
    "document",
)


def _state(table: Table) -> list[Column[Any]]:
    return [table.c[name] for name in _STATE]


_ORDER = (
    orders.c.id,
    orders.c.organisation_id,
    orders.c.revision,
    orders.c.stage_count,
    orders.c.changed_at,
    orders.c.recorded_at,
    *_state(orders),
)
_STATUS = (
    order_statuses.c.order_id,
    order_statuses.c.stage,
    order_statuses.c.stage_number,
    order_statuses.c.since,
    order_statuses.c.changed_at,
    order_statuses.c.detail,
)
_STAGE = (
    order_stages.c.order_id,
    order_stages.c.number,
    order_stages.c.revision,
    order_stages.c.stage,
    order_stages.c.effective_at,
    order_stages.c.recorded_at,
    order_stages.c.status_at,
    order_stages.c.detail,
    order_stages.c.origin,
    order_stages.c.supersedes,
)


def _one(table: Table, key: str) -> list[Any]:
    """The conditions that pick one order's rows in an order table: all three, always."""
    return [
        table.c.bucket == _p("bucket"),
        table.c[key] == _p("order_id"),
        table.c.organisation_id == _p("organisation_id"),
    ]


def _later(column: Column[int], param: str) -> Any:
    """The column's instant, or the parameter's if that is later."""
    return case((column < _p(param), _p(param)), else_=column)


ONE = ("bucket", "order_id", "organisation_id")

FETCH_ORDER = Statement(
    "fetch_order", select(*_ORDER).where(*_one(orders, "id"), orders.c.deleted == _ZERO), ONE
)
FETCH_NAME = Statement(
    "fetch_name",
    select(names.c.order_id).where(
        names.c.bucket == _p("bucket"),
        names.c.organisation_id == _p("organisation_id"),
        names.c.scheme == _p("scheme"),
        names.c.name == _p("name"),
    ),
    ("bucket", "organisation_id", "scheme", "name"),
)

FETCH_ORDER_AT = Statement(
    "fetch_order_at",
    select(
        order_revisions.c.order_id,
        order_revisions.c.organisation_id,
        order_revisions.c.revision,
        orders.c.stage_count,
        order_revisions.c.effective_at,
        order_revisions.c.recorded_at,
        *_state(order_revisions),
        order_revisions.c.deleted,
    )
    .select_from(order_revisions)
    .join(
        orders,
        and_(orders.c.bucket == order_revisions.c.bucket, orders.c.id == order_revisions.c.order_id),
    )
    .where(
        *_one(order_revisions, "order_id"),
        order_revisions.c.effective_at <= _p("as_of"),
        order_revisions.c.recorded_at <= _p("known_at"),
    )
    .order_by(order_revisions.c.effective_at.desc(), order_revisions.c.revision.desc())
    .limit(1),
    (*ONE, "as_of", "known_at"),
)
FETCH_STATUS = Statement("fetch_status", select(*_STATUS).where(*_one(order_statuses, "order_id")), ONE)
FETCH_STAGE = Statement(
    "fetch_stage",
    select(*_STAGE).where(*_one(order_stages, "order_id"), order_stages.c.number == _p("number")),
    (*ONE, "number"),
)
LIST_STAGES = Statement(
    "list_stages",
    select(*_STAGE)
    .where(
        *_one(order_stages, "order_id"),
        order_stages.c.effective_at <= _p("as_of"),
        order_stages.c.recorded_at <= _p("known_at"),
    )
    .order_by(order_stages.c.effective_at, order_stages.c.number)
    .limit(_p("limit")),
    (*ONE, "as_of", "known_at", "limit"),
)
LIST_REVISIONS = Statement(
    "list_revisions",
    select(
        order_revisions.c.revision,
        order_revisions.c.effective_at,
        order_revisions.c.recorded_at,
        order_revisions.c.origin,
        order_revisions.c.supersedes,
    )
    .where(*_one(order_revisions, "order_id"))
    .order_by(order_revisions.c.revision)
    .limit(_p("limit")),
    (*ONE, "limit"),
)
LIST_ORDERS = Statement(
    "list_orders",
    select(*_ORDER)
    .where(
        orders.c.organisation_id == _p("organisation_id"),
        orders.c.id > _p("after_id"),
        orders.c.deleted == _ZERO,
    )
    .order_by(orders.c.id)
    .limit(_p("limit")),
    ("organisation_id", "after_id", "limit"),
)
FETCH_GROUP_ORDER = Statement(
    "fetch_group_order",
    select(
        group_orders.c.id,
        group_orders.c.organisation_id,
        group_orders.c.user_id,
        group_orders.c.total,
        select(func.count())
        .where(
            orders.c.organisation_id == _p("organisation_id"),
            orders.c.group_order_id == _p("group_order_id"),
            orders.c.deleted == _ZERO,
        )
        .scalar_subquery(),
        select(func.count())
        .where(
            group_rejections.c.bucket == _p("bucket"),
            group_rejections.c.group_order_id == _p("group_order_id"),
        )
        .scalar_subquery(),
        group_orders.c.normalised_path,
        group_orders.c.accepted_path,
        group_orders.c.rejected_path,
        group_orders.c.job_id,
        group_orders.c.created_at,
    ).where(
        group_orders.c.bucket == _p("bucket"),
        group_orders.c.id == _p("group_order_id"),
        group_orders.c.organisation_id == _p("organisation_id"),
    ),
    ("bucket", "group_order_id", "organisation_id"),
)
LIST_MEMBERS = Statement(
    "list_members",
    select(*_ORDER, *_STATUS)
    .select_from(orders)
    .outerjoin(
        order_statuses,
        and_(order_statuses.c.bucket == orders.c.bucket, order_statuses.c.order_id == orders.c.id),
    )
    .where(
        orders.c.organisation_id == _p("organisation_id"),
        orders.c.group_order_id == _p("group_order_id"),
        orders.c.deleted == _ZERO,
    )
    .order_by(orders.c.group_line, orders.c.id)
    .limit(_p("limit")),
    ("organisation_id", "group_order_id", "limit"),
)
FETCH_UNNOTIFIED_STAGE = Statement(
    "fetch_unnotified_stage",
    select(*_STAGE)
    .select_from(notices)
    .join(
        order_stages,
        and_(
            order_stages.c.bucket == notices.c.bucket,
            order_stages.c.order_id == notices.c.order_id,
            order_stages.c.number == notices.c.number,
        ),
    )
    .where(
        *_one(notices, "order_id"),
        notices.c.repeat_key == _p("repeat_key"),
        notices.c.settled_at.is_(None),
    )
    .order_by(order_stages.c.number)
    .limit(1),
    (*ONE, "repeat_key"),
)

INSERT_ORDER = insert_into(orders)
INSERT_REVISION = insert_into(order_revisions)
INSERT_NAME = insert_into(names, ignore=["bucket", "organisation_id", "scheme", "name"])
MOVE_NAME = Statement(
    "move_name",
    update(names)
    .where(
        names.c.bucket == _p("k_bucket"),
        names.c.organisation_id == _p("k_organisation_id"),
        names.c.scheme == _p("k_scheme"),
        names.c.name == _p("k_name"),
        names.c.order_id == _p("from_id"),
    )
    .values(order_id=_p("to_id"))
    .returning(names.c.order_id),
    ("to_id", "k_bucket", "k_organisation_id", "k_scheme", "k_name", "from_id"),
)
_CHANGED = (
    "revision",
    "stage_count",
    "total_micros",
    "customer_id",
    "customer_reference",
    "changed_at",
    "recorded_at",
)
UPDATE_ORDER = Statement(
    "update_order",
    update(orders)
    .where(
        orders.c.bucket == _p("k_bucket"),
        orders.c.id == _p("k_id"),
        orders.c.organisation_id == _p("k_organisation_id"),
        orders.c.revision == _p("was"),
    )
    .values({name: _p(f"v_{name}") for name in (*_CHANGED, *_STATE, "deleted")})
    .returning(orders.c.id),
    (
        *(f"v_{column.name}" for column in orders.c if column.name in {*_CHANGED, *_STATE, "deleted"}),
        "k_bucket",
        "k_id",
        "k_organisation_id",
        "was",
    ),
)
ADVANCE_ORDER = Statement(
    "advance_order",
    update(orders)
    .where(
        orders.c.bucket == _p("k_bucket"),
        orders.c.id == _p("k_id"),
        orders.c.organisation_id == _p("k_organisation_id"),
        orders.c.deleted == _ZERO,
    )
    .values(
        revision=orders.c.revision + 1,
        stage_count=orders.c.stage_count + 1,
        changed_at=_later(orders.c.changed_at, "at"),
        recorded_at=_later(orders.c.recorded_at, "at"),
    )
    .returning(orders.c.revision, orders.c.stage_count, orders.c.recorded_at),
    ("at", "k_bucket", "k_id", "k_organisation_id"),
)
INSERT_STAGE = insert_into(order_stages)
PUT_STATUS = insert_into(order_statuses, replace=["bucket", "order_id"])
INSERT_NOTICE = insert_into(notices)
SETTLE_NOTICE = Statement(
    "settle_notice",
    update(notices)
    .where(
        notices.c.bucket == _p("k_bucket"),
        notices.c.order_id == _p("k_order_id"),
        notices.c.organisation_id == _p("k_organisation_id"),
        notices.c.repeat_key == _p("k_repeat_key"),
        notices.c.settled_at.is_(None),
    )
    .values(settled_at=_p("at")),
    ("at", "k_bucket", "k_order_id", "k_organisation_id", "k_repeat_key"),
)
INSERT_GROUP_ORDER = insert_into(group_orders, ignore=["bucket", "id"])
INSERT_REJECTION = insert_into(group_rejections)

# Statements on order tables that no single bucket can answer: lists of an organisation.
SCATTERED = frozenset({"list_orders", "fetch_group_order", "list_members"})

ALL: tuple[Statement, ...] = (
    *account_statements.ALL,
    *(value for value in list(globals().values()) if isinstance(value, Statement)),
)

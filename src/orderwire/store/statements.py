"""Every statement of the book, written once in SQLAlchemy Core, for every engine.

Each lists its parameters in the order in which callers give the values. Each touches one bucket,
save those marked `is_scattered`. Here: orders, names, stages, group orders; `catalogue` lists them all.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Table, and_, bindparam, case, delete, literal_column, select, update

from .compiling import Statement, insert_into
from .tables import (
    names,
    notices,
    order_revisions,
    order_stages,
    order_statuses,
    orders,
)

_p = bindparam
# Most group orders have fewer members, and fewer rejections: these are read at once, any more aside.
FEW_MEMBERS = 16
# A literal, not a parameter: it never varies, and the driver has one value less to bind.
NOT_DELETED: Any = literal_column("0")

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


def state_of(table: Table) -> list[Column[Any]]:
    return [table.c[name] for name in _STATE]


ORDER = (
    orders.c.id,
    orders.c.organisation_id,
    orders.c.revision,
    orders.c.stage_count,
    orders.c.changed_at,
    orders.c.recorded_at,
    *state_of(orders),
)
STATUS = (
    order_statuses.c.order_id,
    order_statuses.c.stage,
    order_statuses.c.stage_number,
    order_statuses.c.since,
    order_statuses.c.changed_at,
    order_statuses.c.detail,
)
STAGE = (
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


def one_order(table: Table, key: str) -> list[Any]:
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
    "fetch_order", select(*ORDER).where(*one_order(orders, "id"), orders.c.deleted == NOT_DELETED), ONE
)
# Which status belongs to an order, for joins.
ITS_STATUS = and_(order_statuses.c.bucket == orders.c.bucket, order_statuses.c.order_id == orders.c.id)
_WITH_STATUSES = orders.outerjoin(order_statuses, ITS_STATUS)
_ORDERS_AND_STATUSES = select(*ORDER, *STATUS).select_from(_WITH_STATUSES)
FETCH_ORDER_AND_STATUS = Statement(
    "fetch_order_and_status",
    _ORDERS_AND_STATUSES.where(*one_order(orders, "id"), orders.c.deleted == NOT_DELETED),
    ONE,
)
# Little of an order, before its document in the row: whether it still is what somebody has read.
FETCH_REVISION = Statement(
    "fetch_revision",
    select(orders.c.revision, orders.c.recorded_at).where(
        *one_order(orders, "id"), orders.c.deleted == NOT_DELETED
    ),
    ONE,
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

FETCH_STATUS = Statement("fetch_status", select(*STATUS).where(*one_order(order_statuses, "order_id")), ONE)
FETCH_STAGE = Statement(
    "fetch_stage",
    select(*STAGE).where(*one_order(order_stages, "order_id"), order_stages.c.number == _p("number")),
    (*ONE, "number"),
)
_MEMBERS = (
    _ORDERS_AND_STATUSES.where(
        orders.c.organisation_id == _p("organisation_id"),
        orders.c.group_order_id == _p("group_order_id"),
        orders.c.deleted == NOT_DELETED,
    )
    .order_by(orders.c.group_line, orders.c.id)
    .limit(_p("limit"))
)
_OF_A_GROUP = ("organisation_id", "group_order_id", "limit")
LIST_MEMBERS = Statement("list_members", _MEMBERS, _OF_A_GROUP, is_scattered=True)
LIST_FEW_MEMBERS = Statement("list_few_members", _MEMBERS, _OF_A_GROUP, is_scattered=True, is_short=True)
FETCH_UNNOTIFIED_STAGE = Statement(
    "fetch_unnotified_stage",
    select(*STAGE)
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
        *one_order(notices, "order_id"),
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
# The order that is changed: its parameters have names of their own, for the columns' are taken by new values.
_CHANGED_KEY = ("k_bucket", "k_id", "k_organisation_id")
_CHANGED_ORDER = [orders.c[name.removeprefix("k_")] == _p(name) for name in _CHANGED_KEY]
UPDATE_ORDER = Statement(
    "update_order",
    update(orders)
    .where(*_CHANGED_ORDER, orders.c.revision == _p("was"))
    .values({name: _p(f"v_{name}") for name in (*_CHANGED, *_STATE, "deleted")})
    .returning(orders.c.id),
    (
        *(f"v_{column.name}" for column in orders.c if column.name in {*_CHANGED, *_STATE, "deleted"}),
        *_CHANGED_KEY,
        "was",
    ),
)
# Writes nothing new: whoever else would change the row waits, and what is read stays true until the end.
HOLD_ORDER = Statement(
    "hold_order",
    update(orders)
    .where(*_CHANGED_ORDER, orders.c.deleted == NOT_DELETED)
    .values(revision=orders.c.revision)
    .returning(*ORDER),
    _CHANGED_KEY,
)
_ADVANCED = (orders.c.revision, orders.c.stage_count, orders.c.recorded_at)
ADVANCE_ORDER = Statement(
    "advance_order",
    update(orders)
    .where(*_CHANGED_ORDER, orders.c.deleted == NOT_DELETED)
    .values(
        revision=orders.c.revision + 1,
        stage_count=orders.c.stage_count + 1,
        changed_at=_later(orders.c.changed_at, "at"),
        recorded_at=_later(orders.c.recorded_at, "at"),
    )
    .returning(*_ADVANCED),
    ("at", *_CHANGED_KEY),
)
# The same in two steps, for where nobody else can write in between.
FETCH_STANDING = Statement(
    "fetch_standing",
    select(*_ADVANCED, orders.c.changed_at, *STATUS)
    .select_from(_WITH_STATUSES)
    .where(*one_order(orders, "id"), orders.c.deleted == NOT_DELETED),
    ONE,
)
_STANDING = ("revision", "stage_count", "recorded_at", "changed_at")
MOVE_STANDING = Statement(
    "move_standing",
    update(orders).where(*_CHANGED_ORDER).values({name: _p(f"v_{name}") for name in _STANDING}),
    (*(f"v_{column.name}" for column in orders.c if column.name in _STANDING), *_CHANGED_KEY),
)
INSERT_STAGE = insert_into(order_stages)
PUT_STATUS = insert_into(order_statuses, replace=["bucket", "order_id"])
DELETE_STATUS = Statement(
    "delete_status", delete(order_statuses).where(*one_order(order_statuses, "order_id")), ONE
)
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

ALL: tuple[Statement, ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Statement)
)

"""The statements about group orders, their rejections, and the imports behind them.

A group order's import lies in its bucket, under the group order's own id.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, bindparam, case, func, literal_column, or_, select, update

from .compiling import Statement, insert_into
from .statements import FEW_MEMBERS
from .tables import group_orders, group_rejections, imports, orders

_p = bindparam
_ZERO: Any = literal_column("0")
_ONE: Any = literal_column("1")
# Literals, too: an engine's placeholders stand for what callers give, and for nothing else.
_WAITING: Any = literal_column("'waiting'")
_RUNNING: Any = literal_column("'running'")
_CANCELLED: Any = literal_column("'cancelled'")
_NULL: Any = literal_column("NULL")
_IS_OPEN = or_(imports.c.state == _WAITING, imports.c.state == _RUNNING)

_JOB = (
    imports.c.organisation_id,
    imports.c.group_order_id,
    imports.c.state,
    imports.c.request,
    imports.c.progress,
    imports.c.owner,
    imports.c.until,
    imports.c.epoch,
    imports.c.created_at,
    imports.c.changed_at,
)
_MEMBERS = (
    select(func.count())
    .where(
        orders.c.organisation_id == group_orders.c.organisation_id,
        orders.c.group_order_id == group_orders.c.id,
        orders.c.deleted == _ZERO,
    )
    .correlate(group_orders)
    .scalar_subquery()
)
_REJECTIONS = (
    select(func.count())
    .where(
        group_rejections.c.bucket == group_orders.c.bucket,
        group_rejections.c.group_order_id == group_orders.c.id,
    )
    .correlate(group_orders)
    .scalar_subquery()
)
# An import keeps its own counts; only without one are the members counted.
_IS_COUNTED = imports.c.key.is_(None)


def _group(members: Any, rejections: Any) -> tuple[Any, ...]:
    return (
        group_orders.c.id,
        group_orders.c.organisation_id,
        group_orders.c.user_id,
        group_orders.c.total,
        case((_IS_COUNTED, members), else_=_ZERO),
        case((_IS_COUNTED, rejections), else_=_ZERO),
        group_orders.c.normalised_path,
        group_orders.c.accepted_path,
        group_orders.c.rejected_path,
        group_orders.c.job_id,
        group_orders.c.created_at,
    )


def _first_of(*conditions: Any) -> Any:
    """How many rows meet the conditions, counted up to FEW_MEMBERS."""
    some = select(_ONE).where(*conditions).limit(literal_column(str(FEW_MEMBERS))).subquery()
    return select(func.count()).select_from(some).scalar_subquery()


_GROUP = _group(_MEMBERS, _REJECTIONS)
_FIRST_MEMBERS = _first_of(
    orders.c.organisation_id == _p("organisation_id"),
    orders.c.group_order_id == _p("group_order_id"),
    orders.c.deleted == _ZERO,
)
_FIRST_REJECTIONS = _first_of(
    group_rejections.c.bucket == _p("bucket"), group_rejections.c.group_order_id == _p("group_order_id")
)
_WITH_JOB = group_orders.outerjoin(
    imports,
    and_(
        imports.c.bucket == group_orders.c.bucket,
        imports.c.organisation_id == group_orders.c.organisation_id,
        imports.c.key == group_orders.c.id,
    ),
)

_ONE_GROUP = ("bucket", "group_order_id", "organisation_id")
_IS_THE_GROUP = (
    group_orders.c.bucket == _p("bucket"),
    group_orders.c.id == _p("group_order_id"),
    group_orders.c.organisation_id == _p("organisation_id"),
)
FETCH_GROUP_ORDER = Statement(
    "fetch_group_order",
    select(*_GROUP, *_JOB).select_from(_WITH_JOB).where(*_IS_THE_GROUP),
    _ONE_GROUP,
    is_scattered=True,
)
# The same with neither count beyond FEW_MEMBERS, so that it never takes long.
FETCH_SMALL_GROUP_ORDER = Statement(
    "fetch_small_group_order",
    select(*_group(_FIRST_MEMBERS, _FIRST_REJECTIONS), *_JOB).select_from(_WITH_JOB).where(*_IS_THE_GROUP),
    _ONE_GROUP,
    is_scattered=True,
    is_short=True,
)
# Newest first, from below (created_at, id) on.
LIST_GROUP_ORDERS = Statement(
    "list_group_orders",
    select(*_GROUP, *_JOB)
    .select_from(_WITH_JOB)
    .where(
        group_orders.c.organisation_id == _p("organisation_id"),
        or_(
            group_orders.c.created_at < _p("created_at"),
            and_(group_orders.c.created_at == _p("created_at"), group_orders.c.id < _p("id")),
        ),
        group_orders.c.created_at <= _p("created_at"),
    )
    .order_by(group_orders.c.created_at.desc(), group_orders.c.id.desc())
    .limit(_p("limit")),
    ("organisation_id", "created_at", "id", "limit"),
    is_scattered=True,
)
LIST_REJECTIONS = Statement(
    "list_rejections",
    select(
        group_rejections.c.line,
        group_rejections.c.column_name,
        group_rejections.c.code,
        group_rejections.c.value,
    )
    .where(
        group_rejections.c.bucket == _p("bucket"),
        group_rejections.c.group_order_id == _p("group_order_id"),
        group_rejections.c.organisation_id == _p("organisation_id"),
        group_rejections.c.line > _p("after"),
    )
    .order_by(group_rejections.c.line)
    .limit(_p("limit")),
    ("bucket", "group_order_id", "organisation_id", "after", "limit"),
)
INSERT_GROUP_ORDER = insert_into(group_orders, ignore=["bucket", "id"])
UPDATE_GROUP_ORDER = Statement(
    "update_group_order",
    update(group_orders)
    .where(
        group_orders.c.bucket == _p("k_bucket"),
        group_orders.c.id == _p("k_id"),
        group_orders.c.organisation_id == _p("k_organisation_id"),
    )
    .values(
        {name: _p(f"v_{name}") for name in ("total", "normalised_path", "accepted_path", "rejected_path")}
    ),
    (
        "v_total",
        "v_normalised_path",
        "v_accepted_path",
        "v_rejected_path",
        "k_bucket",
        "k_id",
        "k_organisation_id",
    ),
)
INSERT_REJECTION = insert_into(group_rejections)

_INSERT_IMPORT = insert_into(imports)
INSERT_JOB = Statement("insert_job", _INSERT_IMPORT.clause, _INSERT_IMPORT.params)
_ONE_JOB = (
    imports.c.bucket == _p("k_bucket"),
    imports.c.organisation_id == _p("k_organisation_id"),
    imports.c.key == _p("k_key"),
)
FETCH_JOB = Statement("fetch_job", select(*_JOB).where(*_ONE_JOB), ("k_bucket", "k_organisation_id", "k_key"))
# Of all organisations: whoever runs them asks. Imports by the command line have other keys.
LIST_OPEN_JOBS = Statement(
    "list_open_jobs",
    select(*_JOB)
    .where(_IS_OPEN, imports.c.key == imports.c.group_order_id)
    .order_by(imports.c.created_at)
    .limit(_p("limit")),
    ("limit",),
    is_scattered=True,
)
TAKE_JOB = Statement(
    "take_job",
    update(imports)
    .where(
        *_ONE_JOB,
        _IS_OPEN,
        imports.c.epoch == _p("was"),
        or_(imports.c.until.is_(None), imports.c.until <= _p("at")),
    )
    .values(
        state=_RUNNING,
        progress=_p("v_progress"),
        owner=_p("v_owner"),
        until=_p("v_until"),
        epoch=imports.c.epoch + _ONE,
        changed_at=_p("at"),
    )
    .returning(imports.c.epoch),
    ("v_progress", "v_owner", "v_until", "at", "k_bucket", "k_organisation_id", "k_key", "was"),
)
UPDATE_JOB = Statement(
    "update_job",
    update(imports)
    .where(*_ONE_JOB, imports.c.state == _RUNNING, imports.c.epoch == _p("was"))
    .values(
        state=_p("v_state"),
        progress=_p("v_progress"),
        owner=_p("v_owner"),
        until=_p("v_until"),
        changed_at=_p("at"),
    )
    .returning(imports.c.epoch),
    ("v_state", "v_progress", "v_owner", "v_until", "at", "k_bucket", "k_organisation_id", "k_key", "was"),
)
CANCEL_JOB = Statement(
    "cancel_job",
    update(imports)
    .where(*_ONE_JOB, _IS_OPEN)
    .values(state=_CANCELLED, owner=_NULL, until=_NULL, changed_at=_p("at"))
    .returning(imports.c.epoch),
    ("at", "k_bucket", "k_organisation_id", "k_key"),
)

ALL: tuple[Statement, ...] = tuple(
    value for name, value in list(globals().items()) if isinstance(value, Statement) and name[0] != "_"
)

"""The statements of imports: records of how far one came, and many rows written at once."""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import and_, bindparam, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from .compiling import Statement, insert_into
from .tables import group_rejections, imports, names, order_revisions, orders

_p = bindparam

FETCH_IMPORT = Statement(
    "fetch_import",
    select(
        imports.c.organisation_id,
        imports.c.key,
        imports.c.progress,
        imports.c.epoch,
        imports.c.created_at,
        imports.c.changed_at,
    ).where(
        imports.c.bucket == _p("bucket"),
        imports.c.organisation_id == _p("organisation_id"),
        imports.c.key == _p("key"),
    ),
    ("bucket", "organisation_id", "key"),
)
INSERT_IMPORT = insert_into(imports, ignore=["bucket", "organisation_id", "key"])
UPDATE_IMPORT = Statement(
    "update_import",
    update(imports)
    .where(
        imports.c.bucket == _p("k_bucket"),
        imports.c.organisation_id == _p("k_organisation_id"),
        imports.c.key == _p("k_key"),
        imports.c.epoch == _p("was"),
    )
    .values(progress=_p("v_progress"), epoch=_p("v_epoch"), changed_at=_p("v_changed_at"))
    .returning(imports.c.epoch),
    ("v_progress", "v_epoch", "v_changed_at", "k_bucket", "k_organisation_id", "k_key", "was"),
)
DELETE_IMPORT = Statement(
    "delete_import",
    delete(imports)
    .where(
        imports.c.bucket == _p("bucket"),
        imports.c.organisation_id == _p("organisation_id"),
        imports.c.key == _p("key"),
        imports.c.epoch == _p("epoch"),
    )
    .returning(imports.c.epoch),
    ("bucket", "organisation_id", "key", "epoch"),
)
# Without RETURNING: many rows at once tell only how many were written.
INSERT_NAMES = Statement(
    "insert_many_names",
    insert(names)
    .values({column.name: _p(f"v_{column.name}") for column in names.columns})
    .on_conflict_do_nothing(index_elements=["bucket", "organisation_id", "scheme", "name"]),
    tuple(f"v_{column.name}" for column in names.columns),
)
FETCH_ORDER_AS_PLACED = Statement(
    "fetch_order_as_placed",
    select(
        order_revisions.c.order_id,
        order_revisions.c.organisation_id,
        order_revisions.c.revision,
        orders.c.stage_count,
        order_revisions.c.effective_at,
        order_revisions.c.recorded_at,
        order_revisions.c.kind,
        order_revisions.c.lifecycle,
        order_revisions.c.payment,
        order_revisions.c.delivery,
        order_revisions.c.currency,
        order_revisions.c.placed_at,
        order_revisions.c.group_order_id,
        order_revisions.c.group_line,
        order_revisions.c.document,
    )
    .join_from(
        order_revisions,
        orders,
        (orders.c.bucket == order_revisions.c.bucket) & (orders.c.id == order_revisions.c.order_id),
    )
    .where(
        order_revisions.c.bucket == _p("bucket"),
        order_revisions.c.order_id == _p("order_id"),
        order_revisions.c.organisation_id == _p("organisation_id"),
        order_revisions.c.revision == 1,
    ),
    ("bucket", "order_id", "organisation_id"),
)
INSERT_REJECTIONS = Statement(
    "insert_many_rejections",
    insert(group_rejections)
    .values({column.name: _p(f"v_{column.name}") for column in group_rejections.columns})
    .on_conflict_do_nothing(index_elements=["bucket", "group_order_id", "line"]),
    tuple(f"v_{column.name}" for column in group_rejections.columns),
)

NAMES_AT_ONCE = 100


@lru_cache(maxsize=1)
def list_names() -> Statement:
    """The holders of NAMES_AT_ONCE names. Values: the organisation, then bucket, scheme and name of each.

    Each name's conditions stand together, so that each is a look-up by the primary key.
    """
    params = ["organisation_id"]
    each = []
    for place in range(NAMES_AT_ONCE):
        params += [f"bucket_{place}", f"scheme_{place}", f"name_{place}"]
        each.append(
            and_(
                names.c.bucket == _p(f"bucket_{place}"),
                names.c.organisation_id == _p("organisation_id"),
                names.c.scheme == _p(f"scheme_{place}"),
                names.c.name == _p(f"name_{place}"),
            )
        )
    clause = select(names.c.scheme, names.c.name, names.c.order_id).where(or_(*each))
    return Statement("list_names", clause, tuple(params), is_scattered=True)


ALL: tuple[Statement, ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Statement)
)

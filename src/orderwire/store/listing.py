"""Lists of orders: one statement for each shape of query, made when it is first asked for and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Column, and_, bindparam, func, literal_column, or_, select, tuple_

from orderwire.book.lists import MAX_IDS, Asked, OrderQuery, Position
from orderwire.book.orders import BUCKETS, bucket_of

from .compiling import Statement
from .rows import bucket_of_name, maybe_micros, micros, money_micros
from .statements import ITS_STATUS, NOT_DELETED, ORDER, STAGE, STATUS
from .tables import names, order_stages, order_statuses, orders

# The shapes that are kept compiled; clients ask for a handful.
MAX_SHAPES = 256
# So many ids are asked for in one statement; what is left over is filled up.
WIDTHS = (1, 10, MAX_IDS)
# Behind a prefix it sorts after every text that begins so: more of the last code point than a name has.
LAST = "\U0010ffff" * 256

_SORTS: dict[str, Column[Any]] = {
    "placed_at": orders.c.placed_at,
    "changed_at": orders.c.changed_at,
    "name": names.c.name,
}
_WORDS: dict[str, Column[Any]] = {
    "kinds": orders.c.kind,
    "lifecycles": orders.c.lifecycle,
    "payments": orders.c.payment,
    "deliveries": orders.c.delivery,
    "currencies": orders.c.currency,
    "stages": order_statuses.c.stage,
}
_BOUNDS: dict[str, Callable[[Any], Any]] = {
    "customer_id": lambda p: orders.c.customer_id == p,
    "customer_reference": lambda p: orders.c.customer_reference == p,
    "group_order_id": lambda p: orders.c.group_order_id == p,
    "revision": lambda p: orders.c.revision == p,
    "placed.since": lambda p: orders.c.placed_at >= p,
    "placed.until": lambda p: orders.c.placed_at < p,
    "changed.since": lambda p: orders.c.changed_at >= p,
    "changed.until": lambda p: orders.c.changed_at < p,
    "recorded.since": lambda p: orders.c.recorded_at >= p,
    "recorded.until": lambda p: orders.c.recorded_at < p,
    "total.least": lambda p: orders.c.total_micros >= p,
    "total.most": lambda p: orders.c.total_micros <= p,
    "name.bucket": lambda p: names.c.bucket == p,
    "name.scheme": lambda p: names.c.scheme == p,
    "name.name": lambda p: names.c.name == p,
    "name.from": lambda p: names.c.name >= p,
    "name.to": lambda p: names.c.name < p,
}

# Conditions that few orders meet: those are found first and sorted then, whatever the sort.
_FEW = frozenset({"customer_id", "customer_reference", "group_order_id"})

# (condition, how many values): with the sort, all that the text of a statement depends on.
Part = tuple[str, int]
Value = tuple[Part, tuple[Any, ...]]


def plan_list(organisation_id: int, query: OrderQuery) -> tuple[Statement, tuple[Any, ...]]:
    """The statement that answers the query, and its values."""
    parts = list(_parts(organisation_id, query))
    position = _position(query)
    shape = tuple(part for part, _ in parts)
    statement = _list(
        shape, query.sort, query.is_descending, query.is_backward, has_position=query.after is not None
    )
    values = [value for _, some in parts for value in some]
    return statement, (organisation_id, *values, *position, query.limit + 1)


def plan_count(organisation_id: int, query: OrderQuery) -> tuple[Statement, tuple[Any, ...]]:
    """The statement that counts what the query lists on all its pages, and its values."""
    parts = list(_parts(organisation_id, query))
    values = [value for _, some in parts for value in some]
    return _count(tuple(part for part, _ in parts)), (organisation_id, *values)


def plan_by_id(organisation_id: int, ids: Sequence[int]) -> tuple[Statement, tuple[Any, ...]]:
    """The statement that reads these orders (at most MAX_IDS), and its values."""
    width = next(width for width in WIDTHS if width >= len(ids))
    padded = [*ids, *[0] * (width - len(ids))]
    return _by_id(width), (organisation_id, *(value for one in padded for value in (bucket_of(one), one)))


def plan_stages_of(organisation_id: int, ids: Sequence[int]) -> tuple[Statement, tuple[Any, ...]]:
    """The statement that reads the stages of these orders (at most MAX_IDS), and its values."""
    width = next(width for width in WIDTHS if width >= len(ids))
    padded = [*ids, *[0] * (width - len(ids))]
    values = (organisation_id, *(value for one in padded for value in (bucket_of(one), one)))
    return _stages_of(width), values


@lru_cache(maxsize=len(WIDTHS))
def _stages_of(count: int) -> Statement:
    """Values: the organisation, then bucket and id of each order; there is no order 0."""
    params = ["organisation_id"]
    one = []
    for place in range(count):
        params += [f"bucket_{place}", f"id_{place}"]
        one.append(
            and_(
                order_stages.c.bucket == bindparam(f"bucket_{place}"),
                order_stages.c.order_id == bindparam(f"id_{place}"),
                order_stages.c.organisation_id == bindparam("organisation_id"),
            )
        )
    clause = select(*STAGE).where(or_(*one))
    return Statement(f"list_stages_of_{count}", clause, tuple(params), is_scattered=True)


@lru_cache(maxsize=len(WIDTHS))
def _by_id(count: int) -> Statement:
    """Values: the organisation, then bucket and id of each order; there is no order 0.

    Each order's three conditions stand together, so that each is a look-up by the primary key.
    """
    params = ["organisation_id"]
    one = []
    for place in range(count):
        params += [f"bucket_{place}", f"id_{place}"]
        one.append(
            and_(
                orders.c.bucket == bindparam(f"bucket_{place}"),
                orders.c.id == bindparam(f"id_{place}"),
                orders.c.organisation_id == bindparam("organisation_id"),
                orders.c.deleted == NOT_DELETED,
            )
        )
    clause = select(*ORDER, *STATUS, _no_name()).select_from(_with_status(orders)).where(or_(*one))
    return Statement(f"fetch_orders_{count}", clause, tuple(params), is_scattered=True)


def _parts(organisation_id: int, query: OrderQuery) -> Iterator[Value]:
    for field in _WORDS:
        asked: Asked = getattr(query, field)
        if asked:
            words = tuple(word for word in asked if word is not None)
            yield (f"{field}?" if None in asked else field, len(words)), words
    single: dict[str, Any] = {
        "customer_id": query.customer_id,
        "customer_reference": query.customer_reference,
        "group_order_id": query.group_order_id,
        "revision": query.revision,
        "placed.since": maybe_micros(query.placed.since),
        "placed.until": maybe_micros(query.placed.until),
        "changed.since": maybe_micros(query.changed.since),
        "changed.until": maybe_micros(query.changed.until),
        "recorded.since": maybe_micros(query.recorded.since),
        "recorded.until": maybe_micros(query.recorded.until),
        "total.least": money_micros(query.total.least),
        "total.most": money_micros(query.total.most),
    }
    if query.name is not None:
        scheme, name = query.name.scheme, query.name.name
        single["name.scheme"] = scheme
        if query.name.is_prefix:
            single |= {"name.from": name, "name.to": name + LAST}
        else:
            single |= {"name.name": name, "name.bucket": bucket_of_name(organisation_id, scheme, name)}
    for part, value in single.items():
        if value is not None:
            yield (part, 1), (value,)


def _position(query: OrderQuery) -> tuple[Any, ...]:
    after: Position | None = query.after
    if after is None:
        return ()
    if query.sort in ("placed_at", "changed_at"):
        return (micros(after.value), after.id)  # type: ignore[arg-type]  # the sort says its type
    return (after.value, after.id) if query.sort == "name" else (after.id,)


@lru_cache(maxsize=MAX_SHAPES)
def _list(
    shape: tuple[Part, ...], sort: str, is_descending: bool, is_backward: bool, *, has_position: bool
) -> Statement:
    is_by_stage = sort == "id" and ("stages", 1) in shape and not _has_name(shape)
    conditions, params = _conditions(shape, is_by_stage=is_by_stage)
    keys = _keys(shape, sort, is_by_stage=is_by_stage)
    is_falling = is_descending != is_backward
    if has_position:
        given: list[Any] = [bindparam(f"after_{place}") for place in range(len(keys))]
        params += [f"after_{place}" for place in range(len(keys))]
        left, right = tuple_(*keys), tuple_(*given)
        conditions.append(left < right if is_falling else left > right)
    clause = (
        select(*ORDER, *STATUS, names.c.name if sort == "name" else _no_name())
        .select_from(_by_stage() if is_by_stage else _with_status(_sources(shape)))
        .where(*conditions)
        .order_by(*(key.desc() if is_falling else key.asc() for key in keys))
        .limit(bindparam("limit"))
    )
    name = f"list_orders {shape} {sort} {is_falling} {has_position}"
    return Statement(name, clause, (*params, "limit"), is_scattered=True, is_page=True)


@lru_cache(maxsize=MAX_SHAPES)
def _count(shape: tuple[Part, ...]) -> Statement:
    conditions, params = _conditions(shape)
    source = _sources(shape)
    if any(part.startswith("stages") for part, _ in shape):
        source = _with_status(source)
    clause = select(func.count()).select_from(source).where(*conditions)
    return Statement(f"count_orders {shape}", clause, tuple(params), is_scattered=True)


def _keys(shape: tuple[Part, ...], sort: str, *, is_by_stage: bool) -> tuple[Any, ...]:
    """What a list is sorted by, written so that the engine walks along the index meant for it."""
    if is_by_stage:
        return (order_statuses.c.order_id,)
    if sort == "id":
        return (orders.c.id,)
    column: Any = _SORTS[sort]
    if any(part in _FEW for part, _ in shape):
        # An expression has no index: else all orders are walked through in their sort for these few.
        column = column + literal_column("0")
    return (column, orders.c.id)


def _has_name(shape: tuple[Part, ...]) -> bool:
    return any(part.startswith("name.") for part, _ in shape)


def _conditions(shape: tuple[Part, ...], *, is_by_stage: bool = False) -> tuple[list[Any], list[str]]:
    conditions = [orders.c.organisation_id == bindparam("organisation_id"), orders.c.deleted == NOT_DELETED]
    params = ["organisation_id"]
    if _has_name(shape):
        conditions.append(names.c.organisation_id == bindparam("organisation_id"))
    if is_by_stage:
        conditions.append(order_statuses.c.organisation_id == bindparam("organisation_id"))
    for part, count in shape:
        given = [f"{part}_{place}" for place in range(count)]
        params += given
        bound: list[Any] = [bindparam(one) for one in given]
        if part in _BOUNDS:
            conditions.append(_BOUNDS[part](*bound))
            continue
        column = _WORDS[part.removesuffix("?")]
        said = [column == one for one in bound]
        conditions.append(or_(*said, column.is_(None)) if part.endswith("?") else or_(*said))
    return conditions, params


def _sources(shape: tuple[Part, ...]) -> Any:
    if not _has_name(shape):
        return orders
    return names.join(
        orders,
        and_(
            orders.c.bucket == names.c.order_id % literal_column(str(BUCKETS)),
            orders.c.id == names.c.order_id,
        ),
    )


def _by_stage() -> Any:
    """Orders found by where they stand, and not where each order stands."""
    return order_statuses.join(
        orders, and_(orders.c.bucket == order_statuses.c.bucket, orders.c.id == order_statuses.c.order_id)
    )


def _with_status(source: Any) -> Any:
    return source.outerjoin(order_statuses, ITS_STATUS)


def _no_name() -> Any:
    return NOT_DELETED.label("sorted_name")

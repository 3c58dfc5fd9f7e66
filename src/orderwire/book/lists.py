"""What a list of orders may be asked for: conditions, a sort, and a position to go on from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct

from .errors import FieldInvalid
from .orders import Name, Order, Word
from .stages import Revision, Status

MAX_PAGE = 1_000
# Values of one condition, any of which will do.
MAX_VALUES = 20
MAX_IDS = 100

Sort = Literal["id", "placed_at", "changed_at", "name"]
# A word that a condition asks for; None asks for orders that have none.
Asked = Annotated[tuple[str | None, ...], Meta(max_length=MAX_VALUES)]


class Span(Struct, frozen=True, kw_only=True):
    """Instants from `since` (included) until `until` (not included); None is open."""

    since: datetime | None = None
    until: datetime | None = None


class Amounts(Struct, frozen=True, kw_only=True):
    """Amounts from `least` to `most`, both included; None is open."""

    least: Decimal | None = None
    most: Decimal | None = None


class NameSought(Struct, frozen=True, kw_only=True):
    """A name in a scheme, whole or the beginning of one."""

    scheme: Word
    name: Name
    is_prefix: bool = False


class Position(Struct, frozen=True, kw_only=True):
    """Where a page ends: the value that the list is sorted by, and the order's id."""

    value: datetime | str | int
    id: int


class Moment(Struct, frozen=True, kw_only=True):
    """What was true at `as_of` by what the book had recorded at `known_at`."""

    as_of: datetime
    known_at: datetime


class OrderQuery(Struct, frozen=True, kw_only=True):
    """Which orders of an organisation, in which sort, from where on.

    Conditions that are given must all hold. With `after` the page begins behind that position;
    with `is_backward` it ends before it. A list by the beginning of a name is sorted by that name,
    and no other list is.
    """

    kinds: Asked = ()
    lifecycles: Asked = ()
    payments: Asked = ()
    deliveries: Asked = ()
    currencies: Asked = ()
    stages: Asked = ()
    customer_id: int | None = None
    customer_reference: str | None = None
    group_order_id: str | None = None
    revision: int | None = None
    placed: Span = Span()
    changed: Span = Span()
    recorded: Span = Span()
    total: Amounts = Amounts()
    name: NameSought | None = None
    sort: Sort = "id"
    is_descending: bool = False
    after: Position | None = None
    is_backward: bool = False
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE)] = 100


class Listed(Struct, frozen=True, kw_only=True, gc=False):
    """An order of a list, with where it stands; `sorted_name` is the name that the list is sorted by."""

    order: Order
    status: Status | None
    sorted_name: str | None = None


class Page(Struct, frozen=True, kw_only=True):
    """Orders in the sort that was asked for; `more` is where to go on, in the direction that was
    asked for, None at the end. A page with `more` may hold fewer orders than its limit."""

    orders: tuple[Listed, ...]
    more: Position | None


class State(Struct, frozen=True, kw_only=True, gc=False):
    """An order as one entry of its change history says; `deleted` in the entry that deleted it."""

    revision: Revision
    order: Order
    deleted: bool


def check_query(query: OrderQuery) -> None:
    """Raises FieldInvalid for a query that no page can answer."""
    is_prefix = query.name is not None and query.name.is_prefix
    if is_prefix != (query.sort == "name"):
        raise FieldInvalid("sort", "by name goes with the beginning of a name, and only with it")
    if not 1 <= query.limit <= MAX_PAGE:
        raise FieldInvalid("limit", f"must be 1 to {MAX_PAGE}")
    for asked in (query.kinds, query.lifecycles, query.payments, query.deliveries, query.currencies):
        if len(asked) > MAX_VALUES:
            raise FieldInvalid("query", f"more than {MAX_VALUES} values of one condition")
    if len(query.stages) > MAX_VALUES:
        raise FieldInvalid("stage", f"more than {MAX_VALUES} values")


def page_of(query: OrderQuery, found: Sequence[Listed], *, is_cut: bool = False) -> Page:
    """The page that `found` is, in the direction asked for; one more than the limit tells that there
    is more, and so does `is_cut`."""
    orders = found[: query.limit]
    has_more = is_cut or len(found) > query.limit
    more = position_of(query, orders[-1]) if has_more and orders else None
    return Page(orders=tuple(orders[::-1] if query.is_backward else orders), more=more)


def position_of(query: OrderQuery, listed: Listed) -> Position:
    """Where this order stands in the sort that the query asks for."""
    order = listed.order
    if query.sort == "placed_at":
        return Position(value=order.placed_at, id=order.id)
    if query.sort == "changed_at":
        return Position(value=order.changed_at, id=order.id)
    if query.sort == "name":
        return Position(value=listed.sorted_name or "", id=order.id)
    return Position(value=order.id, id=order.id)

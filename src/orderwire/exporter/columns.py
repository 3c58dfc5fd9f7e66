"""An order as columns, for CSV and Parquet: made of the book's records, so that a new field is a new column.

The records inside an order lie flat beside it (`customer_name`, `shipping_city`); lists of records stay
lists. `delivery` is the state, so the document's delivery is called `shipping`, as in the native API.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Struct, inspect

from orderwire.book.orders import Document, Line, Order, Payment, Voucher

from .request import Exported

Kind = Literal["text", "integer", "decimal", "instant", "flag", "texts", "pairs", "records"]


class Column(NamedTuple):
    """A column; one of records has columns of its own."""

    name: str
    kind: Kind
    fields: tuple[Column, ...] = ()


# A field of a record and, where it is a record itself, the fields of that.
Plan = tuple[tuple[str, "Plan | None"], ...]

_ORDER = (
    "id",
    "revision",
    "kind",
    "lifecycle",
    "payment",
    "delivery",
    "currency",
    "placed_at",
    "changed_at",
    "recorded_at",
    "group_order_id",
    "group_line",
)
_STATUS = (Column("stage", "text"), Column("stage_since", "instant"))
# Nobody reads here who else may reach an order, nor a voucher's secrets.
_LEFT_OUT = {Document: {"access"}, Voucher: {"code", "pin"}}
_CALLED = {"delivery": "shipping"}


def _columns(record: type[Struct], only: Sequence[str] = (), prefix: str = "") -> tuple[list[Column], Plan]:
    """The columns of a record, those of the records inside it in between, and how its values are taken."""
    columns: list[Column] = []
    plan: list[tuple[str, Plan | None]] = []
    info = inspect.type_info(record)
    assert isinstance(info, inspect.StructType)
    left_out = _LEFT_OUT.get(record, set())
    for field in info.fields:
        if field.name in left_out or (only and field.name not in only):
            continue
        name = prefix + (_CALLED.get(field.name, field.name) if record is Document else field.name)
        type_ = _said(field.type)
        if isinstance(type_, inspect.StructType):
            inner, inner_plan = _columns(type_.cls, prefix=f"{name}_")
            columns += inner
            plan.append((field.name, inner_plan))
        else:
            columns.append(_column(name, type_))
            plan.append((field.name, None))
    return columns, tuple(plan)


def _said(type_: inspect.Type) -> inspect.Type:
    """The type without its None and its limits."""
    while isinstance(type_, inspect.Metadata):
        type_ = type_.type
    if isinstance(type_, inspect.UnionType):
        (type_,) = (_said(one) for one in type_.types if not isinstance(one, inspect.NoneType))
    return type_


def _column(name: str, type_: inspect.Type) -> Column:
    if isinstance(type_, inspect.VarTupleType):
        item = _said(type_.item_type)
        if isinstance(item, inspect.StructType):
            return Column(name, "records", tuple(_columns(item.cls)[0]))
        return Column(name, "texts")
    kinds: dict[type[inspect.Type], Kind] = {
        inspect.StrType: "text",
        inspect.IntType: "integer",
        inspect.DecimalType: "decimal",
        inspect.DateTimeType: "instant",
        inspect.BoolType: "flag",
        inspect.DictType: "pairs",
    }
    return Column(name, kinds[type(type_)])


_order_columns, _order_plan = _columns(Order, only=_ORDER)
_document_columns, _document_plan = _columns(Document)
_line_columns, _line_plan = _columns(Line)
_RECORD_PLANS: dict[type[Struct], Plan] = {record: _columns(record)[1] for record in (Line, Payment, Voucher)}

# What an order is: its own columns, where it stands, its document.
ORDER: tuple[Column, ...] = (*_order_columns, *_STATUS, *_document_columns)
LINE: tuple[Column, ...] = tuple(_line_columns)
STAGES = Column(
    "stages",
    "records",
    (
        Column("number", "integer"),
        Column("stage", "text"),
        Column("effective_at", "instant"),
        Column("recorded_at", "instant"),
        Column("status_at", "instant"),
        Column("supersedes", "integer"),
        Column("detail", "text"),
    ),
)


def order_values(one: Exported) -> list[Any]:
    """The values of `ORDER`: lists of records as tuples of records."""
    values: list[Any] = []
    _take(one.order, _order_plan, values)
    status = one.status
    values += (None, None) if status is None else (status.stage, status.since)
    _take(one.order.document, _document_plan, values)
    return values


def record_values(record: Struct) -> list[Any]:
    """The values of a line, payment or voucher, in the sort of its columns."""
    values: list[Any] = []
    _take(record, _RECORD_PLANS[type(record)], values)
    return values


def shown(record: Struct) -> dict[str, Any]:
    """What there is of a line, payment or voucher, by column, to be rendered as JSON."""
    names = [name for name, _ in _RECORD_PLANS[type(record)]]
    pairs = zip(names, record_values(record), strict=True)
    return {name: value for name, value in pairs if value is not None and value != {}}


def stage_values(one: Exported) -> list[tuple[Any, ...]]:
    """The values of `STAGES`: one tuple a stage."""
    return [
        (
            stage.number,
            stage.stage,
            stage.effective_at,
            stage.recorded_at,
            stage.status_at,
            stage.supersedes,
            msgspec.json.encode(stage.detail).decode(),
        )
        for stage in one.stages
    ]


def _take(record: Struct | None, plan: Plan, values: list[Any]) -> None:
    for name, inner in plan:
        value = None if record is None else getattr(record, name)
        if inner is None:
            values.append(value)
        else:
            _take(value, inner, values)

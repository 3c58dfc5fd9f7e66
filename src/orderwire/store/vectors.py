"""One statement for many sets of values: arrays go in, and each row tells which set it answers.

PostgreSQL only. A query becomes a join of the arrays with itself (LATERAL), a change takes its values
from them; so the verbs are written once, and many of them at a time cost one round trip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Insert, Select, String, Update, bindparam, column, func, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as insert_
from sqlalchemy.sql import visitors
from sqlalchemy.sql.dml import Delete
from sqlalchemy.sql.elements import BinaryExpression, BindParameter
from sqlalchemy.sql.operators import eq
from sqlalchemy.sql.schema import Column, Table

from .compiling import Statement

Row = Sequence[Any]
# The column that tells which set of values a row answers, from 1.
PLACE = "place"


@dataclass(frozen=True, slots=True)
class Vector:
    """A statement for many sets of values. `params` are one array each, in the order of the single
    statement's. A row of the answer ends with its place, or, of an insert, is the key that it wrote."""

    statement: Statement
    is_insert: bool


@dataclass(frozen=True, slots=True)
class Key:
    """Which row a statement is about: a table, and where its primary key stands among the values."""

    table: str
    places: tuple[int, ...]

    def of(self, values: Sequence[Any]) -> tuple[str, tuple[Any, ...]]:
        """The table and the key."""
        return self.table, tuple([values[place] for place in self.places])


def vectorise(statement: Statement) -> Vector | None:
    """The statement for many sets of values, or None for one that can't be written so."""
    clause: Any = statement.clause
    types = _types(statement)
    if isinstance(clause, Insert):
        return _insert(statement, clause)
    if len(types) != len(statement.params) or isinstance(clause, Delete):
        return None
    given = func.unnest(*(bindparam(name, type_=ARRAY(_open(types[name]))) for name in statement.params))
    source = given.table_valued(
        *(column(name, _open(types[name])) for name in statement.params), with_ordinality=PLACE, name="given"
    ).render_derived()

    def replace(element: Any, **_: Any) -> Any:
        is_param = isinstance(element, BindParameter) and element.key in types
        return source.c[element.key] if is_param else None

    if isinstance(clause, Select):
        if isinstance(clause._limit_clause, BindParameter) and clause._limit_clause.key in types:
            return None
        inner: Any = visitors.replacement_traverse(clause, {}, replace)
        inner = inner.lateral("found")
        vector: Any = select(*inner.c, source.c[PLACE]).select_from(source.join(inner, true()))
    elif isinstance(clause, Update):
        changed: Any = visitors.replacement_traverse(clause, {}, replace)
        vector = changed.returning(source.c[PLACE])
    else:
        return None
    return Vector(Statement(f"{statement.name}[]", vector, statement.params), is_insert=False)


def key_of(statement: Statement) -> Key | None:
    """Which single row the statement is about, or None if its values don't tell."""
    clause: Any = statement.clause
    table: Any = getattr(clause, "table", None)
    if isinstance(clause, Select):
        sources = clause.get_final_froms()
        table = sources[0] if len(sources) == 1 else None
    if not isinstance(table, Table):
        return None
    if isinstance(clause, Insert):
        named = {name.removeprefix("v_"): name for name in statement.params}
    else:
        named = _equalities(clause, table)
    places = []
    for one in table.primary_key.columns:
        name = named.get(one.name)
        if name not in statement.params:
            return None
        places.append(statement.params.index(name))
    return Key(table.name, tuple(places))


def _equalities(clause: Any, table: Table) -> dict[str, str]:
    """Which of the table's columns must equal which parameter."""
    found: dict[str, str] = {}
    for condition in clause._where_criteria:
        if isinstance(condition, BinaryExpression) and condition.operator is eq:
            left, right = condition.left, condition.right
            if isinstance(left, Column) and left.table is table and isinstance(right, BindParameter):
                found[left.name] = right.key
    return found


def _insert(statement: Statement, clause: Any) -> Vector:
    table = clause.table
    columns = [table.c[name.removeprefix("v_")] for name in statement.params]
    given = func.unnest(
        *(
            bindparam(name, type_=ARRAY(_open(one.type)))
            for name, one in zip(statement.params, columns, strict=True)
        )
    )
    source = given.table_valued(
        *(column(one.name, _open(one.type)) for one in columns), name="given"
    ).render_derived()
    vector: Any = insert_(table).from_select([one.name for one in columns], select(*source.c))
    vector._post_values_clause = clause._post_values_clause
    if clause._returning:
        vector = vector.returning(*table.primary_key.columns)
    return Vector(Statement(f"{statement.name}[]", vector, statement.params), is_insert=True)


def _open(kind: Any) -> Any:
    """The type without a length: a text cast to one would be cut short without a word, and then be found,
    or kept, as what it is not."""
    return String() if isinstance(kind, String) else kind


def _types(statement: Statement) -> dict[str, Any]:
    """The type of each parameter."""
    found: dict[str, Any] = {}

    def note(element: BindParameter[Any]) -> None:
        if element.key in statement.params:
            found[element.key] = element.type

    visitors.traverse(statement.clause, {}, {"bindparam": note})
    # A value that is set has its column's type only once it is compiled.
    for target, value in (getattr(statement.clause, "_values", None) or {}).items():
        if isinstance(value, BindParameter) and value.key in statement.params:
            found[value.key] = statement.clause.table.c[getattr(target, "key", target)].type  # type: ignore[attr-defined]
    return found

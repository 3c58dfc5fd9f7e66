"""Statements and how one becomes an engine's SQL, once, when it is first used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from sqlalchemy import Table, bindparam
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.expression import ClauseElement

# Those of the book, and as many more that were made for lists.
STATEMENTS_COMPILED = 1_024


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """A statement and the names of its parameters, in the callers' order. Each is equal to itself only.

    `is_scattered` marks one that no single bucket can answer, such as a list of an organisation;
    `is_short` one of these that looks at few rows all the same; `is_page` one whose answer may end
    early, as `CutShort`, when its rows are too large together.
    """

    name: str
    clause: ClauseElement
    params: tuple[str, ...]
    is_scattered: bool = False
    is_short: bool = False
    is_page: bool = False


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement in an engine's SQL; `arrange` puts the callers' values into the driver's order."""

    sql: str
    arrange: Callable[[Sequence[Any]], Sequence[Any]] | None


def compile_statement(statement: Statement, dialect: Dialect) -> Compiled:
    """The statement for one engine. Raises ValueError if its parameters are not those it lists."""
    compiled: Any = statement.clause.compile(dialect=dialect)
    places = list(compiled.positiontup or ())
    fixed = {name: value for name, value in compiled.params.items() if name not in statement.params}
    if set(places) - set(fixed) != set(statement.params):
        raise ValueError(f"{statement.name}: lists {statement.params}, needs {places}")
    if places == list(statement.params):
        return Compiled(str(compiled), None)
    tail = list(fixed.values())
    order = [
        statement.params.index(place)
        if place in statement.params
        else len(statement.params) + list(fixed).index(place)
        for place in places
    ]
    pick = itemgetter(*order)
    return Compiled(str(compiled), lambda values: pick((*values, *tail)))


def insert_into(table: Table, *, ignore: Sequence[str] = (), replace: Sequence[str] = ()) -> Statement:
    """An insert of a whole row; `ignore` names the key whose conflict is no error (no row comes back
    then), `replace` the key whose row is overwritten."""
    values: dict[str, Any] = {column.name: bindparam(f"v_{column.name}") for column in table.columns}
    clause: Any = insert(table).values(values)
    if ignore:
        clause = clause.on_conflict_do_nothing(index_elements=list(ignore))
        clause = clause.returning(next(iter(table.columns)))
    if replace:
        new = {c.name: clause.excluded[c.name] for c in table.columns if c.name not in replace}
        clause = clause.on_conflict_do_update(index_elements=list(replace), set_=new)
    name = f"{'put' if replace else 'insert'}_{table.name}"
    return Statement(name, clause, tuple(f"v_{column.name}" for column in table.columns))

"""From TOML to a `Map`. docs/guides/import.md describes every key; an unknown one is refused."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

from orderwire.book.orders import DELIVERIES, KINDS, LIFECYCLES, MAX_NAMES, PAYMENTS

from .cells import DateRule, NumberRule
from .maps import (
    AMOUNTS,
    DELIVERY_DATES,
    DELIVERY_FIELDS,
    LINE_FIELDS,
    METHOD_FIELDS,
    ORDER_DATES,
    ORDER_TEXTS,
    PARTIES,
    PARTY_FIELDS,
    DateColumn,
    Given,
    Map,
    NameRule,
    StageRule,
    StateRule,
)
from .tables import MapError, Table

MAX_MAP_BYTES = 1_048_576
# Encodings in which a line feed is one byte of its own, so that a file can be cut into lines unread.
ENCODINGS = ("utf-8", "cp1252", "iso-8859-1", "iso-8859-15", "ascii")
STATES = {"lifecycle": LIFECYCLES, "payment": PAYMENTS, "delivery": DELIVERIES}
GROUP_MARKS = ("", ",", ".", " ", "'", "\u00a0", "\u202f")
MAX_STAGE_RULES = 100
FORMATS = ("csv", "xlsx", "jsonl")


def read_map(path: Path) -> Map:
    """The map in a file. Raises MapError."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_MAP_BYTES + 1)
        if len(raw) > MAX_MAP_BYTES:
            raise MapError(f"larger than {MAX_MAP_BYTES} bytes")
        return parse_map(raw.decode("utf-8-sig"))
    except OSError as error:
        raise MapError(f"{path}: can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise MapError(f"{path}: not UTF-8") from error
    except MapError as error:
        raise MapError(f"{path}: {error}") from error


def parse_map(text: str) -> Map:
    """The map in a TOML text. Raises MapError naming the table and the key."""
    try:
        top = Table(tomllib.loads(text), "")
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise MapError(f"not TOML: {error}") from error
    file = top.take_table("file") or Table({}, "[file]")
    usual = DateRule(file.take_texts("date_format"), file.take_zone("zone"))
    order = top.take_table("order")
    if order is None:
        raise MapError("[order] is missing")
    line = top.take_table("line") or Table({}, "[line]")
    line_attributes = _own_fields(line.take_table("attributes"))
    found = Map(
        encoding=file.take_word("encoding", ENCODINGS, "utf-8"),
        delimiter=_delimiter(file),
        format=file.take_word("format", FORMATS, "csv") if "format" in file else None,
        sheet=file.take_text("sheet"),
        numbers=_numbers(file),
        key=order.need_text("key"),
        lines=order.take_text("lines"),
        may_rows_differ=order.take_word("rows_differ", ("refuse", "first"), "refuse") == "first",
        kind=_source(order, "kind", KINDS) or Given(constant="order"),
        currency=_source(order, "currency", None) or Given(),
        states=_states(order),
        texts=_columns(order, ORDER_TEXTS),
        names=_names(top),
        dates=_dates(top, usual),
        line=_columns(line, LINE_FIELDS),
        line_attributes=line_attributes,
        parties={name: _fields(top, name, PARTY_FIELDS) for name in PARTIES},
        delivery=_fields(top, "delivery", DELIVERY_FIELDS),
        amounts=_fields(top, "amounts", AMOUNTS),
        payment_method=_fields(top, "payment_method", METHOD_FIELDS),
        state_rules=tuple(_state_rule(table) for table in top.take_tables("state")),
        stages=tuple(_stage_rule(table, usual) for table in top.take_tables("stage")),
        attributes=_own_fields(top.take_table("attributes")),
        values=_values(top),
    )
    for table in (file, order, line, top):
        table.close()
    _check(found)
    return found


def check_columns(found: Map, header: Sequence[str]) -> None:
    """Raises MapError for a column that the file does not have, or has twice."""
    for what, column in found.columns():
        if column not in header:
            raise MapError(f"{what}: the file has no column {column!r}; it has {', '.join(header)}")
        if header.count(column) > 1:
            raise MapError(f"{what}: the file has the column {column!r} more than once")


def _check(found: Map) -> None:
    if not any(rule.column == found.key and rule.pattern is None for rule in found.names):
        raise MapError(
            f"one [[name]] must have column {found.key!r}, the key, and no pattern:"
            " by it, an order is known to be there already"
        )
    schemes = [rule.scheme for rule in found.names]
    for scheme in schemes:
        if schemes.count(scheme) > 1:
            raise MapError(f"[[name]]: scheme {scheme!r} is there twice")
    if len(schemes) > MAX_NAMES:
        raise MapError(f"[[name]]: more than {MAX_NAMES}")
    if len(found.stages) > MAX_STAGE_RULES:
        raise MapError(f"[[stage]]: more than {MAX_STAGE_RULES}")
    if "placed_at" not in found.dates:
        raise MapError("[date.placed_at] is missing: when was an order placed?")


def _delimiter(file: Table) -> str:
    mark = file.take_text("delimiter", ",") or ","
    if len(mark) != 1 or mark in '"\r\n' or not mark.isascii():
        raise MapError(f"{file.where}: delimiter must be one character, such as ; or \\t")
    return mark


def _numbers(file: Table) -> NumberRule:
    decimal = file.take_word("decimal", (".", ","), ".")
    group = file.take_word("group", GROUP_MARKS, "")
    if group == decimal:
        raise MapError(f"{file.where}: decimal and group can't be the same mark")
    return NumberRule(decimal, group)


def _source(table: Table, key: str, words: Iterable[str] | None) -> Given | None:
    """A constant, or `{ column = "..." }`."""
    value = table.take(key)
    if value is None:
        return None
    if isinstance(value, dict):
        inner = Table(value, f"{table.where} {key}")
        source = Given(column=inner.need_text("column"))
        inner.close()
        return source
    if not isinstance(value, str) or not value:
        raise MapError(f'{table.where}: {key} must be a text, or {{ column = "..." }}')
    if words is not None and value not in words:
        raise MapError(f"{table.where}: {key} must be one of {', '.join(sorted(words))}")
    return Given(constant=value)


def _columns(table: Table, fields: Iterable[str]) -> dict[str, str]:
    """Field to column, of the fields that are there."""
    return {field: column for field in fields if (column := table.take_text(field)) is not None}


def _fields(top: Table, key: str, fields: Iterable[str]) -> dict[str, str]:
    """A table that holds nothing but fields and their columns."""
    table = top.take_table(key)
    if table is None:
        return {}
    found = _columns(table, fields)
    table.close()
    return found


def _own_fields(table: Table | None) -> dict[str, str]:
    """A table whose every key is a field of the export's own."""
    return {} if table is None else {field: table.need_text(field) for field in table.keys}


def _states(table: Table) -> tuple[tuple[str, str], ...]:
    states = []
    for field, words in STATES.items():
        word = table.take_text(field)
        if word is None:
            continue
        if word not in words:
            raise MapError(f"{table.where}: {field} must be one of {', '.join(sorted(words))}")
        states.append((field, word))
    return tuple(states)


def _names(top: Table) -> tuple[NameRule, ...]:
    rules = []
    for table in top.take_tables("name"):
        rule = NameRule(table.need_text("scheme"), table.need_text("column"), table.take_pattern("pattern"))
        if len(rule.scheme) > 64:
            raise MapError(f"{table.where}: scheme is longer than 64 characters")
        table.close()
        rules.append(rule)
    return tuple(rules)


def _dates(top: Table, usual: DateRule) -> dict[str, DateColumn]:
    dates = top.take_table("date")
    if dates is None:
        return {}
    found = {}
    for field in (*ORDER_DATES, *DELIVERY_DATES):
        value = dates.take(field)
        if value is not None:
            table = Table(value, f"[date.{field}]")
            found[field] = _date_column(table, "column", usual)
            table.close()
    dates.close()
    return found


def _date_column(table: Table, key: str, usual: DateRule) -> DateColumn:
    column = table.need_text(key)
    formats = table.take_texts("format") or usual.formats
    zone = table.take_zone("zone") or usual.zone
    if not formats:
        raise MapError(f"{table.where}: format is missing, and [file] has no date_format")
    for form in formats:
        if form != "iso" and "%Y" not in form and "%y" not in form:
            raise MapError(f"{table.where}: format {form!r} reads no year (%Y or %y)")
    if zone is None and not all("%z" in form or form == "iso" for form in formats):
        raise MapError(f"{table.where}: zone is missing, and [file] has none")
    return DateColumn(column, DateRule(formats, zone))


def _state_rule(table: Table) -> StateRule:
    states = _states(table)
    if not states:
        raise MapError(f"{table.where}: sets none of {', '.join(STATES)}")
    column = table.need_text("column")
    equals = table.take_texts("equals")
    prefix = table.take_text("prefix")
    pattern = table.take_pattern("pattern")
    filled = table.take("filled")
    if filled is not None and not isinstance(filled, bool):
        raise MapError(f"{table.where}: filled must be true or false")
    if not equals and prefix is None and pattern is None and filled is None:
        raise MapError(f"{table.where}: needs one of equals, prefix, pattern, filled")
    table.close()
    return StateRule(states, column, frozenset(equals) if equals else None, prefix, pattern, filled)


def _stage_rule(table: Table, usual: DateRule) -> StageRule:
    stage = _source(table, "stage", None)
    if stage is None:
        raise MapError(f"{table.where}: stage is missing")
    at = _date_column(table, "at", usual)
    table.close()
    return StageRule(stage, at)


def _values(top: Table) -> dict[str, dict[str, str]]:
    """What a cell means, by column and cell; an empty text empties the cell."""
    tables = top.take_table("values")
    found: dict[str, dict[str, str]] = {}
    for column in tables.keys if tables is not None else ():
        table = Table(tables.take(column) if tables is not None else None, f"[values.{column}]")
        meanings = {cell: table.take(cell) for cell in table.keys}
        if not all(isinstance(meaning, str) and "\0" not in meaning for meaning in meanings.values()):
            raise MapError(f"{table.where}: every value must be a text")
        found[column] = meanings
    return found

"""Parquet: one typed row an order; its lines, payments, vouchers and stages are nested. Needs pyarrow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from . import columns
from .columns import Column
from .request import Exported

ALL: tuple[Column, ...] = (*columns.ORDER, columns.STAGES)
# A row group is written once it holds so many orders, lines, stages and the like: some tens of megabytes.
GROUP_WEIGHT = 20_000
# Twelve digits before the point and twelve after it: all that the book keeps.
DECIMAL = pa.decimal128(24, 12)
_PLAIN = {
    "text": pa.string(),
    "integer": pa.int64(),
    "decimal": DECIMAL,
    "instant": pa.timestamp("us", tz="UTC"),
    "flag": pa.bool_(),
    "texts": pa.list_(pa.string()),
    "pairs": pa.map_(pa.string(), pa.string()),
}


class ParquetSink:
    """Writes the columns `names`, all of them if it is ()."""

    def __init__(self, file: BinaryIO, names: Sequence[str] = ()) -> None:
        at = {column.name: place for place, column in enumerate(ALL)}
        self._places = [at[name] for name in names] if names else list(range(len(ALL)))
        self._schema = pa.schema([(ALL[place].name, type_of(ALL[place])) for place in self._places])
        self._writer = pq.ParquetWriter(file, self._schema, compression="zstd")
        self._waiting: list[Exported] = []
        self._weight = 0

    def write(self, orders: Sequence[Exported]) -> None:
        for one in orders:
            self._waiting.append(one)
            self._weight += 1 + len(one.order.document.lines) + len(one.stages)
            if self._weight >= GROUP_WEIGHT:
                self._flush()

    def finish(self) -> None:
        if self._waiting:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        rows = [(*columns.order_values(one), columns.stage_values(one)) for one in self._waiting]
        arrays = [_array(ALL[place], [row[place] for row in rows]) for place in self._places]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self._waiting, self._weight = [], 0


def type_of(column: Column) -> pa.DataType:
    """The type of a column; lists of records are lists of structs."""
    if column.kind == "records":
        return pa.list_(pa.struct([(field.name, type_of(field)) for field in column.fields]))
    return _PLAIN[column.kind]


def _array(column: Column, values: Sequence[Any]) -> pa.Array:
    if column.kind == "pairs":
        return pa.array([None if one is None else list(one.items()) for one in values], type_of(column))
    if column.kind != "records":
        return pa.array(values, type_of(column))
    offsets, rows = [0], []
    for records in values:
        rows += records
        offsets.append(len(rows))
    taken = [row if isinstance(row, tuple) else columns.record_values(row) for row in rows]
    arrays = [_array(field, [row[place] for row in taken]) for place, field in enumerate(column.fields)]
    structs = pa.StructArray.from_arrays(arrays, fields=list(type_of(column).value_type))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), structs)

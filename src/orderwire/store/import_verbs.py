"""The verbs of imports (`book.import_records.ImportReads` and `ImportWrites`)."""

from __future__ import annotations

from collections.abc import Sequence

from orderwire.book.import_records import ImportRecord, Placement
from orderwire.book.orders import Order, Rejection, bucket_of
from orderwire.book.stages import Origin

from . import import_statements as imports
from . import statements as st
from .executor import Executor
from .rows import (
    Row,
    bucket_of_group,
    bucket_of_import,
    bucket_of_name,
    head_values,
    instant,
    micros,
    order_of,
    stage_values,
    state_values,
    status_values,
    text,
)

# What tells these records from the others in their table.
STATE = "importing"


class ImportReads(Executor):
    """What imports read."""

    async def fetch_import(self, organisation_id: int, key: str) -> ImportRecord | None:
        bucket = bucket_of_import(organisation_id, key)
        row = await self.row(imports.FETCH_IMPORT, bucket, organisation_id, key)
        return None if row is None else _record_of(row)

    async def fetch_holders(
        self, organisation_id: int, names: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], int]:
        statement, found = imports.list_names(), dict[tuple[str, str], int]()
        for start in range(0, len(names), imports.NAMES_AT_ONCE):
            some = list(names[start : start + imports.NAMES_AT_ONCE])
            some += some[:1] * (imports.NAMES_AT_ONCE - len(some))
            values = (
                value
                for scheme, name in some
                for value in (bucket_of_name(organisation_id, scheme, name), scheme, name)
            )
            rows = await self.rows(statement, organisation_id, *values)
            found |= {(scheme, name): order_id for scheme, name, order_id in rows}
        return found

    async def fetch_order_as_placed(self, organisation_id: int, order_id: int) -> Order | None:
        key = (bucket_of(order_id), order_id, organisation_id)
        row = await self.row(imports.FETCH_ORDER_AS_PLACED, *key)
        return None if row is None else order_of(row)


class ImportWrites(ImportReads):
    """What imports write."""

    async def insert_import(self, record: ImportRecord) -> bool:
        bucket = bucket_of_import(record.organisation_id, record.key)
        values = (record.epoch, micros(record.created_at), micros(record.changed_at))
        return bool(
            await self.rows(
                imports.INSERT_IMPORT,
                bucket,
                record.organisation_id,
                record.key,
                None,
                STATE,
                "{}",
                record.progress,
                None,
                None,
                *values,
            )
        )

    async def update_import(self, record: ImportRecord, *, was: int) -> bool:
        bucket = bucket_of_import(record.organisation_id, record.key)
        key = (bucket, record.organisation_id, record.key, was)
        values = (record.progress, record.epoch, micros(record.changed_at))
        return bool(await self.rows(imports.UPDATE_IMPORT, *values, *key))

    async def delete_import(self, record: ImportRecord) -> bool:
        bucket = bucket_of_import(record.organisation_id, record.key)
        key = (bucket, record.organisation_id, record.key, record.epoch)
        return bool(await self.rows(imports.DELETE_IMPORT, *key))

    async def insert_placements(
        self, organisation_id: int, placements: Sequence[Placement], origin: Origin
    ) -> bool:
        names = [
            (bucket_of_name(organisation_id, scheme, name), organisation_id, scheme, name, placement.order.id)
            for placement in placements
            for scheme, name in placement.order.document.names.items()
        ]
        if await self.insert_many(imports.INSERT_NAMES, names) != len(names):
            return False
        said = text(origin)
        rows = [_order_values(placement, said) for placement in placements]
        await self.insert_many(st.INSERT_ORDER, (order for order, _ in rows))
        await self.insert_many(st.INSERT_REVISION, (revision for _, revision in rows))
        stages = (stage_values(organisation_id, stage) for one in placements for stage in one.stages)
        await self.insert_many(st.INSERT_STAGE, stages)
        statuses = (
            status_values(organisation_id, one.status) for one in placements if one.status is not None
        )
        await self.insert_many(st.PUT_STATUS, statuses)
        return True

    async def insert_rejections(
        self, organisation_id: int, group_order_id: str, rejections: Sequence[Rejection]
    ) -> None:
        bucket = bucket_of_group(group_order_id)
        rows = (
            (bucket, group_order_id, one.line, organisation_id, one.column, one.code, one.value)
            for one in rejections
        )
        await self.insert_many(imports.INSERT_REJECTIONS, rows)


def _order_values(placement: Placement, origin: str) -> tuple[Row, Row]:
    """The columns of an order's own row, and of its first revision."""
    order = placement.order
    recorded, bucket = micros(order.recorded_at), bucket_of(order.id)
    state = state_values(order, placement.encoded.decode(), deleted=False)
    head = head_values(order, recorded)
    key = (bucket, order.id, order.revision, order.organisation_id)
    return (
        (bucket, order.id, order.organisation_id, *head, *state),
        (*key, micros(order.placed_at), recorded, origin, None, *state),
    )


def _record_of(row: Row) -> ImportRecord:
    return ImportRecord(
        organisation_id=row[0],
        key=row[1],
        progress=row[2],
        epoch=row[3],
        created_at=instant(row[4]),
        changed_at=instant(row[5]),
    )

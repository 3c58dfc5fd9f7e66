"""What must hold of one order: its row, its change history, its stages, its status and its notices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from operator import itemgetter
from typing import Any

import msgspec
from sqlalchemy import Table

from orderwire.book.errors import FieldInvalid
from orderwire.book.operations import check_order
from orderwire.book.orders import Document, Order, bucket_of
from orderwire.book.queries import voucher_place
from orderwire.book.stages import Origin, Revision, Stage
from orderwire.book.statuses import standing, status_after
from orderwire.vault import Vault, VaultError

from ..rows import Row, head_values, instant, order_of, stage_of, status_of
from ..statements import ORDER, STAGE, STATUS
from ..tables import notices, order_revisions, order_stages, order_statuses, orders

# Told of a row: its table, its key, what is wrong.
Found = Callable[[str, tuple[object, ...], str], None]

_decode_document = msgspec.json.Decoder(Document).decode
_decode_origin = msgspec.json.Decoder(Origin).decode
_STATE = (
    "kind",
    "lifecycle",
    "payment",
    "delivery",
    "currency",
    "placed_at",
    "group_order_id",
    "group_line",
    "deleted",
)
# What rows can't be made of: texts that are no JSON, instants that no calendar has.
UNREADABLE = (msgspec.DecodeError, ValueError, OverflowError)


def place_of(table: Table, name: str) -> int:
    """Where a column stands in a whole row."""
    return [column.name for column in table.columns].index(name)


def _pick(table: Table, names: Sequence[str]) -> Callable[[Row], tuple[Any, ...]]:
    return itemgetter(*(place_of(table, name) for name in names))


_order = _pick(orders, [column.name for column in ORDER])
_stage = _pick(order_stages, [column.name for column in STAGE])
_status = _pick(order_statuses, [column.name for column in STATUS])
_order_state = _pick(orders, _STATE)
_revision_state = _pick(order_revisions, _STATE)
_head = _pick(orders, ("revision", "stage_count", "total_micros", "customer_id", "customer_reference"))
_HEAD = ("revision", "stage_count", "total_micros", "customer_id", "customer_reference")
_RECORDED = place_of(orders, "recorded_at")
_OWNER = place_of(orders, "organisation_id")
_DOCUMENT = place_of(orders, "document")
_entry = _pick(
    order_revisions, ("revision", "effective_at", "recorded_at", "origin", "supersedes", "document")
)
_OWNERS: tuple[tuple[Table, int], ...] = tuple(
    (table, place_of(table, "organisation_id"))
    for table in (order_revisions, order_stages, order_statuses, notices)
)
_NOTICE_NUMBER = place_of(notices, "number")


@dataclass(slots=True)
class OrderRows:
    """All rows of one order, whole, each table's by its primary key."""

    order: Row
    revisions: list[Row] = field(default_factory=list)
    stages: list[Row] = field(default_factory=list)
    statuses: list[Row] = field(default_factory=list)
    notices: list[Row] = field(default_factory=list)


def check_rows(rows: OrderRows, vault: Vault | None, found: Found) -> Order | None:
    """Tell what does not hold of an order; gives the order, or None if its row can't be read.

    With a vault it is seen that every secret of a voucher can be opened.
    """
    bucket, order_id = rows.order[0], rows.order[1]
    if bucket != bucket_of(order_id):
        found("orders", (order_id,), f"lies in bucket {bucket}, its id says {bucket_of(order_id)}")
    for (table, owner), own in zip(
        _OWNERS, (rows.revisions, rows.stages, rows.statuses, rows.notices), strict=True
    ):
        if any(row[owner] != rows.order[_OWNER] for row in own):
            found(table.name, (order_id,), "a row is another organisation's")
    stages = _check_stages(rows, found)
    entries = _check_entries(rows, vault, found)
    _check_count(rows, stages, entries, found)
    if stages is not None:
        _check_status(rows, stages, found)
        known = {stage.number for stage in stages}
        for row in rows.notices:
            if row[_NOTICE_NUMBER] not in known:
                found("notices", (order_id, row[_NOTICE_NUMBER]), "there is no such stage")
    return _check_order(rows, vault, found)


def _check_order(rows: OrderRows, vault: Vault | None, found: Found) -> Order | None:
    order_id = rows.order[1]
    try:
        order = order_of(_order(rows.order))
        check_order(order)
    except FieldInvalid as fact:
        found("orders", (order_id,), f"{fact.field}: {fact.reason}")
        return None
    except UNREADABLE as error:
        found("orders", (order_id,), f"can't be read: {_reason(error)}")
        return None
    said = head_values(order, 0)
    for name, value, kept in zip(_HEAD, said, _head(rows.order), strict=False):
        if value != kept:
            found("orders", (order_id,), f"{name} is not what the document says")
    if vault is not None:
        _check_vouchers(vault, "orders", (order_id,), order.organisation_id, order.document, found)
    return order


def _check_stages(rows: OrderRows, found: Found) -> list[Stage] | None:
    """The order's stages, or None if one can't be read."""
    order_id = rows.order[1]
    try:
        stages = [stage_of(_stage(row)) for row in rows.stages]
    except UNREADABLE as error:
        found("order_stages", (order_id,), f"can't be read: {_reason(error)}")
        return None
    for number, stage in enumerate(stages, start=1):
        if stage.number != number:
            found("order_stages", (order_id, number), f"is missing: the next one is {stage.number}")
            break
    for earlier, later in pairwise(stages):
        if later.revision < earlier.revision or later.recorded_at < earlier.recorded_at:
            found("order_stages", (order_id, later.number), "was recorded before the one before it")
    for stage in stages:
        if stage.supersedes is not None and not 1 <= stage.supersedes < stage.number:
            found("order_stages", (order_id, stage.number), "supersedes no earlier stage")
    return stages


def _check_entries(rows: OrderRows, vault: Vault | None, found: Found) -> list[Revision] | None:
    """What the entries of the change history say of themselves, or None if one can't be read."""
    order_id = rows.order[1]
    entries: list[Revision] = []
    current = rows.order[_DOCUMENT]
    for row in rows.revisions:
        number, effective_at, recorded_at, origin, supersedes, document = _entry(row)
        try:
            entry = Revision(
                revision=number,
                effective_at=instant(effective_at),
                recorded_at=instant(recorded_at),
                origin=_decode_origin(origin),
                supersedes=supersedes,
            )
            # The last entry mostly says what the order itself says; that is read there.
            said = None if document == current else _decode_document(document)
        except UNREADABLE as error:
            found("order_revisions", (order_id, number), f"can't be read: {_reason(error)}")
            return None
        if said is not None and vault is not None:
            key = (order_id, number)
            _check_vouchers(vault, "order_revisions", key, rows.order[_OWNER], said, found)
        if entries and entry.recorded_at < entries[-1].recorded_at:
            found("order_revisions", (order_id, number), "was recorded before the one before it")
        if supersedes is not None and supersedes not in {one.revision for one in entries}:
            found("order_revisions", (order_id, number), "supersedes no earlier entry")
        entries.append(entry)
    return entries


def _check_count(
    rows: OrderRows, stages: list[Stage] | None, entries: list[Revision] | None, found: Found
) -> None:
    """One count of changes: each revision is an entry, or stages, or both."""
    if stages is None or entries is None:
        return
    _, order_id, *_ = rows.order
    revision, stage_count, *_ = _head(rows.order)
    if stage_count != len(stages):
        found("orders", (order_id,), f"stage_count is {stage_count}, there are {len(stages)} stages")
    told = {entry.revision for entry in entries} | {stage.revision for stage in stages}
    missing = next((one for one in range(1, revision + 1) if one not in told), None)
    if missing is not None:
        found("orders", (order_id,), f"revision {missing} is neither an entry nor a stage")
    if told and max(told) > revision:
        found("orders", (order_id,), f"is at revision {revision}, its history at {max(told)}")
    if not entries or entries[0].revision != 1:
        found("order_revisions", (order_id, 1), "is missing: the order as it was placed")
        return
    recorded = max([entry.recorded_at for entry in entries] + [stage.recorded_at for stage in stages])
    if recorded != instant(rows.order[_RECORDED]):
        found("orders", (order_id,), "recorded_at is not that of its last change")
    _check_state(rows, found)


def _check_state(rows: OrderRows, found: Found) -> None:
    """The order stands as the entry says that is the last effective one."""
    order_id = rows.order[1]
    # Effective instant, then revision.
    last = max(rows.revisions, key=lambda row: (_entry(row)[1], _entry(row)[0]))
    for name, kept, said in zip(_STATE, _order_state(rows.order), _revision_state(last), strict=True):
        if kept != said:
            found("orders", (order_id,), f"{name} is not what revision {_entry(last)[0]} says")
    kept, said = rows.order[_DOCUMENT], _entry(last)[5]
    if kept != said:
        try:
            is_same = _decode_document(kept) == _decode_document(said)
        except msgspec.DecodeError:
            is_same = False
        if not is_same:
            found("orders", (order_id,), f"the document is not what revision {_entry(last)[0]} says")


def _check_status(rows: OrderRows, stages: list[Stage], found: Found) -> None:
    order_id = rows.order[1]
    said = status_after(standing(stages))
    if not rows.statuses:
        if said is not None:
            found("order_statuses", (order_id,), f"is missing: it stands at stage {said.stage_number}")
        return
    try:
        kept = status_of(_status(rows.statuses[0]))
    except UNREADABLE as error:
        found("order_statuses", (order_id,), f"can't be read: {_reason(error)}")
        return
    if said is None:
        found("order_statuses", (order_id,), "no stage gives it a status")
    elif kept.stage_number != said.stage_number:
        what = f"stands at stage {kept.stage_number}, its stages say {said.stage_number}"
        found("order_statuses", (order_id,), what)
    else:
        for name in kept.__struct_fields__:
            if getattr(kept, name) != getattr(said, name):
                found("order_statuses", (order_id,), f"{name} is not what the stages say")


def _check_vouchers(
    vault: Vault,
    table: str,
    key: tuple[object, ...],
    organisation_id: int,
    document: Document,
    found: Found,
) -> None:
    place = voucher_place(organisation_id)
    for number, voucher in enumerate(document.vouchers, start=1):
        for name in ("code", "pin"):
            sealed = getattr(voucher, name)
            if sealed is not None and not opens(vault, sealed, place):
                found(table, key, f"the {name} of voucher {number} can't be opened")


def opens(vault: Vault, sealed: str, place: str) -> bool:
    """True if a sealed text can be opened at its place."""
    try:
        vault.open(sealed, place)
    except (VaultError, ValueError):
        return False
    return True


def _reason(error: Exception) -> str:
    """Where a record is wrong, without what stands there."""
    if isinstance(error, msgspec.ValidationError):
        return str(error)
    return "no JSON" if isinstance(error, msgspec.DecodeError) else type(error).__name__

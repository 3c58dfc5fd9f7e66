"""An import from beginning to end: read rows, bring orders together, place them, report every row.

    summary = await import_file(book, caller, path, request, parse_order=..., on_progress=...)

`caller` needs the right to write and is whom the history names; `path` is the file; `request` says how
to read it and where reports go (`ImportRequest`); `parse_order` reads one line of JSON Lines in the
native shape and is needed only without a map; `on_progress` is told the summary so far, on the event
loop. It may be called in a running service: no step holds the event loop for long, and it can be
cancelled between any two batches; called again with the same request it goes on where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from orderwire.book.callers import Caller
from orderwire.book.errors import AlreadyExists, FieldInvalid
from orderwire.book.operations import NewOrder, place_order
from orderwire.book.orders import MAX_LINES, Order
from orderwire.book.store import Book

from .orders import OrderMaker, Refused
from .parse_map import check_columns
from .reports import Reports
from .request import ImportRequest, OnProgress, ParseOrder, Summary
from .rows import Fault, FileError, Row, RowReader
from .spool import Spool

# So many orders are placed at a time, and share commits; fewer when they have many rows.
ORDERS_AT_ONCE = 128
ROWS_AT_ONCE = 8_000
# The end of time, for a read of what was recorded at an instant whatever it says of its own time.
ALWAYS = datetime(9998, 12, 31, tzinfo=UTC)


@dataclass(slots=True)
class Group:
    """The rows of one order. `spare` were more than an order may have, and are reported already."""

    rows: list[Row]
    spare: int = 0


@dataclass(frozen=True, slots=True)
class Placed:
    """The order that holds a group's rows; `is_new` when this import placed it."""

    order_id: int
    is_new: bool


async def import_file(
    book: Book,
    caller: Caller,
    path: Path,
    request: ImportRequest,
    *,
    parse_order: ParseOrder | None = None,  # noqa: ARG001 - for files without a map
    on_progress: OnProgress | None = None,
) -> Summary:
    """Import the orders of a file into the book of the caller's organisation, and report every row.

    Raises NotAllowed, FileError or MapError before anything is placed, StoreUnavailable or OSError in
    between: what was placed stays, and importing again goes on.
    """
    found, organisation, folder = request.map, caller.organisation, request.folder
    if found is None:
        raise FileError("a map is needed")
    summary = Summary(str(path), organisation.name)
    with _open(path) as file, Spool() as spool:
        reader = RowReader(file, found.encoding, found.delimiter, found.key)
        check_columns(found, reader.header)
        reports = Reports(path, folder or path.parent, found.encoding, found.delimiter, reader.header)
        with reports:
            run = _Run(book, caller, OrderMaker(found, reader.header), reports, summary)
            spool.add(run.take_grouped(reader))
            for batch in run.batches(spool):
                await run.place(batch)
                if on_progress is not None:
                    on_progress(summary)
    summary.blank = reader.blank
    summary.accepted_rows, summary.rejected_rows = reports.accepted, reports.rejected
    summary.accepted_file = str(reports.accepted_path)
    summary.rejected_file = str(reports.rejected_path) if reports.rejected else ""
    return summary


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise FileError(f"can't be read: {error.strerror}") from error


class _Run:
    def __init__(
        self, book: Book, caller: Caller, maker: OrderMaker, reports: Reports, summary: Summary
    ) -> None:
        self._book = book
        self._caller = caller
        self._maker = maker
        self._reports = reports
        self._summary = summary

    def take_grouped(self, reader: RowReader) -> Iterator[tuple[str, Row]]:
        """The rows that belong to an order; the others are reported."""
        for key, row in reader:
            self._summary.rows += 1
            if key:
                yield key, row
            else:
                self._reject(row, row.fault or Fault("", "key_missing", ""))

    def batches(self, spool: Spool) -> Iterator[list[Group]]:
        """Orders to place together."""
        batch: list[Group] = []
        count = 0
        for group in self._groups(spool):
            batch.append(group)
            count += len(group.rows)
            if len(batch) >= ORDERS_AT_ONCE or count >= ROWS_AT_ONCE:
                yield batch
                batch, count = [], 0
        if batch:
            yield batch

    def _groups(self, spool: Spool) -> Iterator[Group]:
        group, last = Group([]), 0
        for first, row in spool.rows():
            if first != last and group.rows:
                yield group
                group = Group([])
            last = first
            if len(group.rows) < MAX_LINES:
                group.rows.append(row)
            else:
                group.spare += 1
                self._reject(row, row.fault or Fault("", "too_many_rows", ""))
        if group.rows:
            yield group

    async def place(self, batch: Sequence[Group]) -> None:
        """Place orders together, and report their rows."""
        outcomes = await asyncio.gather(*(self._place(group) for group in batch))
        for group, outcome in zip(batch, outcomes, strict=True):
            self._summary.orders += 1
            if isinstance(outcome, Placed):
                self._summary.placed += outcome.is_new
                self._summary.already_there += not outcome.is_new
                for row in group.rows:
                    self._reports.accept(row, outcome.order_id)
            else:
                self._summary.rejected += 1
                for position, row in enumerate(group.rows):
                    self._reject(row, outcome.faults.get(position) or Fault("", "order_rejected", ""))

    async def _place(self, group: Group) -> Placed | Refused:
        if group.spare:
            return Refused({})
        try:
            request = self._maker.make(group.rows)
        except Refused as refused:
            return refused
        try:
            order = await place_order(self._book, self._caller, request)
        except FieldInvalid as fact:
            return self._maker.refuse(group.rows, fact)
        except AlreadyExists as fact:
            if fact.order_id is not None and await self._is_there(fact.order_id, request):
                return Placed(fact.order_id, is_new=False)
            return self._maker.refuse_name(group.rows, fact.scheme, fact.name)
        return Placed(order.id, is_new=True)

    async def _is_there(self, order_id: int, request: NewOrder) -> bool:
        """True if the order says what `request` says, or said it when it was placed."""
        store, owner = self._book.store, self._caller.organisation_id
        order = await store.fetch_order(owner, order_id)
        if order is not None and not _is_same(order, request):
            first = await store.list_states(owner, order_id, 0, 1)
            order = await store.fetch_order_at(owner, order_id, ALWAYS, first[0].revision.recorded_at)
        if order is None or not _is_same(order, request):
            return False
        for number, stage in enumerate(request.stages, start=1):
            kept = await store.fetch_stage(owner, order_id, number)
            if kept is None or (kept.stage, kept.effective_at) != (stage.stage, stage.effective_at):
                return False
        return True

    def _reject(self, row: Row, fault: Fault) -> None:
        self._summary.codes[fault.code] += 1
        self._reports.reject(row, fault)


def _is_same(order: Order, request: NewOrder) -> bool:
    """True if placing `request` would give an order that says the same."""
    return (
        order.document == request.document
        and (order.kind, order.lifecycle) == (request.kind, request.lifecycle)
        and (order.payment, order.delivery) == (request.payment, request.delivery)
        and (order.currency, order.placed_at) == (request.currency, request.placed_at)
    )

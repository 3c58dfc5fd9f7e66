"""What a file asks for, order after order: read, checked, and ready to be placed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import BinaryIO

from msgspec import Struct, field
from msgspec.structs import replace

from orderwire.book.callers import Caller
from orderwire.book.errors import FieldInvalid, FieldMissing
from orderwire.book.import_records import Placement
from orderwire.book.imports import choose_bucket, prepare_order
from orderwire.book.operations import NewOrder
from orderwire.book.orders import MAX_LINES
from orderwire.book.store import Book

from .json_source import MAX_LINE_BYTES, JsonLines
from .orders import OrderMaker, Refused
from .request import ParseOrder, Summary
from .rows import SHOWN_LENGTH, Fault, Row
from .spool import Spool

# So many orders are placed at a time, and share a commit; fewer when they have many rows.
ORDERS_AT_ONCE = 500
ROWS_AT_ONCE = 4_000
# An order that came without a name is known again by the id that it had where it was exported.
ID_SCHEME = "orderwire.id"

# Where a candidate ends in the file: (first line of its order, line, part), or (0, line, byte).
Cursor = tuple[int, int, int]
START: Cursor = (0, 0, 0)
REST = Fault("", "order_rejected", "")


class Candidate(Struct, gc=False):
    """One order of the file, or rows that belong to none.

    Either it has a `placement` made of `request`, or at least one of its rows has a fault in `faults`,
    by position. `places` are the lines of the file that the order's lines stand on. `raw` is the line
    of a file in the native shape, whose row has no fields; `known_id` the id that an order without names
    had where it was.
    """

    cursor: Cursor
    rows: Sequence[Row]
    is_order: bool = True
    raw: bytes = b""
    known_id: int | None = None
    request: NewOrder | None = None
    placement: Placement | None = None
    places: Sequence[int] = ()
    faults: dict[int, Fault] = field(default_factory=dict)

    def fault_of(self, position: int) -> Fault:
        """Why the row at `position` is not taken."""
        return self.faults.get(position, REST)

    @property
    def fields(self) -> list[Row]:
        """The rows with what stood there."""
        if not self.raw:
            return list(self.rows)
        return [Row(self.rows[0].line, [self.raw.decode("utf-8", "surrogateescape")])]

    @property
    def first_fault(self) -> tuple[Row, Fault]:
        """The first row that has a fault of its own."""
        position = min(self.faults, default=0)
        return self.rows[position], self.fault_of(position)


class Feed(ABC):
    """Reads candidates in batches, from after a cursor on. One thread at a time uses it."""

    def __init__(self, book: Book, caller: Caller) -> None:
        self._book = book
        self._caller = caller
        self._candidates: Iterator[Candidate] | None = None
        # Numbers for ids of new orders, handed in before each batch: ids rise with the lines.
        self.numbers: deque[int] = deque()

    @abstractmethod
    def begin(self, after: Cursor) -> None:
        """Start again, after this cursor."""

    @abstractmethod
    def refuse_name(self, candidate: Candidate, scheme: str, name: str) -> None:
        """Note that the name is another order's."""

    @abstractmethod
    def make(self, candidate: Candidate) -> None:
        """Make the request of the candidate's rows, or note their faults."""

    @abstractmethod
    def refuse(self, candidate: Candidate, fact: FieldInvalid | FieldMissing) -> None:
        """Note what the book would not take."""

    @abstractmethod
    def count(self, summary: Summary) -> None:
        """Write into the summary what only the feed knows."""

    @abstractmethod
    def read(self) -> Iterator[Candidate]:
        """The candidates, neither made nor checked."""

    def next_batch(self, group_order_id: str | None) -> list[Candidate]:
        """The next candidates, made and checked; empty at the end of the file."""
        if self._candidates is None:
            self._candidates = self.read()
        batch: list[Candidate] = []
        rows, bucket, now = 0, choose_bucket(), self._book.clock()
        for candidate in self._candidates:
            batch.append(candidate)
            rows += len(candidate.rows)
            if not candidate.faults:
                self.make(candidate)
            if candidate.request is not None:
                if group_order_id is not None:
                    candidate.request = _in_group(candidate, candidate.request, group_order_id)
                self._prepare(candidate, candidate.request, bucket, now)
            if len(batch) >= ORDERS_AT_ONCE or rows >= ROWS_AT_ONCE:
                break
        return batch

    def _prepare(self, candidate: Candidate, request: NewOrder, bucket: int, now: datetime) -> None:
        try:
            candidate.placement = prepare_order(
                self._book, self._caller, request, self.numbers[0], bucket, now
            )
            self.numbers.popleft()
        except FieldInvalid as fact:
            self.refuse(candidate, fact)


class RowFeed(Feed):
    """Orders made of rows by a map; the rows of each lie together in the spool."""

    def __init__(self, book: Book, caller: Caller, spool: Spool, maker: OrderMaker) -> None:
        super().__init__(book, caller)
        self._spool = spool
        self._maker = maker
        self._after = START

    def begin(self, after: Cursor) -> None:
        self._after, self._candidates = after, None

    def read(self) -> Iterator[Candidate]:
        # Rows of the order that the cursor stands in are beyond what an order may have.
        full = self._after[0]
        first, rows = 0, list[Row]()
        for found, is_keyed, row in self._spool.rows(self._after):
            if rows and found != first:
                yield self._candidate(first, rows)
                rows = []
            if not is_keyed or found == full:
                fault = row.fault or Fault("", "too_many_rows", "")
                cursor = (found, row.line, row.part)
                yield Candidate(cursor, [row], is_order=False, faults={0: fault})
                continue
            first = found
            rows.append(row)
            if len(rows) > MAX_LINES:
                over = Fault("", "too_many_rows", "")
                yield self._candidate(first, rows, {MAX_LINES: rows[MAX_LINES].fault or over})
                full, rows = first, []
        if rows:
            yield self._candidate(first, rows)

    def count(self, summary: Summary) -> None:
        pass

    def make(self, candidate: Candidate) -> None:
        try:
            candidate.request, candidate.places = self._maker.make(candidate.rows)
        except Refused as refused:
            candidate.faults = refused.faults

    def refuse(self, candidate: Candidate, fact: FieldInvalid | FieldMissing) -> None:
        assert isinstance(fact, FieldInvalid)
        candidate.faults = self._maker.refuse(candidate.rows, fact).faults

    def refuse_name(self, candidate: Candidate, scheme: str, name: str) -> None:
        candidate.faults = self._maker.refuse_name(candidate.rows, scheme, name).faults

    def _candidate(self, first: int, rows: list[Row], faults: dict[int, Fault] | None = None) -> Candidate:
        return Candidate((first, rows[-1].line, rows[-1].part), rows, faults=faults or {})


class LineFeed(Feed):
    """Orders in the native shape, one on each line of a JSON Lines file."""

    def __init__(self, book: Book, caller: Caller, file: BinaryIO, parse: ParseOrder) -> None:
        super().__init__(book, caller)
        self._file = file
        self._parse = parse
        self.lines = JsonLines(file)

    def begin(self, after: Cursor) -> None:
        _, number, offset = after
        self._file.seek(offset)
        self.lines = JsonLines(self._file, number, offset)
        self._candidates = None

    def read(self) -> Iterator[Candidate]:
        for number, raw in self.lines:
            if len(raw) > MAX_LINE_BYTES:
                text = raw[:SHOWN_LENGTH].decode("utf-8", "replace")
                rows, faults = [Row(number, [text])], {0: Fault("", "row_too_long", text)}
                yield Candidate((0, number, self.lines.size), rows, faults=faults)
            else:
                yield Candidate((0, number, self.lines.size), [Row(number, [])], raw=raw, places=(number,))

    def count(self, summary: Summary) -> None:
        summary.rows = summary.accepted_rows + summary.rejected_rows
        summary.read, summary.blank = self.lines.size, self.lines.blank

    def make(self, candidate: Candidate) -> None:
        try:
            request, known_id = self._parse(candidate.raw)
        except (FieldInvalid, FieldMissing) as fact:
            self.refuse(candidate, fact)
            return
        if not request.document.names:
            if known_id is None:
                candidate.faults = {0: Fault("names", "value_missing", "")}
                return
            named = replace(request.document, names={ID_SCHEME: str(known_id)})
            request = replace(request, document=named)
            candidate.known_id = known_id
        candidate.request = request

    def refuse(self, candidate: Candidate, fact: FieldInvalid | FieldMissing) -> None:
        if isinstance(fact, FieldMissing):
            fault = Fault(fact.field, "value_missing", "")
        else:
            fault = Fault(fact.field, "value_invalid" if fact.field else "malformed", fact.reason)
        candidate.faults = {0: fault}

    def refuse_name(self, candidate: Candidate, scheme: str, name: str) -> None:
        candidate.faults = {0: Fault(f"names.{scheme}", "already_exists", name)}


def _in_group(candidate: Candidate, request: NewOrder, group_order_id: str) -> NewOrder:
    return replace(request, group_order_id=group_order_id, group_line=candidate.rows[0].line)

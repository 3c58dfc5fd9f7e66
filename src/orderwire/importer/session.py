"""The orders of one file on their way into the book, batch after batch, from where it was left."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from orderwire.book.callers import Caller
from orderwire.book.errors import StoreUnavailable
from orderwire.book.import_records import ImportRecord, Step
from orderwire.book.imports import NamesTaken, begin_import, end_import, settle
from orderwire.book.orders import Rejection
from orderwire.book.store import Book

from .behind import Behind
from .decide import AT_A_TIME, Decider, Decision, Names, NamesAtHand, NamesOnDisk
from .feed import ORDERS_AT_ONCE, START, Candidate, Cursor, Feed
from .normalised import normalise
from .progress import COUNTS, Progress, decode_progress
from .reports import Reports
from .request import ALL_OR_NOTHING, ImportRequest, OnProgress, Summary
from .rows import Fault, FileError, Row

# What can be placed in one transaction without keeping other writers waiting too long.
MAX_TOGETHER = 10_000
MAX_TOGETHER_BYTES = 67_108_864
# So often a name may be taken by somebody else between its look-up and the transaction.
MAX_TRIES = 10
MAX_COLUMN_LENGTH, MAX_VALUE_LENGTH = 255, 1_000
OVERTAKEN = "others go on taking the names of these orders"
FILE_REFUSED = Fault("", "file_refused", "")


@dataclass(slots=True)
class Session:
    """Settles what a feed gives. `key` names the record of the progress."""

    book: Book
    caller: Caller
    request: ImportRequest
    key: str
    feed: Feed
    reports: Reports
    summary: Summary
    tell: OnProgress
    reading: Behind
    writing: Behind
    decider: Decider = field(init=False)
    record: ImportRecord = field(init=False)
    sizes: tuple[int, ...] = ()
    cursor: Cursor = START

    def __post_init__(self) -> None:
        self.decider = Decider(self.book, self.caller, self.feed, self.request.group_order_id)

    async def run(self) -> None:
        """Settle everything, and give the reports their names."""
        if self.request.dry_run:
            await self._try_out()
        else:
            await self._begin()
            try:
                await self._settle_all()
            except FileError:
                await end_import(self.book, self.record)
                self.reports.discard()
                raise
        found = self.reports.finish(rejected=self.summary.rejected_rows)
        self.summary.accepted_file = found["accepted"]
        self.summary.rejected_file = found["rejected"]
        self.summary.normalised_file = found.get("normalised", "")
        if not self.request.dry_run:
            await end_import(self.book, self.record)
        self.tell(self.summary)

    async def _begin(self) -> None:
        """Take the import up: where it was left, if that is known and the reports are there still."""
        now = self.book.clock()
        owner = self.caller.organisation_id
        known = await self.book.store.fetch_import(owner, self.key)
        progress = decode_progress(known.progress) if known is not None else None
        if progress is not None and await self.writing(self.reports.resume, progress.sizes):
            progress.tell(self.summary)
            self.summary.resumed = self.summary.orders
        else:
            progress = Progress(sizes=await self.writing(self.reports.begin))
        self.cursor, self.sizes = progress.cursor, progress.sizes
        self.record = ImportRecord(
            organisation_id=owner,
            key=self.key,
            progress=progress.encode(),
            epoch=1 if known is None else known.epoch + 1,
            created_at=now if known is None else known.created_at,
            changed_at=now,
        )
        await begin_import(self.book, self.record, None if known is None else known.epoch)
        self.tell(self.summary)

    async def _settle_all(self) -> None:
        if self.request.policy != ALL_OR_NOTHING:
            async for batch in self._batches(self.cursor):
                await self._settle(batch)
        elif self.cursor == START:
            for _ in range(MAX_TRIES):
                together = await self._check_all()
                if together is None:
                    await self._refuse_all()
                    return
                if await self._place(together):
                    return
            raise StoreUnavailable(OVERTAKEN)

    async def _batches(self, after: Cursor) -> AsyncIterator[list[Candidate]]:
        """What the feed gives; the next batch is read while this one is settled."""
        await self.reading(self.feed.begin, after)
        following = asyncio.ensure_future(self._next())
        try:
            while batch := await following:
                following = asyncio.ensure_future(self._next())
                yield batch
        finally:
            following.cancel()
            await asyncio.wait([following])
            if not following.cancelled():
                # What went wrong here already counts for more.
                following.exception()

    async def _next(self) -> list[Candidate]:
        numbers = self.feed.numbers
        while len(numbers) < ORDERS_AT_ONCE:
            numbers.append(await self.book.store.take_number("order"))
            if len(numbers) % AT_A_TIME == 0:
                await asyncio.sleep(0)
        return await self.reading(self.feed.next_batch, self.request.group_order_id)

    async def _settle(self, batch: Sequence[Candidate]) -> None:
        # Most files bring new orders only, and the names are looked at again as they are written: they are
        # looked up first where some were found just now, or when one turns out to be taken.
        look_up = self.decider.finds_names
        for _ in range(MAX_TRIES):
            if await self._place(await self.decider.decide(batch, NamesAtHand(), look_up=look_up)):
                return
            look_up = True
        raise StoreUnavailable(OVERTAKEN)

    async def _place(self, decisions: Sequence[Decision]) -> bool:
        """Report rows and place orders; False, and nothing of it is kept, if a name was taken meanwhile."""
        sizes = await self.writing(self._report, decisions)
        cursor = decisions[-1].candidate.cursor if decisions else self.cursor
        after = self._tally(decisions)
        now = self.book.clock()
        progress = Progress.of(after, cursor, sizes)
        record = replace(self.record, progress=progress.encode(), changed_at=now)
        placements = [one.candidate.placement for one in decisions if one.is_new]
        step = Step(
            placements=[one for one in placements if one is not None],
            group_order_id=self.request.group_order_id,
            rejections=_rejections(decisions),
        )
        try:
            await settle(self.book, self.caller, record, step)
        except NamesTaken:
            await self.writing(self.reports.cut_back, self.sizes)
            return False
        self.cursor, self.sizes = cursor, sizes
        self._adopt(after)
        return True

    async def _check_all(self) -> list[Decision] | None:
        """Every order of the file, or None if one can't be taken. Raises FileError for too many."""
        names, together, size = NamesAtHand(), list[Decision](), 0
        orders, is_faulty = 0, False
        async for batch in self._batches(START):
            decisions = await self.decider.decide(batch, names)
            orders += sum(candidate.is_order for candidate in batch)
            size += sum(len(one.placement.encoded) for one in batch if one.placement is not None)
            if orders > MAX_TOGETHER or size > MAX_TOGETHER_BYTES:
                limit = f"{MAX_TOGETHER} orders and {MAX_TOGETHER_BYTES} bytes"
                raise FileError(f"{ALL_OR_NOTHING} takes at most {limit}")
            is_faulty = is_faulty or any(one.order_id is None for one in decisions)
            if is_faulty:
                together = []
                continue
            for one in decisions:
                # Of rows that are taken, only the line is reported.
                one.candidate.rows = [Row(row.line, []) for row in one.candidate.rows]
            together += decisions
        return None if is_faulty else together

    async def _refuse_all(self) -> None:
        """Report every row as not taken; nothing is placed."""
        names = NamesAtHand()
        async for batch in self._batches(START):
            decisions = await self.decider.decide(batch, names)
            for one in decisions:
                if one.order_id is not None:
                    one.order_id, one.is_new = None, False
                    one.candidate.faults = dict.fromkeys(range(len(one.candidate.rows)), FILE_REFUSED)
            await self.writing(self._report, decisions)
            step = Step(
                group_order_id=self.request.group_order_id,
                rejections=_rejections(decisions),
            )
            await settle(self.book, self.caller, self.record, step)
            self._adopt(self._tally(decisions))

    async def _try_out(self) -> None:
        """Decide and report, and place nothing."""
        await self.writing(self.reports.begin)
        names: Names = NamesOnDisk()
        try:
            async for batch in self._batches(START):
                decisions = await self.decider.decide(batch, names)
                await self.writing(self._report, decisions)
                self._adopt(self._tally(decisions))
        finally:
            names.close()

    def _report(self, decisions: Sequence[Decision]) -> tuple[int, ...]:
        """Write the rows of these to the reports; the sizes of those then."""
        for one in decisions:
            candidate = one.candidate
            if one.order_id is None:
                for position, row in enumerate(candidate.fields):
                    self.reports.reject(row, candidate.fault_of(position))
                continue
            shown = "" if self.request.dry_run and one.is_new else one.order_id
            for row in candidate.rows:
                self.reports.accept(row, shown)
            if self.request.normalised and candidate.placement is not None:
                self.reports.normalise(normalise(candidate.placement, shown, candidate.places))
        return self.reports.flush()

    def _tally(self, decisions: Sequence[Decision]) -> Summary:
        """The summary with these counted in."""
        after = dataclasses.replace(self.summary, codes=Counter(self.summary.codes))
        for one in decisions:
            candidate = one.candidate
            after.orders += candidate.is_order
            if one.order_id is None:
                after.rejected += candidate.is_order
                after.rejected_rows += len(candidate.rows)
                after.codes.update(candidate.fault_of(at).code for at in range(len(candidate.rows)))
            else:
                after.placed += one.is_new
                after.already_there += not one.is_new
                after.accepted_rows += len(candidate.rows)
        return after

    def _adopt(self, after: Summary) -> None:
        for name in COUNTS:
            setattr(self.summary, name, getattr(after, name))
        self.summary.codes = after.codes
        self.feed.count(self.summary)
        self.tell(self.summary)


def _rejections(decisions: Sequence[Decision]) -> list[Rejection]:
    """The first fault of each that is not taken, as a group order keeps it."""
    found = []
    for one in decisions:
        if one.order_id is None:
            row, fault = one.candidate.first_fault
            found.append(
                Rejection(
                    line=row.line,
                    column=fault.column[:MAX_COLUMN_LENGTH],
                    code=fault.code,
                    value=fault.value[:MAX_VALUE_LENGTH].encode("utf-8", "replace").decode(),
                )
            )
    return found

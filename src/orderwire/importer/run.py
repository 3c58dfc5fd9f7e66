"""An import from beginning to end: read rows, bring orders together, place them, report every row.

    summary = await import_file(book, caller, path, request, parse_order=..., on_progress=...)

`caller` needs the right to write and is whom the history names; `path` is the file; `request` says how
to read it and where reports go (`ImportRequest`); `parse_order` reads one line of JSON Lines in the
native shape and is needed only without a map; `on_progress` is told the summary so far, on the event
loop. It may be called in a running service: no step holds the event loop for long, and it can be
cancelled at any time; called again with the same request it goes on where it was.

Every batch goes the same way: a thread reads and checks the next orders; the loop decides what becomes
of each; a second thread writes their rows to the reports, on disk; then one transaction places the
orders and keeps how far the import came, the sizes of the reports included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from orderwire.book.callers import Caller
from orderwire.book.operations import check_may_write
from orderwire.book.store import Book

from .behind import Behind, giving_way
from .feed import Feed, LineFeed, RowFeed
from .maps import Map
from .normalised import COLUMNS
from .orders import OrderMaker
from .parse_map import check_columns
from .progress import Digest
from .reports import Reports
from .request import ImportRequest, OnProgress, ParseOrder, Summary
from .rows import FileError
from .session import Session
from .sources import format_of, open_file, open_source
from .spool import Spool

# So many rows are brought together at a time, before the next word about the progress.
ROWS_AT_ONCE = 5_000


async def import_file(
    book: Book,
    caller: Caller,
    path: Path,
    request: ImportRequest,
    *,
    parse_order: ParseOrder | None = None,
    on_progress: OnProgress | None = None,
) -> Summary:
    """Import the orders of a file into the book of the caller's organisation, and report every row.

    Raises NotAllowed, FileError or MapError before anything is placed, StoreUnavailable or OSError in
    between: what was placed stays, and importing again goes on. ImportTakenOver: another process has
    begun the same import.
    """
    check_may_write(caller)
    summary = Summary(str(path), caller.organisation.name)
    with (
        giving_way(),
        Behind("orderwire-import-reads") as reading,
        Behind("orderwire-import-writes") as writing,
    ):
        run = _Import(book, caller, path, request, summary, on_progress or _tell_nobody, reading, writing)
        if request.map is not None:
            await run.by_map(request.map)
        elif run.form == "jsonl" and parse_order is not None:
            await run.by_lines(parse_order)
        else:
            raise FileError(f"{run.form} needs a map")
    return summary


def _tell_nobody(summary: Summary) -> None:
    """Nobody asked."""


@dataclass(slots=True)
class _Import:
    book: Book
    caller: Caller
    path: Path
    request: ImportRequest
    summary: Summary
    tell: OnProgress
    reading: Behind
    writing: Behind

    @property
    def form(self) -> str:
        found = self.request.map
        given = self.request.format or (found.format if found is not None else None)
        return given or format_of(self.request.name or self.path.name)

    async def by_map(self, found: Map) -> None:
        """Import rows that the map reads."""
        key = await self._key()
        with Spool() as spool, open_source(self.path, self.form, found) as source:
            await self.reading(source.begin)
            check_columns(found, source.header)
            rows = source.keyed(found.key)
            while taken := await self.reading(spool.add, islice(rows, ROWS_AT_ONCE)):
                self.summary.rows += taken
                self.summary.read = source.read
                self.tell(self.summary)
            self.summary.blank = source.blank
            self.summary.total = await self.reading(lambda: spool.orders)
            feed = RowFeed(self.book, self.caller, spool, OrderMaker(found, source.header))
            await self._session(feed, key, source.header, source.encoding, source.delimiter)

    async def by_lines(self, parse: ParseOrder) -> None:
        """Import orders in the native shape, one on each line."""
        key = await self._key()
        with open_file(self.path) as file:
            feed = LineFeed(self.book, self.caller, file, parse)
            await self._session(feed, key, ("object",), "utf-8", ",")

    async def _session(
        self, feed: Feed, key: str, header: Sequence[str], encoding: str, delimiter: str
    ) -> None:
        asked = self.request
        name = asked.name or self.path.name
        with Reports(
            asked.folder or self.path.parent,
            f"{name}.dry-run" if asked.dry_run else name,
            encoding=encoding,
            delimiter=delimiter,
            header=header,
            normalised=COLUMNS if asked.normalised else None,
        ) as reports:
            session = Session(
                book=self.book,
                caller=self.caller,
                request=asked,
                key=key,
                feed=feed,
                reports=reports,
                summary=self.summary,
                tell=self.tell,
                reading=self.reading,
                writing=self.writing,
            )
            await session.run()

    async def _key(self) -> str:
        """Names this import; the whole file is read once for it, unless the request names it."""
        if self.request.key is not None:
            self.summary.size = self.path.stat().st_size
            return self.request.key
        digest = Digest(self.request, self.form)
        with open_file(self.path) as file:
            while count := await self.reading(digest.read, file):
                self.summary.size += count
        return digest.key

"""Where uploaded files lie while they are imported, and what their imports left, until it is cleared.

`<folder>/<organisation id>/<group order id>/` holds the upload, its map and the reports, for nobody
else to read.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import BinaryIO

from orderwire.book.errors import BookError, FieldInvalid, OutcomeUnknown, StoreUnavailable
from orderwire.book.jobs import Job, JobReads

from .maps import Map
from .parse_map import parse_map
from .patterns import is_cheap, patterns_of
from .reports import ACCEPTED, NORMALISED, REJECTED
from .tables import MapError

# Run as a process of its own: what it needs is loaded there only.
WRITER = Path(__file__).with_name("spreadsheets.py")
# What the parts are called that are uploaded; reports bear the file's name, too.
FILE, MAP = "file", "map"
# How long an answer waits for a spreadsheet, and how long one may take.
PATIENCE_SECONDS = 10.0
WRITING_SECONDS = 900.0
REPORTS = (NORMALISED, ACCEPTED, REJECTED)


class ImportDesk:
    """The folder of uploads (`book.jobs.Desk`). `told` is set when there is something to do."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Spreadsheets being written, one at a time: each takes a processor.
        self._writing: dict[Path, asyncio.Task[str]] = {}
        self._turn = asyncio.Lock()
        self.told = asyncio.Event()

    def place(self, organisation_id: int, group_order_id: str) -> Path:
        """The folder of a group order, whether it is there or not."""
        return self._folder / str(organisation_id) / group_order_id

    @contextmanager
    def upload(self, organisation_id: int, group_order_id: str) -> Iterator[Path]:
        """Makes the folder of a group order. Whatever goes wrong within, the folder is gone again.

        Raises StoreUnavailable when nothing can be written there.
        """
        place = self.place(organisation_id, group_order_id)
        try:
            for folder in (self._folder, place.parent):
                folder.mkdir(0o700, parents=True, exist_ok=True)
            place.mkdir(0o700)
            yield place
            _sync(place)
        except OSError as error:
            shutil.rmtree(place, ignore_errors=True)
            raise StoreUnavailable(f"the upload can't be kept: {error.strerror}") from error
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise

    @asynccontextmanager
    async def placing(
        self, reads: JobReads, organisation_id: int, group_order_id: str
    ) -> AsyncIterator[None]:
        """Within, a group order is written down for an upload. Is there none after all, its folder is gone.

        Then tells whoever imports.
        """
        place = self.place(organisation_id, group_order_id)
        try:
            yield
        except OutcomeUnknown:
            raise
        except BookError:
            shutil.rmtree(place, ignore_errors=True)
            raise
        if await reads.fetch_job(organisation_id, group_order_id) is None:
            # The same request came before, and got the same answer again.
            shutil.rmtree(place, ignore_errors=True)
        self.tell()

    def keep_map(self, folder: Path, text: str) -> None:
        """Put the map beside its file. Raises FieldInvalid for a text that is no map, or OSError."""
        try:
            found = parse_map(text)
        except MapError as error:
            raise FieldInvalid("map", str(error)) from error
        for pattern in patterns_of(found):
            if not is_cheap(pattern.pattern):
                raise FieldInvalid("map", f"the pattern {pattern.pattern!r} may take too long to match")
        descriptor = os.open(folder / MAP, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)

    def read_map(self, place: Path) -> Map:
        """The map beside a file. Raises MapError, or OSError when it is not there any more."""
        return parse_map((place / MAP).read_text("utf-8"))

    def tell(self) -> None:
        """There is something to do, or to be cancelled."""
        self.told.set()

    async def make_file(self, job: Job, name: str) -> bool:
        """See to it that a file of an ended import can be opened; False if that takes longer.

        A spreadsheet is written when it is first asked for. Raises StoreUnavailable when it can't be.
        """
        kind, _, suffix = name.partition(".")
        place = self.place(job.organisation_id, job.group_order_id)
        report, sheet = place / f"{FILE}.{kind}.csv", place / f"{kind}.xlsx"
        if kind not in REPORTS or suffix != "xlsx" or sheet.is_file() or not report.is_file():
            return True
        writing = self._writing.get(sheet)
        if writing is None:
            form = self._form(place, job, kind)
            writing = self._writing[sheet] = asyncio.ensure_future(self._write(report, sheet, *form))
            writing.add_done_callback(lambda _: self._writing.pop(sheet))
        done, _ = await asyncio.wait([writing], timeout=PATIENCE_SECONDS)
        if done and writing.result():
            raise StoreUnavailable(f"the spreadsheet can't be written: {writing.result()}")
        return bool(done)

    def open_file(self, job: Job, name: str) -> BinaryIO | None:
        """One of the files that an import left (`accepted.csv`, `accepted.xlsx` ...), or None.

        Raises StoreUnavailable.
        """
        kind, _, suffix = name.partition(".")
        place = self.place(job.organisation_id, job.group_order_id)
        files = {"csv": place / f"{FILE}.{kind}.csv", "xlsx": place / f"{kind}.xlsx"}
        if kind not in REPORTS or suffix not in files:
            return None
        try:
            return files[suffix].open("rb")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreUnavailable(f"the file can't be read: {error.strerror}") from error

    async def close(self) -> None:
        """Give up what is being written."""
        writing = list(self._writing.values())
        for task in writing:
            task.cancel()
        if writing:
            await asyncio.wait(writing)

    async def _write(self, report: Path, sheet: Path, encoding: str, delimiter: str) -> str:
        """Write a spreadsheet; gives what went wrong, or ""."""
        partial = sheet.with_suffix(".part")
        try:
            async with self._turn:
                failed = await _run_writer(report, partial, encoding, delimiter)
            if not failed:
                partial.chmod(0o600)
                partial.replace(sheet)
        except OSError as error:
            return str(error.strerror)
        return failed

    def _form(self, place: Path, job: Job, kind: str) -> tuple[str, str]:
        """Encoding and delimiter of a report: those of a CSV file that was uploaded, else the usual ones."""
        if kind == NORMALISED or job.request.format != "csv":
            return "utf-8", ","
        found = self.read_map(place)
        return found.encoding, found.delimiter

    def places(self) -> Iterator[tuple[int, str, Path]]:
        """(organisation, group order, folder) of everything that lies here."""
        for owner in self._folder.glob("*"):
            if owner.name.isdigit():
                yield from ((int(owner.name), place.name, place) for place in owner.iterdir())


async def _run_writer(report: Path, target: Path, encoding: str, delimiter: str) -> str:
    """Write a spreadsheet in a process of its own; gives what that said if it failed. Raises OSError."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", WRITER, report, target, encoding, delimiter),
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=PIPE,
    )
    try:
        _, said = await asyncio.wait_for(process.communicate(), WRITING_SECONDS)
    except TimeoutError:
        return "it took too long"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        return said.decode(errors="replace").strip()[-200:] or f"exit code {process.returncode}"
    return ""


def _sync(folder: Path) -> None:
    """Make durable that these files are there."""
    for path in (folder, folder.parent, folder.parent.parent):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

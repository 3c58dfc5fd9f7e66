"""Where uploaded files lie while they are imported, and what their imports left, until it is cleared.

`<folder>/<organisation id>/<group order id>/` holds the upload, its map and the reports, for nobody
else to read.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from orderwire.book.errors import FieldInvalid, StoreUnavailable
from orderwire.book.jobs import Job

from .maps import Map
from .parse_map import parse_map
from .patterns import is_cheap, patterns_of
from .reports import ACCEPTED, NORMALISED, REJECTED
from .spreadsheets import write_spreadsheet
from .tables import MapError

# What the parts are called that are uploaded; reports bear the file's name, too.
FILE, MAP = "file", "map"
REPORTS = (NORMALISED, ACCEPTED, REJECTED)


class ImportDesk:
    """The folder of uploads (`book.jobs.Desk`). `told` is set when there is something to do."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writing = asyncio.Lock()
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

    async def open_file(self, job: Job, name: str) -> BinaryIO | None:
        """One of the files that an import left (`accepted.csv`, `accepted.xlsx` ...), or None.

        A spreadsheet is written when it is first asked for. Raises StoreUnavailable when it can't be.
        """
        kind, _, suffix = name.partition(".")
        if kind not in REPORTS or suffix not in ("csv", "xlsx"):
            return None
        place = self.place(job.organisation_id, job.group_order_id)
        report = place / f"{FILE}.{kind}.csv"
        try:
            if suffix == "csv":
                return report.open("rb")
            sheet = place / f"{kind}.xlsx"
            # One at a time: writing one takes a processor.
            async with self._writing:
                if report.is_file() and not sheet.is_file():
                    await asyncio.to_thread(_write_sheet, report, sheet, *self._form(place, job, kind))
            return sheet.open("rb")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreUnavailable(f"the file can't be had: {error.strerror}") from error

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


def _write_sheet(report: Path, sheet: Path, encoding: str, delimiter: str) -> None:
    partial = sheet.with_suffix(".part")
    try:
        write_spreadsheet(report, partial, encoding, delimiter)
        partial.chmod(0o600)
        partial.replace(sheet)
    finally:
        partial.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """Make durable that these files are there."""
    for path in (folder, folder.parent, folder.parent.parent):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

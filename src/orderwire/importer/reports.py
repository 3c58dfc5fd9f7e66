"""What became of each row, beside the file: `.accepted.csv`, `.rejected.csv` and `.normalised.csv`.

While an import runs they are `.part` files; their sizes are kept with its progress, so that an import
that was killed cuts them back to what was settled and goes on.
"""

from __future__ import annotations

import codecs
import csv
import fcntl
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from .rows import Fault, FileError, Row

FAULT_COLUMNS = ("line", "column", "code", "value")
ACCEPTED, REJECTED, NORMALISED = "accepted", "rejected", "normalised"
# Bytes that were no text of the file's encoding come back as they were; other marks, which only a map
# can bring in, become question marks.
ERRORS = "orderwire.report"


def _replace(error: UnicodeError) -> tuple[bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    marks = error.object[error.start : error.end]
    said = (ord(mark) - 0xDC00 if "\udc80" <= mark <= "\udcff" else ord("?") for mark in marks)
    return bytes(said), error.end


codecs.register_error(ERRORS, _replace)


class _Part:
    """One report being written."""

    def __init__(self, path: Path, encoding: str, delimiter: str, header: Sequence[str]) -> None:
        self.path = path
        self.part = path.with_name(f"{path.name}.part")
        self.rows = 0
        self._encoding = encoding
        self._header = header
        self._file: BinaryIO = open(self.part, "a+b")  # noqa: SIM115 - closed by `close`
        self._text = io.StringIO(newline="")
        self._writer = csv.writer(self._text, delimiter=delimiter)

    def lock(self) -> None:
        """Raises FileError when another process writes this report."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FileError(f"is being imported already: {self.part} is in use") from error

    @property
    def size(self) -> int:
        return self._file.seek(0, os.SEEK_END)

    def begin(self) -> None:
        """Start with nothing but the header."""
        self._file.truncate(0)
        self._text.seek(0)
        self._text.truncate(0)
        self.add(self._header)

    def cut_back(self, size: int) -> None:
        """Go back to an earlier size, in bytes."""
        self._text.seek(0)
        self._text.truncate(0)
        self._file.truncate(size)

    def add(self, row: Iterable[Any]) -> None:
        self._writer.writerow(row)

    def flush(self) -> int:
        """Write what was added to the disk; the size then, in bytes."""
        said = self._text.getvalue()
        if said:
            self._file.write(said.encode(self._encoding, ERRORS))
            self._file.flush()
            os.fsync(self._file.fileno())
            self._text.seek(0)
            self._text.truncate(0)
        return self.size

    def close(self) -> None:
        self._file.close()

    def finish(self, *, keep: bool) -> str:
        """Give the report its name, or remove it; gives the name, "" if it was removed."""
        if keep:
            self.part.replace(self.path)
            return str(self.path)
        self.part.unlink()
        self.path.unlink(missing_ok=True)
        return ""


class Reports:
    """A context manager that writes the reports. Raises OSError, and FileError if they are in use.

    Accepted and rejected are in the encoding and with the delimiter of the file, so that rejected rows,
    once repaired, can be imported as they stand; the normalised one is UTF-8 with commas. A part stays
    when an import ends before its time.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        *,
        encoding: str,
        delimiter: str,
        header: Sequence[str],
        normalised: Sequence[str] | None,
    ) -> None:
        self._parts = {
            kind: _Part(folder / f"{name}.{kind}.csv", encoding, delimiter, columns)
            for kind, columns in (
                (ACCEPTED, ("line", "order_id")),
                (REJECTED, (*FAULT_COLUMNS, *header)),
            )
        }
        if normalised is not None:
            path = folder / f"{name}.{NORMALISED}.csv"
            self._parts[NORMALISED] = _Part(path, "utf-8", ",", normalised)
        try:
            self._parts[ACCEPTED].lock()
        except BaseException:
            self._close()
            raise

    def resume(self, sizes: Sequence[int]) -> bool:
        """Cut the parts back to these sizes, in bytes; False when that is not what they hold."""
        parts = list(self._parts.values())
        if len(sizes) != len(parts) or any(part.size < size for part, size in zip(parts, sizes, strict=True)):
            return False
        self.cut_back(sizes)
        return True

    def begin(self) -> tuple[int, ...]:
        """Start anew; the sizes of the parts then, in bytes."""
        for part in self._parts.values():
            part.begin()
        return self.flush()

    def cut_back(self, sizes: Sequence[int]) -> None:
        """Take back what was written since the parts had these sizes."""
        for part, size in zip(self._parts.values(), sizes, strict=True):
            part.cut_back(size)

    def accept(self, row: Row, order_id: int | str) -> None:
        """The row stands in this order."""
        self._parts[ACCEPTED].add((row.line, order_id))

    def reject(self, row: Row, fault: Fault) -> None:
        """The row was not taken."""
        self._parts[REJECTED].add((row.line, fault.column, fault.code, fault.value, *row.fields))

    def normalise(self, rows: Iterable[Sequence[Any]]) -> None:
        """The lines of an order that was taken."""
        for row in rows:
            self._parts[NORMALISED].add(row)

    def flush(self) -> tuple[int, ...]:
        """Write everything to the disk; the sizes of the parts then, in bytes."""
        return tuple(part.flush() for part in self._parts.values())

    def finish(self, *, rejected: int) -> dict[str, str]:
        """Give the reports their names; one without rejected rows is not kept. Gives path by kind."""
        return {
            kind: part.finish(keep=kind != REJECTED or rejected > 0) for kind, part in self._parts.items()
        }

    def discard(self) -> None:
        """Remove the parts: nothing was placed."""
        for part in self._parts.values():
            part.part.unlink(missing_ok=True)

    def __enter__(self) -> Reports:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        for part in self._parts.values():
            part.close()

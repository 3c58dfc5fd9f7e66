"""XLSX: the rows of one sheet, read by a process of its own (`workbook.py`)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .rows import MAX_COLUMNS, Fault, FileError, Row, Source, unclean
from .workbook import MAX_MEMORY_BYTES, MAX_SECONDS

READER = Path(__file__).with_name("workbook.py")


class SheetSource(Source):
    """A sheet whose first row that is not empty is the header."""

    def __init__(self, path: Path, sheet: str | None, decimal: str) -> None:
        self._size = path.stat().st_size
        # -P: the folder of the script is no place to import from.
        command = [sys.executable, "-P", str(READER), str(path), sheet or "", decimal]
        self._process = subprocess.Popen(  # noqa: S603 - our own program, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="ascii",
        )
        self._height, self._done = 1, 0
        self.header = []

    def begin(self) -> None:
        self._height = max(1, self._say().get("height", 1))
        first = next(self._cells(), None)
        if first is None:
            raise FileError("the sheet is empty")
        header = first[1]
        while not header[-1].strip():
            header.pop()
        if len(header) > MAX_COLUMNS:
            raise FileError(f"the header has more than {MAX_COLUMNS} columns")
        self.header = header

    @property
    def read(self) -> int:
        return self._size * self._done // self._height

    def rows(self) -> Iterator[Row]:
        for number, cells in self._cells():
            yield Row(number, cells, self._fault(cells))

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _cells(self) -> Iterator[tuple[int, list[str]]]:
        """(number, cells) of every row that is not empty, as wide as the header."""
        while (said := self._say()) != {}:
            number, cells = said
            self._done += 1
            if not any(cell.strip() for cell in cells):
                self.blank += 1
                continue
            width = len(self.header)
            if 0 < width < len(cells) and not any(cell.strip() for cell in cells[width:]):
                cells = cells[:width]
            yield number, cells

    def _say(self) -> Any:
        """The next thing the reader says; {} at its end. Raises FileError."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            if self._process.wait() != 0:
                raise FileError(
                    f"can't be read as XLSX with {MAX_MEMORY_BYTES} bytes of memory in {MAX_SECONDS} s"
                )
            return {}
        said = json.loads(line)
        if isinstance(said, dict) and "error" in said:
            raise FileError(said["error"])
        return said

    def _fault(self, cells: list[str]) -> Fault | None:
        for column, text in zip(self.header, cells, strict=False):
            code = unclean(text)
            if code:
                return Fault(column, code, text)
        return None

"""What became of each row, beside the file: `<FILE>.accepted.csv` and `<FILE>.rejected.csv`."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from .rows import Fault, Row

FAULT_COLUMNS = ("line", "column", "code", "value")


class Reports:
    """A context manager that writes both files; they take their names only when all went well.

    They are in the encoding and with the delimiter of the file, so that rejected rows, once repaired,
    can be imported as they stand. A rejected file without rows is not kept. Raises OSError.
    """

    def __init__(
        self, path: Path, folder: Path, encoding: str, delimiter: str, header: Sequence[str]
    ) -> None:
        self.accepted_path = folder / f"{path.name}.accepted.csv"
        self.rejected_path = folder / f"{path.name}.rejected.csv"
        self.accepted = 0
        self.rejected = 0
        self._parts = [one.with_name(f"{one.name}.part") for one in (self.accepted_path, self.rejected_path)]
        self._files = [
            one.open("w", encoding=encoding, errors="surrogateescape", newline="") for one in self._parts
        ]
        self._accepted, self._rejected = (csv.writer(file, delimiter=delimiter) for file in self._files)
        self._accepted.writerow(("line", "order_id"))
        self._rejected.writerow((*FAULT_COLUMNS, *header))

    def accept(self, row: Row, order_id: int) -> None:
        """The row stands in this order."""
        self.accepted += 1
        self._accepted.writerow((row.line, order_id))

    def reject(self, row: Row, fault: Fault) -> None:
        """The row was not taken."""
        self.rejected += 1
        self._rejected.writerow((row.line, fault.column, fault.code, fault.value, *row.fields))

    def __enter__(self) -> Reports:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in self._files:
            file.close()
        accepted, rejected = self._parts
        if kind is not None:
            accepted.unlink(missing_ok=True)
            rejected.unlink(missing_ok=True)
            return
        accepted.replace(self.accepted_path)
        if self.rejected:
            rejected.replace(self.rejected_path)
        else:
            rejected.unlink()
            self.rejected_path.unlink(missing_ok=True)

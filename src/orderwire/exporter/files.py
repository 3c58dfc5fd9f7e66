"""The file that an export leaves: under its name only once it is whole."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

# Codes of vouchers are worth money: a file that holds them is its owner's alone.
PRIVATE, USUAL = 0o600, 0o666


class Counted(io.RawIOBase):
    """A file that is only written, from beginning to end, and knows how far it came: pipes can't tell.

    `file` has no buffer. Errors name the file.
    """

    def __init__(self, file: io.RawIOBase, name: str) -> None:
        super().__init__()
        self._file = file
        self._name = name
        self.written = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.written

    def write(self, data: bytes) -> int:  # type: ignore[override]  # nobody writes anything but bytes
        left = memoryview(data)
        try:
            while left:
                left = left[self._file.write(left) or 0 :]
        except OSError as error:
            raise OSError(error.errno, error.strerror, self._name) from error
        self.written += len(data)
        return len(data)


@contextmanager
def writing(path: Path, *, is_private: bool = False) -> Iterator[Counted]:
    """A file to write, `path` with `.part` behind it; it takes its name when all went well and is on disk.

    Whatever goes wrong, it is gone, and what stood under the name stays. Raises OSError.
    """
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    descriptor = os.open(part, flags, PRIVATE if is_private else USUAL)
    try:
        with io.FileIO(descriptor, "wb") as file:
            yield Counted(file, str(path))
            _sync(file, path)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _sync(file: io.FileIO, path: Path) -> None:
    try:
        os.fsync(file.fileno())
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def as_binary(counted: Counted) -> BinaryIO:
    """The file as those who only write take it."""
    return cast("BinaryIO", counted)

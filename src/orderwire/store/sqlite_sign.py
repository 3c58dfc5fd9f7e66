"""Tells whether anything was committed to an embedded book, by whichever process, without asking the engine.

Every commit changes the head of the write-ahead log's index, which all processes that have the book open
share as memory (the file `-shm`; SQLite's document "WAL-mode File Format", section 2.1). Whoever remembers
the head as it was before a read knows, while it is still the same, that a read would give the same again.
"""

from __future__ import annotations

import mmap
import os
import struct
import threading
from dataclasses import dataclass
from pathlib import Path

# The head: version, a counter of transactions, sizes, checksums and salts.
HEAD_BYTES = 48
# The one version of the format there is; of any other nothing is known.
VERSION = 3_007_000


@dataclass(slots=True)
class _Shared:
    descriptor: int
    memory: mmap.mmap
    users: int


# One mapping for each book of this process, closed with the last of its stores and not before: to close
# any descriptor of the file gives up the locks that the engine holds on it for the whole process.
_shared: dict[tuple[int, int], _Shared] = {}
_lock = threading.Lock()


class Sign:
    """The sign of an embedded book: another one after every commit, by any process.

    Made when the first connection of the store has read, closed when all of them are closed.
    """

    def __init__(self, path: Path) -> None:
        self._key: tuple[int, int] | None = None
        self._memory: mmap.mmap | None = None
        self._last = b""
        try:
            self._key, self._memory = _take(path.with_name(f"{path.name}-shm"))
        except (OSError, ValueError):
            # Then every read is asked for.
            return

    def now(self) -> bytes | None:
        """The sign; None when there is nothing to tell it by."""
        if self._memory is None:
            return None
        head = self._memory[:HEAD_BYTES]
        # Many hold one: they share it.
        if head != self._last:
            self._last = head
        return self._last

    def close(self) -> None:
        """Let go of the mapping."""
        key, self._key, self._memory = self._key, None, None
        if key is not None:
            _give_back(key)


def _take(path: Path) -> tuple[tuple[int, int], mmap.mmap | None]:
    """The mapping and its key; no mapping of an unknown format. Raises OSError or ValueError."""
    with _lock:
        about = path.stat()
        key = (about.st_dev, about.st_ino)
        shared = _shared.get(key)
        if shared is None:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            shared = _Shared(descriptor, mmap.mmap(descriptor, HEAD_BYTES, prot=mmap.PROT_READ), 0)
            _shared[key] = shared
        shared.users += 1
        is_known = struct.unpack_from("=I", shared.memory)[0] == VERSION
        return key, shared.memory if is_known else None


def _give_back(key: tuple[int, int]) -> None:
    with _lock:
        shared = _shared[key]
        shared.users -= 1
        if not shared.users:
            del _shared[key]
            shared.memory.close()
            os.close(shared.descriptor)

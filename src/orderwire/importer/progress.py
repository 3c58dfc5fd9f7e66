"""How far an import came, as it is kept with the orders that are settled."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

from .feed import START, Cursor
from .request import ImportRequest, Summary

# What is counted differs from version to version; an import begun by another one starts anew.
VERSION = 1
CHUNK_BYTES = 4_194_304
COUNTS = ("orders", "placed", "already_there", "rejected", "accepted_rows", "rejected_rows")


class Progress(Struct, frozen=True, kw_only=True):
    """What is settled: up to `cursor`, with these counts, and reports of these sizes, in bytes."""

    version: int = VERSION
    cursor: Cursor = START
    counts: dict[str, int] = {}
    codes: dict[str, int] = {}
    sizes: tuple[int, ...] = ()

    def encode(self) -> str:
        """As JSON."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def of(cls, summary: Summary, cursor: Cursor, sizes: Sequence[int]) -> Progress:
        """What the summary says is settled."""
        counts = {name: getattr(summary, name) for name in COUNTS}
        return cls(cursor=cursor, counts=counts, codes=dict(summary.codes), sizes=tuple(sizes))

    def tell(self, summary: Summary) -> None:
        """Write the counts into the summary."""
        for name in COUNTS:
            setattr(summary, name, self.counts.get(name, 0))
        summary.codes = Counter(self.codes)


_decode = msgspec.json.Decoder(Progress).decode


def decode_progress(text: str) -> Progress | None:
    """Progress from its JSON; None if another version wrote it."""
    try:
        found = _decode(text)
    except msgspec.ValidationError:
        return None
    return found if found.version == VERSION else None


def _plain(value: Any) -> Any:
    """Lists and texts that are the same in every process for the same value."""
    if dataclasses.is_dataclass(value):
        return [_plain(getattr(value, one.name)) for one in dataclasses.fields(value)]
    if isinstance(value, re.Pattern):
        return [value.pattern, value.flags]
    if isinstance(value, dict):
        return [[_plain(key), _plain(inner)] for key, inner in value.items()]
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_plain(inner) for inner in value]
    return value if value is None or isinstance(value, bool | int) else str(value)


class Digest:
    """Makes the key of an import: the same file, asked for in the same way, has the same."""

    def __init__(self, request: ImportRequest, form: str) -> None:
        self._digest = hashlib.sha256()
        asked = _plain((VERSION, form, request.policy, request.group_order_id, request.map))
        self._digest.update(repr(asked).encode("utf-8", "surrogatepass") + b"\0")

    def read(self, file: BinaryIO) -> int:
        """Take in the next part of the file; how many bytes it was, 0 at the end."""
        chunk = file.read(CHUNK_BYTES)
        self._digest.update(chunk)
        return len(chunk)

    @property
    def key(self) -> str:
        """64 hex digits."""
        return self._digest.hexdigest()

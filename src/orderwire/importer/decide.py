"""What becomes of each order of a file: it is new, there already, or can't be taken."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from orderwire.book.callers import Caller
from orderwire.book.import_records import Placement
from orderwire.book.imports import is_there
from orderwire.book.operations import NewOrder
from orderwire.book.store import Book

from .feed import Candidate, Feed

# Of so many group orders it is remembered whether they are there.
MAX_GROUPS = 10_000
# So many are looked up before others get their turn: each is some reads of some microseconds.
AT_A_TIME = 50


class Decision(Struct, gc=False):
    """What becomes of a candidate. `order_id` is None when it is not taken."""

    candidate: Candidate
    order_id: int | None = None
    is_new: bool = False


class Names(Protocol):
    """The names of orders of this file that are not in the book yet."""

    def get(self, scheme: str, name: str) -> tuple[bytes, int] | None:
        """What the order says that bears it (as a digest), and its id."""
        ...

    def put(self, scheme: str, name: str, candidate: Candidate, order_id: int) -> None: ...
    def close(self) -> None: ...


class NamesAtHand:
    """Names of some orders, in memory."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], tuple[Candidate, int]] = {}

    def get(self, scheme: str, name: str) -> tuple[bytes, int] | None:
        found = self._names.get((scheme, name))
        return None if found is None else (digest_of(found[0]), found[1])

    def put(self, scheme: str, name: str, candidate: Candidate, order_id: int) -> None:
        self._names[scheme, name] = (candidate, order_id)

    def close(self) -> None:
        """Nothing to let go of."""


class NamesOnDisk:
    """Names of any number of orders, in a temporary file."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None)
        self._file.execute("PRAGMA journal_mode = OFF")
        self._file.execute(
            "CREATE TABLE names (scheme TEXT, name TEXT, digest BLOB, order_id INTEGER,"
            " PRIMARY KEY (scheme, name)) WITHOUT ROWID"
        )
        self._file.execute("BEGIN")

    def get(self, scheme: str, name: str) -> tuple[bytes, int] | None:
        found: tuple[bytes, int] | None = self._file.execute(
            "SELECT digest, order_id FROM names WHERE scheme = ? AND name = ?", (scheme, name)
        ).fetchone()
        return found

    def put(self, scheme: str, name: str, candidate: Candidate, order_id: int) -> None:
        values = (scheme, name, digest_of(candidate), order_id)
        self._file.execute("INSERT OR REPLACE INTO names VALUES (?, ?, ?, ?)", values)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def digest_of(candidate: Candidate) -> bytes:
    """The same for two candidates that say the same."""
    request, placement = candidate.request, candidate.placement
    assert request is not None
    assert placement is not None
    order = placement.order
    said = (
        (order.kind, order.lifecycle, order.payment, order.delivery, order.currency, request.placed_at),
        replace(order.document, vouchers=()),
        [(one.voucher, one.code, one.pin) for one in request.vouchers],
        [(stage.stage, stage.effective_at) for stage in request.stages],
    )
    return hashlib.blake2b(msgspec.json.encode(said), digest_size=16).digest()


@dataclass(slots=True)
class Decider:
    """Decides about candidates by the names that they bear. `finds_names` is whether the book had any of
    those that were looked up last."""

    book: Book
    caller: Caller
    feed: Feed
    group_order_id: str | None = None
    finds_names: bool = False
    _groups: dict[str, bool] = field(default_factory=dict)

    async def decide(
        self, batch: Sequence[Candidate], names: Names, *, look_up: bool = True
    ) -> list[Decision]:
        """What becomes of each; `names` learns those of the new ones.

        Without `look_up` no order of the book is taken to have one of the names.
        """
        decisions, holders = [], dict[tuple[str, str], int]()
        if look_up:
            holders = await self.book.store.fetch_holders(self.caller.organisation_id, _names(batch))
            self.finds_names = bool(holders)
        for count, candidate in enumerate(batch, start=1):
            # Most are new, and there is nothing to ask about them.
            if _is_plainly_new(candidate, names, holders):
                decisions.append(_take_as_new(candidate, names))
            else:
                decisions.append(await self._decide(candidate, names, holders))
            if count % AT_A_TIME == 0:
                await asyncio.sleep(0)
        return decisions

    async def _decide(
        self, candidate: Candidate, names: Names, holders: Mapping[tuple[str, str], int]
    ) -> Decision:
        request, placement = candidate.request, candidate.placement
        if request is None or placement is None:
            return Decision(candidate)
        # What an earlier look said of its names no longer counts.
        candidate.faults = {}
        placement = candidate.placement = await self._in_known_group(placement)
        if candidate.known_id is not None and await self._is_known(candidate.known_id, request, placement):
            return Decision(candidate, candidate.known_id)
        for scheme, name in placement.order.document.names.items():
            known = names.get(scheme, name)
            holder = holders.get((scheme, name)) if known is None else known[1]
            if holder is None:
                continue
            if known is not None:
                is_same = known[0] == digest_of(candidate)
            else:
                # Of which group order it is a member does not matter: an upload may be sent again.
                is_same = await is_there(self.book, self.caller, holder, request, placement)
            if not is_same:
                self.feed.refuse_name(candidate, scheme, name)
            return Decision(candidate, holder if is_same else None)
        return _take_as_new(candidate, names)

    async def _is_known(self, order_id: int, request: NewOrder, placement: Placement) -> bool:
        """True if the order without names that had this id is one of this book."""
        order = placement.order
        nameless = replace(order, document=replace(order.document, names={}))
        placement = replace(placement, order=nameless)
        return await is_there(self.book, self.caller, order_id, request, placement)

    async def _in_known_group(self, placement: Placement) -> Placement:
        """The group order that an exported order was in is kept where it is known, too."""
        group_id = placement.order.group_order_id
        if group_id is None or group_id == self.group_order_id:
            return placement
        if group_id not in self._groups:
            found = await self.book.store.fetch_group_order(self.caller.organisation_id, group_id)
            if len(self._groups) > MAX_GROUPS:
                self._groups.clear()
            self._groups[group_id] = found is not None
        if self._groups[group_id]:
            return placement
        return replace(placement, order=replace(placement.order, group_order_id=None, group_line=None))


def _is_plainly_new(candidate: Candidate, names: Names, holders: Mapping[tuple[str, str], int]) -> bool:
    placement = candidate.placement
    if placement is None or candidate.known_id is not None or placement.order.group_order_id is not None:
        return False
    return not any(
        pair in holders or names.get(*pair) is not None for pair in placement.order.document.names.items()
    )


def _take_as_new(candidate: Candidate, names: Names) -> Decision:
    assert candidate.placement is not None
    order = candidate.placement.order
    for scheme, name in order.document.names.items():
        names.put(scheme, name, candidate, order.id)
    return Decision(candidate, order.id, is_new=True)


def _names(batch: Sequence[Candidate]) -> list[tuple[str, str]]:
    """The names of all orders in a batch that could be placed, each once."""
    found = (one.placement.order.document.names for one in batch if one.placement is not None)
    return list(dict.fromkeys(pair for names in found for pair in names.items()))

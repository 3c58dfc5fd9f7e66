"""A whole book copied into an empty one, on any engine; a copy that was killed goes on.

How far it came is kept in the target, in the transaction of the rows themselves; while that is
there, the target is not opened. See docs/decisions/0024.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct, field
from sqlalchemy import Table

from ..account_statements import FETCH_FACT
from ..addresses import show
from ..engines import standing_of
from ..rows import Row
from ..schema import COPYING, HEAD, KEY_PROOF, NotMigrated
from ..tables import marks, metadata
from ..upgrading import upgrade
from .digests import LAST, TABLES, Sum, Summing, is_copied, sum_of
from .snapshots import Snapshot, key_of, reading
from .targets import TakenOver, Target, writing
from .users import check_unused
from .values import complaint

# What one transaction writes: so many rows, or not many more than so many bytes.
BATCH_ROWS, BATCH_BYTES = 5_000, 16_777_216

# Told of a table's name and how many of its rows are done.
Tell = Callable[[str, int], None]


class CopyRefused(Exception):
    """The copy can't begin or go on; the message says why."""


class Compared(Struct, frozen=True):
    """A table in both books."""

    table: str
    source: Sum
    target: Sum

    @property
    def is_equal(self) -> bool:
        """True if both hold the same rows."""
        return self.source == self.target


class Outcome(Struct, frozen=True):
    """A copy that has ended; `resumed` if it went on where another had been interrupted.

    `proof` is the text that the book's key opens.
    """

    tables: Sequence[Compared]
    resumed: bool
    proof: str

    @property
    def is_equal(self) -> bool:
        """True if the target holds what the source held."""
        return all(one.is_equal for one in self.tables)


class _State(Struct):
    """How far a copy came. `source` tells which book it is of, `live` whether that was written meanwhile;
    `done` are the tables that are over, `sum` and `after` (a primary key) speak of `table`."""

    source: str
    live: bool = False
    table: str = ""
    after: list[Any] | None = None
    sum: Sum = field(default_factory=Sum)
    done: dict[str, Sum] = field(default_factory=dict)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_State).decode


async def copy_book(source: str, target: str, *, live: bool, tell: Tell) -> Outcome:
    """Copy the book at `source` into the one at `target`, which is made if it is not there.

    Unless `live`, nobody may have the source open, and nobody writes to it meanwhile. A target that
    differs in the end stays closed. Raises NotMigrated, InUse, CopyRefused, CannotOpen.
    """
    await _check_migrated(source)
    if (await standing_of(target)).revision is None:
        await upgrade(target)
    await _check_migrated(target)
    if not live:
        await check_unused(source)
    await check_unused(target)
    async with reading(source, is_alone=not live) as snapshot, writing(target) as sink:
        copy = _Copy(snapshot, sink, tell)
        try:
            await copy.begin(live=live)
            for table in TABLES:
                await copy.run(table)
        except TakenOver as error:
            raise CopyRefused(f"another copy goes into {show(target)} now") from error
        return await copy.end()


async def _check_migrated(database: str) -> None:
    found = (await standing_of(database)).revision
    if found != HEAD:
        raise NotMigrated(show(database), found)


class _Copy:
    """A copy under way."""

    def __init__(self, source: Snapshot, target: Target, tell: Tell) -> None:
        self._source = source
        self._target = target
        self._tell = tell
        self._state = _State(source="")
        self._resumed = False
        self._proof = ""

    async def begin(self, *, live: bool) -> None:
        """Find out where to begin. Raises CopyRefused."""
        source = await self._identity()
        kept = await self._target.state()
        where = show(self._target.database)
        if kept is None:
            for table in metadata.sorted_tables:
                if table not in (*LAST, marks) and await self._target.has_rows(table):
                    raise CopyRefused(f"{where} is not empty: it has {table.name}")
            self._state = _State(source=source, live=live)
            await self._target.begin(_text(self._state))
            return
        self._state = _decode(kept)
        self._resumed = True
        if self._state.source != source:
            raise CopyRefused(f"{where} holds half a copy of another book: begin with an empty one")
        if self._state.live or live:
            raise CopyRefused(
                f"{where} holds half a copy of a book that was written meanwhile: begin with an empty one"
            )

    async def run(self, table: Table) -> None:
        """Copy a table, or what is left of it. Raises CopyRefused, TakenOver."""
        state, name = self._state, str(table.name)
        if name in state.done:
            return
        if state.table != name:
            state = msgspec.structs.replace(state, table=name, after=None, sum=Sum())
        summing, batch, size = Summing(state.sum), [], 0
        async for page in self._source.scan(table, state.after):
            for row in page:
                if is_copied(table, row):
                    size += summing.add(row)
                    batch.append(row)
            if (len(batch) >= BATCH_ROWS or size >= BATCH_BYTES) and table not in LAST:
                here = list(key_of(table, batch[-1]))
                state = msgspec.structs.replace(state, after=here, sum=summing.sum)
                await self._put(table, batch, state)
                batch, size = [], 0
        done = {**state.done, name: summing.sum}
        await self._put(table, batch, msgspec.structs.replace(state, table="", after=None, done=done))

    async def end(self) -> Outcome:
        """Compare both books, and open the target if they are equal."""
        said = self._state.done
        compared = []
        async with reading(self._target.database) as written:
            for table in TABLES:
                # What was read by another process may have changed since.
                there = await sum_of(self._source, table, self._tell) if self._resumed else said[table.name]
                here = await sum_of(written, table, self._tell)
                compared.append(Compared(str(table.name), there, here))
        outcome = Outcome(tuple(compared), self._resumed, self._proof)
        if outcome.is_equal:
            await self._target.end()
        return outcome

    async def _put(self, table: Table, rows: list[Row], state: _State) -> None:
        was, now = _text(self._state), _text(state)
        write = self._target.replace if table in LAST else self._target.put
        try:
            await write(table, rows, was=was, state=now)
        except TakenOver:
            raise
        except Exception as error:
            for row in rows:
                reason = complaint(table, row)
                if reason is not None:
                    key = key_of(table, row)
                    raise CopyRefused(f"{table.name} {key}: {reason}: repair the book first") from error
            raise
        self._state = state
        self._tell(table.name, (state.done.get(table.name) or state.sum).rows)

    async def _identity(self) -> str:
        """What tells the source from other books. Raises CopyRefused."""
        where = show(self._source.database)
        if await self._source.rows(FETCH_FACT, COPYING):
            raise CopyRefused(f"{where} holds half a copy itself")
        found = await self._source.rows(FETCH_FACT, KEY_PROOF)
        if not found:
            raise CopyRefused(f"{where} has no key yet: type `orderwire --database {where} migrate`")
        self._proof = found[0][0]
        return sha256(self._proof.encode()).hexdigest()


def _text(state: _State) -> str:
    return _encode(state).decode()

"""A book looked through from end to end, at one instant: what is wrong is told, nothing is repaired.

The tables of orders lie in the same sort, so they are read side by side, one order at a time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from sqlalchemy import Table, bindparam, select

from orderwire.book.orders import Order
from orderwire.vault import Vault

from ..account_statements import FETCH_FACT
from ..addresses import show
from ..compiling import Statement
from ..engines import CannotOpen, standing_of
from ..rows import Row, bucket_of_group, bucket_of_name
from ..schema import HEAD, KEY_PROOF, NotMigrated
from ..statements import FETCH_NAME
from ..tables import (
    group_orders,
    imports,
    notices,
    order_revisions,
    order_stages,
    order_statuses,
    orders,
)
from .check_orders import OrderRows, check_rows, opens, place_of
from .check_tables import RULES, check_counters, check_facts, check_references, check_table, shown_key
from .findings import Findings
from .snapshots import Snapshot, SqliteSnapshot, reading
from .values import complaint

# So many complaints of SQLite about its file are told; the first is bad enough.
MOST_COMPLAINTS = 100
# What an order's names and its group order are looked up for together.
LOOKED_UP = 500
_GROUP = Statement(
    "fetch_group_order_id",
    select(group_orders.c.id).where(
        group_orders.c.bucket == bindparam("bucket"),
        group_orders.c.id == bindparam("id"),
        group_orders.c.organisation_id == bindparam("organisation_id"),
    ),
    ("bucket", "id", "organisation_id"),
)

# Told of a table's name and how many of its rows are done.
Tell = Callable[[str, int], None]


class WrongKey(Exception):
    """The vault does not hold the key that the book's secrets are sealed with."""


async def check_migrated(database: str) -> None:
    """Raises NotMigrated unless a book of this version's schema is there, or CannotOpen."""
    standing = await standing_of(database)
    if standing.revision != HEAD:
        raise NotMigrated(show(database), standing.revision)


async def check_book(database: str, vault: Vault | None, findings: Findings, tell: Tell) -> int:
    """Look the whole book through; gives the number of its orders. Without a vault no secret is opened.

    Raises NotMigrated, WrongKey, or CannotOpen for a book that can't even be opened.
    """
    await check_migrated(database)
    async with reading(database) as snapshot:
        checking = _Checking(snapshot, vault, findings, tell)
        try:
            await checking.run()
        except CannotOpen as error:
            # Whatever is behind the broken place can't be seen.
            findings.add("book", (), f"can't be read to its end: {error}")
        return checking.orders


class _Checking:
    """A check under way."""

    def __init__(self, snapshot: Snapshot, vault: Vault | None, findings: Findings, tell: Tell) -> None:
        self._snapshot = snapshot
        self._vault = vault
        self._found = findings.add
        self._tell = tell
        self.orders = 0

    async def run(self) -> None:
        """Everything, what is quickest first. Raises WrongKey, CannotOpen."""
        proof = await self._snapshot.rows(FETCH_FACT, KEY_PROOF)
        if proof and self._vault is not None and not opens(self._vault, proof[0][0], KEY_PROOF):
            raise WrongKey
        if isinstance(self._snapshot, SqliteSnapshot):
            self._complain(self._snapshot)
        await check_facts(self._snapshot, self._found)
        await check_counters(self._snapshot, self._found)
        for table in RULES:
            await check_table(self._snapshot, table, self._vault, self._found, self._tell)
        await check_references(self._snapshot, self._found, self._tell)
        await self._check_imports()
        await self._check_orders()

    def _complain(self, snapshot: SqliteSnapshot) -> None:
        try:
            complaints = snapshot.complaints(MOST_COMPLAINTS)
        except CannotOpen as error:
            # So broken that SQLite does not come to an end; perhaps the rows can be read all the same.
            complaints = [str(error)]
        for text in complaints:
            self._found("book", (), text)

    async def _check_imports(self) -> None:
        group, owner = place_of(imports, "group_order_id"), place_of(imports, "organisation_id")
        async for page in self._snapshot.scan(imports):
            named = [(row[group], row[owner], shown_key(imports, row)) for row in page if row[group]]
            await self._look_up_groups("imports", named)

    async def _check_orders(self) -> None:
        beside = [
            _Beside(table, self._snapshot, self._found)
            for table in (order_revisions, order_stages, order_statuses, notices)
        ]
        waiting: list[Order] = []
        async for page in self._snapshot.scan(orders):
            for row in page:
                revisions, stages, statuses, owed = [await one.rows_of(row) for one in beside]
                what = complaint(orders, row)
                if what is not None:
                    self._found("orders", (row[1],), what)
                    continue
                rows = OrderRows(row, revisions, stages, statuses, owed)
                order = check_rows(rows, self._vault, self._found)
                if order is not None:
                    waiting.append(order)
            if len(waiting) >= LOOKED_UP:
                await self._look_up(waiting)
                waiting = []
            self.orders += len(page)
            self._tell("orders", self.orders)
        await self._look_up(waiting)
        for one in beside:
            await one.finish()

    async def _look_up(self, some: Sequence[Order]) -> None:
        """Each name of an order leads to it, and its group order is there."""
        named = [
            (order.organisation_id, scheme, name, order.id)
            for order in some
            for scheme, name in order.document.names.items()
        ]
        keys = [
            (bucket_of_name(owner, scheme, name), owner, scheme, name) for owner, scheme, name, _ in named
        ]
        found = await self._snapshot.each(FETCH_NAME, keys)
        for (_, scheme, name, order_id), rows in zip(named, found, strict=True):
            if not rows:
                self._found("names", (scheme, name), f"is missing: order {order_id} bears it")
            elif rows[0][0] != order_id:
                what = f"leads to order {rows[0][0]}, and order {order_id} bears it"
                self._found("names", (scheme, name), what)
        await self._look_up_groups(
            "orders",
            [(one.group_order_id, one.organisation_id, (one.id,)) for one in some if one.group_order_id],
        )

    async def _look_up_groups(self, table: str, named: Sequence[tuple[str, int, tuple[object, ...]]]) -> None:
        groups = list(dict.fromkeys((bucket_of_group(group), group, owner) for group, owner, _ in named))
        found = await self._snapshot.each(_GROUP, groups)
        there = {(group, owner) for (_, group, owner), rows in zip(groups, found, strict=True) if rows}
        for group, owner, key in named:
            if (group, owner) not in there:
                self._found(table, key, "group_order_id: there is none in group_orders")


class _Beside:
    """A table whose rows belong to orders, read beside them in the same sort."""

    def __init__(
        self, table: Table, snapshot: Snapshot, found: Callable[[str, tuple[object, ...], str], None]
    ) -> None:
        self._table = table
        self._found = found
        self._pages: AsyncIterator[Sequence[Row]] = snapshot.scan(table)
        self._page: Sequence[Row] = ()
        self._place = 0

    async def rows_of(self, order: Row) -> list[Row]:
        """The rows of the order with this row; those before it belong to none."""
        key, mine = (order[0], order[1]), []
        while (row := await self._next()) is not None and (row[0], row[1]) <= key:
            self._place += 1
            if (row[0], row[1]) == key:
                mine.append(row)
            else:
                self._tell_orphan(row)
        return mine

    async def finish(self) -> None:
        """What is left belongs to no order."""
        while (row := await self._next()) is not None:
            self._place += 1
            self._tell_orphan(row)

    async def _next(self) -> Row | None:
        """The next sound row, which stays the next one until it is taken."""
        while True:
            while self._place < len(self._page):
                row = self._page[self._place]
                what = complaint(self._table, row)
                if what is None:
                    return row
                self._found(self._table.name, shown_key(self._table, row), what)
                self._place += 1
            page = await anext(self._pages, None)
            if page is None:
                return None
            self._page, self._place = page, 0

    def _tell_orphan(self, row: Row) -> None:
        self._found(self._table.name, shown_key(self._table, row), "its order is not there")

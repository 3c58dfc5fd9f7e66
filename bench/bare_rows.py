"""The rows of stages, prepared beforehand and given to SQLite as they are: the least that appending costs."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orderwire.book.orders import bucket_of
from orderwire.book.stages import Origin, Stage, StageDetail, StatusDetail
from orderwire.store import statements
from orderwire.store.rows import micros, stage_values, text
from orderwire.store.sqlite import connect, prepare

ADVANCE = (
    "UPDATE orders SET revision = ?, stage_count = ?, changed_at = ?, recorded_at = ?"
    " WHERE bucket = ? AND id = ?"
)
CHECKPOINT_EVERY_S = 0.25
ORIGIN = Origin(contract="bench", caller="bench")
DETAIL = text(StatusDetail())


def append(database: Path, ids: Sequence[int], stage: str, at_once: int, seconds: float) -> float:
    """Stages a second, `at_once` of them in a transaction that is on disk before the next begins.

    Making the rows does not count. The log is moved into the file beside, as the service does.
    """
    connection = connect(database)
    checkpointer = Checkpointer(database)
    checkpointer.start()
    try:
        rows = Rows(connection, ids, stage)
        appended, spent = 0, 0.0
        while spent < seconds:
            batch = rows.take(at_once)
            began = time.perf_counter()
            _commit(connection, batch)
            spent += time.perf_counter() - began
            appended += len(batch[0])
        return appended / spent
    finally:
        checkpointer.stop()
        connection.close()


Batch = tuple[list[tuple[Any, ...]], list[tuple[Any, ...]], list[tuple[Any, ...]]]


class Rows:
    """The rows of stages of some orders, one after the other, over and over."""

    def __init__(self, connection: sqlite3.Connection, ids: Sequence[int], stage: str) -> None:
        self._stage = stage
        self._orders = [_stand(connection, one) for one in ids]
        self._next = 0

    def take(self, many: int) -> Batch:
        """The rows of so many stages: of the orders, the stages, the statuses."""
        batch: Batch = ([], [], [])
        now = datetime.now(UTC)
        for _ in range(min(many, len(self._orders))):
            place = self._next % len(self._orders)
            order_id, owner, revision, count = self._orders[place]
            self._orders[place] = (order_id, owner, revision + 1, count + 1)
            self._next += 1
            self._add(batch, order_id, owner, (revision + 1, count + 1), now)
        return batch

    def _add(self, batch: Batch, order_id: int, owner: int, numbers: tuple[int, int], now: datetime) -> None:
        orders, stages, statuses = batch
        revision, number = numbers
        at, bucket = micros(now), bucket_of(order_id)
        stage = Stage(
            order_id=order_id,
            number=number,
            revision=revision,
            stage=self._stage,
            effective_at=now,
            recorded_at=now,
            status_at=now,
            detail=StageDetail(),
            origin=ORIGIN,
        )
        orders.append((revision, number, at, at, bucket, order_id))
        stages.append(stage_values(owner, stage))
        statuses.append((bucket, order_id, owner, self._stage, number, at, at, DETAIL))


def _stand(connection: sqlite3.Connection, order_id: int) -> tuple[int, int, int, int]:
    sql = "SELECT id, organisation_id, revision, stage_count FROM orders WHERE bucket = ? AND id = ?"
    row: tuple[int, int, int, int] = connection.execute(sql, (bucket_of(order_id), order_id)).fetchone()
    return row


def _commit(connection: sqlite3.Connection, batch: Batch) -> None:
    orders, stages, statuses = batch
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(ADVANCE, orders)
    connection.executemany(prepare(statements.INSERT_STAGE, stages[0])[0], stages)
    connection.executemany(prepare(statements.PUT_STATUS, statuses[0])[0], statuses)
    connection.execute("COMMIT")


class Checkpointer(threading.Thread):
    """Moves the log into the file now and then, on a connection of its own."""

    def __init__(self, database: Path) -> None:
        super().__init__(name="bench-checkpointer", daemon=True)
        self._connection = connect(database)
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.wait(CHECKPOINT_EVERY_S):
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        self._connection.close()

    def stop(self) -> None:
        """End it."""
        self._stopping.set()
        self.join()

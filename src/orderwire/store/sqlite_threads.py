"""The two threads of the embedded store: the writer with its group commit, and the checkpointer."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Coroutine
from queue import Empty, SimpleQueue
from typing import Any

import structlog

from .priorities import CHECKPOINTER, WRITER, step_back
from .sqlite_batches import Gathering, Job

log = structlog.get_logger("orderwire.store")

# With so many works, or more, a batch is full: those that come wait for the next commit.
MAX_BATCH = 256
# A log of more pages than this (256 MiB) is emptied before the next batch, whoever waits: some 50 ms.
MAX_LOG_PAGES = 65_536
# The checkpointer looks at most this often, so that it doesn't compete with the writer for the disk.
CHECKPOINT_EVERY_S = 0.25


def drive(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that awaits nothing but the store's own verbs, here and now."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    coroutine.close()
    raise RuntimeError("a transaction may await nothing but the verbs of its store")


class Checkpointer(threading.Thread):
    """Moves the write-ahead log into the file, beside the writer."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(name="orderwire-checkpointer", daemon=True)
        self._connection = connection
        self._dirty = threading.Event()
        self._stopping = threading.Event()
        self._wrote = False
        self.log_pages = 0

    def wake(self) -> None:
        """Tell that something was committed."""
        self._wrote = True
        self._dirty.set()

    def stop(self) -> None:
        """Move what is left, then end the thread and close its connection."""
        self._stopping.set()
        self._dirty.set()
        self.join()

    def run(self) -> None:
        step_back(CHECKPOINTER)
        try:
            while not self._stopping.is_set():
                self._dirty.wait()
                self._dirty.clear()
                if self._wrote:
                    self._checkpoint("PASSIVE")
                self._stopping.wait(CHECKPOINT_EVERY_S)
            if self._wrote:
                self._checkpoint("TRUNCATE")
        finally:
            self._connection.close()

    def _checkpoint(self, mode: str) -> None:
        try:
            row = self._connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
            self.log_pages = row[1]
        except sqlite3.Error as error:
            log.warning("checkpoint failed", error=str(error))


class Writer(threading.Thread):
    """Runs pieces of work in the order they came, a batch of them in one durable transaction."""

    def __init__(self, connection: sqlite3.Connection, transaction: Any, checkpointer: Checkpointer) -> None:
        super().__init__(name="orderwire-writer", daemon=True)
        self._connection = connection
        self._transaction = transaction
        self._checkpointer = checkpointer
        self._queue: SimpleQueue[list[Job] | None] = SimpleQueue()
        self._gathering = Gathering(self._queue.put)

    def add(self, job: Job) -> None:
        """Hand in a piece of work; on the loop's thread, as `finish`."""
        self._gathering.add(job)

    def finish(self) -> None:
        """Take in what was handed in so far, whoever else may come."""
        self._gathering.flush()

    def stop(self) -> None:
        """Do what was taken in, then end the thread and close its connection."""
        self._queue.put(None)
        self.join()

    def run(self) -> None:
        step_back(WRITER)
        stopping = False
        try:
            while not stopping:
                batch, stopping = self._take()
                if batch:
                    self._commit(batch)
                    self._settle(batch)
                    self._checkpointer.wake()
                    if self._checkpointer.log_pages > MAX_LOG_PAGES:
                        self._restart_log()
        finally:
            self._connection.close()

    def _take(self) -> tuple[list[Job], bool]:
        """The works that wait (at least one, unless the writer is told to stop), and whether to stop."""
        batch: list[Job] = []
        jobs = self._queue.get()
        while jobs is not None:
            batch += jobs
            if len(batch) >= MAX_BATCH:
                return batch, False
            try:
                jobs = self._queue.get_nowait()
            except Empty:
                return batch, False
        return batch, True

    def _commit(self, batch: list[Job]) -> None:
        """Run the batch in one transaction. A work that fails takes back only its own changes; when
        the engine fails, nothing of the batch was kept and every work is told so."""
        execute = self._connection.execute
        try:
            execute("BEGIN IMMEDIATE")
            if not self._run_bare(batch):
                execute("ROLLBACK")
                execute("BEGIN IMMEDIATE")
                self._run_apart(batch)
            execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            for job in batch:
                job.error = error

    def _run_bare(self, batch: list[Job]) -> bool:
        """Run the works one after the other; False when one has failed and left changes behind.

        A savepoint for each would take them back, and costs every work that does not fail.
        """
        for job in batch:
            if not job.future.cancelled():
                before = self._connection.total_changes
                self._run(job)
                if job.error is not None and self._connection.total_changes != before:
                    return False
        return True

    def _run_apart(self, batch: list[Job]) -> None:
        """Run the works from the beginning, each of them within a savepoint."""
        execute = self._connection.execute
        for job in batch:
            if not job.future.cancelled():
                execute("SAVEPOINT work")
                self._run(job)
                if job.error is not None:
                    execute("ROLLBACK TO work")
                execute("RELEASE work")

    def _roll_back(self) -> None:
        """Take back what the batch did. The thread outlives a failure of this, too: the next try tells."""
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            log.error("roll back failed", error=str(error))

    def _run(self, job: Job) -> None:
        job.error = None
        try:
            job.result = drive(job.work(self._transaction))
        except sqlite3.IntegrityError as error:
            job.error = error
        except sqlite3.Error:
            raise
        except Exception as error:
            job.error = error

    def _settle(self, batch: list[Job]) -> None:
        """Let the loop that waits for the batch answer it."""
        try:
            batch[0].future.get_loop().call_soon_threadsafe(self._gathering.settle, batch)
        except RuntimeError:
            log.warning("nobody waits for these writes any more", count=len(batch))

    def _restart_log(self) -> None:
        try:
            self._connection.execute("PRAGMA wal_checkpoint(RESTART)")
        except sqlite3.Error as error:
            log.warning("checkpoint failed", error=str(error))
        self._checkpointer.log_pages = 0

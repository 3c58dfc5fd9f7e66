"""Runs the imports of uploaded files in the serving process; what a stop interrupts goes on later.

Whoever runs a job holds it for some seconds at a time; a job whose holder is gone is free again.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec
import structlog

from orderwire.book.errors import BookError, StoreUnavailable
from orderwire.book.groups import caller_of
from orderwire.book.jobs import (
    ALL_OR_NOTHING,
    DONE,
    FAILED,
    OPEN,
    RUNNING,
    WAITING,
    Job,
    JobProgress,
)
from orderwire.book.orders import GroupOrder
from orderwire.book.store import Book, Transaction

from .desk import FILE, REPORTS, ImportDesk
from .request import ImportRequest, ParseOrder, Summary
from .rows import FileError
from .run import import_file
from .tables import MapError

log = structlog.get_logger("orderwire.imports")

# How long a job is held without a sign of life, and how often there is one.
LEASE = timedelta(seconds=10)
SAVE_SECONDS = 0.5
RENEW_SECONDS = 3.0
# The safety net: jobs are looked for when somebody tells, and this often in any case.
LOOK_SECONDS = 5.0
SWEEP_SECONDS = 3_600.0
# A job that was begun so often without getting any further has failed: its file may be what ends the process.
MAX_ATTEMPTS = 10
# After so many of them each waits for longer, so that the process can do its other work in between.
QUICK_ATTEMPTS = 3
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 10.0, 60.0
# An error that nobody foresaw comes again: it is tried so often.
MAX_CRASHES = 3
RETRY = timedelta(seconds=10)
MAX_OPEN_JOBS = 1_000
# An upload that was broken off by a crash has no job; younger ones may be under way.
ABANDONED = timedelta(days=1)


class Runner:
    """Runs jobs, `at_once` at a time, until it is stopped; clears the desk of old files.

    `parse_order` reads one line of JSON Lines in the native shape.
    """

    def __init__(
        self, book: Book, desk: ImportDesk, parse_order: ParseOrder, *, at_once: int = 1, keep_days: int = 30
    ) -> None:
        self._book = book
        self._desk = desk
        self._parse_order = parse_order
        self._at_once = at_once
        self._keep = timedelta(days=keep_days)
        self._owner = secrets.token_hex(8)
        self._running: dict[tuple[int, str], asyncio.Task[None]] = {}
        self._standings: dict[tuple[int, str], Standing] = {}
        self._looking: asyncio.Task[None] | None = None
        self._swept = 0.0

    def start(self) -> None:
        """Begin to look for jobs."""
        self._looking = asyncio.ensure_future(self._look_always())

    async def stop(self) -> None:
        """Let go of everything; what was running waits for the next start."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self._desk.close()

    async def _look_always(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._desk.told.clear()
            try:
                await self._look()
                if loop.time() >= self._swept:
                    self._swept = loop.time() + SWEEP_SECONDS
                    await self._sweep()
            except StoreUnavailable as error:
                log.warning("imports can't be looked for", error=error.reason)
            except Exception:
                log.exception("imports can't be looked for")
            # Not wait_for: before Python 3.12 it swallows a cancellation that comes as the waiting ends.
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._desk.told.wait()

    async def _look(self) -> None:
        for key, task in list(self._running.items()):
            job = await self._book.store.fetch_job(*key)
            if job is None or job.state not in OPEN:
                task.cancel()
        if len(self._running) >= self._at_once:
            return
        jobs = {
            (job.organisation_id, job.group_order_id): job
            for job in await self._book.store.list_open_jobs(MAX_OPEN_JOBS)
        }
        before, seconds = self._standings, asyncio.get_running_loop().time()
        self._standings = {key: _standing_of(job, before.get(key), seconds) for key, job in jobs.items()}
        for key, job in jobs.items():
            waited = seconds - self._standings[key].since
            if key in self._running or not _is_free(job, self._book.clock(), waited):
                continue
            taken = await self._take(job)
            if taken is not None:
                task = asyncio.ensure_future(_Run(self._book, self._desk, self._parse_order, taken).run())
                self._running[key] = task
                task.add_done_callback(partial(self._forget, key))
            if len(self._running) >= self._at_once:
                return

    def _forget(self, key: tuple[int, str], task: asyncio.Task[None]) -> None:
        del self._running[key]
        self._desk.tell()
        if not task.cancelled() and task.exception() is not None:
            log.error("import not ended in order", group_order_id=key[1], exc_info=task.exception())

    async def _take(self, job: Job) -> Job | None:
        now = self._book.clock()
        # Of a holder that is gone though its time, by a clock that was set back since, is not over.
        at = now if job.until is None else max(now, job.until)
        taken = msgspec.structs.replace(
            job,
            state=RUNNING,
            progress=msgspec.structs.replace(job.progress, attempts=job.progress.attempts + 1),
            owner=self._owner,
            until=now + LEASE,
            epoch=job.epoch + 1,
            changed_at=now,
        )
        return taken if await self._book.store.write(lambda tx: tx.take_job(taken, at)) else None

    async def _sweep(self) -> None:
        """Delete the files of imports that ended long ago, and of uploads that nobody knows of."""
        now = self._book.clock()
        for organisation_id, group_order_id, place in list(self._desk.places()):
            job = await self._book.store.fetch_job(organisation_id, group_order_id)
            if job is None:
                with suppress(OSError):
                    if now.timestamp() - place.stat().st_mtime < ABANDONED.total_seconds():
                        continue
            elif job.state in OPEN or now - job.changed_at < self._keep:
                continue
            else:
                await _forget_files(self._book, organisation_id, group_order_id)
            await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)


class Standing(NamedTuple):
    """How a job was seen to stand, and since when, by the event loop's clock: no other can be set."""

    epoch: int
    until: datetime | None
    since: float


def _standing_of(job: Job, before: Standing | None, seconds: float) -> Standing:
    is_same = before is not None and before[:2] == (job.epoch, job.until)
    return Standing(job.epoch, job.until, before.since if before is not None and is_same else seconds)


def _is_free(job: Job, now: datetime, waited: float) -> bool:
    """True if the job, which stands as it does for `waited` seconds, may be begun.

    Whoever holds one renews that: one that stood still for as long as it can be held is held by nobody.
    """
    if job.until is not None and job.until > now and waited < LEASE.total_seconds():
        return False
    return waited >= pause_seconds(job.progress.attempts)


def pause_seconds(attempts: int) -> float:
    """How long a job is left alone that was begun so often without getting any further.

    One that was begun too often is taken up at once, to be told so.
    """
    if attempts < QUICK_ATTEMPTS or attempts >= MAX_ATTEMPTS:
        return 0.0
    pause: float = FIRST_PAUSE_SECONDS * 2 ** (attempts - QUICK_ATTEMPTS)
    return min(pause, LONGEST_PAUSE_SECONDS)


def _record_key(group_order_id: str) -> str:
    """Under which the import keeps what it needs to go on."""
    return f"group:{group_order_id}"


async def _forget_files(book: Book, organisation_id: int, group_order_id: str) -> None:
    record = await book.store.fetch_import(organisation_id, _record_key(group_order_id))
    if record is not None:
        # Of an import that failed or was cancelled: nothing can go on with it any more.
        await book.store.write(lambda tx: tx.delete_import(record))
    group = await book.store.fetch_group_order(organisation_id, group_order_id)
    if group is not None:
        gone = _with_paths(group, (), "")
        await book.store.write(lambda tx: tx.update_group_order(gone))


class _Run:
    """One job from being taken to its end, or to being let go."""

    def __init__(self, book: Book, desk: ImportDesk, parse_order: ParseOrder, job: Job) -> None:
        self._book = book
        self._desk = desk
        self._place = desk.place(job.organisation_id, job.group_order_id)
        self._parse_order = parse_order
        self._job = job
        self._furthest = job.progress.orders
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Import the file; never raises. Cancelled, it lets go of the job for whoever takes it next."""
        if self._job.progress.attempts > MAX_ATTEMPTS:
            await self._fail("crashed", f"begun {MAX_ATTEMPTS} times without getting any further")
            return
        importing = asyncio.ensure_future(self._import())
        keeper = asyncio.ensure_future(self._keep_telling(importing))
        try:
            await importing
        except asyncio.CancelledError:
            # Stopped, cancelled or taken over; the epoch says which, and only the first is still ours.
            self._set(attempts=max(self._job.progress.attempts - 1, 0))
            await self._end(WAITING)
        except (FileError, MapError) as error:
            await self._fail("map_invalid" if isinstance(error, MapError) else "file_invalid", str(error))
        except (StoreUnavailable, OSError) as error:
            await self._retry("store_unavailable", str(error), MAX_ATTEMPTS)
        except BookError as error:
            await self._fail("refused", f"{type(error).__name__}: {error}")
        except Exception as error:
            log.exception("import crashed", group_order_id=self._job.group_order_id)
            await self._retry("crashed", f"{type(error).__name__}", MAX_CRASHES)
        finally:
            keeper.cancel()
            await asyncio.wait([keeper])

    async def _import(self) -> None:
        asked = self._job.request
        caller = await caller_of(self._book, self._job)
        if caller is None:
            await self._fail("refused", "the organisation is gone")
            return
        request = ImportRequest(
            map=self._desk.read_map(self._place) if asked.has_map else None,
            format=asked.format,
            policy=asked.policy,
            folder=self._place,
            name=FILE,
            normalised=True,
            group_order_id=self._job.group_order_id,
            key=_record_key(self._job.group_order_id),
        )
        summary = await import_file(
            self._book,
            caller,
            self._place / FILE,
            request,
            parse_order=self._parse_order,
            on_progress=self._note,
        )
        self._note(summary)
        for path in self._place.iterdir():
            path.chmod(0o600)
        if asked.policy == ALL_OR_NOTHING and summary.rejected_rows:
            await self._fail("rows_rejected", "some rows can't be taken, so none were", summary)
        else:
            await self._end(DONE, summary)

    def _note(self, summary: Summary) -> None:
        """Told by the import how far it came."""
        self._changed.set()
        if summary.orders < self._furthest:
            # It reads the file again, to go on where it was.
            return
        if summary.orders > self._furthest:
            self._furthest = summary.orders
            self._set(attempts=0)
        names = ("read", "rows", "orders", "total", "placed", "already_there", "rejected")
        counts = {name: getattr(summary, name) for name in names}
        rows = {"accepted_rows": summary.accepted_rows, "rejected_rows": summary.rejected_rows}
        self._set(**counts, **rows, codes=dict(summary.codes))

    def _set(self, **changes: object) -> None:
        progress: JobProgress = msgspec.structs.replace(self._job.progress, **changes)
        self._job = msgspec.structs.replace(self._job, progress=progress)

    async def _keep_telling(self, importing: asyncio.Task[None]) -> None:
        """Write down how far the import came, and that it lives. One that is no longer ours is ended."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(RENEW_SECONDS):
                    await self._changed.wait()
            self._changed.clear()
            with suppress(StoreUnavailable):
                if not await self._save(RUNNING):
                    importing.cancel()
                    return
            # Not oftener: each is a commit.
            await asyncio.wait([importing], timeout=SAVE_SECONDS)

    async def _save(
        self, state: str, summary: Summary | None = None, free_in: timedelta | None = None
    ) -> bool:
        now = self._book.clock()
        is_held = state == RUNNING
        self._job = job = msgspec.structs.replace(
            self._job,
            state=state,
            owner=self._job.owner if is_held else None,
            until=now + LEASE if is_held else None if free_in is None else now + free_in,
            changed_at=now,
        )
        names = () if summary is None else _report_names(summary)

        async def work(tx: Transaction) -> bool:
            if not await tx.update_job(job):
                return False
            group = await tx.fetch_group_order(job.organisation_id, job.group_order_id)
            if group is not None:
                total = job.progress.total
                known = msgspec.structs.replace(group, total=job.progress.orders if total is None else total)
                await tx.update_group_order(_with_paths(known, names, job.request.files_at))
            return True

        return await self._book.store.write(work)

    async def _end(
        self, state: str, summary: Summary | None = None, free_in: timedelta | None = None
    ) -> None:
        with suppress(StoreUnavailable):
            await self._save(state, summary, free_in)

    async def _fail(self, code: str, reason: str, summary: Summary | None = None) -> None:
        self._set(error_code=code, error=reason[:1_000])
        await self._end(FAILED, summary)

    async def _retry(self, code: str, reason: str, attempts: int) -> None:
        if self._job.progress.attempts >= attempts:
            await self._fail(code, reason)
            return
        self._set(error_code=code, error=reason[:1_000])
        await self._end(WAITING, free_in=RETRY)


def _report_names(summary: Summary) -> tuple[str, ...]:
    found = (summary.normalised_file, summary.accepted_file, summary.rejected_file)
    return tuple(name for name, path in zip(REPORTS, found, strict=True) if path and Path(path).is_file())


def _with_paths(group: GroupOrder, names: tuple[str, ...], files_at: str) -> GroupOrder:
    def path(kind: str, suffix: str) -> str | None:
        return f"{files_at}/{kind}.{suffix}" if kind in names else None

    return msgspec.structs.replace(
        group,
        normalised_path=path("normalised", "csv"),
        accepted_path=path("accepted", "xlsx"),
        rejected_path=path("rejected", "xlsx"),
    )

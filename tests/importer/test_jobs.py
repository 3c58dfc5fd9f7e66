"""Jobs: who may run one, when it has failed for good, whom its orders name, and what is cleared away."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orderwire.book import groups
from orderwire.book.accounts import create_application
from orderwire.book.callers import RIGHTS, Caller, Organisation
from orderwire.book.errors import FieldInvalid, StoreUnavailable
from orderwire.book.jobs import DONE, FAILED, OPEN, RUNNING, WAITING, Job
from orderwire.book.orders import GroupOrder
from orderwire.book.store import Book
from orderwire.contracts.native.wire_lines import parse_order_line
from orderwire.importer import jobs
from orderwire.importer.desk import FILE, ImportDesk
from orderwire.importer.jobs import LEASE, MAX_ATTEMPTS, Runner, pause_seconds
from tests.contracts.native.uploading import MAP, rows
from tests.factories import make_organisation
from tests.stores import POSTGRES, SQLITE, Shelf

pytestmark = pytest.mark.stores(SQLITE, POSTGRES)

START = datetime(2026, 3, 1, tzinfo=UTC)
LOOKS = 2_000


class Works:
    """A book with a clock of the test's own, a desk, and a runner that is started when asked."""

    def __init__(self, book: Book, organisation: Organisation, folder: Path) -> None:
        self.book = book
        self.now = START
        book.clock = lambda: self.now
        self.desk = ImportDesk(folder)
        self.caller = Caller(organisation=organisation, contract="native", rights=RIGHTS, request_id="r-1")
        self.runner = Runner(book, self.desk, parse_order_line, keep_days=30)

    async def upload(self, number: int = 1, file: bytes | None = None) -> GroupOrder:
        group_order_id = f"{number:08x}-4a2e-4c38-9f5a-7f6f6d5e2c10"
        with self.desk.upload(self.caller.organisation_id, group_order_id) as folder:
            (folder / FILE).write_bytes(rows(5, number * 100) if file is None else file)
            self.desk.keep_map(folder, MAP)
        asked = groups.request_of(
            self.caller, name="a.csv", file_format="csv", policy="accept_valid", has_map=True, files_at="/f"
        )
        return await groups.place_group_order(self.book, self.caller, group_order_id, asked, 1)

    def place(self, group: GroupOrder) -> Path:
        return self.desk.place(group.organisation_id, group.id)

    async def take(self, group: GroupOrder, **changes: Any) -> Job:
        """Take the job as another process would."""
        assert group.job is not None
        lease = {"state": RUNNING, "owner": "other", "until": self.now + LEASE}
        taken = msgspec.structs.replace(group.job, **{**lease, "epoch": group.job.epoch + 1, **changes})
        assert await self.book.store.write(lambda tx: tx.take_job(taken, self.now))
        return taken

    async def job(self, group: GroupOrder) -> Job:
        found = await self.book.store.fetch_job(group.organisation_id, group.id)
        assert found is not None
        return found

    async def ended(self, group: GroupOrder) -> Job:
        for _ in range(LOOKS):
            job = await self.job(group)
            if job.state not in OPEN:
                return job
            await asyncio.sleep(0.01)
        raise AssertionError(job)


@pytest.fixture
async def works(book: Book, tmp_path: Path) -> AsyncIterator[Works]:
    made = Works(book, await make_organisation(book), tmp_path / "imports")
    yield made
    await made.runner.stop()


async def test_orders_name_whoever_uploaded_them(works: Works) -> None:
    organisation = works.caller.organisation
    application, _ = await create_application(works.book, organisation, "shop", "Shop")
    works.caller = msgspec.structs.replace(works.caller, application=application)
    group = await works.upload()
    works.runner.start()
    job = await works.ended(group)
    assert (job.state, job.progress.placed, job.owner, job.until) == (DONE, 5, None, None)
    order = await works.book.store.fetch_order_named(organisation.id, "reference", "N-100")
    assert order is not None
    assert order.group_order_id == group.id
    (state,) = await works.book.store.list_states(organisation.id, order.id, 0, 10)
    assert state.revision.origin == works.caller.origin


async def test_a_job_that_another_holds_is_left_alone_until_its_time_is_over(works: Works) -> None:
    held, free = await works.upload(1), await works.upload(2)
    taken = await works.take(held)
    works.runner.start()
    assert (await works.ended(free)).state == DONE
    assert await works.job(held) == taken
    works.now += LEASE
    works.desk.tell()
    job = await works.ended(held)
    assert (job.state, job.epoch) == (DONE, taken.epoch + 1)
    # What the one before does now comes too late.
    late = msgspec.structs.replace(taken, state=FAILED)
    assert not await works.book.store.write(lambda tx: tx.update_job(late))
    assert (await works.job(held)).state == DONE


async def test_only_one_of_two_takes_a_job(works: Works) -> None:
    group = await works.upload()
    await works.take(group)
    with pytest.raises(AssertionError):
        await works.take(group)


async def test_one_that_was_begun_again_and_again_has_failed(works: Works) -> None:
    group = await works.upload()
    assert group.job is not None
    await works.take(group, progress=msgspec.structs.replace(group.job.progress, attempts=MAX_ATTEMPTS))
    works.now += LEASE
    works.runner.start()
    job = await works.ended(group)
    assert (job.state, job.progress.error_code, job.progress.placed) == (FAILED, "crashed", 0)
    assert await works.book.store.fetch_order_named(group.organisation_id, "reference", "N-100") is None


async def test_one_that_was_killed_at_its_beginning_is_begun_again(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(jobs, "LONGEST_PAUSE_SECONDS", 0.2)
    group = await works.upload()
    assert group.job is not None
    await works.take(group, progress=msgspec.structs.replace(group.job.progress, attempts=MAX_ATTEMPTS - 1))
    works.now += LEASE
    works.runner.start()
    job = await works.ended(group)
    assert (job.state, job.progress.placed, job.progress.attempts) == (DONE, 5, 0)


def test_the_pauses_between_attempts_grow() -> None:
    pauses = [pause_seconds(attempts) for attempts in range(MAX_ATTEMPTS + 2)]
    assert pauses == [0, 0, 0, 10, 20, 40, 60, 60, 60, 60, 0, 0]


async def test_a_clock_that_is_set_back_delays_no_import(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(jobs, "LEASE", timedelta(seconds=1.5))
    gone, alive = await works.upload(1), await works.upload(2)
    left, held = await works.take(gone), await works.take(alive)
    works.now -= timedelta(hours=1)
    works.runner.start()
    while (await works.job(gone)).state in OPEN:
        # Who lives renews what it holds.
        assert held.until is not None
        held = msgspec.structs.replace(held, until=held.until + timedelta(milliseconds=1))
        assert await works.book.store.write(lambda tx, held=held: tx.update_job(held))  # type: ignore[misc]
        await asyncio.sleep(0.01)
    job = await works.job(gone)
    assert (job.state, job.epoch, job.progress.placed) == (DONE, left.epoch + 1, 5)
    assert (await works.job(alive)).epoch == held.epoch


async def test_a_stop_before_the_end_lets_go_of_the_job(works: Works) -> None:
    group = await works.upload(1, rows(20_000))
    works.runner.start()
    for _ in range(LOOKS):
        if (await works.job(group)).state == RUNNING:
            break
        await asyncio.sleep(0.01)
    await works.runner.stop()
    job = await works.job(group)
    assert (job.state, job.owner, job.until) == (WAITING, None, None)
    assert job.progress.attempts == 0
    works.runner = Runner(works.book, works.desk, parse_order_line)
    works.runner.start()
    job = await works.ended(group)
    assert (job.state, job.progress.placed + job.progress.already_there) == (DONE, 20_000)


async def test_files_are_cleared_when_their_time_is_over(works: Works, shelf: Shelf, tmp_path: Path) -> None:
    old, young = await works.upload(1), await works.upload(2)
    works.runner.start()
    await works.ended(old)
    await works.ended(young)
    await works.runner.stop()
    before = await works.book.store.fetch_group_order(old.organisation_id, old.id)
    assert before is not None
    assert before.accepted_path == "/f/accepted.xlsx"
    recent = int((START + timedelta(days=20)).timestamp() * 1_000_000)
    shelf.run(tmp_path, f"UPDATE imports SET changed_at = {recent} WHERE key = '{young.id}'")  # noqa: S608 - a number and an id of ours
    waiting = await works.upload(3)
    await works.take(waiting, until=START + timedelta(days=99))
    abandoned, under_way = works.desk.place(1, "abandoned"), works.desk.place(1, "under-way")
    for place, age in ((abandoned, timedelta(hours=25)), (under_way, timedelta(hours=23))):
        place.mkdir()
        at = (START + timedelta(days=31) - age).timestamp()
        os.utime(place, (at, at))
    works.now = START + timedelta(days=31)
    works.runner = Runner(works.book, works.desk, parse_order_line, keep_days=30)
    works.runner.start()
    for _ in range(LOOKS):
        if not works.place(old).exists() and not abandoned.exists():
            break
        await asyncio.sleep(0.01)
    assert not works.place(old).exists()
    assert not abandoned.exists()
    assert works.place(young).exists()
    assert works.place(waiting).exists()
    assert under_way.exists()
    after = await works.book.store.fetch_group_order(old.organisation_id, old.id)
    assert after is not None
    assert (after.accepted_path, after.accepted) == (None, 5)
    assert works.desk.open_file(await works.job(old), "accepted.csv") is None


@pytest.mark.parametrize(
    ("error", "raised"),
    [(OSError(28, "No space left on device"), StoreUnavailable), (KeyError("x"), KeyError)],
)
async def test_an_upload_that_goes_wrong_leaves_no_folder(
    works: Works, error: Exception, raised: type[Exception]
) -> None:
    def go_wrong() -> None:
        with works.desk.upload(1, "x") as folder:
            (folder / "file").write_text("x")
            raise error

    with pytest.raises(raised):
        go_wrong()
    assert not works.desk.place(1, "x").exists()


@pytest.mark.parametrize("pattern", ["(a+)+", ".*.*x"])
async def test_a_map_whose_pattern_is_dear_is_refused(works: Works, tmp_path: Path, pattern: str) -> None:
    dear = (
        MAP
        + f"""
[[name]]
scheme = "po_number"
column = "item"
pattern = "{pattern}"
"""
    )
    with pytest.raises(FieldInvalid) as caught:
        works.desk.keep_map(tmp_path, dear)
    assert caught.value.field == "map"
    assert not (tmp_path / "map").exists()

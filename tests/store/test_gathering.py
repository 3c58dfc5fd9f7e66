"""Which works go into one commit: a few as they come, many together, and nobody is left behind."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from orderwire.book.errors import StoreUnavailable
from orderwire.book.store import Book
from orderwire.store.sqlite_batches import COMPANY, MAX_EXPECTED, Gathering, Job
from tests.stores import SQLITE


def make_jobs(count: int) -> list[Job]:
    loop = asyncio.get_running_loop()
    return [Job(work=lambda _: None, future=loop.create_future()) for _ in range(count)]


def gather_many(batches: list[list[Job]], count: int) -> Gathering:
    """A gathering whose last batch of so many was answered just now."""
    gathering = Gathering(batches.append)
    jobs = make_jobs(count)
    for job in jobs:
        gathering.add(job)
    gathering.settle(jobs)
    batches.clear()
    return gathering


async def test_a_few_go_as_they_come() -> None:
    batches: list[list[Job]] = []
    gathering = gather_many(batches, COMPANY - 1)
    first, second = make_jobs(2)
    gathering.add(first)
    gathering.add(second)
    assert batches == [[first], [second]]


async def test_many_wait_until_all_have_come_again() -> None:
    batches: list[list[Job]] = []
    gathering = gather_many(batches, COMPANY)
    jobs = make_jobs(COMPANY)
    for job in jobs[:-1]:
        gathering.add(job)
    assert batches == []
    gathering.add(jobs[-1])
    assert batches == [jobs]


async def test_those_who_come_meanwhile_wait_for_the_next_batch() -> None:
    batches: list[list[Job]] = []
    gathering = gather_many(batches, COMPANY)
    jobs, late = make_jobs(COMPANY), make_jobs(COMPANY)
    for job in [*jobs, *late]:
        gathering.add(job)
    assert batches == [jobs]
    gathering.settle(jobs)
    assert batches == [jobs]
    missing = make_jobs(COMPANY)
    for job in missing:
        gathering.add(job)
    assert batches == [jobs, [*late, *missing]]


async def test_they_go_without_those_who_do_not_come() -> None:
    handed: asyncio.Queue[list[Job]] = asyncio.Queue()
    gathering = Gathering(handed.put_nowait)
    jobs = make_jobs(COMPANY)
    for job in jobs:
        gathering.add(job)
    while not handed.empty():
        handed.get_nowait()
    gathering.settle(jobs)
    (alone,) = make_jobs(1)
    gathering.add(alone)
    assert handed.empty()
    assert await handed.get() == [alone]


async def test_what_is_expected_is_forgotten_step_by_step() -> None:
    batches: list[list[Job]] = []
    gathering = gather_many(batches, 2 * COMPANY)
    while True:
        (alone,) = make_jobs(1)
        gathering.add(alone)
        if batches == [[alone]]:
            break
        gathering.flush()
        gathering.settle(batches.pop())


async def test_no_more_are_waited_for_than_a_batch_may_have() -> None:
    batches: list[list[Job]] = []
    gathering = gather_many(batches, 2 * MAX_EXPECTED)
    jobs = make_jobs(MAX_EXPECTED)
    for job in jobs:
        gathering.add(job)
    assert batches == [jobs]


async def test_who_no_longer_waits_gets_no_answer() -> None:
    gone, failed, done = make_jobs(3)
    gone.future.cancel()
    failed.error = KeyError("it")
    done.result = 7
    for job in (gone, failed, done):
        job.answer()
    assert gone.future.cancelled()
    assert isinstance(failed.future.exception(), KeyError)
    assert done.future.result() == 7


@pytest.mark.stores(SQLITE)
async def test_a_store_that_is_closed_first_does_what_waits(book: Book) -> None:
    async def write(name: str) -> str:
        async def work(tx: Any) -> str:
            await tx.insert_fact(name, name)
            return name

        return await book.store.write(work)

    await asyncio.gather(*(write(f"first {n}") for n in range(2 * COMPANY)))
    late = [asyncio.create_task(write(f"late {n}")) for n in range(3)]
    await asyncio.sleep(0)
    await book.store.close()
    assert await asyncio.gather(*late) == ["late 0", "late 1", "late 2"]
    with pytest.raises(StoreUnavailable):
        await write("too late")

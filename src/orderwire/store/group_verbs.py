"""The verbs about group orders and the imports behind them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from orderwire.book.errors import AlreadyExists
from orderwire.book.jobs import Job, JobProgress, JobRequest
from orderwire.book.orders import GroupOrder, Rejection

from . import group_statements as st
from .executor import Executor
from .rows import Row, bucket_of_group, instant, maybe_micros, micros, text
from .statements import FEW_MEMBERS

_decode_request = msgspec.json.Decoder(JobRequest).decode
_decode_progress = msgspec.json.Decoder(JobProgress).decode
GROUP_WIDTH = 11


class GroupReads(Executor):
    """The read verbs (`book.store.Reads`)."""

    async def fetch_group_order(self, organisation_id: int, group_order_id: str) -> GroupOrder | None:
        key = (bucket_of_group(group_order_id), group_order_id, organisation_id)
        row = await self.row(st.FETCH_SMALL_GROUP_ORDER, *key)
        if row is not None and max(row[4], row[5]) == FEW_MEMBERS:
            row = await self.row(st.FETCH_GROUP_ORDER, *key)
        return None if row is None else group_of(row)

    async def list_group_orders(
        self, organisation_id: int, before: datetime, before_id: str, limit: int
    ) -> Sequence[GroupOrder]:
        found = await self.rows(st.LIST_GROUP_ORDERS, organisation_id, micros(before), before_id, limit)
        return [group_of(row) for row in found]

    async def list_rejections(
        self, organisation_id: int, group_order_id: str, after: int, limit: int
    ) -> Sequence[Rejection]:
        key = (bucket_of_group(group_order_id), group_order_id, organisation_id)
        return [
            Rejection(line=row[0], column=row[1], code=row[2], value=row[3])
            for row in await self.rows(st.LIST_REJECTIONS, *key, after, limit)
        ]

    async def list_open_jobs(self, limit: int) -> Sequence[Job]:
        return [job_of(row) for row in await self.rows(st.LIST_OPEN_JOBS, limit)]

    async def fetch_job(self, organisation_id: int, group_order_id: str) -> Job | None:
        row = await self.row(st.FETCH_JOB, *_key(organisation_id, group_order_id))
        return None if row is None else job_of(row)


class GroupWrites(Executor):
    """The write verbs (`book.store.Transaction`)."""

    async def insert_group_order(self, group: GroupOrder, rejections: Sequence[Rejection]) -> None:
        bucket = bucket_of_group(group.id)
        if not await self.rows(
            st.INSERT_GROUP_ORDER,
            bucket,
            group.id,
            group.organisation_id,
            group.user_id,
            group.total,
            group.normalised_path,
            group.accepted_path,
            group.rejected_path,
            group.job_id,
            micros(group.created_at),
        ):
            raise AlreadyExists("group_order", group.id)
        for r in rejections:
            values = (r.line, group.organisation_id, r.column, r.code, r.value)
            await self.rows(st.INSERT_REJECTION, bucket, group.id, *values)

    async def update_group_order(self, group: GroupOrder) -> None:
        paths = (group.normalised_path, group.accepted_path, group.rejected_path)
        key = (bucket_of_group(group.id), group.id, group.organisation_id)
        await self.rows(st.UPDATE_GROUP_ORDER, group.total, *paths, *key)

    async def insert_job(self, job: Job) -> None:
        await self.rows(
            st.INSERT_JOB,
            *_key(job.organisation_id, job.group_order_id),
            job.group_order_id,
            job.state,
            text(job.request),
            text(job.progress),
            job.owner,
            maybe_micros(job.until),
            job.epoch,
            micros(job.created_at),
            micros(job.changed_at),
        )

    async def take_job(self, job: Job, at: datetime) -> bool:
        lease = (text(job.progress), job.owner, maybe_micros(job.until), micros(at))
        key = _key(job.organisation_id, job.group_order_id)
        return bool(await self.rows(st.TAKE_JOB, *lease, *key, job.epoch - 1))

    async def update_job(self, job: Job) -> bool:
        lease = (job.state, text(job.progress), job.owner, maybe_micros(job.until), micros(job.changed_at))
        key = _key(job.organisation_id, job.group_order_id)
        return bool(await self.rows(st.UPDATE_JOB, *lease, *key, job.epoch))

    async def cancel_job(self, organisation_id: int, group_order_id: str, at: datetime) -> bool:
        return bool(await self.rows(st.CANCEL_JOB, micros(at), *_key(organisation_id, group_order_id)))


def _key(organisation_id: int, group_order_id: str) -> tuple[int, int, str]:
    return bucket_of_group(group_order_id), organisation_id, group_order_id


def job_of(row: Row) -> Job:
    """A job from the columns of `FETCH_JOB`."""
    return Job(
        organisation_id=row[0],
        group_order_id=row[1],
        state=row[2],
        request=_decode_request(row[3]),
        progress=_decode_progress(row[4]),
        owner=row[5],
        until=None if row[6] is None else instant(row[6]),
        epoch=row[7],
        created_at=instant(row[8]),
        changed_at=instant(row[9]),
    )


def group_of(row: Row) -> GroupOrder:
    """A group order from the columns of `FETCH_GROUP_ORDER`."""
    job: Job | None = None
    counts: tuple[Any, Any] = (row[4], row[5])
    if row[GROUP_WIDTH] is not None:
        job = job_of(row[GROUP_WIDTH:])
        counts = (job.progress.placed + job.progress.already_there, job.progress.rejected)
    return GroupOrder(
        id=row[0],
        organisation_id=row[1],
        user_id=row[2],
        total=row[3],
        accepted=counts[0],
        rejected=counts[1],
        normalised_path=row[6],
        accepted_path=row[7],
        rejected_path=row[8],
        job_id=row[9],
        created_at=instant(row[10]),
        job=job,
    )

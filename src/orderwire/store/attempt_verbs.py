"""The verbs about wrong secrets that are counted."""

from __future__ import annotations

from datetime import datetime

from orderwire.book.attempts import Attempt

from . import attempt_statements as attempts
from .executor import Executor
from .rows import bucket_of_attempt, instant, micros


class AttemptReads(Executor):
    """The read verb."""

    async def fetch_attempt(self, key: str) -> Attempt | None:
        row = await self.row(attempts.FETCH_ATTEMPT, bucket_of_attempt(key), key)
        return None if row is None else Attempt(row[0], instant(row[1]))


class AttemptWrites(AttemptReads):
    """The write verbs."""

    async def count_failure(self, key: str, at: datetime, ends_at: datetime) -> None:
        window = (micros(at), micros(ends_at))
        await self.rows(attempts.COUNT_FAILURE, bucket_of_attempt(key), key, 1, *window)

    async def delete_attempt(self, key: str) -> None:
        await self.rows(attempts.DELETE_ATTEMPT, bucket_of_attempt(key), key)

    async def delete_ended_attempts(self, now: datetime) -> None:
        await self.rows(attempts.DELETE_ENDED_ATTEMPTS, micros(now))

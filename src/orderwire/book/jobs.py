"""Imports of uploaded files as jobs: what was asked, how far it came, and which process runs it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from msgspec import Struct, field

WAITING, RUNNING, DONE, FAILED, CANCELLED = "waiting", "running", "done", "failed", "cancelled"
OPEN = frozenset({WAITING, RUNNING})
FORMATS = frozenset({"csv", "xlsx", "jsonl"})
ACCEPT_VALID, ALL_OR_NOTHING = "accept_valid", "all_or_nothing"
POLICIES = frozenset({ACCEPT_VALID, ALL_OR_NOTHING})


class JobRequest(Struct, frozen=True, kw_only=True):
    """What was asked: the file's own `name` and form, and who asked (as `Caller.origin` names it).

    `organisation` is its name; `user_id` and `application` (its slug) are those behind the caller.
    `files_at` is where the contract that was asked serves the files: what their paths begin with.
    """

    name: str
    format: str
    policy: str
    has_map: bool
    files_at: str
    organisation: str
    contract: str
    caller: str
    user_id: int | None = None
    application: str | None = None
    request_id: str | None = None


class JobProgress(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far an import came. `size` and `read` are bytes; `codes` counts rejected rows by code.
    `total` is how many orders the file holds, once that is known.

    `attempts` is how often it was begun without getting any further; `error_code` and `error` say why
    it failed, or why it was interrupted last.
    """

    size: int = 0
    read: int = 0
    rows: int = 0
    orders: int = 0
    total: int | None = None
    placed: int = 0
    already_there: int = 0
    rejected: int = 0
    accepted_rows: int = 0
    rejected_rows: int = 0
    codes: dict[str, int] = field(default_factory=dict)
    attempts: int = 0
    error_code: str | None = None
    error: str | None = None


class Job(Struct, frozen=True, kw_only=True):
    """The import behind a group order. `owner` runs it until `until`; `epoch` counts its owners.

    A job that waits may have an `until`, too: it is not begun before.
    """

    organisation_id: int
    group_order_id: str
    state: str
    request: JobRequest
    progress: JobProgress
    owner: str | None = None
    until: datetime | None = None
    epoch: int = 0
    created_at: datetime
    changed_at: datetime


class JobReads(Protocol):
    """The store's read verbs for jobs."""

    async def list_open_jobs(self, limit: int) -> Sequence[Job]: ...
    async def fetch_job(self, organisation_id: int, group_order_id: str) -> Job | None: ...


class JobWrites(JobReads, Protocol):
    """The store's write verbs for jobs."""

    async def insert_job(self, job: Job) -> None: ...
    async def take_job(self, job: Job, at: datetime) -> bool:
        """Make the job's owner, epoch and time those given; False unless it is open and free at `at`."""
        ...

    async def update_job(self, job: Job) -> bool:
        """Write state, progress and lease; False unless it runs in the given epoch."""
        ...

    async def cancel_job(self, organisation_id: int, group_order_id: str, at: datetime) -> bool: ...


class Desk(Protocol):
    """Where uploaded files lie, and who imports them: what the book needs from outside."""

    def upload(self, organisation_id: int, group_order_id: str) -> AbstractContextManager[Path]:
        """Makes the folder of a group order. Whatever goes wrong within, the folder is gone again.

        Raises StoreUnavailable when nothing can be written there.
        """
        ...

    def placing(
        self, reads: JobReads, organisation_id: int, group_order_id: str
    ) -> AbstractAsyncContextManager[None]:
        """Within, a group order is written down for an upload. Is there none after all, its folder is gone.

        Then tells whoever imports.
        """
        ...

    async def make_file(self, job: Job, name: str) -> bool:
        """See to it that a file of an ended import can be opened; False if that takes longer.

        Raises StoreUnavailable when a spreadsheet can't be written.
        """
        ...

    def open_file(self, job: Job, name: str) -> BinaryIO | None:
        """One of the files that an import left (`accepted.csv`, `accepted.xlsx` ...), or None.

        Raises StoreUnavailable.
        """
        ...

    def keep_map(self, folder: Path, text: str) -> None:
        """Put the map beside its file. Raises FieldInvalid for a text that is no map, or OSError."""
        ...

    def tell(self) -> None:
        """There is something to do, or to be cancelled."""
        ...

"""Who else has a book open now."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..addresses import is_postgres, path_of, show
from ..engines import reaching
from ..postgres_pool import APPLICATION as SERVING
from .snapshots import APPLICATION, connect_postgres

# Where SQLite's locks lie in its file (https://www.sqlite.org/fileformat.html#the_lock_byte_page):
# every process that has the book open shares some of these bytes.
LOCK_BYTES_AT, LOCK_BYTES = 0x4000_0000, 512
LOOKS, LOOK_SECONDS = 20, 0.1
_USERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = ANY($1) AND pid <> pg_backend_pid()
"""


class InUse(Exception):
    """A process has the book open."""

    def __init__(self, database: str) -> None:
        super().__init__(f"{show(database)} is in use: first stop the service, and whatever else has it open")


async def check_unused(database: str) -> None:
    """Raises InUse while another process has the book open; CannotOpen.

    This process must not have it open: on SQLite its locks would be let go of.
    """
    if not is_postgres(database):
        if path_of(database).exists():
            with holding(path_of(database)):
                return
        return
    with reaching(database):
        connection = await connect_postgres(database, "any")
        try:
            # A server notices a moment later that a process has ended, and tells nobody.
            for _ in range(LOOKS):
                if not await connection.fetchval(_USERS, [SERVING, APPLICATION]):
                    return
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            await connection.close()
    raise InUse(database)


@contextmanager
def holding(path: Path) -> Iterator[None]:
    """Keep every process from opening a SQLite book for as long as the block runs, the file sound or not.

    This process must not have it open. Raises InUse while another has, OSError.
    """
    descriptor = os.open(path, os.O_RDWR)
    try:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, LOCK_BYTES, LOCK_BYTES_AT)
        except (BlockingIOError, PermissionError) as error:
            raise InUse(f"sqlite:///{path}") from error
        yield
    finally:
        with suppress(OSError):
            os.close(descriptor)

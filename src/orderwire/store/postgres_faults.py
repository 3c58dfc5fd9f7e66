"""What an error of PostgreSQL or of the way to it means for whoever asked."""

from __future__ import annotations

import re
from enum import Enum, auto

import asyncpg

from orderwire.book.errors import AlreadyExists

from . import integrity

# A standby did not confirm in time: committed here, perhaps not elsewhere.
UNCONFIRMED = "01000"
_KEY = re.compile(r"Key \((?P<columns>[^)]*)\)=\((?P<values>.*)\) already exists")


class Fate(Enum):
    """What is to be done after an error."""

    AGAIN = auto()  # the transaction lost against another: nothing was kept, try again
    LOST = auto()  # the connection is of no use any more; what it was told to commit may be committed
    REFUSED = auto()  # the server is there and can't: full, damaged, no rights
    SLOW = auto()  # the statement took longer than it may
    OURS = auto()  # a mistake in the work or in the statement


_AGAIN = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.OutdatedSchemaCacheError,
)
_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
_REFUSED = (
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.PostgresSystemError,
    asyncpg.DataCorruptedError,
    asyncpg.IndexCorruptedError,
)


def fate_of(error: BaseException) -> Fate:
    """What the error means (SQLSTATE classes: PostgreSQL's documentation, appendix A)."""
    if isinstance(error, ValueError | asyncpg.ClientConfigurationError):
        # A value that the driver can't write, or options that don't go together.
        return Fate.OURS
    if isinstance(error, asyncpg.QueryCanceledError):
        return Fate.SLOW
    if isinstance(error, _AGAIN):
        return Fate.AGAIN
    if isinstance(error, _LOST):
        return Fate.LOST
    if isinstance(error, _REFUSED):
        return Fate.REFUSED
    return Fate.OURS


def taken(error: asyncpg.UniqueViolationError) -> AlreadyExists | None:
    """The fact behind a unique key that is taken, or None if it is a mistake of ours."""
    told = _KEY.search(error.detail or "")
    if told is None:
        return None
    # A table that Citus spread has its shard's number behind its name.
    table = re.sub(r"_[0-9]{6,}\Z", "", error.table_name or "")
    return integrity.taken(table, told["columns"].split(", "), told["values"].rpartition(", ")[2])

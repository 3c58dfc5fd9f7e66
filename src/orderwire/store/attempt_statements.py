"""The statements about wrong secrets that are counted."""

from __future__ import annotations

from sqlalchemy import bindparam, case, delete, select
from sqlalchemy.dialects.postgresql import insert

from .compiling import Statement
from .tables import attempts

_p = bindparam

FETCH_ATTEMPT = Statement(
    "fetch_attempt",
    select(attempts.c.failures, attempts.c.ends_at).where(
        attempts.c.bucket == _p("bucket"), attempts.c.key == _p("key")
    ),
    ("bucket", "key"),
)
DELETE_ATTEMPT = Statement(
    "delete_attempt",
    delete(attempts).where(attempts.c.bucket == _p("bucket"), attempts.c.key == _p("key")),
    ("bucket", "key"),
)
DELETE_ENDED_ATTEMPTS = Statement(
    "delete_ended_attempts",
    delete(attempts).where(attempts.c.ends_at <= _p("now")),
    ("now",),
    is_scattered=True,
)


def _count_failure() -> Statement:
    """One more failure in the window that stands, or the first one of a new window."""
    clause = insert(attempts).values({one.name: _p(f"v_{one.name}") for one in attempts.columns})
    new = clause.excluded
    is_over = attempts.c.ends_at <= new.began_at
    counted = clause.on_conflict_do_update(
        index_elements=["bucket", "key"],
        set_={
            "failures": case((is_over, new.failures), else_=attempts.c.failures + new.failures),
            "began_at": case((is_over, new.began_at), else_=attempts.c.began_at),
            "ends_at": case((is_over, new.ends_at), else_=attempts.c.ends_at),
        },
    )
    return Statement("count_failure", counted, tuple(f"v_{one.name}" for one in attempts.columns))


COUNT_FAILURE = _count_failure()

ALL: tuple[Statement, ...] = (FETCH_ATTEMPT, DELETE_ATTEMPT, DELETE_ENDED_ATTEMPTS, COUNT_FAILURE)

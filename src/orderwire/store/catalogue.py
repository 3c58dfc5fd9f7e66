"""Every statement whose text never varies, for the tests that hold each of them against the engines."""

from __future__ import annotations

from . import (
    account_statements,
    answer_statements,
    attempt_statements,
    group_statements,
    history_statements,
    import_statements,
    mark_statements,
    party_statements,
    statements,
)
from .compiling import Statement

ALL: tuple[Statement, ...] = (
    *account_statements.ALL,
    *party_statements.ALL,
    *answer_statements.ALL,
    *attempt_statements.ALL,
    *statements.ALL,
    *group_statements.ALL,
    *history_statements.ALL,
    *import_statements.ALL,
    *mark_statements.ALL,
)

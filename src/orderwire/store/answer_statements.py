"""The statements about answers that are kept for requests which may be repeated."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, select

from .compiling import Statement, insert_into
from .tables import answers

_p = bindparam

FETCH_ANSWER = Statement(
    "fetch_answer",
    select(answers.c.request_digest, answers.c.status, answers.c.headers, answers.c.body).where(
        answers.c.bucket == _p("bucket"),
        answers.c.organisation_id == _p("organisation_id"),
        answers.c.caller == _p("caller"),
        answers.c.key == _p("key"),
    ),
    ("bucket", "organisation_id", "caller", "key"),
)
INSERT_ANSWER = insert_into(answers, ignore=["bucket", "organisation_id", "caller", "key"])
DELETE_OLD_ANSWERS = Statement(
    "delete_old_answers",
    delete(answers).where(answers.c.created_at < _p("before")).returning(answers.c.status),
    ("before",),
    is_scattered=True,
)

ALL: tuple[Statement, ...] = (FETCH_ANSWER, INSERT_ANSWER, DELETE_OLD_ANSWERS)

"""The statements about marks: what tells whether a transaction was committed."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, update

from .compiling import Statement, insert_into
from .tables import marks

_p = bindparam

INSERT_MARK = insert_into(marks, ignore=["bucket", "id"])
TOUCH_MARK = Statement(
    "touch_mark",
    update(marks)
    .where(marks.c.bucket == _p("k_bucket"), marks.c.id == _p("k_id"))
    .values(created_at=_p("at"))
    .returning(marks.c.kept),
    ("at", "k_bucket", "k_id"),
)
DELETE_OLD_MARKS = Statement(
    "delete_old_marks",
    delete(marks).where(marks.c.created_at < _p("before")),
    ("before",),
    is_scattered=True,
)

ALL: tuple[Statement, ...] = (INSERT_MARK, TOUCH_MARK, DELETE_OLD_MARKS)

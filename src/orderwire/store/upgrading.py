"""Bringing a book of either engine to the newest schema: what only `migrate` and copies need."""

from __future__ import annotations

from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from . import migrations, postgres_schema
from .addresses import is_postgres, path_of, show
from .engines import CannotOpen, reaching


async def upgrade(database: str) -> None:
    """Bring the book to the newest schema. Raises CannotOpen."""
    with reaching(database):
        try:
            if is_postgres(database):
                await postgres_schema.upgrade(database)
            else:
                migrations.upgrade(path_of(database))
        except (SQLAlchemyError, CommandError) as error:
            reason = str(error).partition("\n")[0]
            raise CannotOpen(f"{show(database)} can't be migrated: {reason}") from error

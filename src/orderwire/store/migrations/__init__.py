"""The schema's history, run by Alembic: `upgrade` brings a book to the newest."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event

FOLDER = Path(__file__).parent


def upgrade(path: Path) -> None:
    """Bring the SQLite book at `path` to the newest schema; each revision is its own transaction."""
    if not path.exists():
        # Nobody else's business: it holds customers and hashes. SQLite gives its other files the same mode.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", _leave_transactions_to_us)
    event.listen(engine, "begin", _begin)
    try:
        with engine.connect() as connection:
            command.upgrade(configured(connection), "head")
    finally:
        engine.dispose()


def configured(connection: Connection) -> Config:
    """Alembic's configuration, for the migrations to run on this connection."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _leave_transactions_to_us(connection: Any, _record: Any) -> None:
    """The driver would commit before each DDL statement; a migration is one transaction."""
    connection.isolation_level = None


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")

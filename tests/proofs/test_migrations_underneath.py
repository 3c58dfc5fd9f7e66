"""The schema changes under a service at work, as the next version would change it: nobody notices."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing

import pytest

from tests.postgres import execute
from tests.server import Service
from tests.store.test_upgrade import NEXT
from tests.stores import POSTGRES, SQLITE

from .clients import Client
from .ledger import Ledger

CLIENTS = 4
PATIENCE_SECONDS = 30.0


def change(database: str, sql: str) -> None:
    """Run a statement as a migration does: on a connection of its own, waiting for whoever writes."""
    if not database.startswith("sqlite:///"):
        execute(database, sql)
        return
    path = database.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None, timeout=PATIENCE_SECONDS)) as connection:
        connection.execute(sql)


@pytest.mark.stores(SQLITE, POSTGRES)
def test_a_migration_under_load(database: str, serve: Callable[..., Service]) -> None:
    service, ledger = serve(), Ledger()
    clients = [
        Client(f"m{number}", service.port, service.describe, ledger, [], 7) for number in range(CLIENTS)
    ]
    for sql in NEXT:
        # Between two statements every client gets something done.
        over, acknowledged = threading.Event(), [threading.Event() for _ in clients]
        threads = [
            threading.Thread(target=client.work, args=(over, done), daemon=True)
            for client, done in zip(clients, acknowledged, strict=True)
        ]
        for thread in threads:
            thread.start()
        try:
            assert all(done.wait(PATIENCE_SECONDS) for done in acknowledged)
            for done in acknowledged:
                done.clear()
            change(database, sql)
            assert all(done.wait(PATIENCE_SECONDS) for done in acknowledged), sql
        finally:
            over.set()
            for thread in threads:
                thread.join(PATIENCE_SECONDS)
    for client in clients:
        client.finish()
    service.stop()
    assert service.exit_code == 0
    assert all(one.answer is not None for one in ledger.asked.values())
    assert ledger.verdict(database) == []

"""`copy` as real processes: between engines and back, killed in the middle, and what it refuses."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

import asyncpg
import pytest

from tests.postgres import fetch, run_apart
from tests.server import environment
from tests.whole_books import look, make_whole_book

KILLED_AFTER_SECONDS = 60
# More than one transaction of a copy, less than a third of all of them.
LOG_BYTES = 1_500_000


@pytest.fixture
def whole(cli):
    """`orderwire` in the folder of a sound book `whole.db`."""
    make_whole_book(cli.folder, seed=5, orders=200)
    return cli


@pytest.fixture
def url(databases):
    """A database without tables."""
    made = databases.create_empty()
    yield made
    databases.drop(made)


def shown(cli, address, data):
    """What the command line tells of every order."""
    owner = {"ORDERWIRE_DATABASE": address, "ORDERWIRE_DATA_FOLDER": data}
    listed = json.loads(cli.run("orders", "list", "--organisation", "acme", "--json", env=owner).stdout)
    name = ("orders", "show", "reference:staged", "--organisation", "acme")
    past = (*name, "--as-of", "2024-03-02T00:00:00Z", "--json")
    return listed, cli.run(*name, env=owner).stdout, cli.run(*past, env=owner).stdout


def test_there_and_back_with_everything_as_it_was(whole, url):
    first = whole.run("copy", "whole.db", url, "--json")
    assert first.returncode == 0
    told = json.loads(first.stdout)
    assert (told["equal"], told["resumed"], told["key_opens"]) == (True, False, False)
    assert "***" in told["to"]
    assert {one["table"]: one["to"]["rows"] for one in told["tables"]}["orders"] == 209
    second = whole.run("copy", url, "back.db")
    assert second.returncode == 0
    lines = second.stdout.splitlines()
    assert lines[-1] == "back.db holds the same."
    for line, one in zip(lines, told["tables"], strict=False):
        assert line.split() == [one["table"], str(one["to"]["rows"]), "rows", one["to"]["digest"][:16]]
    assert second.stderr.startswith("Bring the key before you serve it: the key file back.db.key")
    for name in ("back.db.key", "orderwire.key"):
        shutil.copy(whole.folder / "whole.db.key", whole.folder / name)
    here, folder = f"sqlite:///{whole.folder / 'whole.db'}", str(whole.folder)
    assert (whole.folder / "back.db").stat().st_mode & 0o777 == 0o600
    assert whole.succeed("--database", "back.db", "check") == "209 orders: nothing wrong\n"
    assert whole.succeed("--database", url, "check") == "209 orders: nothing wrong\n"
    shutil.copy(whole.folder / "whole.db.key", whole.folder / "orderwire.key")
    back = f"sqlite:///{whole.folder / 'back.db'}"
    known = shown(whole, here, "")
    assert known[0]
    assert known == shown(whole, url, folder) == shown(whole, back, "")


def start(folder, *arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "orderwire", "copy", *arguments],
        cwd=folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_killed_in_the_middle_a_copy_goes_on(whole, url):
    assert whole.run("--database", url, "migrate", env={"ORDERWIRE_DATA_FOLDER": str(whole.folder)})

    async def kill_before_the_stages() -> None:
        """Kept from writing to one table, the copy has done what comes before it, and stands there."""
        connection = await asyncpg.connect(url)
        async with connection.transaction():
            await connection.execute("LOCK TABLE order_stages IN SHARE MODE")
            process = start(whole.folder, "whole.db", url)
            waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'order_stages'::regclass"
            end = time.monotonic() + KILLED_AFTER_SECONDS
            while not await connection.fetchval(waits):
                assert process.poll() is None, "the copy ended by itself"
                assert time.monotonic() < end, "the copy never came to the stages"
            process.send_signal(signal.SIGKILL)
            process.wait(20)
        await connection.close()

    run_apart(kill_before_the_stages)
    assert fetch(url, "SELECT count(*) FROM orders")[0][0] == 209
    assert fetch(url, "SELECT count(*) FROM order_stages")[0][0] == 0
    assert "holds half a copy" in whole.refuse(1, "--database", url, "organisation", "list")
    assert "holds half a copy" in whole.refuse(1, "--database", url, "migrate")
    done = whole.run("copy", "whole.db", url, "--json")
    assert done.returncode == 0, done
    assert json.loads(done.stdout)["resumed"] is True
    shutil.copy(whole.folder / "whole.db.key", whole.folder / "orderwire.key")
    assert whole.succeed("--database", url, "check") == "209 orders: nothing wrong\n"


def test_killed_again_and_again_a_copy_into_a_file_goes_on(whole):
    path, copy, log = (whole.folder / name for name in ("whole.db", "copy.db", "copy.db-wal"))
    with closing(sqlite3.connect(path)) as book:
        # Enough rows for several transactions.
        numbers = "WITH RECURSIVE n(x) AS (SELECT 4 UNION ALL SELECT x + 1 FROM n WHERE x < 100000)"
        columns = "bucket, group_order_id, x, organisation_id, column_name, code, value"
        sql = f"SELECT {columns} FROM n, group_rejections WHERE line = 3"  # noqa: S608 - our own names
        book.execute(f"{numbers} INSERT INTO group_rejections {sql}")
        book.commit()
    states: set[str] = set()
    for _ in range(3):
        process = start(whole.folder, "whole.db", "copy.db")
        try:
            # The log begins anew with each process; a connection of ours would be in its way.
            while not log.exists() or log.stat().st_size < LOG_BYTES:
                assert process.poll() is None, "the copy ended before it was killed"
                # Nothing tells when a file grows: look again shortly.
                select.select([], [], [], 0.001)
        finally:
            process.kill()
            process.wait(20)
        state = progress(copy)
        assert state not in states, "it did not get any further"
        states.add(state)
    assert json.loads(whole.run("copy", "whole.db", "copy.db", "--json").stdout)["resumed"] is True
    for table in ("orders", "order_stages", "group_rejections"):
        sql = f"SELECT * FROM {table} ORDER BY 1, 2, 3"  # noqa: S608 - our own names
        assert look(f"sqlite:///{path}", sql) == look(f"sqlite:///{copy}", sql)


def progress(path):
    """How far the copy into a file came."""
    ((value,),) = look(f"sqlite:///{path}", "SELECT value FROM book_facts WHERE name = 'copying'")
    return value


def test_a_book_in_use_is_copied_as_it_is_now_only_if_told_to(start_service, cli):
    service = start_service()
    book = str(service.data / "orderwire.db")
    said = cli.refuse(1, "copy", book, "copy.db")
    assert f"{book} is in use: first stop the service" in said
    done = cli.run("copy", book, "copy.db", "--live", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["equal"] is True
    assert "is in use" in cli.refuse(1, "copy", "copy.db", book)
    service.stop()
    assert cli.run("copy", book, "other.db").returncode == 0
    shutil.copy(service.data / "orderwire.db.key", cli.folder / "copy.db.key")
    assert cli.succeed("--database", "copy.db", "check").endswith("orders: nothing wrong\n")


def test_a_served_book_on_postgres_is_in_use(demo_on_postgres, cli):
    said = cli.refuse(1, "copy", demo_on_postgres.database, "copy.db")
    assert "is in use: first stop the service" in said
    assert "***" in said
    assert cli.run("copy", demo_on_postgres.database, "copy.db", "--live").returncode == 0


def test_what_can_not_be_copied(whole):
    (whole.folder / "there").mkdir()
    whole.run("copy", "whole.db", "there/copy.db")
    assert "is not empty" in whole.refuse(1, "copy", "whole.db", "there/copy.db")
    assert "type `orderwire --database none.db migrate`" in whole.refuse(3, "copy", "none.db", "copy.db")
    assert "FROM: must be a path" in whole.refuse(2, "copy", "mysql://h/d", "copy.db")
    assert "TO: must be a path" in whole.refuse(2, "copy", "whole.db", "postgresql://")
    assert "No such file" in whole.refuse(1, "copy", "whole.db", "nowhere/copy.db")
    assert "can't be reached" in whole.refuse(1, "copy", "whole.db", "postgresql://127.0.0.1:1/d")
    assert not (whole.folder / "copy.db").exists()


def test_a_difference_is_shown_and_exit_code_6(whole, url):
    """Somebody changes TO while it is compared: a lock on it holds the comparison back until then."""

    async def meddle() -> int:
        connection = await asyncpg.connect(url)
        await connection.execute(
            "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN"
            " UPDATE orders SET kind = ''invoice''; RETURN NULL; END'"
        )
        await connection.execute("CREATE TRIGGER spoil AFTER INSERT ON counters EXECUTE FUNCTION spoil()")
        await connection.close()
        return 0

    whole.run("--database", url, "migrate")
    run_apart(meddle)
    done = whole.run("copy", "whole.db", url)
    assert done.returncode == 6
    (differing,) = [line for line in done.stdout.splitlines() if "DIFFERS" in line]
    assert differing.startswith("orders ")
    assert "does not hold the same, and stays closed" in done.stderr
    assert "holds half a copy" in whole.refuse(1, "--database", url, "organisation", "list")


def test_a_terminal_is_told_how_far_it_came(whole):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "orderwire", "copy", "whole.db", "copy.db"],
        cwd=whole.folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    said = bytearray()

    def read() -> None:
        try:
            while some := os.read(ours, 4_096):
                said.extend(some)
        except OSError:
            return

    reader = threading.Thread(target=read)
    reader.start()
    assert process.wait(60) == 0
    reader.join(20)
    os.close(ours)
    assert b"\r\x1b[K" in said
    assert b": " in said

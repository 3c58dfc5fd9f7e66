"""`backup` and `restore` on real books: while writers write, on a full disk, over a broken book."""

from __future__ import annotations

import http.client
import json
import resource
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from orderwire.store.keeping.backup import MARGINS, OTHER_MARGIN, PAGES_AT_ONCE
from tests.cli.commands import Commands
from tests.server import Service, environment, send
from tests.whole_books import harm, make_whole_book

BOOK = ("--database", "whole.db")
WRITERS = 4


@pytest.fixture
def whole(cli):
    """`orderwire` in the folder of a sound book `whole.db`."""
    make_whole_book(cli.folder, seed=5, orders=20)
    return cli


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def tables(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All that a book holds."""
    with closing(sqlite3.connect(path)) as book:
        names = [name for (name,) in book.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: book.execute(f'SELECT * FROM "{name}"').fetchall() for name in names}  # noqa: S608


def advanced(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What a book holds once it is restored: the same, its counters further on."""
    with closing(sqlite3.connect(path)) as book:
        following = book.execute("SELECT name, next FROM counters").fetchall()
    moved: list[tuple[Any, ...]] = [
        (name, number + MARGINS.get(name, OTHER_MARGIN)) for name, number in following
    ]
    return {**tables(path), "counters": moved}


def test_a_backup_is_the_book_in_one_file_of_the_owners(whole):
    said = whole.succeed(*BOOK, "backup", "copy.db")
    copy = whole.folder / "copy.db"
    assert said.splitlines() == [
        f"29 orders: copy.db, {copy.stat().st_size:,} bytes",
        "The key is not in it: keep whole.db.key, too, and elsewhere.",
    ]
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert {name for name in files(whole.folder) if name.startswith("copy")} == {"copy.db"}
    # A rollback journal's file (1), not one that needs its log beside it (2).
    assert copy.read_bytes()[18:20] == b"\x01\x01"
    assert tables(copy) == tables(whole.folder / "whole.db")
    told = whole.json(*BOOK, "backup", "other.db")
    assert told["rows"]["orders"] == 29
    assert told["bytes"] == copy.stat().st_size


def test_a_backup_is_never_written_over(whole):
    (whole.folder / "copy.db").write_text("precious")
    assert "copy.db is there already" in whole.refuse(1, *BOOK, "backup", "copy.db")
    assert (whole.folder / "copy.db").read_text() == "precious"
    assert "whole.db is there already" in whole.refuse(1, *BOOK, "backup", "whole.db")
    assert "No such file" in whole.refuse(1, *BOOK, "backup", "nowhere/copy.db")


def test_what_is_no_book_is_not_backed_up(whole):
    assert "the book none.db is not there" in whole.refuse(3, "--database", "none.db", "backup", "copy.db")
    with closing(sqlite3.connect(whole.folder / "other.db")) as other:
        other.execute("CREATE TABLE songs (title TEXT)")
    assert "is no book of orders" in whole.refuse(1, "--database", "other.db", "backup", "copy.db")
    assert not any(name.startswith("copy") for name in files(whole.folder))


def test_a_damaged_book_leaves_no_backup(whole):
    path = whole.folder / "whole.db"
    with path.open("r+b") as file:
        for place in range(path.stat().st_size // 4_096 * 2 // 3, path.stat().st_size // 4_096 - 1):
            file.seek(place * 4_096)
            file.write(b"\xff" * 4_096)
    said = whole.refuse(6, *BOOK, "backup", "copy.db")
    assert "damaged" in said or "malformed" in said
    assert not any(name.startswith("copy") for name in files(whole.folder))


def test_a_full_disk_leaves_no_half_a_backup(whole):
    before = tables(whole.folder / "whole.db")
    size = (whole.folder / "whole.db").stat().st_size
    done = subprocess.run(
        [sys.executable, "-m", "orderwire", *BOOK, "backup", "copy.db"],
        cwd=whole.folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        # A file may not grow beyond this: to SQLite it is a disk that takes no more.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, size // 2)),
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("orderwire: copy.db can't be made of whole.db: ")
    assert not any(name.startswith("copy") for name in files(whole.folder))
    assert tables(whole.folder / "whole.db") == before


def test_what_a_killed_backup_left_is_in_nobodys_way(whole):
    (whole.folder / "copy.db.part").write_text("half")
    (whole.folder / "copy.db.part-wal").write_text("half")
    whole.succeed(*BOOK, "backup", "copy.db")
    assert {name for name in files(whole.folder) if name.startswith("copy")} == {"copy.db"}


def test_restored_where_nothing_is(whole):
    whole.succeed(*BOOK, "backup", "copy.db")
    done = whole.run("--database", "new.db", "restore", "copy.db")
    assert done.returncode == 0
    assert done.stdout == f"29 orders: new.db, {(whole.folder / 'copy.db').stat().st_size:,} bytes\n"
    assert done.stderr.startswith("Bring the key before you serve it: the key file new.db.key can't be read")
    shutil.copy(whole.folder / "whole.db.key", whole.folder / "new.db.key")
    assert whole.succeed("--database", "new.db", "check") == "29 orders: nothing wrong\n"
    assert stat.S_IMODE((whole.folder / "new.db").stat().st_mode) == 0o600
    assert tables(whole.folder / "new.db") == advanced(whole.folder / "whole.db")


def test_a_book_that_is_there_is_moved_aside_with_force_only(whole):
    whole.succeed(*BOOK, "backup", "copy.db")
    path = whole.folder / "whole.db"
    harm(f"sqlite:///{path}", "DELETE FROM parties")
    before = tables(path)
    assert "whole.db is there already: --force" in whole.refuse(1, *BOOK, "restore", "copy.db")
    assert tables(path) == before
    told = whole.json(*BOOK, "restore", "copy.db", "--force")
    assert told["key_opens"] is True
    assert tables(path) == advanced(whole.folder / "copy.db")
    assert tables(whole.folder / told["replaced"]) == before
    assert whole.succeed(*BOOK, "check") == "29 orders: nothing wrong\n"


def test_numbers_given_since_the_backup_are_not_given_again(whole):
    """Whoever kept an order's id must not find another order under it."""
    path = whole.folder / "whole.db"
    whole.succeed(*BOOK, "backup", "copy.db")
    # As after days of orders, parties and users that the backup does not have.
    harm(f"sqlite:///{path}", "UPDATE counters SET next = next + 5000")
    given = dict(tables(path)["counters"])
    whole.json(*BOOK, "restore", "copy.db", "--force")
    following = dict(tables(path)["counters"])
    assert set(following) == set(given)
    assert all(following[name] >= given[name] for name in given)
    assert whole.succeed(*BOOK, "check") == "29 orders: nothing wrong\n"


def test_a_broken_book_and_the_log_beside_it_are_moved_aside(whole):
    whole.succeed(*BOOK, "backup", "copy.db")
    path = whole.folder / "whole.db"
    path.write_text("broken beyond repair")
    # The log of another book would be taken for the restored one's.
    path.with_name("whole.db-wal").write_text("a log")
    told = whole.json(*BOOK, "restore", "copy.db", "--force")
    replaced = whole.folder / told["replaced"]
    assert replaced.read_text() == "broken beyond repair"
    assert replaced.with_name(f"{replaced.name}-wal").read_text() == "a log"
    assert whole.succeed(*BOOK, "check") == "29 orders: nothing wrong\n"
    path.unlink()
    path.with_name("whole.db-wal").write_text("a log without its book")
    assert "whole.db-wal is there already" in whole.refuse(1, *BOOK, "restore", "copy.db")
    whole.json(*BOOK, "restore", "copy.db", "--force")
    assert whole.succeed(*BOOK, "check") == "29 orders: nothing wrong\n"


def test_what_is_no_sound_backup_changes_nothing(whole):
    whole.succeed(*BOOK, "backup", "copy.db")
    path, copy = whole.folder / "whole.db", whole.folder / "copy.db"
    before, sound = tables(path), copy.read_bytes()
    (whole.folder / "text.db").write_text("no database, but long enough to be taken for one " * 100)
    assert "file is not a database" in whole.refuse(6, *BOOK, "restore", "text.db", "--force")
    assert "none.db is no backup" in whole.refuse(1, *BOOK, "restore", "none.db", "--force")
    assert "whole.db is no backup" in whole.refuse(1, *BOOK, "restore", "whole.db", "--force")
    pages = len(sound) // 4_096
    copy.write_bytes(
        sound[: pages // 2 * 4_096] + b"\xff" * 4_096 * (pages // 4) + sound[pages * 3 // 4 * 4_096 :]
    )
    whole.refuse(6, *BOOK, "restore", "copy.db", "--force")
    copy.write_bytes(sound)
    harm(f"sqlite:///{copy}", "UPDATE alembic_version SET version_num = '9999'")
    assert "stands at 9999" in whole.refuse(1, *BOOK, "restore", "copy.db", "--force")
    harm(f"sqlite:///{copy}", "INSERT INTO book_facts VALUES ('copying', '{}')")
    assert "half a copy" in whole.refuse(1, *BOOK, "restore", "copy.db", "--force")
    assert tables(path) == before
    assert not any("replaced" in name or "part" in name for name in files(whole.folder))


def test_an_older_backup_is_restored_and_migrated(whole):
    whole.succeed(*BOOK, "backup", "copy.db")
    harm(f"sqlite:///{whole.folder / 'copy.db'}", "UPDATE alembic_version SET version_num = '0001'")
    assert (
        "It stands at 0001: type `orderwire --database new.db migrate`"
        in whole.run("--database", "new.db", "restore", "copy.db").stdout
    )


def test_a_book_on_postgres_has_tools_of_its_own(cli):
    for command in ("backup", "restore"):
        said = cli.refuse(2, "--database", "postgresql://h/d", command, "x")
        assert "pg_basebackup and pg_dump: see docs/guides/operations.md#back-up-and-restore" in said


class Writer(threading.Thread):
    """Places orders one after the other until it is told to stop; `ledger` has those acknowledged."""

    def __init__(self, service: Service, token: str, name: str) -> None:
        super().__init__(name=name)
        self._service = service
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self.ledger: list[str] = []
        self.wrote = threading.Event()
        self.stopping = threading.Event()

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._service.port, timeout=20)
        while not self.stopping.is_set():
            name = f"{self.name}-{len(self.ledger)}"
            body = json.dumps({"names": {"reference": name}, "notes": "x" * 2_000})
            placed = send(connection, "POST", "/v1/orders", self._headers, body)
            assert placed.status == 201
            stage = send(
                connection,
                "POST",
                f"/v1/orders/{placed.json()['id']}/stages",
                self._headers,
                '{"stage": "s"}',
            )
            assert stage.status == 201
            self.ledger.append(name)
            self.wrote.set()
        connection.close()

    def acknowledged_more(self) -> None:
        """Wait until a further order was acknowledged."""
        self.wrote.clear()
        assert self.wrote.wait(20)


def test_backups_beside_writers_have_all_that_was_acknowledged(start_service, tmp_path):
    service = start_service()
    path = service.data / "orderwire.db"
    with closing(sqlite3.connect(path)) as book:
        # So that a backup is read in several pieces, between which others write.
        book.execute("CREATE TABLE ballast (bytes BLOB)")
        book.execute("INSERT INTO ballast VALUES (zeroblob(?))", (PAGES_AT_ONCE * 4_096 * 3,))
        book.commit()
    cli = Commands(tmp_path)
    writers = [Writer(service, service.describe["native"]["token"], f"w{n}") for n in range(WRITERS)]
    for writer in writers:
        writer.start()
    try:
        for number in range(3):
            for writer in writers:
                writer.acknowledged_more()
            before = [name for writer in writers for name in list(writer.ledger)]
            cli.succeed("--database", str(path), "backup", f"{number}.db")
            after = [name for writer in writers for name in list(writer.ledger)]
            assert len(after) > len(before), "nobody wrote meanwhile"
            restored = tmp_path / f"restored-{number}.db"
            shutil.copy(path.with_name("orderwire.db.key"), restored.with_name(f"{restored.name}.key"))
            cli.succeed("--database", str(restored), "restore", f"{number}.db")
            assert cli.succeed("--database", str(restored), "check").endswith("orders: nothing wrong\n")
            with closing(sqlite3.connect(restored)) as book:
                held = {name for (name,) in book.execute("SELECT name FROM names WHERE scheme = 'reference'")}
            assert set(before) <= held
    finally:
        for writer in writers:
            writer.stopping.set()
        for writer in writers:
            writer.join(20)
    # While it is served, a book is not replaced.
    said = cli.refuse(1, "--database", str(path), "restore", "0.db", "--force")
    assert "is in use: first stop the service" in said
    service.stop()
    told = cli.json("--database", str(path), "restore", "0.db", "--force")
    assert Path(told["replaced"]).exists()
    service.start()
    assert service.request("GET", "/readyz").status == 200

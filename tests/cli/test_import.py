"""`import` on a real book: exit codes, reports, the same file twice, and a kill in the middle."""

from __future__ import annotations

import json
import select
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

from tests.importer.importing import MAP, SAMPLE, SAMPLE_MAP, rejected, row, write
from tests.server import environment

ORDERS = 8_000


@pytest.fixture
def export(acme):
    """Two orders, one of which can't be taken, and their map."""
    (acme.folder / "map.toml").write_text(MAP)
    return write(acme.folder, row("1"), row("2", quantity="x"), row("2"))


IMPORT = ("import", "export.csv", "--organisation", "acme", "--map", "map.toml")


def test_the_sample_is_imported_and_found_by_its_names(acme):
    shutil.copy(SAMPLE, acme.folder / "sample.csv")
    arguments = ("import", "sample.csv", "--organisation", "acme", "--map", str(SAMPLE_MAP))
    summary = acme.json(*arguments)
    assert (summary["rows"], summary["orders"], summary["placed"], summary["rejected_rows"]) == (
        999,
        66,
        66,
        0,
    )
    assert len((acme.folder / summary["accepted_file"]).read_text().splitlines()) == 1_000
    assert summary["rejected_file"] == ""
    assert not list(acme.folder.glob("*.rejected.csv"))
    shown = acme.json("orders", "show", "reference:536365", "--organisation", "acme")
    assert (shown["document"]["total"], len(shown["document"]["lines"])) == ("139.12", 7)
    assert "0 orders placed, 66 there already" in acme.succeed(*arguments)
    assert len(acme.json("orders", "list", "--organisation", "acme")) == 66


def test_rejected_rows_are_exit_code_5(acme, export):
    done = acme.run(*IMPORT)
    assert (done.returncode, done.stderr) == (5, "")
    assert "1 orders placed, 0 there already, 1 rejected" in done.stdout
    assert "  1 number_invalid" in done.stdout.splitlines()
    assert rejected(export) == [(3, "quantity", "number_invalid", "x"), (4, "", "order_rejected", "")]
    done = acme.run(*IMPORT, "--json")
    assert done.returncode == 5
    told = json.loads(done.stdout)
    assert told["codes"] == {"number_invalid": 1, "order_rejected": 1}
    assert (told["placed"], told["already_there"], told["accepted_rows"]) == (0, 1, 1)


def test_reports_can_go_elsewhere(acme, export):
    assert acme.run(*IMPORT, "--reports", ".").returncode == 5
    (acme.folder / "reports").mkdir()
    assert acme.run(*IMPORT, "--reports", "reports").returncode == 5
    assert sorted(path.name for path in (acme.folder / "reports").iterdir()) == [
        "export.csv.accepted.csv",
        "export.csv.rejected.csv",
    ]
    assert "No such file" in acme.refuse(1, *IMPORT, "--reports", "nowhere")


def test_what_can_not_be_imported_at_all(acme, export):
    missing = acme.refuse(1, "import", "none.csv", *IMPORT[2:])
    assert missing == "orderwire: none.csv: can't be read: No such file or directory\n"
    assert "none.toml" in acme.refuse(2, *IMPORT[:-1], "none.toml")
    assert "no organisation 'x'" in acme.refuse(4, *IMPORT[:3], "x", *IMPORT[4:])
    assert "migrate" in acme.refuse(3, "--database", "none.db", *IMPORT)
    (acme.folder / "map.toml").write_text(MAP.replace('"price"', '"prize"'))
    assert "[line] unit_price: the file has no column 'prize'" in acme.refuse(2, *IMPORT)
    (acme.folder / "export.csv").write_text("")
    assert "export.csv: the file is empty" in acme.refuse(1, *IMPORT)
    assert acme.json("orders", "list", "--organisation", "acme") == []


def count(folder, table):
    with closing(sqlite3.connect(folder / "orderwire.db", timeout=30)) as book:
        return book.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - tables named here


def test_a_kill_in_the_middle_doubles_nothing(acme):
    (acme.folder / "map.toml").write_text(MAP)
    write(acme.folder, *(row(str(number), item=item) for number in range(ORDERS) for item in "AB"))
    running = subprocess.Popen(
        [sys.executable, "-m", "orderwire", *IMPORT],
        cwd=acme.folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    end = time.monotonic() + 60
    while count(acme.folder, "orders") == 0 and time.monotonic() < end:
        # Nothing tells when another process has committed: look again shortly.
        select.select([], [], [], 0.01)
    running.kill()
    assert running.wait(30) == -9
    left = count(acme.folder, "orders")
    assert 0 < left < ORDERS
    assert count(acme.folder, "order_revisions") == left
    assert not list(acme.folder.glob("*.accepted.csv"))
    again = acme.json(*IMPORT)
    assert (again["placed"], again["already_there"], again["rejected_rows"]) == (ORDERS - left, left, 0)
    assert count(acme.folder, "orders") == count(acme.folder, "names") == ORDERS
    assert not list(acme.folder.glob("*.part"))
    shown = acme.json("orders", "show", "reference:0", "--organisation", "acme")
    assert [line["item"] for line in shown["document"]["lines"]] == ["A", "B"]

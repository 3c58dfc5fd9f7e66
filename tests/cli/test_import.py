"""`import` on a real book: exit codes, reports, the same file twice, and a kill in the middle."""

from __future__ import annotations

import json
import os
import pty
import random
import select
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

from tests.cli.commands import Commands
from tests.importer.importing import MAP, SAMPLE, SAMPLE_MAP, rejected, row, write
from tests.server import environment

ORDERS = 6_000
KILLS = 6


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


def told(folder, name="export.csv"):
    """What the reports say, with the names of orders for their ids."""
    with closing(sqlite3.connect(folder / "orderwire.db", timeout=30)) as book:
        names = dict(book.execute("SELECT order_id, name FROM names"))
    accepted, refused = [
        (folder / f"{name}.{kind}.csv").read_text().splitlines() for kind in ("accepted", "rejected")
    ]
    rows = [line.split(",") for line in accepted[1:]]
    return [(int(line), names[int(order_id)]) for line, order_id in rows], refused


def held(folder):
    """All that the book holds of orders, save ids and the instants at which it learned of them."""
    with closing(sqlite3.connect(folder / "orderwire.db", timeout=30)) as book:
        return [
            book.execute(query).fetchall()
            for query in (
                "SELECT name, stage_count, document, placed_at, lifecycle, revision FROM names"
                " JOIN orders ON id = order_id ORDER BY name",
                "SELECT name, r.revision, r.document, effective_at FROM names"
                " JOIN order_revisions r USING (order_id) ORDER BY name",
                "SELECT name, number, s.stage, effective_at, status_at FROM names"
                " JOIN order_stages s USING (order_id) ORDER BY name, number",
                "SELECT name, s.stage, since FROM names JOIN order_statuses s USING (order_id) ORDER BY name",
                "SELECT count(*) FROM imports",
            )
        ]


def kill_at(folder, size):
    """Import until the accepted rows fill so many bytes, then end the process as a power cut would."""
    part = folder / "export.csv.accepted.csv.part"
    with (folder / "said.txt").open("ab") as said:
        running = subprocess.Popen(
            [sys.executable, "-m", "orderwire", *IMPORT],
            cwd=folder,
            env=environment(),
            stdout=said,
            stderr=said,
        )
    end = time.monotonic() + 60
    while running.poll() is None and time.monotonic() < end:
        if part.exists() and part.stat().st_size > size:
            break
        # Nothing tells when another process has written: look again shortly.
        select.select([], [], [], 0.001)
    running.kill()
    return running.wait(30)


def test_killed_again_and_again_it_comes_to_the_same_end(acme, tmp_path):
    text = MAP + '[[stage]]\nstage = "placed"\nat = "at"\n'
    rows = [
        row(str(number), item=item, quantity="x" if number % 97 == 13 else "1")
        for item in "AB"
        for number in range(ORDERS)
    ]
    rows[500:500] = [row("", item="nobody's")]
    (acme.folder / "map.toml").write_text(text)
    write(acme.folder, *rows)
    whole = Commands(tmp_path / "whole")
    whole.folder.mkdir()
    whole.succeed("migrate")
    whole.succeed("organisation", "create", "acme")
    (whole.folder / "map.toml").write_text(text)
    write(whole.folder, *rows)
    assert whole.run(*IMPORT).returncode == 5

    size = (whole.folder / "export.csv.accepted.csv").stat().st_size
    points = random.Random(20260101)
    sizes = sorted(points.randrange(0, size) for _ in range(KILLS))
    killed = [kill_at(acme.folder, size) for size in sizes]
    assert killed.count(-9) >= KILLS - 2, (killed, (acme.folder / "said.txt").read_text())
    assert not list(acme.folder.glob("*.accepted.csv"))
    left = count(acme.folder, "orders")
    assert 0 < left < ORDERS
    done = acme.run(*IMPORT)
    assert (done.returncode, done.stderr.startswith("going on after ")) == (5, True), done
    assert told(acme.folder) == told(whole.folder)
    assert held(acme.folder) == held(whole.folder)
    assert not list(acme.folder.glob("*.part"))
    again = acme.run(*IMPORT)
    assert (again.returncode, again.stderr) == (5, "")
    assert f" 0 orders placed, {left_over(ORDERS)} there already" in again.stdout
    assert told(acme.folder) == told(whole.folder)


def left_over(orders):
    """How many of the orders can be taken."""
    return orders - len(range(13, orders, 97))


def test_json_lines_need_no_map(acme):
    order = {"names": {"reference": "R1"}, "placed_at": "2024-05-01T10:00:00Z", "total": "7.50"}
    (acme.folder / "orders.jsonl").write_text(f"{json.dumps(order)}\n")
    arguments = ("import", "orders.jsonl", "--organisation", "acme")
    assert "1 rows of 1 orders: 1 orders placed" in acme.succeed(*arguments)
    shown = acme.json("orders", "show", "reference:R1", "--organisation", "acme")
    assert shown["document"]["total"] == "7.5"
    assert "1 there already" in acme.succeed(*arguments)


def test_a_dry_run_places_nothing(acme, export):
    done = acme.run(*IMPORT, "--dry-run", "--normalised")
    assert done.returncode == 5
    assert "1 orders could be placed, 0 there already, 1 rejected" in done.stdout
    assert "as they were understood: export.csv.dry-run.normalised.csv" in done.stdout
    assert acme.json("orders", "list", "--organisation", "acme") == []


def test_all_or_nothing_places_nothing(acme, export):
    done = acme.run(*IMPORT, "--policy", "all_or_nothing")
    assert done.returncode == 5
    assert "0 orders placed, 0 there already, 2 rejected" in done.stdout
    assert acme.json("orders", "list", "--organisation", "acme") == []


def test_a_terminal_is_shown_how_far_it_came(acme, export):
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "orderwire", *IMPORT],
        cwd=acme.folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=theirs,
        timeout=60,
        check=False,
    )
    os.close(theirs)
    with open(ours, "rb", buffering=0) as terminal:
        shown = terminal.read(4_096).decode()
    assert done.returncode == 5
    assert "%" in shown
    assert "rows" in shown
    # The line is wiped when the import ends.
    assert shown.rpartition("\r")[2] == ""


def test_without_a_terminal_nothing_is_shown(acme, export):
    assert acme.run(*IMPORT).stderr == ""

"""`export` on a real book: files, standard output, exit codes, a full disk, and what it tells."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import pty
import resource
import shutil
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from orderwire import app, settings
from orderwire.book.operations import NewOrder, place_order
from orderwire.book.orders import NewVoucher, Voucher
from tests.cli.commands import Commands
from tests.factories import make_caller
from tests.importer.importing import SAMPLE, SAMPLE_MAP
from tests.server import ROOT, environment

EXPORT = ("export", "--organisation", "acme", "--output")
# What a file may grow to where the disk is "full": what SQLite needs to open the book, and not much more.
FILE_BYTES = 40_000


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """A folder with a book that holds the sample's 66 orders."""
    folder = tmp_path_factory.mktemp("sample")
    cli = Commands(folder)
    cli.succeed("migrate")
    cli.succeed("organisation", "create", "acme")
    shutil.copy(SAMPLE, folder / "sample.csv")
    cli.succeed("import", "sample.csv", "--organisation", "acme", "--map", str(SAMPLE_MAP))
    return folder


@pytest.fixture
def cli(sample, tmp_path):
    """The command in a folder of the test's own, with a copy of that book."""
    for path in sample.glob("orderwire*"):
        shutil.copy(path, tmp_path)
    return Commands(tmp_path)


def files(cli):
    return sorted(path.name for path in cli.folder.iterdir() if not path.name.startswith("orderwire"))


def test_the_suffix_tells_the_format(cli):
    said = cli.succeed(*EXPORT, "orders.jsonl")
    size = (cli.folder / "orders.jsonl").stat().st_size
    assert said == f"66 orders with 999 lines: orders.jsonl, {size:,} bytes\n"
    lines = [json.loads(line) for line in (cli.folder / "orders.jsonl").read_text().splitlines()]
    assert len(lines) == 66
    first = next(line for line in lines if line["names"]["reference"] == "536365")
    assert (first["total"], len(first["lines"])) == ("139.12", 7)
    cli.succeed(*EXPORT, "orders.csv")
    with (cli.folder / "orders.csv").open(newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 999
    cli.succeed(*EXPORT, "orders.parquet")
    assert pq.read_table(cli.folder / "orders.parquet").num_rows == 66
    cli.succeed(*EXPORT, "orders.data", "--format", "csv", "--columns", "id,total")
    assert (cli.folder / "orders.data").read_text().startswith("id,total\n")
    assert files(cli) == ["orders.csv", "orders.data", "orders.jsonl", "orders.parquet"]


def test_standard_output_holds_nothing_else(cli):
    done = cli.run(*EXPORT, "-")
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", 66)
    done = subprocess.run(
        [sys.executable, "-m", "orderwire", *EXPORT, "-", "--format", "parquet"],
        cwd=cli.folder,
        env=environment(),
        capture_output=True,
        timeout=60,
        check=True,
    )
    (cli.folder / "piped.parquet").write_bytes(done.stdout)
    assert pq.read_table(cli.folder / "piped.parquet").num_rows == 66


def test_what_is_exported_is_imported_without_a_map(cli):
    cli.succeed(*EXPORT, "orders.jsonl")
    cli.succeed("organisation", "create", "other")
    told = cli.json("import", "orders.jsonl", "--organisation", "other")
    assert (told["placed"], told["rejected_rows"]) == (66, 0)
    cli.succeed("export", "--organisation", "other", "--output", "again.jsonl")
    assert (cli.folder / "again.jsonl").read_text() == (cli.folder / "orders.jsonl").read_text()


def test_conditions(cli):
    def count(*options):
        return cli.json(*EXPORT, "some.jsonl", *options)["orders"]

    assert count("--lifecycle", "cancelled") == 4
    assert count("--lifecycle", "cancelled", "--lifecycle", "complete") == 66
    assert count("--customer-reference", "17850", "--placed-until", "2010-12-01T09:00:00Z") == 2
    assert count("--name-prefix", "reference:C") == 4
    assert count("--total-min", "100", "--total-max", "139.12", "--currency", "GBP") >= 1
    assert count("--delivery", "rejected") == 0
    assert count("--stage", "none") + count("--stage", "delivered") <= 66
    assert count("--as-of", "2010-12-01T09:00:00Z") > 0
    assert count("--known-at", "2020-01-01") == 0


def test_one_line_of_json_tells_what_was_written(cli):
    told = cli.json(*EXPORT, "orders.csv")
    size = (cli.folder / "orders.csv").stat().st_size
    assert told == {
        "file": "orders.csv",
        "format": "csv",
        "orders": 66,
        "lines": 999,
        "stages": 0,
        "vouchers": 0,
        "vouchers_left_out": 0,
        "bytes": size,
    }


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("orders.txt",), "--format"),
        (("orders",), "--format"),
        (("o.csv", "--with-vouchers"), "--with-vouchers is not for csv"),
        (("o.jsonl", "--columns", "id"), "--columns is not for jsonl"),
        (("o.parquet", "--for-spreadsheets"), "--for-spreadsheets is not for parquet"),
        (("o.csv", "--columns", "id,nothing"), "nothing: no such column"),
        (("o.csv", "--columns", "id,id"), "id: given twice"),
        (("o.csv", "--lifecycle", "open"), "must be one of cancelled, complete, new, processing"),
        (("o.csv", "--lifecycle", "none"), "must be one of"),
        (("o.csv", "--placed-since", "yesterday"), "--placed-since must be an instant"),
        (("o.csv", "--as-of", "yesterday"), "--as-of must be an instant"),
        (("o.csv", "--total-min", "much"), "--total-min must be an amount"),
        (("o.csv", "--total-min", "1e99"), "--total-min must be an amount"),
        (("o.csv", "--name-prefix", "reference"), "SCHEME:TEXT"),
        (("o.csv", "--name-prefix", "a:b", "--known-at", "2026-01-01"), "can't be asked of the past"),
        (("-", "--json"), "--json needs standard output for itself"),
    ],
)
def test_what_can_not_be_asked_for(cli, options, told):
    assert told in cli.refuse(2, *EXPORT, *options)
    assert files(cli) == []


def test_other_refusals(cli):
    assert "no organisation 'x'" in cli.refuse(4, "export", "--organisation", "x", "--output", "o.csv")
    assert "migrate" in cli.refuse(3, "--database", "none.db", *EXPORT, "o.csv")
    assert "nowhere" in cli.refuse(1, *EXPORT, "nowhere/o.csv")
    assert files(cli) == []


def test_parquet_says_what_it_needs(cli):
    stub = cli.folder / "stub"
    stub.mkdir()
    (stub / "pyarrow.py").write_text("raise ModuleNotFoundError('no pyarrow', name='pyarrow')\n")
    path = os.pathsep.join((str(stub), str(ROOT / "src")))
    told = cli.refuse(2, *EXPORT, "o.parquet", env={"PYTHONPATH": path})
    needed = f"{sys.executable} -m pip install pyarrow"
    assert told == f"orderwire: Parquet needs pyarrow, which is not installed: {needed}\n"


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_a_full_disk_leaves_no_half_file(cli, form):
    (cli.folder / f"orders.{form}").write_text("from last week")
    done = subprocess.run(
        [sys.executable, "-m", "orderwire", *EXPORT, f"orders.{form}"],
        cwd=cli.folder,
        env=environment(),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"orderwire: orders.{form}: File too large\n"
    assert (cli.folder / f"orders.{form}").read_text() == "from last week"
    assert files(cli) == [f"orders.{form}"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_standard_output(cli):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "orderwire", *EXPORT, "-"],
            cwd=cli.folder,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "orderwire: standard output: No space left on device\n"


async def place_voucher(folder):
    """Place an order with a voucher for the organisation `shop`."""
    env = {"ORDERWIRE_DATABASE": str(folder / "orderwire.db")}
    book = await app.open_book(settings.load(env, extra=app.contract_extra()))
    try:
        owner = await book.store.fetch_organisation("shop")
        assert owner is not None
        voucher = NewVoucher(voucher=Voucher(kind="code"), code="SECRET")
        await place_order(book, make_caller(owner), NewOrder(vouchers=(voucher,)))
    finally:
        await book.close()


def test_a_file_with_codes_is_its_owners_alone(cli):
    cli.succeed("organisation", "create", "shop")
    asyncio.run(place_voucher(cli.folder))
    export = ("export", "--organisation", "shop", "--output", "out.jsonl")
    done = cli.run(*export)
    assert (done.returncode, done.stderr) == (0, "1 vouchers left out (--with-vouchers)\n")
    assert "SECRET" not in (cli.folder / "out.jsonl").read_text()
    done = cli.run(*export, "--with-vouchers")
    assert done.stderr == "1 vouchers with their codes in clear: keep out.jsonl safe\n"
    assert (cli.folder / "out.jsonl").stat().st_mode & 0o777 == 0o600
    shown = json.loads((cli.folder / "out.jsonl").read_text())
    assert shown["vouchers"] == [{"kind": "code", "code": "SECRET"}]


def test_a_terminal_is_told_how_far_it_came(cli):
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "orderwire", *EXPORT, "orders.jsonl"],
        cwd=cli.folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=theirs,
        timeout=60,
        check=True,
    )
    os.close(theirs)
    told = os.read(ours, 4_096).decode()
    os.close(ours)
    assert "66 of 66 orders" in told
    assert done.stdout.startswith(b"66 orders with")

"""An import that was broken off goes on where it was, and its reports with it."""

from __future__ import annotations

import asyncio
import fcntl
import subprocess
import sys

import pytest

from orderwire.book.errors import StoreUnavailable
from orderwire.book.imports import ImportTakenOver, settle
from orderwire.contracts.native.wire_lines import parse_order_line
from orderwire.importer import feed, session
from orderwire.importer.parse_map import parse_map
from orderwire.importer.progress import Digest
from orderwire.importer.reports import Reports
from orderwire.importer.request import ALL_OR_NOTHING, ImportRequest
from orderwire.importer.rows import FileError
from orderwire.importer.run import import_file
from tests.factories import make_caller, make_organisation
from tests.importer.importing import MAP, MARKETPLACE_MAP, accepted, rejected, row, run, write
from tests.importer.making import write_lines
from tests.server import environment
from tests.stores import POSTGRES, SQLITE

pytestmark = pytest.mark.stores(SQLITE, POSTGRES)

BATCH = 20
ORDERS = 205


class Broken(Exception):
    """What ends an import in the middle."""


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(feed, "ORDERS_AT_ONCE", BATCH)
    monkeypatch.setattr(session, "ORDERS_AT_ONCE", BATCH)


@pytest.fixture
def export(tmp_path):
    """Orders of two rows that stand apart; one in ten is faulty, and some rows belong to none."""
    first = [row(str(number), quantity="x" if number % 10 == 3 else "1") for number in range(ORDERS)]
    second = [row(str(number), item="B") for number in range(ORDERS)]
    return write(tmp_path, *first, row(""), *second, row("") + ",more")


async def count_names(book):
    owner = await make_organisation(book)
    found = [await book.store.fetch_name(owner.id, "reference", str(number)) for number in range(ORDERS)]
    return sum(one is not None for one in found)


def break_off(monkeypatch, after, error=Broken):
    """The transaction after so many fails; those before it are kept. Gives a way to make it whole again."""
    calls: list[object] = []

    async def settle_late(*arguments):
        calls.append(arguments)
        if len(calls) > after:
            raise error("pulled the plug")
        await settle(*arguments)

    monkeypatch.setattr(session, "settle", settle_late)
    return lambda: monkeypatch.setattr(session, "settle", settle)


async def test_it_goes_on_where_it_was(book, export, monkeypatch):
    for after in (0, 3, 1, 4):
        mend = break_off(monkeypatch, after)
        with pytest.raises(Broken):
            await run(book, export)
        mend()
    assert not export.with_name("export.csv.accepted.csv").exists()
    told = []
    owner = make_caller(await make_organisation(book))
    summary = await import_file(
        book,
        owner,
        export,
        ImportRequest(map=parse_map(MAP)),
        on_progress=lambda one: told.append((one.resumed, one.orders, one.total)),
    )
    assert summary.resumed == 8 * BATCH
    assert (8 * BATCH, 8 * BATCH, ORDERS + 2) in told
    faulty = len(range(3, ORDERS, 10))
    assert (summary.rows, summary.orders, summary.placed) == (2 * ORDERS + 2, ORDERS, ORDERS - faulty)
    assert (summary.already_there, summary.rejected) == (0, faulty)
    lines = accepted(export)
    refused = [one[0] for one in rejected(export)]
    # Every row is in one report, once.
    assert sorted([*lines, *refused]) == list(range(2, 2 * ORDERS + 4))
    assert (summary.accepted_rows, summary.rejected_rows) == (len(lines), len(refused))
    assert await count_names(book) == ORDERS - faulty
    assert not list(export.parent.glob("*.part"))
    whole = accepted(export), rejected(export)
    again = await run(book, export)
    assert (again.resumed, again.placed, again.already_there) == (0, 0, ORDERS - faulty)
    assert (accepted(export), rejected(export)) == whole


async def test_lines_go_on_where_they_were(book, tmp_path, monkeypatch):
    lines = [
        {"names": {"reference": str(number)}, "kind": "offer" if number % 10 == 3 else "order"}
        for number in range(ORDERS)
    ]
    path = write_lines(tmp_path / "o.jsonl", [*lines[:50], "", *lines[50:]])
    caller = make_caller(await make_organisation(book))

    async def take():
        return await import_file(book, caller, path, ImportRequest(), parse_order=parse_order_line)

    mend = break_off(monkeypatch, 4)
    with pytest.raises(Broken):
        await take()
    mend()
    summary = await take()
    faulty = len(range(3, ORDERS, 10))
    assert (summary.resumed, summary.placed, summary.rejected) == (4 * BATCH, ORDERS - faulty, faulty)
    assert sorted([*accepted(path), *(one[0] for one in rejected(path))]) == [
        number for number in range(1, ORDERS + 2) if number != 51
    ]


async def test_what_was_asked_otherwise_is_another_import(book, export, monkeypatch):
    mend = break_off(monkeypatch, 3)
    with pytest.raises(Broken):
        await run(book, export)
    mend()
    other = await run(book, export, MAP.replace('currency = { column = "currency" }', 'currency = "EUR"'))
    assert (other.resumed, other.already_there) == (0, 3 * BATCH - 6)


async def test_a_changed_file_is_another_import(book, export, monkeypatch):
    mend = break_off(monkeypatch, 3)
    with pytest.raises(Broken):
        await run(book, export)
    mend()
    export.write_text(export.read_text() + row("new") + "\n")
    assert (await run(book, export)).resumed == 0


@pytest.mark.parametrize("lose", ["accepted", "rejected"])
async def test_without_its_reports_it_begins_again(book, export, monkeypatch, lose):
    mend = break_off(monkeypatch, 5)
    with pytest.raises(Broken):
        await run(book, export)
    mend()
    export.with_name(f"export.csv.{lose}.csv.part").unlink()
    summary = await run(book, export)
    faulty = len(range(3, ORDERS, 10))
    assert (summary.resumed, summary.already_there) == (0, 5 * BATCH - 10)
    assert len(accepted(export)) + len(rejected(export)) == 2 * ORDERS + 2
    assert summary.rejected == faulty


async def test_an_order_of_too_many_rows_broken_off_in_the_middle(book, tmp_path, monkeypatch):
    monkeypatch.setattr(feed, "MAX_LINES", 30)
    monkeypatch.setattr(feed, "ROWS_AT_ONCE", 40)
    path = write(tmp_path, row("0"), *[row("1")] * 200, row("2"), *[row("1")] * 3)
    for after in (1, 2, 1):
        mend = break_off(monkeypatch, after)
        with pytest.raises(Broken):
            await run(book, path)
        mend()
    summary = await run(book, path)
    assert summary.resumed > 0
    assert (summary.orders, summary.placed, summary.rejected) == (3, 2, 1)
    assert summary.codes == {"too_many_rows": 173, "order_rejected": 30}
    assert sorted([*accepted(path), *(one[0] for one in rejected(path))]) == list(range(2, 207))


async def test_all_or_nothing_is_kept_or_not(book, export, monkeypatch):
    text = export.read_text().replace(",x,", ",7,").replace("\n,", "\nlast,").replace(",more\n", "\n")
    export.write_text(text)
    mend = break_off(monkeypatch, 0)
    with pytest.raises(Broken):
        await run(book, export, policy=ALL_OR_NOTHING)
    mend()
    assert await count_names(book) == 0

    def fail(self, **given):
        raise Broken

    with monkeypatch.context() as patch:
        patch.setattr(Reports, "finish", fail)
        with pytest.raises(Broken):
            await run(book, export, policy=ALL_OR_NOTHING)
    assert await count_names(book) == ORDERS
    summary = await run(book, export, policy=ALL_OR_NOTHING)
    assert (summary.resumed, summary.placed) == (ORDERS + 1, ORDERS + 1)
    assert len(accepted(export)) == 2 * ORDERS + 2


async def test_a_store_that_is_gone_for_a_while(book, export, monkeypatch):
    mend = break_off(monkeypatch, 2, StoreUnavailable)
    with pytest.raises(StoreUnavailable):
        await run(book, export)
    mend()
    assert (await run(book, export)).resumed == 2 * BATCH


async def stopped_after(book, path, count):
    """Import, and cancel after so many words about the progress; what it came to if it ended before."""
    caller = make_caller(await make_organisation(book))
    told, words = asyncio.Event(), iter(range(count))

    def tell(summary):
        if next(words, None) is None:
            told.set()

    request = ImportRequest(map=parse_map(MAP))
    importing = asyncio.ensure_future(import_file(book, caller, path, request, on_progress=tell))
    waiting = asyncio.ensure_future(told.wait())
    await asyncio.wait([importing, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    importing.cancel()
    await asyncio.wait([importing])
    return None if importing.cancelled() else importing.result()


async def test_cancelled_at_any_point_it_comes_to_its_end(book, export):
    ends = [end for count in range(40) if (end := await stopped_after(book, export, count % 7)) is not None]
    assert ends
    assert ends[0].orders == ORDERS
    refused = [one[0] for one in rejected(export)]
    assert sorted([*accepted(export), *refused]) == list(range(2, 2 * ORDERS + 4))


async def test_two_at_once_do_not_write_the_same_reports(book, export):
    with export.with_name("export.csv.accepted.csv.part").open("a+b") as part:
        fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with pytest.raises(FileError, match="is being imported already"):
            await run(book, export)
    assert (await run(book, export)).orders == ORDERS


async def test_who_was_overtaken_writes_no_more(book, export, tmp_path, monkeypatch):
    """The same import is begun elsewhere, with reports of its own."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    calls: list[object] = []

    async def settle_late(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            monkeypatch.setattr(session, "settle", settle)
            assert (await run(book, export, folder=elsewhere)).already_there == 2 * BATCH - 4
        await settle(*arguments)

    monkeypatch.setattr(session, "settle", settle_late)
    with pytest.raises(ImportTakenOver):
        await run(book, export)
    assert await count_names(book) == ORDERS - len(range(3, ORDERS, 10))


def test_an_import_has_the_same_key_in_every_process():
    """Sets come in another sort in every process, and long patterns look alike."""
    program = (
        "from pathlib import Path\n"
        "from orderwire.importer.parse_map import read_map\n"
        "from orderwire.importer.progress import Digest\n"
        "from orderwire.importer.request import ImportRequest\n"
        f"print(Digest(ImportRequest(map=read_map(Path({str(MARKETPLACE_MAP)!r}))), 'csv').key)\n"
    )
    keys = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=environment({"PYTHONHASHSEED": seed}),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
        for seed in ("1", "2", "3", "4")
    }
    assert len(keys) == 1


@pytest.mark.parametrize("change", [("C", "D"), ('key = "no"', 'key = "no"\ntag = "mail"'), ("EUR", "USD")])
def test_another_map_is_another_import(change):
    text = MAP.replace('currency = { column = "currency" }', 'currency = "EUR"')
    text += f'[[state]]\ncolumn = "no"\npattern = "{"x" * 300}C"\nlifecycle = "cancelled"\n'
    maps = [parse_map(one) for one in (text, text.replace(*change))]
    assert len({Digest(ImportRequest(map=one), "csv").key for one in maps}) == 2

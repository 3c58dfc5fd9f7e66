"""The desk: spreadsheets are written once, behind whoever waits too long, and given up at a stop."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from orderwire.book.errors import StoreUnavailable
from orderwire.book.jobs import DONE, Job, JobProgress, JobRequest
from orderwire.importer import desk as desk_module
from orderwire.importer.desk import ImportDesk

ROWS = [["line", "order_id"], *([str(n), str(n * 7)] for n in range(2_000))]
AT = datetime(2026, 3, 1, tzinfo=UTC)
JOB = Job(
    organisation_id=1,
    group_order_id="g",
    state=DONE,
    request=JobRequest(
        name="a.jsonl",
        format="jsonl",
        policy="accept_valid",
        has_map=False,
        files_at="/f",
        organisation="acme",
        contract="native",
        caller="application:1",
    ),
    progress=JobProgress(),
    created_at=AT,
    changed_at=AT,
)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[ImportDesk]:
    made = ImportDesk(tmp_path)
    with made.upload(1, "g") as folder, (folder / "file.accepted.csv").open("w", newline="") as file:
        csv.writer(file).writerows(ROWS)
    yield made
    await made.close()


def names(desk: ImportDesk) -> list[str]:
    return sorted(path.name for path in desk.place(1, "g").iterdir())


async def test_a_spreadsheet_is_written_when_it_is_asked_for(desk: ImportDesk) -> None:
    assert desk.open_file(JOB, "accepted.xlsx") is None
    assert await asyncio.gather(*(desk.make_file(JOB, "accepted.xlsx") for _ in range(3))) == [True] * 3
    file = desk.open_file(JOB, "accepted.xlsx")
    assert file is not None
    with file:
        assert CalamineWorkbook.from_filelike(file).get_sheet_by_index(0).to_python() == ROWS
    assert names(desk) == ["accepted.xlsx", "file.accepted.csv"]


async def test_who_waits_too_long_comes_again(desk: ImportDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_module, "PATIENCE_SECONDS", 0.0)
    assert await desk.make_file(JOB, "accepted.xlsx") is False
    assert desk.open_file(JOB, "accepted.xlsx") is None
    monkeypatch.setattr(desk_module, "PATIENCE_SECONDS", 60.0)
    assert await desk.make_file(JOB, "accepted.xlsx") is True
    file = desk.open_file(JOB, "accepted.xlsx")
    assert file is not None
    file.close()


async def test_a_stop_gives_up_what_is_written(desk: ImportDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_module, "PATIENCE_SECONDS", 0.0)
    assert await desk.make_file(JOB, "accepted.xlsx") is False
    await desk.close()
    assert desk.open_file(JOB, "accepted.xlsx") is None
    monkeypatch.setattr(desk_module, "PATIENCE_SECONDS", 60.0)
    assert await desk.make_file(JOB, "accepted.xlsx") is True


async def test_one_that_can_not_be_written_is_told(desk: ImportDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = desk.place(1, "g") / "accepted.part"
    blocked.mkdir()
    with pytest.raises(StoreUnavailable, match="accepted"):
        await desk.make_file(JOB, "accepted.xlsx")
    blocked.rmdir()
    monkeypatch.setattr(desk_module, "WRITING_SECONDS", 0.0)
    with pytest.raises(StoreUnavailable, match="too long"):
        await desk.make_file(JOB, "accepted.xlsx")
    monkeypatch.undo()
    assert await desk.make_file(JOB, "accepted.xlsx") is True


async def test_there_are_three_reports_in_two_forms(desk: ImportDesk) -> None:
    for name in ("rejected.csv", "rejected.xlsx", "file.csv", "accepted", "accepted.part", "../map", ""):
        assert await desk.make_file(JOB, name) is True
        assert desk.open_file(JOB, name) is None

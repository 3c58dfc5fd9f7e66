"""The benchmark runs to its end and says what it found; how fast anything is, is not tested here."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench import targets
from bench.__main__ import parse_arguments
from tests.postgres import WHEEL
from tests.server import ROOT, environment

needs_postgres = pytest.mark.skipif(
    importlib.util.find_spec(WHEEL) is None, reason=f"the wheel {WHEEL} is not installed"
)
needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
# Books of a few dozen orders, rounds of a twentieth of a second: every part runs, no figure means anything.
TINY = ("--quick", "--own-client", "--seconds", "0.05", "--orders", "60")


@needs_compiler
def test_reads_and_appends_are_measured(tmp_path: Path) -> None:
    found = run_bench(tmp_path, *TINY, "--only", "plum,c,appends,mix,memory")
    assert [read["subject"] for read in found["reads"]] == ["plum"] * 2
    assert [read["native"] is not None for read in found["reads"]] == [False, True]
    duels = [read[name] for read in found["reads"] for name in ("hot", "cold", "body_read")]
    duels += found["c"].values()
    check_runs([duel[side] for duel in duels for side in ("read", "fixed")])
    appended = found["appends"]
    check_runs([appended["one"], appended["many"]])
    for name in ("one_by_one_in_process", "grouped_in_process", "bare_rows"):
        assert all(rate > 0 for rate in appended[f"{name}_per_second"]), name
    assert all(paced["errors"] == 0 and paced["read_p99_ms"] > 0 for paced in found["mix"]["paced"])
    assert found["memory"]["requests"] >= 3_000
    told = {result["what"] for result in found["results"]}
    wanted = (
        *(targets.READ_STORE, targets.READ_CACHED, targets.READ_RSGI, targets.READ_C, targets.APPEND_BARE),
        *(targets.APPEND_ONE, targets.MIX_TAIL, targets.MEMORY, targets.MEMORY_PEAK),
    )
    assert {target.what for target in wanted} == told


def test_lists_starts_and_files_are_measured(tmp_path: Path) -> None:
    found = run_bench(
        tmp_path, *TINY, "--listed", "10000", "--filed", "300", "--only", "lists,start,transfers"
    )
    assert found["lists"]["orders"] == [10_000, 10_000]
    assert len(found["lists"]["pages"]) > 5
    assert all(page["errors"] == 0 and page["ratio"] > 0 for page in found["lists"]["pages"])
    assert found["start"]["orders"] == 10_000
    assert len(found["start"]["seconds"]) > 1
    moved = found["transfers"]
    assert {one["what"] for one in moved["exports"]} == {"export jsonl", "export csv", "export parquet"}
    done_by = [*moved["exports"], *moved["imports"], *moved["inserts"]]
    assert all(one["orders"] == 300 and one["peak_memory_mb"] > 0 for one in done_by)
    told = {result["what"] for result in found["results"]}
    wanted = (targets.LIST_DEPTH, targets.LIST_SIZE, targets.START, targets.IMPORT, targets.IMPORT_MEMORY)
    assert {target.what for target in wanted} == told


@needs_postgres
def test_postgres_and_growing_books_are_measured(tmp_path: Path) -> None:
    found = run_bench(tmp_path, *TINY, "--grown", "2000", "--only", "postgres,growth")
    second = found["postgres"]
    assert [read["connections"] for read in second["reads"]] == [2, 64] * 2
    check_runs([read["hot"][side] for read in second["reads"] for side in ("read", "fixed")])
    check_runs([second["appends"][side] for side in ("one", "many")])
    check_runs([second["workers"][side] for side in ("one", "two")])
    # The system counts processor time in hundredths of a second: a short round may have used none.
    assert any(read["database_us"] > 0 for read in second["reads"])
    assert second["appends"]["bare_rows_per_second"] == []
    assert [growth["engine"].partition(" ")[0] for growth in found["growth"]] == ["SQLite", "PostgreSQL"]
    assert all(growth["orders"] == [1_000, 2_000] and growth["cost"] > 0 for growth in found["growth"])
    check_runs([growth[side] for growth in found["growth"] for side in ("small", "large")])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--only", "valomnia,fax"], "no fax"),
        (["--seconds", "0.5"], "whole seconds"),
        (["--orders", "3"], "at least 10 orders"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    options: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", *options])
    with pytest.raises(SystemExit) as ended:
        parse_arguments()
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def check_runs(sides: list[dict[str, Any]]) -> None:
    """Every run was answered, and never with an error."""
    assert sides
    assert all(run["requests"] > 0 and run["errors"] == 0 for side in sides for run in side["runs"])


def run_bench(folder: Path, *options: str) -> Any:
    """The figures of a run that leaves nothing else behind.

    Its temporary files are where the database's user can reach them.
    """
    figures = folder / "figures.json"
    before = leftovers()
    done = bench(*options, "--json", str(figures))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Every figure against its target" in done.stdout
    assert leftovers() <= before, "the benchmark left files behind"
    return json.loads(figures.read_text())


def leftovers() -> set[Path]:
    """The folders of runs that are there."""
    return set(Path("/tmp").glob("orderwire-bench-*"))


def bench(*options: str) -> subprocess.CompletedProcess[str]:
    """The command, run to its end."""
    return subprocess.run(
        [sys.executable, "-m", "bench", *options],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )

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

from tests.postgres import WHEEL
from tests.server import ROOT, environment

needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
needs_postgres = pytest.mark.skipif(
    importlib.util.find_spec(WHEEL) is None, reason=f"the wheel {WHEEL} is not installed"
)


@needs_wrk
def test_a_quick_run_prints_its_tables(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    options = ["--quick", "--orders", "200", "--rounds", "1", "--only", "valomnia,plum,appends"]
    done = subprocess.run(
        [sys.executable, "-m", "bench", *options, "--json", str(figures)],
        cwd=ROOT,
        env=environment({"TMPDIR": str(tmp_path)}),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for text in ("credential checked in the store", "credential cached", "64 clients", "Peak memory"):
        assert text in done.stdout
    found = json.loads(figures.read_text())
    assert [read["subject"] for read in found["reads"]] == ["valomnia", "plum"] * 2
    runs = [run for read in found["reads"] for side in ("read", "fixed") for run in read[side]["runs"]]
    runs += [run for side in ("one", "many") for run in found["appends"][side]["runs"]]
    assert all(run["requests"] > 0 and run["errors"] == 0 for run in runs)
    assert [path.name for path in tmp_path.iterdir()] == ["figures.json"], "the benchmark left files behind"


@needs_wrk
def test_lists_and_files_are_measured(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    options = ["--quick", "--listed", "10000", "--filed", "1000", "--only", "lists,transfers"]
    done = subprocess.run(
        [sys.executable, "-m", "bench", *options, "--json", str(figures)],
        cwd=ROOT,
        env=environment({"TMPDIR": str(tmp_path)}),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(figures.read_text())
    assert found["lists"]["orders"] == [10_000, 10_000]
    assert len(found["lists"]["pages"]) > 5
    assert all(page["errors"] == 0 and page["ratio"] > 0 for page in found["lists"]["pages"])
    moved = found["transfers"]
    assert {one["what"] for one in moved["exports"]} == {"export jsonl", "export csv", "export parquet"}
    done_by = [*moved["exports"], *moved["imports"], *moved["inserts"]]
    assert all(one["orders"] == 1_000 and one["peak_memory_mb"] > 0 for one in done_by)
    assert [path.name for path in tmp_path.iterdir()] == ["figures.json"], "the benchmark left files behind"


def test_a_subject_that_is_not_there_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--only", "valomnia,fax"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "no fax" in done.stderr


@needs_wrk
@needs_postgres
def test_postgres_is_measured(tmp_path: Path) -> None:
    found = run_bench(tmp_path, "--quick", "--orders", "200", "--only", "postgres")["postgres"]
    assert [read["connections"] for read in found["reads"]] == [2, 64] * 2
    sides = [read[side] for read in found["reads"] for side in ("read", "fixed")]
    sides += [found["appends"][side] for side in ("one", "many")]
    sides += [found["workers"][side] for side in ("one", "two")]
    assert all(run["requests"] > 0 and run["errors"] == 0 for side in sides for run in side["runs"])
    assert all(read["database_us"] > 0 for read in found["reads"])


@needs_wrk
@needs_postgres
def test_growing_books_are_measured(tmp_path: Path) -> None:
    found = run_bench(tmp_path, "--quick", "--grown", "2000", "--only", "growth")["growth"]
    assert [growth["engine"].partition(" ")[0] for growth in found] == ["SQLite", "PostgreSQL"]
    assert all(growth["orders"] == [1_000, 2_000] and growth["cost"] > 0 for growth in found)
    sides = [growth[side] for growth in found for side in ("small", "large")]
    assert all(run["requests"] > 0 and run["errors"] == 0 for side in sides for run in side["runs"])


def run_bench(folder: Path, *options: str) -> Any:
    """The figures of a run; its temporary files are where the database's user can reach them."""
    figures = folder / "figures.json"
    done = subprocess.run(
        [sys.executable, "-m", "bench", *options, "--json", str(figures)],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(figures.read_text())

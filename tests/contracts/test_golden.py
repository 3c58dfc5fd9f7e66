"""Every golden of every contract, replayed against a running demo on each engine."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.golden import check_json, matches, read_golden
from tests.server import Service

HERE = Path(__file__).parent
GOLDENS = sorted(HERE.glob("*/golden/*.http"))


@pytest.fixture(scope="session")
def variables(each_demo: Service) -> dict[str, str]:
    """What goldens may name: the keys of `demo --describe`, where it serves, and the contracts' own."""
    found = {"url": each_demo.url, "host": each_demo.host}
    for contract, described in each_demo.describe.items():
        found.update({f"{contract}.{key}": str(value) for key, value in described.items()})
    for path in sorted(HERE.glob("*/golden_variables.py")):
        module: Any = importlib.import_module(f"tests.contracts.{path.parent.name}.golden_variables")
        found.update(module.variables(each_demo))
    return found


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_answers_as_the_document_says(path: Path, each_demo: Service, variables: Mapping[str, str]) -> None:
    golden = read_golden(path, variables)
    answer = each_demo.request(golden.method, golden.path, golden.headers, golden.body)
    assert answer.status == golden.status, answer.body
    for name, value in golden.expected_headers:
        sent = [found for key, found in answer.headers if key == name.lower()]
        assert any(matches(value, found) for found in sent), f"{name}: {sent} is not {value}"
    for name in golden.absent_headers:
        assert answer.header(name) is None
    body = answer.body.decode()
    if "json" in (answer.header("content-type") or ""):
        check_json(golden.expected_body, body)
    else:
        assert matches(golden.expected_body, body), body


def test_every_contract_has_goldens() -> None:
    folders = {
        path.name for path in (HERE.parent.parent / "src/orderwire/contracts").iterdir() if path.is_dir()
    }
    folders.discard("__pycache__")
    assert {path.parent.parent.name for path in GOLDENS} == folders

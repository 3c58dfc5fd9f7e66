"""schemathesis over the whole native API: what is described is what is served.

SCHEMATHESIS_EXAMPLES is how many examples each operation gets (20), SCHEMATHESIS_SEED a number to draw
others by; without it they are the same each time.
"""

from __future__ import annotations

import hashlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.server import ROOT, Service, environment

from .schemathesis_hooks import SEEDS_VARIABLE

HERE = Path(__file__).parent
EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "20"))
SEED = os.environ.get("SCHEMATHESIS_SEED")
# More examples, more time; the run itself takes a fraction of it.
RUN_SECONDS = 60 + 20 * EXAMPLES
IMPORT_SECONDS = 20.0
# Its warnings that mean a part of the API was not reached at all.
UNREACHED = ("missing_auth", "method_not_allowed", "unused_openapi_auth", "missing_test_data")


def seed(service: Service, token: str) -> dict[str, Any]:
    """An order, a party and an import that has ended, for requests to ask for."""
    auth = {"Authorization": f"Bearer {token}"}
    head = {**auth, "Content-Type": "application/json"}
    order = service.request("POST", "/v1/orders", head, json.dumps({"names": {"reference": "R-1"}}))
    party = service.request(
        "POST", "/v1/parties", head, json.dumps({"role": "customer", "party": {"name": "Lindgren AB"}})
    )
    form = (
        '--x\r\nContent-Disposition: form-data; name="file"; filename="orders.jsonl"\r\n\r\n'
        '{"names": {"reference": "R-2"}}\n{"kind": "none"}\n\r\n--x--\r\n'
    )
    group = service.request(
        "POST", "/v1/group-orders", {**auth, "Content-Type": "multipart/form-data; boundary=x"}, form
    )
    assert (order.status, party.status, group.status) == (201, 201, 202)
    path = f"/v1/group-orders/{group.json()['id']}"
    end = time.monotonic() + IMPORT_SECONDS
    while service.request("GET", path, auth).json()["state"] not in ("done", "failed"):
        assert time.monotonic() < end, "the import does not end"
        select.select([], [], [], 0.05)
    ids = {
        "/v1/orders": order.json()["id"],
        "/v1/parties": party.json()["id"],
        "/v1/group-orders": group.json()["id"],
    }
    return {"ids": ids, "token_id": hashlib.sha256(token.encode()).hexdigest()[:16]}


@pytest.mark.timeout(RUN_SECONDS + 60)
def test_schemathesis_finds_nothing(start_service: Callable[..., Service], tmp_path: Path) -> None:
    service = start_service()
    token = service.describe["native"]["token"]
    report = tmp_path / "report.json"
    arguments = [
        *("--config-file", str(HERE / "schemathesis.toml")),
        *("run", f"{service.url}/openapi/native.json", "--no-color", "--checks", "all"),
        *("--phases", "examples,coverage,fuzzing,stateful", "--max-examples", str(EXAMPLES)),
        *(("--seed", SEED) if SEED else ("--generation-deterministic",)),
        *("--header", f"Authorization: Bearer {token}"),
        *("--report", "json", "--report-json-path", str(report)),
    ]
    done = subprocess.run(
        [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", *arguments],
        cwd=tmp_path,
        env={
            **environment(),
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")]),
            "SCHEMATHESIS_HOOKS": "tests.contracts.native.schemathesis_hooks",
            SEEDS_VARIABLE: json.dumps(seed(service, token)),
        },
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    found = json.loads(report.read_text())
    assert found["complete"]
    assert (found["failures"], found["errors"]) == ([], [])
    assert found["operations"]["tested"] == found["operations"]["total"] > 0
    assert {phase: one["status"] for phase, one in found["phases"].items()} == dict.fromkeys(
        ("examples", "coverage", "fuzzing", "stateful"), "success"
    )
    assert {name: found["warnings"][name] for name in UNREACHED} == {name: [] for name in UNREACHED}
    # Each operation did what it is for.
    accepted = {
        label: sum(phase["accepted"] for phase in phases.values())
        for label, phases in found["valid_rates"].items()
    }
    assert [label for label, count in accepted.items() if not count] == []

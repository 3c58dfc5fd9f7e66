"""kill -9 at random instants under load: nothing acknowledged is lost or doubled, nothing is half there.

`make torture` kills a hundred times on each engine; ORDERWIRE_TEST_KILLS says how often, and
ORDERWIRE_TEST_SEED at which instants.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.server import Service
from tests.stores import POSTGRES, SQLITE

from .torture import Torture

KILLS = int(os.environ.get("ORDERWIRE_TEST_KILLS", "8"))
SEED = int(os.environ.get("ORDERWIRE_TEST_SEED", "20141220"))
# A kill, the next start and what lies between take seconds on a slow machine.
pytestmark = pytest.mark.timeout(180 + 20 * KILLS)


@pytest.mark.stores(SQLITE, POSTGRES)
def test_kills_of_the_service(database: str, serve: Callable[..., Service]) -> None:
    torture = Torture(serve(), database, SEED)
    verdict = torture.run(KILLS)
    print(torture.report())
    assert verdict == []
    assert len(torture.ledger.asked) > 20 * KILLS


@pytest.mark.stores(POSTGRES)
def test_kills_of_one_of_two_workers_and_of_both(database: str, serve: Callable[..., Service]) -> None:
    torture = Torture(serve({"ORDERWIRE_WORKERS": "2"}), database, SEED + 1)
    verdict = torture.run(KILLS)
    print(torture.report())
    assert verdict == []
    assert len(torture.ledger.asked) > 20 * KILLS
    assert torture.workers_killed
    assert torture.parents_killed

"""What a run of the benchmark is told to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .load import Generator
from .machine import Cores
from .seed import Seeded
from .subjects import Order


@dataclass(frozen=True)
class Setup:
    """`rounds` of `seconds` each, over `connections` connections; `folder` holds files that go afterwards."""

    rounds: int
    seconds: float
    connections: int
    folder: Path
    cores: Cores
    generator: Generator


@dataclass(frozen=True)
class Plan(Setup):
    """... with the seeded book and the orders to ask for."""

    seeded: Seeded
    # Those asked for again and again, and those of which none is asked for twice in a round.
    orders: list[Order]
    cold: list[Order]

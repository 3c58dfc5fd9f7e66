"""Rounds: one side of a comparison after the other, so that what disturbs the machine meets all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from .load import Run
from .machine import Place, Server
from .plan import Setup

# A server that was at work for less than this part of a round was not what limited the rate.
BUSY_ENOUGH = 0.9


@dataclass
class Rounds:
    """What one side gave, round by round: its runs, and the processor seconds that its server used."""

    runs: list[Run] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)

    @property
    def rates(self) -> list[float]:
        """Answers a second, by round."""
        return [run.rate for run in self.runs]

    @property
    def cpu_us(self) -> float:
        """Microseconds of the server's processor time for one answer: the median of the rounds."""
        return median(self.each_cpu_us)

    @property
    def each_cpu_us(self) -> list[float]:
        """The same of each round."""
        pairs = zip(self.cpu_seconds, self.runs, strict=True)
        return [seconds / max(1, run.requests) * 1e6 for seconds, run in pairs]

    @property
    def busy(self) -> float:
        """How much of the time the server was at work: far below 1, something else held it up."""
        return median(used / run.seconds for used, run in zip(self.cpu_seconds, self.runs, strict=True))

    @property
    def errors(self) -> int:
        """Answers that were errors, and connections that failed."""
        return sum(run.errors for run in self.runs)

    def json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "per_second": median(self.rates),
            "cpu_us": self.cpu_us,
            "busy": self.busy,
            "runs": [asdict(run) for run in self.runs],
        }


@dataclass
class Lane:
    """One side: who is asked what, over how many connections, and where the rounds are kept.

    Every round goes on with the request after the last one of the round before. `used` tells what somebody
    besides the server (a database) has used so far, in seconds; its microseconds for each request are in
    `beside_us`.
    """

    server: Server
    requests: Path
    rounds: Rounds = field(default_factory=Rounds)
    connections: int = 0
    used: Callable[[], float] | None = None
    beside_us: list[float] = field(default_factory=list)
    _sent: int = 0

    def run(self, setup: Setup, seconds: float, place: Place) -> Run:
        """Keep the server busy for so many seconds; what it gave does not count."""
        run = setup.generator.run(
            self.server.port,
            self.requests,
            self.connections or setup.connections,
            seconds,
            place,
            self._sent,
        )
        self._sent += run.requests
        return run

    def measure(self, setup: Setup, place: Place) -> None:
        """One round."""
        before, used = self.server.cpu_seconds(), self.used() if self.used else 0.0
        run = self.run(setup, setup.seconds, place)
        self.rounds.runs.append(run)
        self.rounds.cpu_seconds.append(self.server.cpu_seconds() - before)
        if self.used is not None:
            self.beside_us.append((self.used() - used) / max(1, run.requests) * 1e6)


def alternate(
    setup: Setup,
    lanes: Sequence[Lane],
    also: Callable[[], None] | None = None,
    place: Place = None,
) -> None:
    """All rounds of all lanes; after each of them `also`, for what is measured without a server.

    Whoever goes first in one round goes last in the next, so that a drift favours nobody. Load comes from
    `place`, or from its own core.
    """
    for number in range(setup.rounds):
        for lane in lanes if number % 2 == 0 else lanes[::-1]:
            lane.measure(setup, setup.cores.load if place is None else place)
        if also is not None:
            also()


def over(some: float, base: float) -> float:
    """`some` over `base`; 0 where `base` was too little to be told, as processor time of short rounds is."""
    return some / base if base else 0.0


@dataclass(frozen=True)
class Duel:
    """A service's rounds beside those of a reference, in pairs."""

    read: Rounds
    fixed: Rounds

    @property
    def ratios(self) -> list[float]:
        """The service over the reference, by round; without those in which the reference stood still."""
        return [a / b for a, b in zip(self.read.rates, self.fixed.rates, strict=True) if b] or [0.0]

    @property
    def ratio(self) -> float:
        """The median of the rounds."""
        return median(self.ratios)

    @property
    def cpu_ratio(self) -> float:
        """The same by the processor time of both servers, which other programs hardly disturb."""
        return over(self.fixed.cpu_us, self.read.cpu_us)

    @property
    def is_disturbed(self) -> bool:
        """True when a server had to wait (for its core, for the load generator): rates then say little."""
        return min(self.read.busy, self.fixed.busy) < BUSY_ENOUGH

    @property
    def judged(self) -> float:
        """The ratio that is held against the target."""
        return self.cpu_ratio if self.is_disturbed else self.ratio

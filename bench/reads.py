"""Reads through each contract against fixed bytes of the same size on the same server, round by round."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from .load import Run, write_requests
from .machine import Server
from .plan import Plan
from .reference import READ
from .subjects import Constant, Subject, look_at_answers

# A server that was at work for less than this part of a round was not what limited the rate.
BUSY_ENOUGH = 0.9


@dataclass(frozen=True)
class Pass:
    """How credentials are checked while reads are measured."""

    name: str
    target: float
    env: dict[str, str]


IN_STORE = Pass("credential checked in the store", 0.45, {"ORDERWIRE_CREDENTIAL_CACHE_MS": "0"})
CACHED = Pass("credential cached (default)", 0.55, {})


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
        pairs = zip(self.cpu_seconds, self.runs, strict=True)
        return median(seconds / max(1, run.requests) for seconds, run in pairs) * 1e6

    @property
    def busy(self) -> float:
        """How much of the time the server was at work: far below 1, something else held it up."""
        return median(used / run.seconds for used, run in zip(self.cpu_seconds, self.runs, strict=True))

    @property
    def errors(self) -> int:
        """Answers that were errors, and connections that failed."""
        return sum(run.errors for run in self.runs)


@dataclass(frozen=True)
class Read:
    """One subject's figures in one pass."""

    subject: Subject
    size: Constant
    read: Rounds
    fixed: Rounds
    fixed_read: Rounds | None

    @property
    def ratios(self) -> list[float]:
        """Reads over fixed bytes, by round."""
        return [a / b for a, b in zip(self.read.rates, self.fixed.rates, strict=True)]

    @property
    def ratio(self) -> float:
        """The median of the rounds."""
        return median(self.ratios)

    @property
    def cpu_ratio(self) -> float:
        """The same by the processor time of both servers, which other programs hardly disturb."""
        return self.fixed.cpu_us / self.read.cpu_us

    @property
    def cpu_ratio_read(self) -> float | None:
        """The same against a reference that reads the request's body, too; None for one without a body."""
        return None if self.fixed_read is None else self.fixed_read.cpu_us / self.read.cpu_us

    @property
    def is_disturbed(self) -> bool:
        """True when a server had to wait (for its core, for the load generator): rates then say little."""
        return min(self.read.busy, self.fixed.busy) < BUSY_ENOUGH

    @property
    def judged(self) -> float:
        """The ratio that is held against the target."""
        return self.cpu_ratio if self.is_disturbed else self.ratio


def measure_reads(plan: Plan, server: Server, subjects: Sequence[Subject]) -> list[Read]:
    """The subjects' figures on one server."""
    sizes = {s.name: look_at_answers(server, s, plan.orders) for s in subjects}
    arguments = ["bench.reference", "--answers", str(write_answers(plan, sizes))]
    with Server(arguments, plan.folder, plan.cores.server, {}) as reference:
        return [_measure(plan, s, sizes[s.name], server, reference) for s in subjects]


def write_answers(plan: Plan, sizes: dict[str, Constant]) -> Path:
    """The file that the reference server takes its answers from."""
    path = plan.folder / "answers.json"
    answers = {name: {"headers": size.headers, "body": size.body} for name, size in sizes.items()}
    path.write_text(json.dumps(answers))
    return path


def _measure(plan: Plan, subject: Subject, size: Constant, server: Server, reference: Server) -> Read:
    asks = [subject.ask(order) for order in plan.orders]
    own = write_requests(plan.folder / "read", [ask.text for ask in asks])
    path = f"/{subject.name}"
    fixed = write_requests(plan.folder / "fixed", [ask.text_for(path) for ask in asks])
    read = Read(subject, size, Rounds(), Rounds(), Rounds() if asks[0].body else None)
    sides = [(reference, fixed, read.fixed), (server, own, read.read)]
    if read.fixed_read is not None:
        texts = [ask.text_for(path + READ) for ask in asks]
        sides.append((reference, write_requests(plan.folder / "fixed-read", texts), read.fixed_read))
    for number in range(plan.rounds):
        # Whoever goes first in one round goes last in the next, so that a drift favours nobody.
        for side, requests, rounds in sides if number % 2 == 0 else sides[::-1]:
            before = side.cpu_seconds()
            run = plan.generator.run(side.port, requests, plan.connections, plan.seconds, plan.cores.load)
            rounds.runs.append(run)
            rounds.cpu_seconds.append(side.cpu_seconds() - before)
    return read

"""Reads through each contract against fixed bytes of the same size on the same server, round by round."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .load import write_requests
from .machine import Server
from .plan import Plan
from .reference import READ
from .rounds import Duel, Lane, alternate
from .subjects import Ask, Constant, Order, Subject, look_at_answers
from .targets import READ_CACHED, READ_RSGI, READ_STORE, Result, Target

# What is asked for again and again is asked for this long before it is measured.
WARM_SECONDS = 1.0
DISTURBED = "by CPU"


@dataclass(frozen=True)
class Pass:
    """How credentials are checked while reads are measured."""

    name: str
    short: str
    target: Target
    env: dict[str, str]


IN_STORE = Pass(
    "credential checked in the store", "in the store", READ_STORE, {"ORDERWIRE_CREDENTIAL_CACHE_MS": "0"}
)
CACHED = Pass("credential cached (default)", "cached", READ_CACHED, {})


@dataclass(frozen=True)
class Read:
    """One subject's figures in one pass: orders asked for again and again (hot), and orders asked for once a
    round at most (cold); both beside fixed bytes, and the hot ones beside more demanding references."""

    subject: Subject
    size: Constant
    hot: Duel
    cold: Duel | None = None
    # The reference reads the request's body, too; None for a request without one.
    body_read: Duel | None = None
    # Fixed bytes over the server's native interface.
    native: Duel | None = None
    # Fixed bytes from a server whose threads take turns as the service's do.
    in_turns: Duel | None = None


def measure_reads(
    plan: Plan,
    server: Server,
    subjects: Sequence[Subject],
    *,
    is_native: bool = False,
    is_hot_only: bool = False,
) -> list[Read]:
    """The subjects' figures on one server; `is_native` compares with fixed bytes over RSGI, too."""
    sizes = {s.name: look_at_answers(server, s, plan.orders) for s in subjects}
    arguments = ["bench.reference", "--answers", str(write_answers(plan, sizes))]
    found = []
    with contextlib.ExitStack() as servers:

        def start(*more: str) -> Server:
            return servers.enter_context(Server([*arguments, *more], plan.folder, plan.cores.server, {}))

        reference, in_turns = start(), start("--in-turns")
        native = start("--interface", "rsgi") if is_native else None
        for subject in subjects:
            asked = Asked(plan, subject)
            hot = asked.lanes(server, reference, plan.orders)
            hot["in_turns"] = asked.fixed(in_turns, plan.orders)
            if native is not None:
                hot["native"] = asked.fixed(native, plan.orders)
            if asked.has_body:
                hot["body_read"] = asked.fixed(reference, plan.orders, READ)
            hot["read"].run(plan, min(WARM_SECONDS, plan.seconds), plan.cores.load)
            alternate(plan, list(hot.values()))
            cold = None
            if not is_hot_only:
                cold = asked.lanes(server, reference, plan.cold)
                alternate(plan, list(cold.values()))
            found.append(_read(subject, sizes[subject.name], hot, cold))
    return found


def _read(subject: Subject, size: Constant, hot: dict[str, Lane], cold: dict[str, Lane] | None) -> Read:
    def beside(name: str) -> Duel | None:
        return Duel(hot["read"].rounds, hot[name].rounds) if name in hot else None

    return Read(
        subject,
        size,
        Duel(hot["read"].rounds, hot["fixed"].rounds),
        None if cold is None else Duel(cold["read"].rounds, cold["fixed"].rounds),
        beside("body_read"),
        beside("native"),
        beside("in_turns"),
    )


class Asked:
    """What is sent to measure one subject."""

    def __init__(self, plan: Plan, subject: Subject) -> None:
        self._plan = plan
        self._subject = subject
        self._files = 0

    @property
    def has_body(self) -> bool:
        """Whether the subject's requests have a body."""
        return bool(self._subject.ask(self._plan.orders[0]).body)

    def lanes(self, server: Server, reference: Server, orders: Sequence[Order]) -> dict[str, Lane]:
        """The reference and the service, asked for these orders."""
        own = Lane(server, self._write(orders, lambda ask: ask.text))
        return {"fixed": self.fixed(reference, orders), "read": own}

    def fixed(self, reference: Server, orders: Sequence[Order], suffix: str = "") -> Lane:
        """A reference, given requests of the same length."""
        path = f"/{self._subject.name}{suffix}"
        return Lane(reference, self._write(orders, lambda ask: ask.text_for(path)))

    def _write(self, orders: Sequence[Order], text: Callable[[Ask], bytes]) -> Path:
        self._files += 1
        path = self._plan.folder / f"{self._subject.name}-{self._files}"
        return write_requests(path, [text(self._subject.ask(order)) for order in orders])


def write_answers(plan: Plan, sizes: dict[str, Constant]) -> Path:
    """The file that the reference server takes its answers from."""
    path = plan.folder / "answers.json"
    answers = {name: {"headers": size.headers, "body": size.body} for name, size in sizes.items()}
    path.write_text(json.dumps(answers))
    return path


def result(target: Target, subject: str, duel: Duel) -> Result:
    """A duel held against its target: by processor time where a server had to wait."""
    if duel.is_disturbed:
        return Result(target, subject, duel.ratios, duel.cpu_ratio, DISTURBED)
    return Result(target, subject, duel.ratios)


def reads_results(how: Pass, reads: Sequence[Read]) -> list[Result]:
    """The rows of one pass."""
    found = []
    for read in reads:
        name = read.subject.name
        found.append(result(how.target, f"{name}, hot", read.hot))
        if read.cold is not None:
            found.append(result(how.target, f"{name}, cold", read.cold))
        if read.native is not None:
            found.append(result(READ_RSGI, f"{name}, hot", read.native))
    return found

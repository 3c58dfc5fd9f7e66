"""Reads of one order against a C program that does the same two reads of the same book (`reference_c/`)."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .load import write_requests
from .machine import Server
from .plan import Plan
from .reads import WARM_SECONDS, result
from .rounds import Duel, Lane, alternate
from .subjects import Ask, named
from .targets import READ_C, Result

SOURCE = Path(__file__).with_name("reference_c") / "reads.c"
BUILD_SECONDS = 120


class CannotBuild(Exception):
    """There is no C program to compare with; the message says why."""


@dataclass(frozen=True)
class AgainstC:
    """The native read beside the C program, of orders asked for again and again, and of others."""

    hot: Duel
    cold: Duel

    def results(self) -> list[Result]:
        """The rows."""
        return [result(READ_C, "native, hot", self.hot), result(READ_C, "native, cold", self.cold)]


def build(folder: Path) -> Path:
    """The program, built in `folder`. Raises CannotBuild."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise CannotBuild("there is no C compiler (cc)")
    program, said = folder / "reads", ""
    for library in ("-lsqlite3", *_loaded_library()):
        done = subprocess.run(
            [compiler, "-O2", "-o", str(program), str(SOURCE), library],
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
            check=False,
        )
        if done.returncode == 0:
            return program
        said = done.stderr
    raise CannotBuild(f"the C program can't be built: {said[-500:]}")


def _loaded_library() -> list[str]:
    """The file of the SQLite that Python's own module uses, where it is a library by itself."""
    maps = Path("/proc/self/maps").read_text().split()
    return sorted({path for path in maps if path.startswith("/") and "libsqlite3" in path})


def measure_c(plan: Plan, service: Server) -> AgainstC:
    """The service, which checks credentials in the store, beside the program. Raises CannotBuild."""
    program = build(plan.folder)
    database = [str(plan.seeded.database)]
    with Server(database, plan.folder, plan.cores.server, {}, program=program) as reference:
        duels = []
        for orders, is_hot in ((plan.orders, True), (plan.cold, False)):
            asks = [named("native").ask(order) for order in orders]
            _check(reference, asks[0])
            requests = write_requests(plan.folder / "read-c", [ask.text for ask in asks])
            fixed, read = Lane(reference, requests), Lane(service, requests)
            if is_hot:
                read.run(plan, min(WARM_SECONDS, plan.seconds), plan.cores.load)
            alternate(plan, [fixed, read])
            duels.append(Duel(read.rounds, fixed.rounds))
    return AgainstC(*duels)


def _check(reference: Server, ask: Ask) -> None:
    status, _, body = reference.request(ask.method, ask.target, ask.headers)
    if status != 200 or not body.startswith(b"{"):
        raise SystemExit(f"the C program gave {status} {body[:500]!r}")
    if (refused := reference.request(ask.method, ask.target, [("Authorization", "Bearer no")])[0]) != 401:
        raise SystemExit(f"the C program gave {refused} for a token that is none")

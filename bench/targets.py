"""What is wanted of each figure: the one place where targets and goals stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Target:
    """What a figure should come to: `first` to begin with, `goal` in the end (None: no more is asked for).

    With `at_most` smaller figures are better, otherwise larger ones. `form` is that of the figure as text.
    """

    what: str
    reference: str
    first: float
    goal: float | None = None
    at_most: bool = False
    form: str = ".3f"
    unit: str = ""

    def is_met(self, figure: float, wanted: float | None) -> bool | None:
        """Whether the figure is as good as `wanted`; None where nothing is wanted."""
        if wanted is None:
            return None
        return figure <= wanted if self.at_most else figure >= wanted

    def told(self, figure: float | None) -> str:
        """A figure of this kind, for people."""
        return "" if figure is None else f"{figure:{self.form}}{self.unit}"


READ_STORE = Target("read, credential checked in the store", "fixed bytes", 0.50, 0.65)
READ_CACHED = Target("read, credential cached", "fixed bytes", 0.60, 0.75)
READ_RSGI = Target("read, credential cached", "fixed bytes over RSGI", 0.60, 0.75)
READ_C = Target("read, credential checked in the store", "C program", 0.35, 0.50)
APPEND_BARE = Target("appends, 64 clients", "rows in process, bare", 0.40, 0.65)
APPEND_ONE = Target("appends, 64 clients", "1 client", 2.5, form=".2f")
MIX_TAIL = Target("p99 of reads, 90/10, 70 % load", "their p50", 8.0, 4.0, at_most=True, form=".1f", unit="x")
GROWTH = Target("read by id, large book", "1,000 orders", 1.3, 1.15, at_most=True, form=".2f", unit="x")
LIST_DEPTH = Target("page 1,000, large book", "page 1", 2.0, 1.2, at_most=True, form=".2f", unit="x")
LIST_SIZE = Target("page of a large book", "10,000 orders", 0.8, form=".2f")
POSTGRES_READ = Target("read on PostgreSQL", "fixed bytes", 0.40, 0.50)
POSTGRES_APPEND = Target("appends on PostgreSQL, 64 clients", "1 client", 3.0, form=".2f")
POSTGRES_WORKERS = Target("two workers on PostgreSQL", "one", 1.6, form=".2f")
IMPORT = Target("import with validation", "insert of the same rows", 0.25, 0.50)
IMPORT_RATE = Target("import with validation", "", 5_000, form=",.0f", unit="/s")
IMPORT_MEMORY = Target("peak memory of an import", "", 200, at_most=True, form=".0f", unit=" MB")
START = Target("start to first answer", "", 1.0, 0.4, at_most=True, form=".2f", unit=" s")
MEMORY = Target("memory after 10^6 requests", "after 10^3", 1.1, 1.02, at_most=True, unit="x")
MEMORY_PEAK = Target("peak memory of the service", "", 150, at_most=True, form=".0f", unit=" MB")

# In the sort in which they are told.
ALL = (
    *(READ_STORE, READ_CACHED, READ_RSGI, READ_C, APPEND_BARE, APPEND_ONE, MIX_TAIL, GROWTH, LIST_DEPTH),
    *(LIST_SIZE, POSTGRES_READ, POSTGRES_APPEND, POSTGRES_WORKERS, IMPORT, IMPORT_RATE, IMPORT_MEMORY),
    *(START, MEMORY, MEMORY_PEAK),
)


@dataclass(frozen=True)
class Result:
    """A figure held against its target: of `subject`, its rounds (or the figure itself), and a remark.

    `judged` is the figure that counts where it is not the median of the rounds, and `remark` then says why.
    """

    target: Target
    subject: str
    rounds: Sequence[float]
    judged: float | None = None
    remark: str = ""

    @property
    def figure(self) -> float:
        """The figure that is held against the target."""
        return median(self.rounds) if self.judged is None else self.judged

    @property
    def is_first_met(self) -> bool:
        """Whether the first target is met."""
        return bool(self.target.is_met(self.figure, self.target.first))

    @property
    def is_goal_met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        return self.target.is_met(self.figure, self.target.goal)

    def json(self) -> dict[str, Any]:
        """For programs."""
        return {
            **asdict(self.target),
            "subject": self.subject,
            "figure": self.figure,
            "rounds": list(self.rounds),
            "remark": self.remark,
            "met": self.is_first_met,
            "goal_met": self.is_goal_met,
        }

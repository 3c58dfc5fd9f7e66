"""Many pieces of work in one transaction, side by side: what they ask for next is one statement.

A piece of work is a coroutine that awaits nothing but rows. A batch runs each up to its next question,
asks the questions that are alike together (`vectors`), and hands the rows out. A work that has written
a row holds it: whoever asks for that row waits until the work is done, as it would wait for another
transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import Select

from .compiling import Statement
from .rows import Row
from .vectors import Key, Vector, key_of, vectorise
from .verbs import Writes

# Longer than any column: nothing is found under it.
NOWHERE = "?" * 2_000


def findable(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values of a query, with a text in place of those that hold a NUL: PostgreSQL has no such texts
    and takes none, and what can't be kept is found nowhere."""
    for value in values:
        if type(value) is str and "\0" in value:
            return tuple([NOWHERE if isinstance(one, str) and "\0" in one else one for one in values])
    return values


class Connection(Protocol):
    """What a batch needs of a connection."""

    async def rows(self, statement: Statement, values: Sequence[Any]) -> Sequence[Row]: ...
    async def count(self, statement: Statement, values: Sequence[Any]) -> int: ...


class Tangled(Exception):
    """Works wait for rows that others of them hold, each for another's."""


class WorkFailed(Exception):
    """A work of the batch raised; nothing of the batch may be kept."""

    def __init__(self, work: Work, error: Exception) -> None:
        super().__init__(error)
        self.work = work
        self.error = error


@dataclass(slots=True)
class Ask:
    """What a work asks for next; awaiting it gives the rows. With `is_many` the values are arrays, and
    the answer is how many rows were written."""

    statement: Statement
    values: Sequence[Any]
    is_many: bool = False

    def __await__(self) -> Generator[Ask, Any, Any]:
        return (yield self)


class AskingTransaction(Writes):
    """The verbs of a transaction, each statement put as an `Ask` to whoever runs the work."""

    async def rows(self, statement: Statement, *values: Any) -> Sequence[Row]:
        asked = values if plan_of(statement).writes else findable(values)
        found: Sequence[Row] = await Ask(statement, asked)
        return found

    async def insert_many(self, statement: Statement, many: Iterable[Sequence[Any]]) -> int:
        columns = list(zip(*many, strict=True))
        count: int = await Ask(statement, columns, is_many=True) if columns else 0
        return count


@dataclass(slots=True, eq=False)
class Work:
    """One piece of work: what it asks next (None at its end), the rows it holds, what it gave."""

    start: Callable[[AskingTransaction], Coroutine[Any, Any, Any]]
    coroutine: Coroutine[Any, Any, Any] | None = None
    ask: Ask | None = None
    held: set[Any] = field(default_factory=set)
    result: Any = None

    def begin(self, transaction: AskingTransaction) -> None:
        """Run from the beginning up to the first question. Raises WorkFailed."""
        if self.coroutine is not None:
            self.coroutine.close()
        self.coroutine = self.start(transaction)
        self.held.clear()
        self.go_on(None)

    def go_on(self, answer: Any) -> None:
        """Hand in what was asked for, and run up to the next question or the end. Raises WorkFailed."""
        assert self.coroutine is not None
        try:
            self.ask = self.coroutine.send(answer)
        except StopIteration as stop:
            self.ask, self.result = None, stop.value
            return
        except Exception as error:
            raise WorkFailed(self, error) from error
        if not isinstance(self.ask, Ask):
            # Whatever it waits for: the batch waits for it, and it may have happened when it is run again.
            self.coroutine.close()
            raise WorkFailed(self, RuntimeError("a transaction may await nothing but its own statements"))


@dataclass(frozen=True, slots=True)
class Plan:
    """What a batch knows of a statement."""

    vector: Vector | None
    key: Key | None
    writes: bool

    def share(self, rows: Sequence[Row], asked: Sequence[Sequence[Any]]) -> list[Sequence[Row]]:
        """The rows of a vector, given to those who asked."""
        assert self.vector is not None
        if not self.vector.is_insert:
            answers: list[list[Row]] = [[] for _ in asked]
            for row in rows:
                answers[row[-1] - 1].append(row[:-1])
            return list(answers)
        if self.key is None:
            return [[] for _ in asked]
        written = {tuple(row) for row in rows}
        keys = [self.key.of(values)[1] for values in asked]
        return [[key] if key in written else [] for key in keys]


_plans: dict[str, Plan] = {}


def plan_of(statement: Statement) -> Plan:
    """What a batch knows of the statement; found out once."""
    plan = _plans.get(statement.name)
    if plan is None:
        writes = not isinstance(statement.clause, Select)
        vector = None if statement.is_scattered else vectorise(statement)
        plan = _plans[statement.name] = Plan(vector, key_of(statement), writes)
    return plan


class Batch:
    """Works side by side in the transaction of a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._holders: dict[Any, Work] = {}

    async def run(self, works: Sequence[Work]) -> None:
        """Run all to their end. Raises WorkFailed, Tangled, and what the connection raises."""
        transaction = AskingTransaction()
        for work in works:
            work.begin(transaction)
        active = [work for work in works if work.ask is not None]
        while active:
            for work, answer in await self._answer(self._choose(active)):
                work.go_on(answer)
                if work.ask is None:
                    for key in work.held:
                        del self._holders[key]
            active = [work for work in active if work.ask is not None]

    def _choose(self, active: Sequence[Work]) -> list[Work]:
        """Works with the same question about rows that nobody else holds: the question of most of them,
        so that works of one kind stay together."""
        groups: dict[str, list[Work]] = {}
        about: set[Any] = set()
        for work in active:
            ask = work.ask
            assert ask is not None
            if ask.is_many:
                groups.setdefault(f"{id(work)}", []).append(work)
                continue
            plan = plan_of(ask.statement)
            if plan.key is not None:
                key = plan.key.of(ask.values)
                if self._holders.get(key, work) is not work or (plan.writes and key in about):
                    continue
                if plan.writes:
                    about.add(key)
            groups.setdefault(ask.statement.name, []).append(work)
        if not groups:
            raise Tangled
        return max(groups.values(), key=len)

    async def _answer(self, asking: Sequence[Work]) -> list[tuple[Work, Any]]:
        asks = [work.ask for work in asking if work.ask is not None]
        statement = asks[0].statement
        plan = plan_of(statement)
        if asks[0].is_many:
            assert plan.vector is not None, statement.name
            return [(asking[0], await self._connection.count(plan.vector.statement, asks[0].values))]
        asked = [ask.values for ask in asks]
        if len(asked) == 1 or plan.vector is None:
            answers = [await self._connection.rows(statement, values) for values in asked]
        else:
            rows = await self._connection.rows(plan.vector.statement, list(zip(*asked, strict=True)))
            answers = plan.share(rows, asked)
        if plan.writes and plan.key is not None:
            for work, values in zip(asking, asked, strict=True):
                key = plan.key.of(values)
                self._holders[key] = work
                work.held.add(key)
        return list(zip(asking, answers, strict=True))

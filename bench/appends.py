"""Stages appended by many clients at once, against what single durable commits give."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from statistics import median

import uvloop

from orderwire import app
from orderwire.book.callers import RIGHTS, Caller
from orderwire.book.operations import append_stage
from orderwire.book.orders import Order as BookOrder
from orderwire.book.stages import NewStage
from orderwire.book.store import Book

from . import seed
from .load import request_text, write_requests
from .machine import Server, pinned
from .plan import Plan
from .reads import Rounds

CLIENTS = 64
TARGET = 2.5
STAGE = "packed"
# Orders that the in-process appends go round.
IN_PROCESS_ORDERS = 500


@dataclass
class Appends:
    """Rounds of 64 clients, of one client, and stages a second of single commits without any HTTP."""

    many: Rounds = field(default_factory=Rounds)
    one: Rounds = field(default_factory=Rounds)
    in_process: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """64 clients over one, by round; without those in which the disk stood still for the one."""
        return [a / b for a, b in zip(self.many.rates, self.one.rates, strict=True) if b] or [0.0]

    @property
    def ratio(self) -> float:
        """The median of the rounds."""
        return median(self.ratios)


def measure_appends(plan: Plan, server: Server) -> Appends:
    """The figures of the appends."""
    requests = write_requests(plan.folder / "stages", [_request(order.id) for order in plan.orders])
    appends = Appends()
    _check(server, plan.orders[0].id)
    sides = [(1, appends.one), (CLIENTS, appends.many)]
    for number in range(plan.rounds):
        for clients, rounds in sides if number % 2 == 0 else sides[::-1]:
            before = server.cpu_seconds()
            run = plan.generator.run(server.port, requests, clients, plan.seconds, plan.cores.load)
            rounds.runs.append(run)
            rounds.cpu_seconds.append(server.cpu_seconds() - before)
        with pinned(plan.cores.server):
            appends.in_process.append(uvloop.run(_append_here(plan)))
    return appends


def _body() -> bytes:
    return json.dumps({"stage": STAGE}).encode()


def _request(order_id: int) -> bytes:
    headers = [("Authorization", f"Bearer {seed.NATIVE_TOKEN}"), ("Content-Type", "application/json")]
    return request_text("POST", f"/v1/orders/{order_id}/stages", headers, _body())


def _check(server: Server, order_id: int) -> None:
    headers = [("Authorization", f"Bearer {seed.NATIVE_TOKEN}"), ("Content-Type", "application/json")]
    status, _, body = server.request("POST", f"/v1/orders/{order_id}/stages", headers, _body())
    if status != 201 or json.loads(body)["stage"] != STAGE:
        raise SystemExit(f"appending a stage gave {status} {body[:500]!r}")


async def _append_here(plan: Plan) -> float:
    """Stages a second, one after the other, each committed before the next, without HTTP."""
    book = await app.open_book(plan.seeded.settings())
    try:
        caller, orders = await _prepare(book, plan)
        new = NewStage(stage=STAGE)
        appended, began = 0, time.perf_counter()
        while time.perf_counter() - began < plan.seconds:
            await append_stage(book, caller, orders[appended % len(orders)], new)
            appended += 1
        return appended / (time.perf_counter() - began)
    finally:
        await book.close()


async def _prepare(book: Book, plan: Plan) -> tuple[Caller, list[BookOrder]]:
    organisation = await book.store.fetch_organisation(seed.ORGANISATION)
    assert organisation is not None
    found = [
        await book.store.fetch_order(organisation.id, order.id) for order in plan.orders[:IN_PROCESS_ORDERS]
    ]
    caller = Caller(organisation=organisation, contract="bench", rights=RIGHTS)
    return caller, [order for order in found if order is not None]

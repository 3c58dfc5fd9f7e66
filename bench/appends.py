"""Stages appended by many clients at once, against the same rows committed without HTTP."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import uvloop

from orderwire import app
from orderwire.book.callers import RIGHTS, Caller
from orderwire.book.operations import append_stage
from orderwire.book.orders import Order as BookOrder
from orderwire.book.stages import NewStage
from orderwire.book.store import Book

from . import bare_rows, seed
from .load import request_text, write_requests
from .machine import Server, pinned
from .plan import Plan
from .rounds import Duel, Lane, alternate
from .targets import APPEND_BARE, APPEND_ONE, Result, Target

CLIENTS = 64
STAGE = "packed"
# Orders that the in-process appends go round.
IN_PROCESS_ORDERS = 500


@dataclass
class Appends:
    """Rounds of 64 clients and of one; and stages a second without any HTTP, by round: the operation called
    one after the other, by 64 tasks at once, and (on SQLite) the bare rows in transactions of 64."""

    duel: Duel
    singly: list[float] = field(default_factory=list)
    grouped: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)

    @property
    def bare_ratios(self) -> list[float]:
        """64 clients over the bare rows, by round."""
        return [a / b for a, b in zip(self.duel.read.rates, self.bare, strict=True)] if self.bare else []

    def results(self, over_one: Target = APPEND_ONE) -> list[Result]:
        """The rows."""
        rows = [Result(over_one, "native", self.duel.ratios)]
        if self.bare:
            rows.insert(0, Result(APPEND_BARE, "native", self.bare_ratios))
        return rows


def measure_appends(plan: Plan, server: Server, *, has_bare: bool = True) -> Appends:
    """The figures of the appends; `has_bare` where the book is a file of SQLite."""
    texts = [stage_request(order.id) for order in plan.orders]
    requests = write_requests(plan.folder / "stages", texts)
    _check(server, plan.orders[0].id)
    one, many = Lane(server, requests, connections=1), Lane(server, requests, connections=CLIENTS)
    appends = Appends(Duel(many.rounds, one.rounds))

    def without_http() -> None:
        with pinned(plan.cores.server):
            appends.singly.append(uvloop.run(_append_here(plan, 1)))
            appends.grouped.append(uvloop.run(_append_here(plan, CLIENTS)))
            if has_bare:
                ids = [order.id for order in plan.orders]
                rate = bare_rows.append(plan.seeded.database, ids, STAGE, CLIENTS, plan.seconds)
                appends.bare.append(rate)

    alternate(plan, [one, many], without_http)
    return appends


def _body() -> bytes:
    return json.dumps({"stage": STAGE}).encode()


def _headers() -> list[tuple[str, str]]:
    return [("Authorization", f"Bearer {seed.NATIVE_TOKEN}"), ("Content-Type", "application/json")]


def stage_request(order_id: int) -> bytes:
    """The request that appends a stage to an order."""
    return request_text("POST", f"/v1/orders/{order_id}/stages", _headers(), _body())


def _check(server: Server, order_id: int) -> None:
    status, _, body = server.request("POST", f"/v1/orders/{order_id}/stages", _headers(), _body())
    if status != 201 or json.loads(body)["stage"] != STAGE:
        raise SystemExit(f"appending a stage gave {status} {body[:500]!r}")


async def _append_here(plan: Plan, at_once: int) -> float:
    """Stages a second, so many under way at once, each awaited until it is on disk, without HTTP."""
    book = await app.open_book(plan.seeded.settings())
    try:
        caller, orders = await _prepare(book, plan)
        new = NewStage(stage=STAGE)
        appended, began = 0, time.perf_counter()
        end = began + plan.seconds

        async def append_some() -> None:
            nonlocal appended
            while time.perf_counter() < end:
                appended += 1
                await append_stage(book, caller, orders[appended % len(orders)], new)

        await asyncio.gather(*(append_some() for _ in range(at_once)))
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


def appends_json(appends: Appends) -> dict[str, Any]:
    """The appends, for programs."""
    return {
        "clients": CLIENTS,
        "ratio_to_one": appends.duel.ratio,
        "ratio_to_bare_rows": median(appends.bare_ratios) if appends.bare else None,
        "many": appends.duel.read.json(),
        "one": appends.duel.fixed.json(),
        "one_by_one_in_process_per_second": appends.singly,
        "grouped_in_process_per_second": appends.grouped,
        "bare_rows_per_second": appends.bare,
    }

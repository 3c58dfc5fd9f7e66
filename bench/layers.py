"""Where a read's time goes: the ASGI application called in this process, its layers timed one within another.

A layer's figure is its own time, without that of the layers it calls, and without what timing costs.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import Any

import uvloop

from orderwire import app, contracts
from orderwire import settings as table
from orderwire.book import queries
from orderwire.contracts.contract import Contract, Mount
from orderwire.store import verbs
from orderwire.store.sqlite import SqliteStore
from orderwire.web.asgi import AsgiApp
from orderwire.web.routing import Router

from .machine import pinned
from .plan import Plan
from .reads import CACHED, IN_STORE, Pass
from .report import print_table
from .subjects import Ask, Subject

LAYERS = ("adapter", "serve", "identify", "parse", "handler", "verbs", "SQL", "decode", "voucher", "render")
CALLS, REPEATS = 2_000, 5
NOT_TIMED = "whole, untimed"

now = time.perf_counter_ns


class Timers:
    """Nanoseconds by layer. `inside` and `outside` are what timing itself costs, in and around a layer."""

    def __init__(self) -> None:
        self.own: defaultdict[str, float] = defaultdict(float)
        self.inside = {False: 0.0, True: 0.0}
        self.outside = {False: 0.0, True: 0.0}
        self._stack: list[float] = [0.0]

    def _add(self, layer: str, took: int, *, is_async: bool) -> None:
        inner = self._stack.pop()
        self.own[layer] += took - inner - self.inside[is_async]
        self._stack[-1] += took + self.outside[is_async]

    def wrap(self, layer: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, timed."""
        stack, add = self._stack, self._add

        async def timed_async(*given: Any, **named: Any) -> Any:
            stack.append(0.0)
            began = now()
            try:
                return await function(*given, **named)
            finally:
                add(layer, now() - began, is_async=True)

        def timed(*given: Any, **named: Any) -> Any:
            stack.append(0.0)
            began = now()
            try:
                return function(*given, **named)
            finally:
                add(layer, now() - began, is_async=False)

        is_async = inspect.iscoroutinefunction(function) or isinstance(function, AsgiApp)
        return timed_async if is_async else timed

    async def calibrate(self) -> None:
        """Find out what timing costs, with functions that do nothing."""

        async def idle_async() -> None:
            return None

        def idle() -> None:
            return None

        count = 50 * CALLS
        timed, timed_async = self.wrap("idle", idle), self.wrap("idle", idle_async)
        for is_async in (False, True):
            self.own.clear()
            began = now()
            for _ in range(count):
                await timed_async() if is_async else timed()
            whole = (now() - began) / count
            began = now()
            for _ in range(count):
                await idle_async() if is_async else idle()
            plain = (now() - began) / count
            self.inside[is_async] = self.own["idle"] / count - plain
            self.outside[is_async] = whole - self.own["idle"] / count
        self.own.clear()


def time_layers(timers: Timers) -> None:
    """Put timers round the layers. They stay: this process serves nobody afterwards."""
    for name in ("row", "rows"):
        setattr(SqliteStore, name, timers.wrap("SQL", getattr(SqliteStore, name)))
    for name, verb in inspect.getmembers(verbs.Reads, inspect.iscoroutinefunction):
        if name.startswith(("fetch_", "list_")):
            setattr(verbs.Reads, name, timers.wrap("verbs", verb))
    _wrap_all(timers, "decode", verbs, (name for name in vars(verbs) if name.endswith("_of")))
    _wrap_all(timers, "voucher", queries, ["open_voucher"])
    Mount.serve = timers.wrap("serve", Mount.serve)  # type: ignore[method-assign]
    Router.match = timers.wrap("serve", Router.match)  # type: ignore[method-assign]
    for contract in contracts.ALL:
        folder = f"orderwire.contracts.{contract.name}.wire"
        for module in [module for name, module in sys.modules.items() if name.startswith(folder)]:
            names = [name for name in vars(module) if inspect.isfunction(getattr(module, name))]
            _wrap_all(timers, "render", module, (n for n in names if n.startswith("render_")))
            _wrap_all(timers, "parse", module, (n for n in names if n.startswith(("parse_", "decode_"))))
    contracts.ALL = tuple(_timed_contract(timers, contract) for contract in contracts.ALL)


def _wrap_all(timers: Timers, layer: str, holder: Any, names: Iterable[str]) -> None:
    for name in list(names):
        setattr(holder, name, timers.wrap(layer, getattr(holder, name)))


def _timed_contract(timers: Timers, contract: Contract) -> Contract:
    routes = tuple(
        dataclasses.replace(route, handler=timers.wrap("handler", route.handler)) for route in contract.routes
    )
    return dataclasses.replace(contract, routes=routes, identify=timers.wrap("identify", contract.identify))


def measure_layers(plan: Plan, chosen: Sequence[Subject]) -> dict[str, dict[str, dict[str, float]]]:
    """Microseconds a read, by pass, subject and layer."""
    figures: dict[str, dict[str, dict[str, float]]] = {}
    timers = Timers()
    asks = {subject.name: [subject.ask(order) for order in plan.orders[:CALLS]] for subject in chosen}
    with pinned(plan.cores.server):
        whole = {how.name: uvloop.run(_read_all(plan, how, asks, None)) for how in (IN_STORE, CACHED)}
        uvloop.run(timers.calibrate())
        time_layers(timers)
        for how in (IN_STORE, CACHED):
            figures[how.name] = uvloop.run(_read_all(plan, how, asks, timers))
            for name, layers in figures[how.name].items():
                layers[NOT_TIMED] = whole[how.name][name][NOT_TIMED]
    return figures


async def _read_all(
    plan: Plan, how: Pass, asks: dict[str, list[Ask]], timers: Timers | None
) -> dict[str, dict[str, float]]:
    settings = table.load({**plan.seeded.env, **how.env}, extra=app.contract_extra())
    service = app.Service(settings, demo=False)
    await service.open()
    try:
        return {name: await _read(service.asgi, prepared, timers) for name, prepared in asks.items()}
    finally:
        await service.close()


async def _read(asgi: AsgiApp, asks: list[Ask], timers: Timers | None) -> dict[str, float]:
    prepared = [_scope(ask) for ask in asks]
    call = timers.wrap("adapter", asgi) if timers is not None else asgi
    found: dict[str, list[float]] = defaultdict(list)
    for repeat in range(REPEATS + 1):
        if timers is not None:
            timers.own.clear()
        began = now()
        for scope, body in prepared:
            await call(scope, _receiver(body), _ignore)
        found[NOT_TIMED].append(now() - began)
        if timers is not None:
            for layer in LAYERS:
                found[layer].append(timers.own[layer])
        if repeat == 0:
            found.clear()  # the first time round everything is still cold
    return {layer: median(values) / len(asks) / 1_000 for layer, values in found.items()}


def _scope(ask: Ask) -> tuple[dict[str, Any], bytes]:
    fields = [("Host", "127.0.0.1"), *ask.headers]
    if ask.body:
        fields.append(("Content-Length", str(len(ask.body))))
    scope = {
        "type": "http",
        "method": ask.method,
        "scheme": "http",
        "path": ask.target,
        "raw_path": ask.target.encode(),
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in fields],
        "client": ("127.0.0.1", 50_000),
    }
    return scope, ask.body


def _receiver(body: bytes) -> Callable[[], Any]:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _ignore(message: dict[str, Any]) -> None:
    del message


def print_layers(figures: dict[str, dict[str, dict[str, float]]]) -> None:
    """A table for each pass."""
    for how, subjects in figures.items():
        print(f"\nMicroseconds a read in process, {how} (own time of each layer)")
        rows = []
        for name, layers in subjects.items():
            shown = [layers[layer] for layer in LAYERS]
            rows.append([name, *(f"{us:.1f}" for us in (*shown, sum(shown), layers[NOT_TIMED]))])
        print_table(("subject", *LAYERS, "sum", NOT_TIMED), rows)

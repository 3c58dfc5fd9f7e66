"""What is measured: one order read by its id through each contract, with its credential, as a client asks."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass

import uvloop

from orderwire import app

from . import seed
from .load import request_text
from .machine import Headers, Server

# So many different orders are asked for again and again; they lie evenly among all.
PREPARED = 5_000
# At most so many are asked for in turn where none is to be asked for twice.
COLD = 200_000
# So many answers are looked at before anything is measured.
LOOKED_AT = 200
JSON = ("Content-Type", "application/json")


@dataclass(frozen=True)
class Ask:
    """One request, and a text that only its right answer holds."""

    method: str
    target: str
    headers: Headers
    body: bytes
    holds: str

    @property
    def text(self) -> bytes:
        """As it goes over the wire."""
        return request_text(self.method, self.target, self.headers, self.body)

    def text_for(self, path: str) -> bytes:
        """The same request, byte for byte as long, to one path on the reference server."""
        target = path + "?" + "x" * (len(self.target) - len(path) - 1)
        return request_text(self.method, target, self.headers, self.body)


@dataclass(frozen=True)
class Order:
    """An order to ask for: its number in the seed, its own id, and the group order to ask for."""

    number: int
    id: int
    group: int


@dataclass(frozen=True)
class Subject:
    """A contract's read."""

    name: str
    what: str
    ask: Callable[[Order], Ask]


@dataclass(frozen=True)
class Constant:
    """The answer that stands for all of a subject's answers: the one of middle length."""

    headers: list[tuple[str, str]]
    body: str
    least: int
    most: int


def _valomnia(order: Order) -> Ask:
    number = seed.foreign_id(order.number)
    cookie = ("Cookie", f"JSESSIONID={seed.VALOMNIA_SESSION}")
    return Ask("GET", f"/api/v1.0/orders/{number}", [cookie], b"", seed.reference(order.number))


def _hostway(order: Order) -> Ask:
    name = seed.hostway_id(order.number)
    return Ask("GET", f"/orders/{name}", [("Cookie", f"OwnerId={seed.owner(order.number)}")], b"", name)


def _plum(order: Order) -> Ask:
    number = seed.foreign_id(order.number)
    data = {"poNumber": "", "orderId": number, "sendMailToReceiver": 0}
    body = {"query": "plumProAPI.mutation.getOrderDetails", "tag": "plumProAPI", "variables": {"data": data}}
    headers = [("Authorization", f"Bearer {seed.PLUM_TOKEN}"), JSON]
    return Ask("POST", "/chef/v1/oauth/api", headers, json.dumps(body).encode(), f'"orderId":{number}')


def _planocore(order: Order) -> Ask:
    group = seed.group_id(order.group)
    body = json.dumps({"token": seed.PLANOCORE_TOKEN, "_id": group}).encode()
    return Ask("POST", "/api/v1/group_orders/read", [JSON], body, group)


def _native(order: Order) -> Ask:
    bearer = ("Authorization", f"Bearer {seed.NATIVE_TOKEN}")
    return Ask("GET", f"/v1/orders/{order.id}", [bearer], b"", f'"id":{order.id},')


ALL = (
    Subject("valomnia", "GET /api/v1.0/orders/{id}, session cookie", _valomnia),
    Subject("hostway", "GET /orders/{orderId}, cookie of the order's owner", _hostway),
    Subject("plum", "POST getOrderDetails by orderId, bearer token", _plum),
    Subject("planocore", "POST group_orders/read, one member order, application token", _planocore),
    Subject("native", "GET /v1/orders/{id}, bearer token", _native),
)


def choose_orders(seeded: seed.Seeded, most: int = PREPARED) -> list[Order]:
    """Orders that lie evenly among all, in an order that has nothing to do with how they are kept."""
    step = max(1, seeded.orders // most)
    numbers = list(range(0, seeded.orders, step))
    random.Random(1).shuffle(numbers)
    ids = uvloop.run(_own_ids(seeded, numbers))
    chosen = zip(numbers, ids, strict=True)
    return [Order(number, own, place % seeded.groups) for place, (number, own) in enumerate(chosen)]


async def _own_ids(seeded: seed.Seeded, numbers: list[int]) -> list[int]:
    book = await app.open_book(seeded.settings())
    try:
        organisation = await book.store.fetch_organisation(seed.ORGANISATION)
        assert organisation is not None
        found = [
            await book.store.fetch_name(organisation.id, "reference", seed.reference(number))
            for number in numbers
        ]
        return [own for own in found if own is not None]
    finally:
        await book.close()


def look_at_answers(server: Server, subject: Subject, orders: list[Order]) -> Constant:
    """The constant answer that stands for the subject's. Ends the benchmark if an answer is wrong."""
    seen = []
    for order in orders[:LOOKED_AT]:
        ask = subject.ask(order)
        status, headers, body = server.request(ask.method, ask.target, ask.headers, ask.body)
        if status != 200 or ask.holds not in body.decode():
            raise SystemExit(f"{subject.name}: {ask.target} gave {status} {body[:500]!r}")
        seen.append((len(body), body.decode(), headers))
    seen.sort(key=lambda answer: answer[0])
    _, body_text, headers = seen[len(seen) // 2]
    # The date is the server's own doing, here and there.
    kept = [(name, value) for name, value in headers if name.lower() != "date"]
    return Constant(kept, body_text, seen[0][0], seen[-1][0])


def named(name: str) -> Subject:
    """The subject of this name."""
    return next(subject for subject in ALL if subject.name == name)

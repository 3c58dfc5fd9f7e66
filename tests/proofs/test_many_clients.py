"""64 clients change the same 10 orders, and send the same request at once: nothing is lost or doubled."""

from __future__ import annotations

import http.client
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest

from tests.end_to_end.faces import JSON
from tests.server import Answer, Service, send
from tests.stores import POSTGRES, SQLITE

from .ledger import CHANGE, NEW, STAGE, Asked, Ledger, native_order
from .reader import Found, defects_of_file

CLIENTS = 64
ORDERS = 10
CHANGES_EACH = 6
SEED = 20260211
# A stale If-Match is tried again with what stands now, a key that is in flight with the same request.
MAX_TRIES = 2_000
ANSWER_SECONDS = 60.0
# How often all send one request at once, and what they are told each time.
TURNS = 3
ONE_ORDER = [Counter(made=1, replayed=CLIENTS - 1)] * TURNS
pytestmark = pytest.mark.timeout(240)


@dataclass
class Crowd:
    """Clients that begin together."""

    service: Service
    ledger: Ledger = field(default_factory=Ledger)
    faults: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        token = self.service.describe["native"]["token"]
        self.headers = {"Authorization": f"Bearer {token}", **JSON}
        self.planocore_token = self.service.describe["planocore"]["session_token"]

    def run(self, work: Callable[[int, Any], None], count: int = CLIENTS) -> None:
        """Run `work(number, ask)` for each client; raises what the first that failed raised."""
        together = threading.Barrier(count)

        def begin(number: int) -> None:
            try:
                with self.connection() as ask:
                    together.wait(ANSWER_SECONDS)
                    work(number, ask)
            except BaseException as error:
                self.faults.append(error)

        threads = [threading.Thread(target=begin, args=(number,), daemon=True) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(3 * ANSWER_SECONDS)
        if self.faults:
            raise self.faults[0]
        assert not any(thread.is_alive() for thread in threads)

    @contextmanager
    def connection(self) -> Iterator[Callable[..., Answer]]:
        """A client's own connection; what it gives sends a request on it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=ANSWER_SECONDS)

        def ask(method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return send(connection, method, path, {**self.headers, **named}, body)

        try:
            yield ask
        finally:
            connection.close()


TWO_WORKERS = {"ORDERWIRE_WORKERS": "2"}


@pytest.mark.stores(SQLITE, POSTGRES)
def test_no_change_of_many_clients_is_lost(database: str, serve: Callable[..., Service]) -> None:
    verdict = change_together(Crowd(serve()), database)
    assert verdict == []


@pytest.mark.stores(POSTGRES)
def test_no_change_of_many_clients_of_two_workers_is_lost(
    database: str, serve: Callable[..., Service]
) -> None:
    verdict = change_together(Crowd(serve(TWO_WORKERS)), database)
    assert verdict == []


@pytest.mark.stores(SQLITE, POSTGRES)
def test_one_key_from_many_clients_at_once_makes_one_order(
    database: str, serve: Callable[..., Service]
) -> None:
    answers, verdict = place_together(Crowd(serve()), database)
    assert answers == ONE_ORDER
    assert verdict == []


@pytest.mark.stores(POSTGRES)
def test_one_key_from_many_clients_of_two_workers_makes_one_order(
    database: str, serve: Callable[..., Service]
) -> None:
    answers, verdict = place_together(Crowd(serve(TWO_WORKERS)), database)
    assert answers == ONE_ORDER
    assert verdict == []


def change_together(crowd: Crowd, database: str) -> list[str]:
    """Each client counts up what it read with If-Match, says its word without, and appends stages through
    two contracts; gives what is then wrong with the book, in words."""
    ledger = crowd.ledger
    with crowd.connection() as ask:
        orders = [ask("POST", "/v1/orders", b'{"notes": "0"}').json()["id"] for _ in range(ORDERS)]
    counted = [0] * ORDERS
    lock = threading.Lock()

    def work(number: int, ask: Callable[..., Answer]) -> None:
        chance = random.Random(SEED + number)
        for turn in range(CHANGES_EACH):
            place = chance.randrange(ORDERS)
            path, key = f"/v1/orders/{orders[place]}", f"{number}-{turn}"
            match turn % 4:
                case 0:
                    count_up(ask, path)
                    with lock:
                        counted[place] += 1
                case 1:
                    answer = ask("PATCH", path, json.dumps({"tag": key}).encode())
                    assert answer.status == 200, answer.body
                    assert answer.json()["tag"] == key
                    note(ledger, CHANGE, key, orders[place], answer)
                case 2:
                    at = f"2026-01-{chance.randint(1, 28):02d}T00:00:00Z"
                    body = json.dumps({"stage": key, "effective_at": at}).encode()
                    answer = ask("POST", f"{path}/stages", body)
                    assert answer.status == 201, answer.body
                    note(ledger, STAGE, key, orders[place], answer)
                case _:
                    stage = {"token": crowd.planocore_token, "order_id": orders[place], "stage": key}
                    body = json.dumps({**stage, "update_status": True}).encode()
                    answer = ask("POST", "/api/v1/order_stages/create", body)
                    assert answer.status == 200, answer.body
                    note(ledger, STAGE, key, orders[place], answer)

    crowd.run(work)
    crowd.service.stop()
    found = Found.of(database)
    wrong = wrong_changes(found, ledger, dict(zip(orders, counted, strict=True)))
    return [*defects_of_file(database), *found.defects(), *wrong]


def count_up(ask: Callable[..., Answer], path: str) -> None:
    """Read a number and write the next one, as often as it takes to be nobody else's."""
    for _ in range(MAX_TRIES):
        read = ask("GET", path)
        following = json.dumps({"notes": str(int(read.json()["notes"]) + 1)}).encode()
        answer = ask("PATCH", path, following, If_Match=read.header("etag") or "")
        if answer.status == 200:
            return
        assert (answer.status, answer.json()["code"]) == (412, "stale_order"), answer.body
    raise AssertionError(f"{path}: changed by others {MAX_TRIES} times in a row")


def note(ledger: Ledger, kind: str, key: str, order_id: int, answer: Answer) -> None:
    ledger.note(Asked(kind, key, "", "", {}, order_id=order_id, answer=answer))


def wrong_changes(found: Found, ledger: Ledger, counted: dict[int, int]) -> list[str]:
    """Where a word or a stage is not there once, or a number was not counted up once for each client."""
    wrong = []
    stages = found.stage_counts()
    tagged: dict[tuple[int, str], int] = {}
    for order_id, count in counted.items():
        entries = sorted(found.revisions[order_id], key=lambda entry: int(entry["revision"]))
        documents = [json.loads(entry["document"]) for entry in entries]
        steps = [int(document["notes"]) for document in documents]
        if steps[-1] != count or any(later - earlier not in (0, 1) for earlier, later in pairwise(steps)):
            wrong.append(f"order {order_id} was counted up {count} times, and went {steps}")
        tags = [document.get("tag", "") for document in documents]
        for earlier, later in pairwise(tags):
            if later != earlier:
                tagged[(order_id, later)] = tagged.get((order_id, later), 0) + 1
        # One entry for each change and no more: what one says leaves alone what another one said.
        expected = 1 + count + len([one for one in tagged if one[0] == order_id])
        if len(entries) != expected:
            wrong.append(f"order {order_id} has {len(entries)} entries, not {expected}")
    for kind, times in ((CHANGE, tagged), (STAGE, stages)):
        for one in ledger.of(kind):
            if times.get((one.order_id, one.key)) != 1:
                wrong.append(f"{kind} {one.key} is there {times.get((one.order_id, one.key), 0)} times")
    return wrong


def place_together(crowd: Crowd, database: str) -> tuple[list[Counter[str]], list[str]]:
    """Each gets the first answer, at once or after it was told that the first is under way.

    Gives how often each turn's first answer came, as it was and replayed, and what is wrong with the book."""
    turns = []
    for turn in range(TURNS):
        key = f"all-{turn}"
        answers: list[Answer] = []

        def work(_number: int, ask: Callable[..., Answer], key: str = key, got: Any = answers) -> None:
            for _ in range(MAX_TRIES):
                answer = ask("POST", "/v1/orders", native_order(key), Idempotency_Key=key)
                if answer.status != 409:
                    got.append(answer)
                    return
                assert answer.json()["code"] == "request_in_flight", answer.body
            raise AssertionError("still in flight")

        crowd.run(work)
        turns.append(Counter(told(answer, answers[0]) for answer in answers))
        placed = Asked(NEW, key, "POST", "/v1/orders", {}, is_keyed=True, answer=answers[0])
        crowd.ledger.note(placed)
    crowd.service.stop()
    return turns, crowd.ledger.verdict(database)


def told(answer: Answer, first: Answer) -> str:
    """Whether an answer is the very one that another client got, and which of the two it says it is."""
    if (answer.status, answer.body) != (201, first.body):
        return f"{answer.status} {answer.body!r}"
    return "made" if answer.header("idempotency-replayed") is None else "replayed"

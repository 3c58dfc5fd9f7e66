"""What clients asked for and what was acknowledged, and whether a book holds exactly that."""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.server import Answer

from .reader import Found, defects_of_file

NEW = "new"  # an order of the native contract, its reference the request's key
OPENED = "opened"  # an order of Hostway's, found by the id that was answered
STAGE = "stage"  # a stage called like the request's key
CHANGE = "change"  # a change whose notes are the request's key
DELETION = "deletion"
CLOSING = "closing"  # the deletion of Hostway's open order


@dataclass
class Asked:
    """A request that changes something. With `is_keyed` it bears its key as Idempotency-Key; without,
    it is sent once unless what it does can be done twice."""

    kind: str
    key: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""
    order_id: int = 0
    is_keyed: bool = False
    may_repeat: bool = False
    answer: Answer | None = None


@dataclass
class Ledger:
    """Every request of every client, and each one's first answer."""

    asked: dict[str, Asked] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, asked: Asked) -> None:
        """A request is about to be sent for the first time."""
        with self.lock:
            assert asked.key not in self.asked
            self.asked[asked.key] = asked

    def acknowledge(self, asked: Asked, answer: Answer) -> None:
        """The request was answered, and what it asked for is done."""
        with self.lock:
            asked.answer = answer

    def fault(self, said: str) -> None:
        """Something that no client should see."""
        with self.lock:
            self.faults.append(said)

    def of(self, kind: str) -> list[Asked]:
        """The requests of a kind."""
        with self.lock:
            return [one for one in self.asked.values() if one.kind == kind]

    def verdict(self, database: str) -> list[str]:
        """What is wrong, in words; nothing, if the book at this address holds all that was acknowledged
        exactly once, nothing by halves, and nothing that nobody asked for."""
        found = Found.of(database)
        return [*self.faults, *defects_of_file(database), *found.defects(), *self.wrongs(found)]

    def wrongs(self, found: Found) -> list[str]:
        """Where what a book holds is not what was acknowledged, in words."""
        return [*self._wrong_orders(found), *self._wrong_entries(found), *self._wrong_answers(found)]

    def _wrong_orders(self, found: Found) -> list[str]:
        wrong = []
        by_reference, opened = found.named("reference"), found.named("hostway.order")
        asked = {one.key: one for one in self.of(NEW)}
        for key, one in asked.items():
            held = by_reference.get(key, [])
            if one.answer is not None and held != [one.answer.json()["id"]]:
                wrong.append(f"order {key} was acknowledged as {one.answer.body!r} and is there as {held}")
        answered = [one.answer.json()["orderId"] for one in self.of(OPENED) if one.answer is not None]
        wrong += [f"order {name} was acknowledged and is lost" for name in answered if name not in opened]
        deleted = {one.order_id for one in self.of(DELETION) if one.answer is not None}
        for order_id in deleted:
            if not found.orders[order_id]["deleted"]:
                wrong.append(f"order {order_id} was deleted and is back")
        may_be = {one.order_id for one in self.of(DELETION)}
        for name in asked:
            for order_id in by_reference.get(name, []):
                if found.orders[order_id]["deleted"] and order_id not in may_be:
                    wrong.append(f"nobody deleted order {order_id}")
        return wrong

    def _wrong_entries(self, found: Found) -> list[str]:
        wrong = []
        for kind, counts in ((STAGE, found.stage_counts()), (CHANGE, found.note_counts())):
            for one in self.of(kind):
                times = counts[(one.order_id, one.key)]
                if times > 1 or (one.answer is not None and times != 1):
                    wrong.append(f"{kind} {one.key} of order {one.order_id} is there {times} times")
        return wrong

    def _wrong_answers(self, found: Found) -> list[str]:
        """What was done with a key has its answer, and no answer is there without what was done."""
        kept = Counter(row["key"] for row in found.tables["answers"])
        done: set[str] = {name for name, held in found.named("reference").items() if held}
        done |= {stage for _, stage in found.stage_counts()}
        done |= {notes for _, notes in found.note_counts()}
        wrong = []
        with self.lock:
            for key, one in self.asked.items():
                expected = int(one.is_keyed and key in done)
                if kept[key] != expected:
                    wrong.append(f"{one.kind} {key}: {kept[key]} answers kept, not {expected}")
                if one.is_keyed and one.answer is not None and not kept[key]:
                    wrong.append(f"{one.kind} {key} was acknowledged and its answer is lost")
        return wrong


def native_order(key: str, **more: Any) -> bytes:
    """The body of an order whose reference is its request's key."""
    return json.dumps({"names": {"reference": key}, "total": "12.50", **more}).encode()

"""Requests that may be repeated: the first answer is kept with what was written, and given again.

A client that does not know what became of a request sends it again with the same key. The answer is
kept in the transaction of the write itself, so that there is never one without the other. Its body is
sealed: it may show what the store holds sealed only, or not at all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar, cast

import msgspec
from msgspec import Struct

from .answers import Answer, KeptAnswer
from .callers import Caller
from .errors import (
    BookError,
    FieldInvalid,
    KeyReused,
    OutcomeUnknown,
    RequestInFlight,
    StoreUnavailable,
)
from .store import Book, Reads, Store, Transaction

T = TypeVar("T")

MAX_KEY_LENGTH = 255
ANSWERS_KEPT = timedelta(hours=24)


class Once(Struct, frozen=True, kw_only=True):
    """What tells one request from another: the client's key, and the digest (hex) of all it asked."""

    key: str
    request_digest: str


# The organisation, the caller as the history names it, the key.
Holder = tuple[int, str, str]
Operation = Callable[[Book], Awaitable[Any]]
Render = Callable[[Reads, Any], Awaitable[Answer]]


async def answer_once(book: Book, caller: Caller, once: Once, operation: Operation, render: Render) -> Answer:
    """What `operation` did, as `render` shows it; or the answer that the same request got before.

    `operation` gets a book of its own and writes exactly once; `render` gets what that write gave,
    and may read in the same transaction. Raises KeyReused (the key came with another request),
    RequestInFlight, FieldInvalid (a key that can't be one), and what `operation` raises: then nothing
    is kept, and the same request may be sent again.
    """
    if not 1 <= len(once.key) <= MAX_KEY_LENGTH or not (once.key.isascii() and once.key.isprintable()):
        raise FieldInvalid("Idempotency-Key", f"must have 1 to {MAX_KEY_LENGTH} printable ASCII characters")
    holder = (caller.organisation_id, caller.origin.caller, once.key)
    if await book.store.fetch_answer(*holder) is not None:
        kept = await _confirm(book, holder)
        if kept is not None:
            return _again(book, holder, kept, once)
    if holder in book.in_flight:
        raise RequestInFlight(once.key)
    book.in_flight.add(holder)
    try:
        store = _OnceStore(book, holder, once, render)
        try:
            await operation(_with_store(book, cast("Store", store)))
        except (StoreUnavailable, OutcomeUnknown):
            # It must not be told as less than it is; the same request finds out later.
            raise
        except BookError:
            # Another process may have answered the same request meanwhile, and be the reason of this.
            if await book.store.fetch_answer(*holder) is None:
                raise
        except _AnsweredBefore:
            pass
        else:
            assert store.answer is not None, "the operation wrote nothing"
            return store.answer
        kept = await _confirm(book, holder)
        if kept is None:
            raise RequestInFlight(once.key)
        return _again(book, holder, kept, once)
    finally:
        book.in_flight.discard(holder)


async def forget_old_answers(book: Book) -> int:
    """Delete the answers older than ANSWERS_KEPT, and give their number."""
    before = book.clock() - ANSWERS_KEPT
    return await book.store.write(lambda tx: tx.delete_old_answers(before))


class _AnsweredBefore(Exception):
    """The request was answered before it came to this write."""


class _OnceStore:
    """The book's store; its `write` keeps the answer in the same transaction."""

    def __init__(self, book: Book, holder: Holder, once: Once, render: Render) -> None:
        self._book = book
        self._holder = holder
        self._once = once
        self._render = render
        self.answer: Answer | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._book.store, name)

    async def write(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `work` and keep its answer. Raises _AnsweredBefore when there is one already."""
        assert self.answer is None, "an operation writes once"
        now = self._book.clock()

        async def work_once(tx: Transaction) -> tuple[T, Answer]:
            if await tx.fetch_answer(*self._holder) is not None:
                raise _AnsweredBefore
            result = await work(tx)
            answer = await self._render(tx, result)
            sealed = self._book.vault.seal(answer.body.decode(), answer_place(self._holder)).encode()
            kept = KeptAnswer(
                request_digest=self._once.request_digest,
                answer=msgspec.structs.replace(answer, body=sealed),
            )
            if not await tx.insert_answer(*self._holder, kept, now):
                raise RequestInFlight(self._once.key)
            return result, answer

        result, self.answer = await self._book.store.write(work_once)
        return result


async def _confirm(book: Book, holder: Holder) -> KeptAnswer | None:
    """The kept answer, once it is sure to stay: what a database shows may be on its way to the standbys
    still, and be lost with it; what is durable after it proves that it is not."""
    return await book.store.write(lambda tx: tx.fetch_answer(*holder))


def _again(book: Book, holder: Holder, kept: KeptAnswer, once: Once) -> Answer:
    if kept.request_digest != once.request_digest:
        raise KeyReused(once.key)
    body = book.vault.open(kept.answer.body.decode(), answer_place(holder)).encode()
    return msgspec.structs.replace(kept.answer, body=body)


def answer_place(holder: Holder) -> str:
    """What a kept answer is sealed for: nobody else can be given it."""
    organisation_id, caller, key = holder
    return f"organisation:{organisation_id}:answer:{caller}:{key}"


def _with_store(book: Book, store: Store) -> Book:
    return dataclasses.replace(book, store=store)

"""What the book takes fits the columns of every engine: SQLite checks no lengths, PostgreSQL does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from orderwire.book import accounts, groups
from orderwire.book.callers import RIGHTS, Caller, Profile
from orderwire.book.errors import FieldInvalid
from orderwire.book.lists import NameSought, OrderQuery
from orderwire.book.operations import NewOrder, append_stage, place_order
from orderwire.book.orders import Document, Party, Rejection
from orderwire.book.registry import register_party
from orderwire.book.stages import NewStage
from orderwire.book.store import Book
from orderwire.store.tables import persons, tokens
from tests.factories import make_caller, make_organisation

# Characters, not bytes: each of these takes four.
WIDE = "\U0001f4e6"
TEXT = "ß" + WIDE
SCHEME = "native.token"
BIG = 2**31

Verb = Callable[[Book, Caller, Any], Awaitable[Any]]


def order(**fields: Any) -> NewOrder:
    return NewOrder(document=Document(**fields))


async def stage(book: Book, caller: Caller, text: str) -> Any:
    placed = await place_order(book, caller, NewOrder())
    return await append_stage(book, caller, placed, NewStage(stage=text))


async def group(book: Book, caller: Caller, fields: dict[str, Any]) -> Any:
    new = groups.NewGroupOrder(**{"id": "g", "total": 1, **fields})
    return await groups.record_group_order(book, caller, new)


def rejected(**fields: Any) -> dict[str, Any]:
    return {"rejections": (Rejection(**{"line": 1, "column": "c", "code": "c", "value": "v", **fields}),)}


async def token(book: Book, caller: Caller, label: str) -> Any:
    new = accounts.NewToken(scheme=SCHEME, organisation_id=caller.organisation_id, label=label)
    return await accounts.issue_tokens(book, [new])


# What may just be kept, and what may not; each a verb and its two values.
CASES: dict[str, tuple[Verb, Any, Any]] = {
    "name": (place_order, order(names={"s": WIDE * 255}), order(names={"s": WIDE * 256})),
    "scheme": (place_order, order(names={"s" * 64: "n"}), order(names={"s" * 65: "n"})),
    "claim": (place_order, NewOrder(claims={"open": WIDE * 255}), NewOrder(claims={"open": WIDE * 256})),
    "claim with NUL": (place_order, NewOrder(claims={"open": "a"}), NewOrder(claims={"open": "a\0b"})),
    "empty claim": (place_order, NewOrder(claims={"open": "b"}), NewOrder(claims={"open": ""})),
    "customer": (
        place_order,
        order(customer=Party(reference=WIDE * 255, id=2**53)),
        order(customer=Party(reference=WIDE * 256)),
    ),
    "customer's id": (place_order, order(customer=Party(id=-(2**53))), order(customer=Party(id=2**53 + 1))),
    "total": (place_order, order(total=Decimal(10**12 - 1)), order(total=Decimal(10**12))),
    "negative total": (place_order, order(total=-Decimal(10**12 - 1)), order(total=-Decimal(10**12))),
    "group line": (place_order, NewOrder(group_line=BIG - 1), NewOrder(group_line=BIG)),
    "least group line": (place_order, NewOrder(group_line=0), NewOrder(group_line=-1)),
    "currency": (place_order, NewOrder(currency="EUR"), NewOrder(currency="EURO")),
    "stage": (stage, WIDE * 255, WIDE * 256),
    "group's id": (group, {"id": "g" * 36}, {"id": "g" * 37}),
    "group's total": (group, {"total": BIG - 1}, {"total": BIG}),
    "group's job": (group, {"job_id": WIDE * 255}, {"job_id": WIDE * 256}),
    "group's path": (group, {"accepted_path": WIDE * 1_000}, {"accepted_path": WIDE * 1_001}),
    "rejection's column": (group, rejected(column=WIDE * 255), rejected(column=WIDE * 256)),
    "rejection's code": (group, rejected(code=WIDE * 64), rejected(code=WIDE * 65)),
    "rejection's line": (group, rejected(line=BIG - 1), rejected(line=BIG)),
    "label": (token, WIDE * 255, WIDE * 256),
    "username": (
        lambda book, caller, name: accounts.create_person(book, caller.organisation, name, None, Profile()),
        WIDE * 255,
        WIDE * 256,
    ),
    "directory": (
        lambda book, _, name: accounts.create_organisation(book, "other", name),
        WIDE * 255,
        WIDE * 256,
    ),
    "directory with NUL": (
        lambda book, _, name: accounts.create_organisation(book, "other", name),
        "a b",
        "a\0b",
    ),
    "party": (
        lambda book, caller, name: register_party(book, caller, "customer", Party(reference=name)),
        WIDE * 255,
        WIDE * 256,
    ),
}


@pytest.mark.parametrize("what", CASES)
async def test_the_longest_is_kept_and_a_longer_one_is_a_fact(book: Book, what: str) -> None:
    caller = make_caller(await make_organisation(book), RIGHTS)
    verb, longest, too_long = CASES[what]
    with pytest.raises(FieldInvalid):
        await verb(book, caller, too_long)
    await verb(book, caller, longest)


async def test_what_is_longest_is_found_again_and_nothing_longer(book: Book) -> None:
    caller = make_caller(await make_organisation(book))
    longest = (TEXT * 128)[:255]
    placed = await place_order(book, caller, order(names={"reference": longest}))
    owner = caller.organisation_id
    # Many at once, so that they share statements where an engine lets them.
    sought = [longest, longest + "x", longest[:-1], longest.upper(), longest + " "] * 20
    found = await asyncio.gather(*(book.store.fetch_name(owner, "reference", name) for name in sought))
    assert found == [placed.id, None, None, None, None] * 20


def test_rights_and_hashes_have_room() -> None:
    assert len(" ".join(sorted(RIGHTS))) <= tokens.c.rights.type.length  # type: ignore[attr-defined]
    assert len(accounts.hash_password("x" * 1_024)) <= persons.c.password_hash.type.length  # type: ignore[attr-defined]


NUL = "a\0b"


async def test_nothing_is_found_under_a_text_that_cannot_be_kept(book: Book) -> None:
    caller = make_caller(await make_organisation(book))
    owner = caller.organisation_id
    await place_order(book, caller, order(names={"reference": "ab"}))
    store = book.store
    assert await store.fetch_name(owner, "reference", NUL) is None
    assert await store.fetch_name(owner, NUL, "ab") is None
    assert await store.fetch_organisation(NUL) is None
    assert await store.fetch_person_named(owner, NUL) is None
    assert await store.fetch_client(NUL) is None
    assert await store.fetch_application(owner, NUL) is None
    assert await store.fetch_group_order(owner, NUL) is None
    for query in (
        OrderQuery(name=NameSought(scheme="reference", name=NUL)),
        OrderQuery(name=NameSought(scheme="reference", name=NUL, is_prefix=True)),
        OrderQuery(stages=(NUL,)),
        OrderQuery(customer_reference=NUL),
    ):
        assert (await store.list_orders(owner, query)).orders == ()
    with pytest.raises(FieldInvalid):
        await place_order(book, caller, NewOrder(group_order_id=NUL))

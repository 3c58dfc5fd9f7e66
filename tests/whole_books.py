"""Books with something of everything in them, the same for the same seed but for ids and secrets."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from orderwire.book.accounts import NewToken, create_application, create_person, issue_token
from orderwire.book.amend import Amendment, amend_order
from orderwire.book.answers import Answer
from orderwire.book.callers import READ, Caller, Profile
from orderwire.book.groups import NewGroupOrder, place_group_order, record_group_order, request_of
from orderwire.book.import_records import ImportRecord
from orderwire.book.imports import begin_import
from orderwire.book.once import Once, answer_once
from orderwire.book.operations import NewOrder, append_stage, delete_order, place_order
from orderwire.book.orders import Document, Line, NewVoucher, Order, Party, Rejection, Voucher
from orderwire.book.registry import register_party, remove_party
from orderwire.book.stages import Appointment, Client, Details, NewStage, StageDetail
from orderwire.book.store import Book
from orderwire.store.migrations import upgrade
from orderwire.store.schema import KEY_PROOF
from orderwire.store.sqlite import SqliteStore
from orderwire.vault import Vault, new_key
from tests.factories import claim_of, make_book_over, make_caller, make_organisation
from tests.postgres import execute, fetch

START = datetime(2024, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
GROUP = "55c1a1d8-6d0a-4a2e-9f5e-0123456789ab"
UPLOAD = "66c1a1d8-6d0a-4a2e-9f5e-0123456789ab"
WORDS = ("placed", "picked", "packed", "sent", "Größe geprüft", "届いた", 'back\nfrom "x"')


def make_whole_book(folder: Path, *, seed: int = 1, orders: int = 60) -> Path:
    """A SQLite book `whole.db` in the folder, its key beside it; nobody has it open."""
    path, key = folder / "whole.db", new_key()
    upgrade(path)
    path.with_name("whole.db.key").write_text(f"{key}\n")

    async def work() -> None:
        book = make_book_over(SqliteStore(path), folder)
        book.vault = Vault((key,))
        proof = book.vault.seal(KEY_PROOF, KEY_PROOF)
        await book.store.write(lambda tx: tx.insert_fact(KEY_PROOF, proof))
        await fill(book, random.Random(seed), orders)
        await book.close()

    asyncio.run(work())
    return path


async def fill(book: Book, chance: random.Random, orders: int) -> None:
    """Accounts, a failed log-in, parties, group orders, imports and answers; some orders with a name that
    tests look for, and `orders` more to which anything may have happened. The clock goes on by itself."""
    now = START

    def clock() -> datetime:
        nonlocal now
        now += timedelta(seconds=chance.randrange(1, 4_000))
        return now

    book.clock = clock
    for name in ("acme", "other"):
        caller = make_caller(await make_organisation(book, name))
        await _fill_accounts(book, caller)
        await _fill_groups(
            book, caller, UUID(int=chance.getrandbits(128)) if name == "other" else UUID(GROUP)
        )
        for number in range(orders // 2):
            await _live(book, caller, chance, number)
        if name == "acme":
            await _place_named(book, caller)


async def _fill_accounts(book: Book, caller: Caller) -> None:
    owner = caller.organisation
    person = await create_person(book, owner, "marie", None, Profile(first_name="Marie", roles=("employee",)))
    application, _ = await create_application(book, owner, "shop", "The shop")
    common: dict[str, Any] = {"organisation_id": owner.id, "rights": frozenset({READ})}
    await issue_token(book, NewToken(scheme="native.token", application_id=application.id, **common))
    await issue_token(book, NewToken(scheme="native.token", user_id=person.id, lifetime_s=60, **common))
    key = claim_of(owner.name).key
    await book.store.write(lambda tx: tx.count_failure(key, START, START + timedelta(days=1)))
    for number in range(3):
        await register_party(book, caller, "customer", Party(reference=f"C-{number}", name="Ädäm"))
    gone = await register_party(book, caller, "receiver", Party(name="Nobody"))
    await remove_party(book, caller, gone.id, None)


async def _fill_groups(book: Book, caller: Caller, group_id: UUID) -> None:
    rejections = (Rejection(line=3, column="date", code="date_invalid", value="31.2."),)
    person = await book.store.fetch_person_named(caller.organisation_id, "marie")
    assert person is not None
    new = NewGroupOrder(id=str(group_id), total=2, rejections=rejections, user_id=person.id)
    await record_group_order(book, caller, new)
    upload = str(UUID(int=group_id.int ^ (1 << 100)))
    asked = request_of(
        caller, name="a.csv", file_format="csv", policy="accept_valid", has_map=True, files_at="/v1"
    )
    await place_group_order(book, caller, upload, asked, 100)
    record = ImportRecord(
        organisation_id=caller.organisation_id,
        key="k" * 64,
        progress="{}",
        epoch=1,
        created_at=START,
        changed_at=START,
    )
    await begin_import(book, record, None)


async def _place_named(book: Book, caller: Caller) -> None:
    """One order for each kind of thing that can be wrong with one."""

    async def place(name: str, **given: Any) -> Order:
        document = Document(names={"reference": name}, **given.pop("said", {}))
        return await place_order(book, caller, NewOrder(document=document, **given))

    await place("plain", said={"total": Decimal("12.50"), "customer": Party(id=7, reference="C-1")})
    staged = await place("staged", stages=(NewStage(stage="placed"),))
    for stage in ("picked", "packed"):
        await append_stage(book, caller, staged, NewStage(stage=stage))
    corrected = await place("corrected", stages=(NewStage(stage="placed"), NewStage(stage="wrong")))
    await append_stage(book, caller, corrected, NewStage(stage="right", supersedes=2))
    amended = await place("amended")
    for notes in ("one", "two"):
        await amend_order(book, caller, amended, Amendment(change=_saying(notes=notes)))
    await place("grouped", group_order_id=GROUP, group_line=1)
    await place("sealed", vouchers=(NewVoucher(voucher=Voucher(amount=Decimal(5)), code="CODE", pin="1234"),))
    owing = await place("owing")
    await append_stage(book, caller, owing, NewStage(stage="sent"), repeat_key="r" * 64)
    await place("claiming", claims={"hostway.open": "someone"})

    async def render(_reads: Any, order: Order) -> Answer:
        return Answer(status=201, headers=(("location", f"/v1/orders/{order.id}"),), body=b'{"a": "b"}')

    answered = NewOrder(document=Document(names={"reference": "answered"}))
    once = Once(key="once", request_digest="0" * 64)
    await answer_once(book, caller, once, lambda its: place_order(its, caller, answered), render)


async def _live(book: Book, caller: Caller, chance: random.Random, number: int) -> None:
    """An order and a random life."""
    vouchers = (NewVoucher(voucher=Voucher(country="CH"), code="X"),) if chance.random() < 0.2 else ()
    lines = tuple(
        Line(
            item=f"I-{one}", quantity=Decimal(one + 1), unit_price=Decimal(chance.randrange(1, 10_000)) / 100
        )
        for one in range(chance.randrange(4))
    )
    said = Document(
        names={"reference": f"R-{number}", "po_number": f"P-{number}"} if chance.random() < 0.8 else {},
        total=Decimal(chance.randrange(1, 1_000_000)) / 1_000 if chance.random() < 0.9 else None,
        customer=Party(id=chance.randrange(1, 9), reference=f"C-{number}", name="Zoë 🚚"),
        lines=lines,
        notes=chance.choice(WORDS),
    )
    new = NewOrder(
        document=said,
        currency=chance.choice(("EUR", "CHF", None)),
        placed_at=chance.choice((None, START - HOUR)),
        vouchers=vouchers,
        stages=tuple(_stage(chance) for _ in range(chance.randrange(3))),
    )
    order = await place_order(book, caller, new)
    for _ in range(chance.randrange(6)):
        what = chance.random()
        if what < 0.6:
            await append_stage(book, caller, order, _stage(chance))
        elif what < 0.75:
            await amend_order(book, caller, order, Amendment(change=_saying(notes=chance.choice(WORDS))))
        elif what < 0.9:
            past = order.placed_at + timedelta(seconds=chance.randrange(2))
            await amend_order(
                book,
                caller,
                order,
                Amendment(change=_saying(tag=f"t{chance.randrange(3)}"), effective_at=past),
            )
        elif what < 0.95:
            await delete_order(book, caller, order)
            return


def _stage(chance: random.Random) -> NewStage:
    detail = StageDetail(
        client=Client(id=chance.randrange(5)) if chance.random() < 0.3 else None,
        appointment=Appointment(id=chance.randrange(3), start_at="9:00") if chance.random() < 0.3 else None,
        details=Details(rush=True, addons=("x", {"a": 1})) if chance.random() < 0.3 else None,
    )
    return NewStage(
        stage=chance.choice(WORDS),
        status=chance.choice(("follow", "follow", "set", "leave")),
        effective_at=chance.choice((None, None, START, START + HOUR)),
        detail=detail,
    )


def _saying(**fields: Any) -> Any:
    return lambda order: msgspec.structs.replace(
        order, document=msgspec.structs.replace(order.document, **fields)
    )


def harm(address: str, *statements: str) -> None:
    """Change a book behind its back, past every constraint."""
    if address.startswith("sqlite:///"):
        with closing(sqlite3.connect(address.removeprefix("sqlite:///"))) as connection:
            connection.execute("PRAGMA ignore_check_constraints=ON")
            for sql in statements:
                assert connection.execute(sql).rowcount, f"changes nothing: {sql}"
            connection.commit()
        return
    checks = ("bucket_of_id", "revision_positive")
    execute(address, *(f"ALTER TABLE orders DROP CONSTRAINT IF EXISTS {name}" for name in checks))
    # Several statements in one go: the setting is the session's.
    execute(address, "; ".join(("SET session_replication_role = replica", *statements)))


def look(address: str, sql: str) -> Sequence[tuple[Any, ...]]:
    """What another connection sees of a book."""
    if address.startswith("sqlite:///"):
        with closing(sqlite3.connect(address.removeprefix("sqlite:///"))) as connection:
            return connection.execute(sql).fetchall()
    return [tuple(row) for row in fetch(address, sql)]

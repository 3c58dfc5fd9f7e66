"""The book that is measured: orders with names for every contract, placed by the book's own operations."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import shutil
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import uvloop
from msgspec.structs import replace

from orderwire import app
from orderwire import settings as table
from orderwire.book.accounts import (
    NewToken,
    create_application,
    create_organisation,
    create_person,
    issue_tokens,
)
from orderwire.book.callers import RIGHTS, Application, Caller, Organisation, Person, Profile
from orderwire.book.credentials import owner_of
from orderwire.book.operations import NewOrder, place_order
from orderwire.book.orders import Access, Document, GroupOrder, HostingAccount, NewVoucher, Party, Voucher
from orderwire.book.stages import NewStage
from orderwire.book.store import Book, Transaction
from orderwire.contracts.hostway import wire as hostway
from orderwire.contracts.native import auth as native
from orderwire.contracts.planocore import auth as planocore_auth
from orderwire.contracts.planocore import wire as planocore
from orderwire.contracts.plum import auth as plum_auth
from orderwire.contracts.plum import wire as plum
from orderwire.contracts.valomnia import auth as valomnia_auth
from orderwire.contracts.valomnia import wire as valomnia
from orderwire.contracts.valomnia.demo import operation
from orderwire.migrating import migrate

ORGANISATION = "bench"
USERNAME = "bench@bench.example"
BATCH = 256
# Every so many-th order is the one member of a group order.
GROUPS_SHARE = 2
# A book that was kept is used again only if it was made by this very plan: count it up with every change.
PLAN = 2
NAMESPACE = uuid.UUID("5b0d9d64-6d0b-4d0e-9b6e-0f9f3ad0c1a2")
FIRST = datetime(2024, 1, 1, 8, tzinfo=UTC)

VALOMNIA_SESSION = "BE" * 16
PLUM_TOKEN = "bench-plum-" + "a1" * 60
PLANOCORE_TOKEN = "bench-planocore-application-6f1d20c3"
NATIVE_TOKEN = "bench-native-token-1d7b43aa0c9e5f28"


@dataclass(frozen=True)
class Seeded:
    """A seeded book: its file, how many orders and group orders it holds, and how long making it took."""

    database: Path
    orders: int
    groups: int
    seconds: float

    @property
    def env(self) -> dict[str, str]:
        """What a process needs to open the book, and nothing of what the user has configured besides."""
        empty = self.database.with_name("no-settings.toml")
        empty.touch()
        return {"ORDERWIRE_DATABASE": str(self.database), "ORDERWIRE_CONFIG": str(empty)}

    def settings(self) -> table.Settings:
        """The settings to open the book with, here."""
        return table.load(self.env, extra=app.contract_extra())


def owner(number: int) -> str:
    """The OwnerId of an order."""
    return str(uuid.uuid5(NAMESPACE, f"owner {number}"))


def hostway_id(number: int) -> str:
    """The 40 hex digits that Hostway knows an order by."""
    at = (FIRST + timedelta(minutes=number)).timestamp()
    return f"{int(at * 1_000):016x}{(number * 2_654_435_761) % 2**32:08x}{hostway.NODE}"


def foreign_id(number: int) -> int:
    """The number that the contracts with numeric ids know an order by; as long for every order."""
    return 4_000_000 + number


def reference(number: int) -> str:
    """The order's reference."""
    return f"bench_order_{foreign_id(number)}"


def group_id(group: int) -> str:
    """The id of a group order."""
    return str(uuid.uuid5(NAMESPACE, f"group {group}"))


def seed(folder: Path, orders: int) -> Seeded:
    """The book of that many orders in a folder of its own below `folder`, made unless it is there."""
    place = folder / f"bench-{orders}-{PLAN}"
    done = place / "done.json"
    seeded = Seeded(place / "book.db", orders, max(1, orders // GROUPS_SHARE), 0.0)
    if done.is_file():
        uvloop.run(_issue(seeded))
        return dataclasses.replace(seeded, seconds=json.loads(done.read_text())["seconds"])
    if place.exists():
        shutil.rmtree(place)
    place.mkdir(parents=True)
    began = time.monotonic()
    migrate(seeded.settings())
    uvloop.run(_fill(seeded))
    seconds = time.monotonic() - began
    done.write_text(json.dumps({"seconds": seconds}))
    return dataclasses.replace(seeded, seconds=seconds)


async def _fill(seeded: Seeded) -> None:
    book = await app.open_book(seeded.settings())
    try:
        organisation = await create_organisation(book, ORGANISATION)
        await create_person(book, organisation, USERNAME, None, Profile(first_name="Bench", last_name="Mark"))
        await create_application(book, organisation, ORGANISATION, "Benchmark")
        await _groups(book, organisation, seeded)
        caller = Caller(organisation=organisation, contract="bench", rights=RIGHTS)
        template = operation(organisation)
        for start in range(0, seeded.orders, BATCH):
            numbers = range(start, min(start + BATCH, seeded.orders))
            requests = (order(template, number, seeded) for number in numbers)
            await asyncio.gather(*(place_order(book, caller, request) for request in requests))
    finally:
        await book.close()
    await _issue(seeded)


async def _groups(book: Book, organisation: Organisation, seeded: Seeded) -> None:
    groups = [
        GroupOrder(
            id=group_id(group),
            organisation_id=organisation.id,
            user_id=None,
            total=1,
            accepted=0,
            rejected=0,
            normalised_path=f"/{organisation.directory}/group_orders/{group_id(group)}/normalized.csv",
            accepted_path=None,
            rejected_path=None,
            job_id=f"job-{group:08d}",
            created_at=FIRST,
        )
        for group in range(seeded.groups)
    ]
    for start in range(0, len(groups), BATCH):
        batch = groups[start : start + BATCH]
        await asyncio.gather(*(book.store.write(partial(_insert_group, group)) for group in batch))


async def _insert_group(group: GroupOrder, tx: Transaction) -> None:
    await tx.insert_group_order(group, ())


def order(template: NewOrder, number: int, seeded: Seeded) -> NewOrder:
    """The order of this number: Valomnia's example with a name for every contract, an owner, a voucher."""
    at = FIRST + timedelta(minutes=number)
    total = Decimal(100_000 + number % 90_000) / 100
    spacing = seeded.orders // seeded.groups
    group, beside = divmod(number, spacing)
    in_group = beside == 0 and group < seeded.groups
    return replace(
        template,
        placed_at=at,
        changed_at=at,
        group_order_id=group_id(group) if in_group else None,
        group_line=2 if in_group else None,
        document=_document(template.document, number, total),
        vouchers=(_voucher(number),),
        stages=(NewStage(stage="received", effective_at=at),),
    )


def _document(template: Document, number: int, total: Decimal) -> Document:
    known = str(foreign_id(number))
    return replace(
        template,
        names={
            valomnia.ID_SCHEME: known,
            valomnia.REFERENCE_SCHEME: reference(number),
            plum.ID_SCHEME: known,
            plum.PO_NUMBER_SCHEME: f"PO-{known}",
            planocore.ORDER_ID: known,
            planocore.ORDER_REQUEST_ID: str(foreign_id(number) + 1_000_000),
            hostway.ORDER_SCHEME: hostway_id(number),
        },
        access=Access(owner=owner_of(owner(number))),
        total=total,
        total_excl_tax=total,
        total_discounted=total,
        account=HostingAccount(number=f"acc{foreign_id(number)}"),
        receiver=Party(name="Asha Rao", email="asha.rao@bench.example"),
    )


def _voucher(number: int) -> NewVoucher:
    return NewVoucher(
        voucher=Voucher(
            product_id=28_543,
            kind="code_pin",
            amount=Decimal(10),
            currency="INR",
            exchange_rate=Decimal("0.1"),
            country="India",
            validity="2027-10-02",
        ),
        code=f"41625810{foreign_id(number)}",
        pin=f"{number % 10_000:04d}",
    )


async def _issue(seeded: Seeded) -> None:
    """Every token anew, for those that end do so a while after they were issued."""
    book = await app.open_book(seeded.settings())
    try:
        organisation = await book.store.fetch_organisation(ORGANISATION)
        assert organisation is not None
        person = await book.store.fetch_person_named(organisation.id, USERNAME)
        application = await book.store.fetch_application(organisation.id, ORGANISATION)
        assert person is not None
        assert application is not None
        await issue_tokens(book, _tokens(organisation, person, application, book.clock()))
    finally:
        await book.close()


def _tokens(
    organisation: Organisation, person: Person, application: Application, now: datetime
) -> list[NewToken]:
    session = NewToken(
        scheme=valomnia_auth.SCHEME,
        organisation_id=organisation.id,
        user_id=person.id,
        rights=valomnia_auth.SESSION_RIGHTS,
        secret=VALOMNIA_SESSION,
        idle_limit_s=24 * 3_600,
    )
    access = plum_auth.new_pair(application, now)["access_token"]
    program = planocore_auth.application_tokens(organisation, None, application)["application_token"]
    bearer = NewToken(
        scheme=native.TOKEN_SCHEME,
        organisation_id=organisation.id,
        application_id=application.id,
        rights=RIGHTS,
        secret=NATIVE_TOKEN,
    )
    return [
        session,
        replace(access, secret=PLUM_TOKEN),
        replace(program, secret=PLANOCORE_TOKEN),
        bearer,
    ]

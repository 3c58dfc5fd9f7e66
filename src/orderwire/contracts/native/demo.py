"""What the demo shows of our own API: one order with everything, and two tokens."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from orderwire.book import accounts, operations
from orderwire.book.accounts import NewToken
from orderwire.book.callers import READ, RIGHTS, Application, Caller, Organisation
from orderwire.book.operations import NewOrder
from orderwire.book.orders import Document, Line, NewVoucher, Party, Voucher
from orderwire.book.stages import NewStage
from orderwire.book.store import Book
from orderwire.contracts.contract import Demo

from .auth import TOKEN_SCHEME

TOKEN = "demo-native-token-7c1f0a52d9e84b36"
READER_TOKEN = "demo-native-reader-token-2b9e64d0f1a3"
APPLICATION = "native-demo"
NAME_SCHEME, NAME = "reference", "native-demo-1"


async def plant(book: Book, organisation: Organisation) -> None:
    """Tokens and the order, in so far as they are not there yet."""
    application = await _application(book, organisation)
    rights = {TOKEN: RIGHTS, READER_TOKEN: frozenset({READ})}
    await accounts.issue_tokens(
        book,
        [
            NewToken(
                scheme=TOKEN_SCHEME,
                organisation_id=organisation.id,
                application_id=application.id,
                secret=secret,
                rights=rights[secret],
            )
            for secret in (TOKEN, READER_TOKEN)
        ],
    )
    if await book.store.fetch_name(organisation.id, NAME_SCHEME, NAME) is None:
        caller = Caller(organisation=organisation, contract="demo", rights=RIGHTS, application=application)
        await operations.place_order(book, caller, _order())


async def _application(book: Book, organisation: Organisation) -> Application:
    found = await book.store.fetch_application(organisation.id, APPLICATION)
    if found is not None:
        return found
    made, _ = await accounts.create_application(book, organisation, APPLICATION, "Native demo")
    return made


def _order() -> NewOrder:
    at = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
    return NewOrder(
        lifecycle="processing",
        payment="paid",
        delivery="pending",
        currency="EUR",
        placed_at=at,
        document=Document(
            names={NAME_SCHEME: NAME, "po_number": "PO-2026-0001"},
            total=Decimal("59.50"),
            total_excl_tax=Decimal("50.00"),
            tax_amount=Decimal("9.50"),
            customer=Party(id=4711, name="Lindgren AB", country="SE"),
            lines=(
                Line(
                    item="lamp",
                    description="Desk lamp",
                    quantity=Decimal(2),
                    unit_price=Decimal("25.00"),
                    total=Decimal("50.00"),
                ),
            ),
            notes="Ring twice.",
        ),
        vouchers=(
            NewVoucher(
                voucher=Voucher(kind="code_pin", amount=Decimal(5), currency="EUR"),
                code="DEMO-5-EUR",
                pin="0000",
            ),
        ),
        stages=(
            NewStage(stage="received", effective_at=at),
            NewStage(stage="packed", effective_at=at.replace(day=16)),
        ),
    )


def describe() -> dict[str, Any]:
    """What a program needs to use the demo's records."""
    return {
        "token": TOKEN,
        "reader_token": READER_TOKEN,
        "name_scheme": NAME_SCHEME,
        "name": NAME,
    }


def curl(base_url: str) -> str:
    """A line that reads the demo's order."""
    return f"curl -s -H 'Authorization: Bearer {TOKEN}' {base_url}/v1/orders/by/{NAME_SCHEME}/{NAME}"


DEMO = Demo(
    plant=plant,
    describe=describe,
    curl=curl,
    tokens=((TOKEN_SCHEME, TOKEN), (TOKEN_SCHEME, READER_TOKEN)),
)

"""The demo book's part for Valomnia: the operation that the document shows, and who may read it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from orderwire.book.accounts import create_person
from orderwire.book.callers import RIGHTS, Caller, Organisation, Profile
from orderwire.book.errors import AlreadyExists
from orderwire.book.operations import NewOrder, place_order
from orderwire.book.orders import Delivery, Document, Line, Party, Payment, PaymentMethod, Visit
from orderwire.book.store import Book
from orderwire.contracts.contract import Demo

from .wire import ID_SCHEME, REFERENCE_SCHEME

ORGANISATION = "entity1"
USERNAME = "marie@entity1.example"
PASSWORD = "demo-marie-2014"
ORDER_ID = 5
REFERENCE = "marie_order_2014_12_20"

_PLACED = datetime(2014, 12, 20, 23, tzinfo=UTC)


async def plant(book: Book, organisation: Organisation) -> None:
    """Bring the person and operation 5 into the book, unless they are there."""
    if await book.store.fetch_person_named(organisation.id, USERNAME) is None:
        profile = Profile(
            first_name="Marie",
            last_name="Demo",
            email=USERNAME,
            phone="+33 1 00 00 00 00",
            reference="emp-04",
        )
        await create_person(book, organisation, USERNAME, PASSWORD, profile)
    caller = Caller(organisation=organisation, contract="demo", rights=RIGHTS)
    try:
        await place_order(book, caller, operation(organisation))
    except AlreadyExists:
        return


def operation(organisation: Organisation) -> NewOrder:
    """The document's example as an order; its one line sells what the total says."""
    return NewOrder(
        lifecycle="complete",
        payment="paid",
        delivery="delivered",
        currency="EUR",
        placed_at=_PLACED,
        changed_at=_PLACED,
        document=Document(
            names={ID_SCHEME: str(ORDER_ID), REFERENCE_SCHEME: REFERENCE},
            total=Decimal(1572),
            total_excl_tax=Decimal(1572),
            total_discounted=Decimal(1572),
            shipping_fee=Decimal(7),
            exchange_rate=Decimal(1),
            customer=Party(id=5, reference="C0959", name="Marie's Jewelry"),
            recorded_by=Party(id=4, reference="emp-04"),
            payment_method=PaymentMethod(id=8, reference="CHEQUE", name="Cheque"),
            paid_at=_PLACED,
            payments=(Payment(id=5, reference="5_8_2014_12_20", amount=Decimal(1572), paid_at=_PLACED),),
            lines=(Line(id=5, quantity=Decimal(1), unit_price=Decimal(1572), total=Decimal(1572)),),
            delivery=Delivery(
                at=_PLACED,
                country="FR",
                city="Paris",
                desired_at=datetime(2015, 8, 16, 23, tzinfo=UTC),
                delivered_at=datetime(2015, 5, 18, 21, tzinfo=UTC),
                assigned_at=datetime(2015, 3, 21, 23, tzinfo=UTC),
                by=Party(id=5, reference="emp-06"),
            ),
            visit=Visit(latitude=Decimal("29.932"), longitude=Decimal("12.101")),
            pdf_path=f"/{organisation.directory}/orderPDF/4_{REFERENCE}.pdf",
        ),
    )


def describe() -> dict[str, Any]:
    """What a program needs to use the demo."""
    return {
        "username": USERNAME,
        "password": PASSWORD,
        "order_id": ORDER_ID,
        "order_reference": REFERENCE,
        "organization": ORGANISATION,
    }


def curl(base_url: str) -> str:
    """Two lines: the log-in, and the operation."""
    return (
        f"curl -s -i -c cookies.txt -d j_username={USERNAME} -d j_password={PASSWORD} -d ajax=true"
        f" {base_url}/j_spring_security_check\n"
        f"curl -s -b cookies.txt {base_url}/api/v1.0/orders/{ORDER_ID}"
    )


DEMO = Demo(plant=plant, describe=describe, curl=curl, passwords=((USERNAME, PASSWORD),))

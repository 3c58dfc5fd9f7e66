"""The demo book's part for Plum: the document's order, one that can be sent again, and a client."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from orderwire.book.accounts import NewToken, create_application, issue_tokens
from orderwire.book.callers import RIGHTS, Application, Caller, Organisation
from orderwire.book.errors import AlreadyExists
from orderwire.book.operations import NewOrder, place_order
from orderwire.book.orders import Document, NewVoucher, Party, Voucher
from orderwire.book.store import Book
from orderwire.contracts.contract import Demo

from .auth import ACCESS_RIGHTS, ACCESS_SCHEME, REFRESH_SCHEME
from .wire import ID_SCHEME, PO_NUMBER_SCHEME
from .wire_tokens import ACCESS_LIFETIME_S, REFRESH_LIFETIME_S, access_token

APPLICATION = "plum-demo"
APPLICATION_NAME = "Plum demo"
CLIENT_ID = "demo-plum-client"
CLIENT_SECRET = "demo-plum-secret-5f2c8e"
# The texts never change, so what they tell of instants is only for the look of it: the book knows better.
ACCESS_TOKEN = access_token(APPLICATION_NAME, datetime(2026, 1, 1, tzinfo=UTC), "d0" * 32)
EXPIRED_ACCESS_TOKEN = access_token(APPLICATION_NAME, datetime(2019, 6, 6, 7, 2, 58, tzinfo=UTC), "e0" * 32)
REFRESH_TOKEN = "d1" * 20
# One more, so that a rotation can be tried without spending the first.
SPARE_REFRESH_TOKEN = "d2" * 20
ORDER_ID = 1316578
PO_NUMBER = "PO-2020-0815"
DELIVERED_ORDER_ID = 1316579
DELIVERED_PO_NUMBER = "PO-2020-0816"
RECEIVER = "asha.rao@entity1.example"

_EXPIRED_FOR = timedelta(days=1)


async def plant(book: Book, organisation: Organisation) -> None:
    """Bring the application and the orders into the book, and issue the tokens anew.

    A refresh token that was exchanged before is good again afterwards.
    """
    application = await book.store.fetch_application(organisation.id, APPLICATION)
    if application is None:
        application, _ = await create_application(
            book, organisation, APPLICATION, APPLICATION_NAME, CLIENT_ID, CLIENT_SECRET
        )
    await issue_tokens(book, tokens(application, book.clock()))
    caller = Caller(organisation=organisation, contract="demo", rights=RIGHTS, application=application)
    for order in (pending_order(), delivered_order()):
        try:
            await place_order(book, caller, order)
        except AlreadyExists:
            continue


def tokens(application: Application, now: datetime) -> list[NewToken]:
    """The demo's tokens as issued now, but for the expired one."""
    long_ago = now - timedelta(seconds=ACCESS_LIFETIME_S) - _EXPIRED_FOR
    access = [
        NewToken(
            scheme=ACCESS_SCHEME,
            organisation_id=application.organisation_id,
            application_id=application.id,
            rights=ACCESS_RIGHTS,
            secret=secret,
            lifetime_s=ACCESS_LIFETIME_S,
            issued_at=issued_at,
        )
        for secret, issued_at in ((ACCESS_TOKEN, now), (EXPIRED_ACCESS_TOKEN, long_ago))
    ]
    refresh = [
        NewToken(
            scheme=REFRESH_SCHEME,
            organisation_id=application.organisation_id,
            application_id=application.id,
            secret=secret,
            lifetime_s=REFRESH_LIFETIME_S,
            issued_at=now,
        )
        for secret in (REFRESH_TOKEN, SPARE_REFRESH_TOKEN)
    ]
    return access + refresh


def pending_order() -> NewOrder:
    """The document's example: complete, its delivery pending, and yet with a voucher."""
    return NewOrder(
        lifecycle="complete",
        payment="paid",
        delivery="pending",
        currency="USD",
        placed_at=datetime(2020, 4, 2, 10, 15, tzinfo=UTC),
        document=_document(ORDER_ID, PO_NUMBER),
        vouchers=(_voucher("4162581029814703", "key_c26323726135beaa4e"),),
    )


def delivered_order() -> NewOrder:
    """The same with two vouchers, delivered to somebody who has an address."""
    return NewOrder(
        lifecycle="complete",
        payment="paid",
        delivery="delivered",
        currency="USD",
        placed_at=datetime(2020, 4, 3, 9, 0, tzinfo=UTC),
        document=_document(DELIVERED_ORDER_ID, DELIVERED_PO_NUMBER),
        vouchers=(
            _voucher("DEMO-1585904400000-A7K2Q9", "DEMO-PIN"),
            _voucher("DEMO-1585904400000-B3X8M1", "DEMO-PIN"),
        ),
    )


def _document(order_id: int, po_number: str) -> Document:
    return Document(
        names={ID_SCHEME: str(order_id), PO_NUMBER_SCHEME: po_number},
        total=Decimal(100),
        discount_percent=Decimal(10),
        discount_amount=Decimal(10),
        amount_charged=Decimal(90),
        receiver=Party(name="Asha Rao", email=RECEIVER),
    )


def _voucher(code: str, pin: str) -> NewVoucher:
    return NewVoucher(
        voucher=Voucher(
            product_id=28543,
            kind="code_pin",
            amount=Decimal(10),
            currency="INR",
            exchange_rate=Decimal("0.1"),
            country="India",
            validity="2020-10-02",
            tag="somethingToTagThisOrder",
        ),
        code=code,
        pin=pin,
    )


def describe() -> dict[str, Any]:
    """What a program needs to use the demo."""
    return {
        "access_token": ACCESS_TOKEN,
        "expired_access_token": EXPIRED_ACCESS_TOKEN,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "refresh_token": REFRESH_TOKEN,
        "spare_refresh_token": SPARE_REFRESH_TOKEN,
        "order_id": ORDER_ID,
        "po_number": PO_NUMBER,
        "delivered_order_id": DELIVERED_ORDER_ID,
        "delivered_po_number": DELIVERED_PO_NUMBER,
        "receiver_email": RECEIVER,
    }


def curl(base_url: str) -> str:
    """One line that asks for the document's order."""
    body = (
        '{"query":"plumProAPI.mutation.getOrderDetails","tag":"plumProAPI",'
        f'"variables":{{"data":{{"poNumber":"","orderId":{ORDER_ID},"sendMailToReceiver":0}}}}}}'
    )
    return (
        f"curl -s {base_url}/chef/v1/oauth/api -H 'Authorization: Bearer {ACCESS_TOKEN}'"
        f" -H 'Content-Type: application/json' -d '{body}'"
    )


DEMO = Demo(
    plant=plant,
    describe=describe,
    curl=curl,
    tokens=(
        (ACCESS_SCHEME, ACCESS_TOKEN),
        (ACCESS_SCHEME, EXPIRED_ACCESS_TOKEN),
        (REFRESH_SCHEME, REFRESH_TOKEN),
        (REFRESH_SCHEME, SPARE_REFRESH_TOKEN),
    ),
)

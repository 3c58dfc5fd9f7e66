"""What the demo shows of Hostway orders: the three orders of the document, their owners and four users."""

from __future__ import annotations

from typing import Any

from orderwire.book import accounts, operations
from orderwire.book.accounts import NewToken
from orderwire.book.callers import RIGHTS, Caller, Organisation, Person, Profile
from orderwire.book.credentials import owner_of
from orderwire.book.operations import NewOrder
from orderwire.book.orders import Access, Document, HostingAccount
from orderwire.book.store import Book
from orderwire.contracts.contract import Demo

from .auth import ELEVATED, OWNER_SCHEME, STAFF
from .wire import OPEN_SCHEME, ORDER_SCHEME, read_order_id_time

# The demo's own organisation: to it the demo binds this contract.
ORGANISATION = "entity1"
ORDER_ID = "0000013ca61880fbfc068b33000a02c9d8ef861c"
OWNER_ID = "948ce0d4-7cf0-43b6-88a5-2b3f1331b689"
ACCOUNT = "acc20130821"
OTHER_ORDER_ID = "000001483b9336c4be0a0c89000a19010d347ea1"
OTHER_OWNER_ID = "5f0f7c2e-3a0b-4b51-9a4e-6a1d0c2b7e94"
ASSOCIATED_ORDER_ID = "000001483b9336c4be0a0c89000a19010d347ea2"
ASSOCIATED_OWNER_ID = "c4b8a1d3-90fe-4f6a-8d27-1e5b3f9a6c70"
# As ids are made, and never given to an order.
UNKNOWN_ORDER_ID = "000001483b9336c4be0a0c89000a19010d347eff"
UNKNOWN_OWNER_ID = "0b3fc7bd-6905-4de7-bddb-43d2c7365e7a"

USERNAME, PASSWORD = "hostway-demo", "hostway-demo-1"
UNASSOCIATED_USERNAME, UNASSOCIATED_PASSWORD = "hostway-guest", "hostway-guest-1"
STAFF_USERNAME, STAFF_PASSWORD = "hostway-staff", "hostway-staff-1"
ELEVATED_USERNAME, ELEVATED_PASSWORD = "hostway-agent", "hostway-agent-1"
USERS = (
    (USERNAME, PASSWORD, ()),
    (UNASSOCIATED_USERNAME, UNASSOCIATED_PASSWORD, ()),
    (STAFF_USERNAME, STAFF_PASSWORD, (STAFF,)),
    (ELEVATED_USERNAME, ELEVATED_PASSWORD, (ELEVATED,)),
)
OWNERS = (OWNER_ID, OTHER_OWNER_ID, ASSOCIATED_OWNER_ID)


async def plant(book: Book, organisation: Organisation) -> None:
    """Owners, users and orders, in so far as they are not there yet."""
    await accounts.issue_tokens(
        book,
        [NewToken(scheme=OWNER_SCHEME, organisation_id=organisation.id, secret=owner) for owner in OWNERS],
    )
    persons = [await _person(book, organisation, *user) for user in USERS]
    user_id = persons[0].id
    await _place(book, organisation, ORDER_ID, OWNER_ID, account=ACCOUNT)
    await _place(book, organisation, OTHER_ORDER_ID, OTHER_OWNER_ID)
    await _place(
        book, organisation, ASSOCIATED_ORDER_ID, ASSOCIATED_OWNER_ID, users=(user_id,), lifecycle="processing"
    )


async def _person(
    book: Book, organisation: Organisation, username: str, password: str, roles: tuple[str, ...]
) -> Person:
    found = await book.store.fetch_person_named(organisation.id, username)
    if found is not None:
        return found
    return await accounts.create_person(book, organisation, username, password, Profile(roles=roles))


async def _place(
    book: Book,
    organisation: Organisation,
    order_id: str,
    owner_id: str,
    *,
    account: str | None = None,
    users: tuple[int, ...] = (),
    lifecycle: str = operations.OPEN,
) -> None:
    if await book.store.fetch_name(organisation.id, ORDER_SCHEME, order_id) is not None:
        return
    owner = owner_of(owner_id)
    request = NewOrder(
        lifecycle=lifecycle,
        placed_at=read_order_id_time(order_id),
        document=Document(
            names={ORDER_SCHEME: order_id},
            access=Access(owner=owner, users=users),
            account=HostingAccount(number=account) if account is not None else None,
        ),
        claims={OPEN_SCHEME: owner} if lifecycle == operations.OPEN else {},
    )
    caller = Caller(organisation=organisation, contract="demo", rights=RIGHTS)
    await operations.place_order(book, caller, request)


def describe() -> dict[str, Any]:
    """What a program needs to use the demo's records."""
    return {
        "order_id": ORDER_ID,
        "owner_id": OWNER_ID,
        "other_order_id": OTHER_ORDER_ID,
        "other_owner_id": OTHER_OWNER_ID,
        "associated_order_id": ASSOCIATED_ORDER_ID,
        "associated_owner_id": ASSOCIATED_OWNER_ID,
        "unknown_order_id": UNKNOWN_ORDER_ID,
        "unknown_owner_id": UNKNOWN_OWNER_ID,
        "username": USERNAME,
        "password": PASSWORD,
        "unassociated_username": UNASSOCIATED_USERNAME,
        "unassociated_password": UNASSOCIATED_PASSWORD,
        "staff_username": STAFF_USERNAME,
        "staff_password": STAFF_PASSWORD,
        "elevated_username": ELEVATED_USERNAME,
        "elevated_password": ELEVATED_PASSWORD,
    }


def curl(base_url: str) -> str:
    """A line that reads the document's order."""
    return f"curl -s -H 'Cookie: OwnerId={OWNER_ID}; Path=/' {base_url}/orders/{ORDER_ID}"


DEMO = Demo(
    plant=plant,
    describe=describe,
    curl=curl,
    tokens=tuple((OWNER_SCHEME, owner) for owner in OWNERS),
    passwords=tuple((username, password) for username, password, _ in USERS),
    # The document prints its account link with the host taken out. Strangers stay at home here when the
    # demo's book gets a second organisation.
    options={"account_url": "http://accounts/{number}", "organisation": ORGANISATION},
)

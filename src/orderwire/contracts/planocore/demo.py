"""PlanoCore's part of the demo book: a group order being processed, and somebody to ask for it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from orderwire.book.accounts import NewToken, create_application, create_person, issue_tokens
from orderwire.book.callers import RIGHTS, Caller, Organisation, Person, Profile
from orderwire.book.operations import NewOrder, place_order
from orderwire.book.orders import Access, Document, GroupOrder, Party, PhotoTour, Rejection
from orderwire.book.stages import Appointment, NewStage, StageDetail
from orderwire.book.store import Book
from orderwire.contracts.contract import Demo

from . import auth, wire

APPLICATION_TOKEN = "demo-planocore-application-0f1e2d3c4b5a"
SESSION_TOKEN = "demo-planocore-session-4b1d7c90e2f8"
EXPIRED_SESSION_TOKEN = "demo-planocore-expired-session-9a5e3b7d11c6"
IDLE_SESSION_TOKEN = "demo-planocore-idle-session-6c2f8e40b7d9"
REMEMBERED_SESSION_TOKEN = "demo-planocore-remembered-session-d83a5f17c0e4"
OTHER_SESSION_TOKEN = "demo-planocore-other-session-52c8e1a7f0b4"
ROLELESS_SESSION_TOKEN = "demo-planocore-roleless-session-1e7b9d52f6a3"

# An order is known by two numbers: its request came first and has one of its own.
REQUEST_ID_OFFSET = 500_000

GROUP_ORDER_ID = "7d3f1c52-9b64-4e0a-8a7e-2f5c6b1d9e30"
EVENT_SLUG = "order.delivered"

APPLICATION = ("planoworker", "PlanOworker")
OWNER = Profile(
    first_name="Ada", last_name="Client", email="ada.client@example.com", roles=("client", "employee")
)
OTHER_CLIENT = Profile(
    first_name="Olga", last_name="Other", email="olga.other@example.com", roles=("client",)
)
ROLELESS = Profile(first_name="Rolf", last_name="None", email="rolf.none@example.com")

# Which stages send mail in the demo; the order of a client without address is there to see one fail.
NOTIFICATIONS = "order.delivered=client;order.canceled=client;appointment.scheduled=client"

UPLOADED_AT = datetime(2023, 9, 22, 15, 0, tzinfo=UTC)


def _order(
    number: int, line: int | None, client: Party, tour: PhotoTour, stages: tuple[tuple[str, int], ...]
) -> NewOrder:
    """An order known by `number` whose stages began that many hours after the upload."""
    return NewOrder(
        lifecycle="processing",
        placed_at=UPLOADED_AT + timedelta(minutes=line or 0),
        group_order_id=GROUP_ORDER_ID if line is not None else None,
        group_line=line,
        document=Document(
            names={wire.ORDER_ID: str(number), wire.ORDER_REQUEST_ID: str(number + REQUEST_ID_OFFSET)},
            customer=client,
            tour=tour,
            notes="Please ring first",
        ),
        stages=tuple(
            NewStage(stage=stage, effective_at=UPLOADED_AT + timedelta(hours=hours), detail=_said(stage))
            for stage, hours in stages
        ),
    )


def _said(stage: str) -> StageDetail:
    if stage != "scheduled":
        return StageDetail(trigger="planoworker", created_by="PlanOworker")
    return StageDetail(
        trigger="appointment",
        created_by="Ada Client",
        event="appointment.scheduled",
        appointment=Appointment(id=7101, confirmed="yes", duration="01:30", start_at="2023-09-25 09:00:00"),
    )


ADA = Party(
    id=4411,
    first_name="Ada",
    last_name="Client",
    name="Ada Client",
    email="ada.client@example.com",
    postal_code="80202",
)
MUTE = Party(id=4412, name="Silent Homes", postal_code="80303")

ORDERS = (
    _order(
        210431,
        2,
        ADA,
        PhotoTour(
            service_type="photos",
            services=("twilight", "aerial"),
            rush=False,
            due="2023-09-29",
            external_id="EXT-1001",
            property_address="1801 California St, Denver, CO 80202",
        ),
        (("ordered", 0), ("ready_to_schedule", 20), ("scheduled", 27)),
    ),
    _order(
        210432,
        3,
        ADA,
        PhotoTour(
            service_type="floor_plan",
            rush=True,
            due="2023-09-26",
            external_id="EXT-1002",
            property_address="1670 Broadway, Denver, CO 80202",
        ),
        (("ordered", 0), ("hold", 4)),
    ),
    _order(
        210433,
        5,
        MUTE,
        PhotoTour(
            service_type="photos", external_id="EXT-1003", property_address="1777 Broadway, Boulder, CO 80302"
        ),
        (("ordered", 1),),
    ),
    _order(
        210440,
        None,
        ADA,
        PhotoTour(
            service_type="video", external_id="EXT-2001", property_address="600 17th St, Denver, CO 80202"
        ),
        (("ordered", 2),),
    ),
)
ORDER, _, UNMAILABLE, LOOSE = (int(order.document.names[wire.ORDER_ID]) for order in ORDERS)
REJECTED = Rejection(line=4, column="Zip Code", code="invalid", value="8020")


async def plant(book: Book, organisation: Organisation) -> None:
    """Write what is missing of the demo records, and give every token its age anew."""
    owner = await _person(book, organisation, OWNER)
    other = await _person(book, organisation, OTHER_CLIENT)
    roleless = await _person(book, organisation, ROLELESS)
    application = await book.store.fetch_application(organisation.id, APPLICATION[0])
    if application is None:
        application, _ = await create_application(book, organisation, *APPLICATION)
    group = GroupOrder(
        id=GROUP_ORDER_ID,
        organisation_id=organisation.id,
        user_id=owner.id,
        total=6,
        accepted=0,
        rejected=1,
        normalised_path=f"/{organisation.directory}/group_orders/{GROUP_ORDER_ID}/normalized.csv",
        accepted_path=None,
        rejected_path=None,
        job_id="job-20230922-0001",
        created_at=UPLOADED_AT,
    )
    if await book.store.fetch_group_order(organisation.id, group.id) is None:
        await book.store.write(lambda tx: tx.insert_group_order(group, (REJECTED,)))
    await _place_orders(book, organisation, owner)
    sessions = _sessions(book.clock(), organisation, owner)
    for person, secret in ((other, OTHER_SESSION_TOKEN), (roleless, ROLELESS_SESSION_TOKEN)):
        sessions.append(
            replace(auth.session_tokens(organisation, person, None)["session_token"], secret=secret)
        )
    program = auth.application_tokens(organisation, None, application)["application_token"]
    await issue_tokens(book, [*sessions, replace(program, secret=APPLICATION_TOKEN)])


async def _person(book: Book, organisation: Organisation, profile: Profile) -> Person:
    there = await book.store.fetch_person_named(organisation.id, profile.email)
    return there or await create_person(book, organisation, profile.email, None, profile)


def _sessions(now: datetime, organisation: Organisation, owner: Person) -> list[NewToken]:
    """The owner's sessions: a fresh one, and those that the document's rules of age are about."""
    fresh = auth.session_tokens(organisation, owner, None)["session_token"]
    remembered = auth.remembered_session_tokens(organisation, owner, None)["session_token"]
    eight_days_ago, four_days_ago = now - timedelta(days=8), now - timedelta(days=4)
    thirty_days_ago, unused_since = now - timedelta(days=30), now - timedelta(hours=73)
    return [
        replace(fresh, secret=SESSION_TOKEN),
        replace(fresh, secret=EXPIRED_SESSION_TOKEN, issued_at=eight_days_ago, last_used_at=now),
        replace(fresh, secret=IDLE_SESSION_TOKEN, issued_at=four_days_ago, last_used_at=unused_since),
        replace(remembered, secret=REMEMBERED_SESSION_TOKEN, issued_at=thirty_days_ago),
    ]


async def _place_orders(book: Book, organisation: Organisation, owner: Person) -> None:
    caller = Caller(organisation=organisation, contract="demo", rights=RIGHTS, person=owner)
    for order in ORDERS:
        names = order.document.names
        if await book.store.fetch_name(organisation.id, wire.ORDER_ID, names[wire.ORDER_ID]) is None:
            await place_order(book, caller, _owned(order, owner))


def _owned(order: NewOrder, owner: Person) -> NewOrder:
    document = replace(order.document, access=Access(users=(owner.id,)))
    return replace(order, document=document)


def describe() -> dict[str, Any]:
    """What a program needs to use the demo records."""
    return {
        "application_token": APPLICATION_TOKEN,
        "session_token": SESSION_TOKEN,
        "expired_session_token": EXPIRED_SESSION_TOKEN,
        "idle_session_token": IDLE_SESSION_TOKEN,
        "remembered_session_token": REMEMBERED_SESSION_TOKEN,
        "roleless_session_token": ROLELESS_SESSION_TOKEN,
        "other_session_token": OTHER_SESSION_TOKEN,
        "group_order_id": GROUP_ORDER_ID,
        "order_id": ORDER,
        "order_request_id": ORDER + REQUEST_ID_OFFSET,
        "loose_order_id": LOOSE,
        "loose_order_request_id": LOOSE + REQUEST_ID_OFFSET,
        "unmailable_order_id": UNMAILABLE,
        "event_slug": EVENT_SLUG,
    }


def curl(base_url: str) -> str:
    """A line that reads the group order."""
    body = json.dumps({"token": APPLICATION_TOKEN, "_id": GROUP_ORDER_ID})
    return f"curl -sS {base_url}/api/v1/group_orders/read -H 'Content-Type: application/json' -d '{body}'"


DEMO = Demo(
    plant=plant,
    describe=describe,
    curl=curl,
    tokens=(
        (auth.APPLICATION, APPLICATION_TOKEN),
        (auth.SESSION, SESSION_TOKEN),
        (auth.SESSION, EXPIRED_SESSION_TOKEN),
        (auth.SESSION, IDLE_SESSION_TOKEN),
        (auth.SESSION, REMEMBERED_SESSION_TOKEN),
        (auth.SESSION, OTHER_SESSION_TOKEN),
        (auth.SESSION, ROLELESS_SESSION_TOKEN),
    ),
    options={"notifications": NOTIFICATIONS},
)

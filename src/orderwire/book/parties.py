"""Parties that an organisation keeps beside its orders: who orders, who receives, who takes orders down."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from .orders import Party

# Where an order has such a party: `customer`, `receiver`, `recorded_by`.
PARTY_ROLES = frozenset({"customer", "receiver", "employee"})


class RegisteredParty(Struct, frozen=True, kw_only=True):
    """A party with an id of its own; `record` is what an order takes over as it is.

    `record.reference` is unique in organisation and role, also after the party was removed.
    """

    id: int
    organisation_id: int
    role: str
    revision: int
    record: Party
    created_at: datetime
    changed_at: datetime


class PartyPlace(Struct, frozen=True):
    """Where a page of parties ends: before the first of them, if nothing is given."""

    role: str = ""
    id: int = 0
    reference: str = ""


class PartyQuery(Struct, frozen=True, kw_only=True):
    """Which parties: of one role, with this reference, or whose reference begins with `prefix`.

    A list by `prefix` needs a role and is sorted by reference, every other by role and id.
    """

    role: str | None = None
    reference: str | None = None
    prefix: str | None = None
    after: PartyPlace = PartyPlace()
    limit: int = 100


def place_of(party: RegisteredParty) -> PartyPlace:
    """Where a page that ends with this party ends."""
    return PartyPlace(party.role, party.id, party.record.reference or "")

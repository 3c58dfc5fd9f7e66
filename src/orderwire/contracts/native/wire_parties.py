"""The wire of parties: a registered party, and within it `party`, which an order takes over as it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Union

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from orderwire.book.orders import Party
from orderwire.book.pages import Page
from orderwire.book.parties import PartyPlace, PartyQuery, RegisteredParty, place_of
from orderwire.web.request import Request

from .wire_pages import parse_cursor, parse_json, parse_limit, parse_parameters, render_next
from .wire_strict import convert, strict

PATH = "/v1/parties"
PARAMETERS = frozenset({"role", "reference", "reference_prefix", "limit", "after"})

PartyRole = Literal["customer", "employee", "receiver"]
_encode = msgspec.json.Encoder().encode


class PartyCursor(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Where a page of parties ends."""

    role: Annotated[str, Meta(max_length=32)]
    id: Annotated[int, Meta(ge=0, le=2**53)]
    reference: Annotated[str, Meta(max_length=255)]


class PartyBody(Struct, frozen=True, kw_only=True):
    """A party as it is handed in."""

    role: PartyRole
    party: Party


# Every field of a party, to be changed, taken away (null), or left as it is.
PartyFields = msgspec.defstruct(
    "PartyFields",
    [(field.name, Union[field.type, UnsetType], UNSET) for field in msgspec.structs.fields(Party)],  # noqa: UP007
    frozen=True,
    kw_only=True,
)


class PartyPatch(Struct, frozen=True, kw_only=True):
    """What to change of a party."""

    party: PartyFields  # type: ignore[valid-type]  # made of the fields of Party


class PartyShown(Struct, frozen=True, kw_only=True):
    """A party as every answer shows it."""

    id: int
    role: PartyRole
    revision: int
    party: Party
    created_at: datetime
    changed_at: datetime


class PartyList(Struct, frozen=True, kw_only=True):
    """A page of parties."""

    parties: tuple[PartyShown, ...]


STRICT_PARTY = strict(PartyBody)
STRICT_PARTY_PATCH = strict(PartyPatch)


def parse_party(request: Request) -> PartyBody:
    """The party to keep. Raises ContentTypeWrong, BodyMalformed, FieldMissing or FieldInvalid."""
    return convert(parse_json(request), STRICT_PARTY)


def parse_party_patch(request: Request) -> dict[str, Any]:
    """The fields to change, by name. Raises ContentTypeWrong, BodyMalformed, FieldMissing or FieldInvalid."""
    given = convert(parse_json(request, is_patch=True), STRICT_PARTY_PATCH).party
    return {name: value for name, value in msgspec.structs.asdict(given).items() if value is not UNSET}


def parse_party_query(request: Request) -> tuple[PartyQuery, dict[str, str]]:
    """Which parties are asked for, and the parameters that say so. Raises FieldInvalid."""
    given = parse_parameters(request, PARAMETERS)
    after = parse_cursor(given, PartyCursor)
    query = PartyQuery(
        role=given.get("role"),
        reference=given.get("reference"),
        prefix=given.get("reference_prefix"),
        after=PartyPlace() if after is None else PartyPlace(after.role, after.id, after.reference),
        limit=parse_limit(given),
    )
    return query, given


def render_party(party: RegisteredParty) -> bytes:
    """A party as every answer shows it."""
    return _encode(_shown(party))


def render_parties(page: Page[RegisteredParty]) -> bytes:
    """A page of parties."""
    return _encode(PartyList(parties=tuple(_shown(party) for party in page.items)))


def next_parties(page: Page[RegisteredParty], given: Mapping[str, str]) -> bytes | None:
    """The `Link` to the next page, if there is one."""
    if not page.has_more:
        return None
    place = place_of(page.items[-1])
    return render_next(PATH, given, PartyCursor(place.role, place.id, place.reference))


def render_party_etag(party: RegisteredParty) -> bytes:
    """The strong validator of a party: its revision."""
    return b'"%d"' % party.revision


def _shown(party: RegisteredParty) -> PartyShown:
    return PartyShown(
        id=party.id,
        role=party.role,  # type: ignore[arg-type]  # one of the book's roles, which are these
        revision=party.revision,
        party=party.record,
        created_at=party.created_at,
        changed_at=party.changed_at,
    )

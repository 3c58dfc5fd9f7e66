"""The register of an organisation's parties: who may read and change it, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from .callers import READ, WRITE, Caller
from .errors import AlreadyExists, FieldInvalid, NotAllowed, RecordNotFound, StaleOrder
from .orders import Party
from .pages import Page, check_limit, cut_page
from .parties import PARTY_ROLES, PartyQuery, RegisteredParty
from .store import Book, Transaction
from .values import check_text, check_word, keep

MAX_PARTY_BYTES = 16_384
MAX_PARTY_ID = 2**53 - 1
_decode_party = msgspec.json.Decoder(Party).decode


async def get_party(book: Book, caller: Caller, party_id: int) -> RegisteredParty:
    """The party with this id. Raises NotAllowed or RecordNotFound (also once it was removed)."""
    check_right(caller, READ)
    party = None
    if 0 < party_id <= MAX_PARTY_ID:
        party = await book.store.fetch_party(caller.organisation_id, party_id)
    if party is None:
        raise RecordNotFound("party", str(party_id))
    return party


async def list_parties(book: Book, caller: Caller, query: PartyQuery) -> Page[RegisteredParty]:
    """A page of parties, without those removed. Raises NotAllowed or FieldInvalid."""
    check_right(caller, READ)
    check_limit(query.limit)
    check_word("role", query.role, PARTY_ROLES)
    if query.reference is not None and query.prefix is not None:
        raise FieldInvalid("reference_prefix", "does not go with reference")
    if query.reference is not None:
        found = await _list_referenced(book, caller.organisation_id, query.reference, query.role)
        return Page(found, has_more=False)
    return cut_page(await _list_further(book, caller.organisation_id, query), query.limit)


async def register_party(book: Book, caller: Caller, role: str, record: Party) -> RegisteredParty:
    """Keep a party. Raises NotAllowed, FieldInvalid or AlreadyExists (its reference in this role)."""
    check_right(caller, WRITE)
    check_word("role", role, PARTY_ROLES)
    kept, _ = keep("party", record, MAX_PARTY_BYTES, _decode_party)
    party_id = await book.store.take_number("party")
    now = book.clock()
    party = RegisteredParty(
        id=party_id,
        organisation_id=caller.organisation_id,
        role=role,
        revision=1,
        record=kept,
        created_at=now,
        changed_at=now,
    )

    async def work(tx: Transaction) -> RegisteredParty:
        await tx.insert_party(party)
        return party

    return await book.store.write(work)


async def amend_party(
    book: Book, caller: Caller, party_id: int, changes: Mapping[str, Any], expected: Sequence[int] | None
) -> RegisteredParty:
    """Change fields of a party's record, named as in `Party`; orders that took it over stay as they are.

    `expected` are the revisions it may stand at, None being any. Raises NotAllowed, RecordNotFound,
    StaleOrder, FieldInvalid or AlreadyExists.
    """
    check_right(caller, READ)
    check_right(caller, WRITE)
    now = book.clock()

    async def work(tx: Transaction) -> RegisteredParty:
        party = await _fetch_expected(tx, caller.organisation_id, party_id, expected)
        record = msgspec.structs.replace(party.record, **changes)
        kept, _ = keep("party", record, MAX_PARTY_BYTES, _decode_party)
        reference = kept.reference
        is_renamed = reference is not None and reference != party.record.reference
        if is_renamed and await tx.has_reference(party.organisation_id, party.role, reference or ""):
            raise AlreadyExists(party.role, reference or "")
        changed = _next(party, kept, now)
        if not await tx.update_party(changed, was=party.revision, deleted_at=None):
            raise StaleOrder(party.revision, changed.revision)
        return changed

    return await book.store.write(work)


async def remove_party(book: Book, caller: Caller, party_id: int, expected: Sequence[int] | None) -> None:
    """Remove a party; its reference stays taken. `expected` are the revisions it may stand at.

    Raises NotAllowed, RecordNotFound or StaleOrder.
    """
    check_right(caller, READ)
    check_right(caller, WRITE)
    now = book.clock()

    async def work(tx: Transaction) -> None:
        party = await _fetch_expected(tx, caller.organisation_id, party_id, expected)
        gone = _next(party, party.record, now)
        if not await tx.update_party(gone, was=party.revision, deleted_at=gone.changed_at):
            raise StaleOrder(party.revision, gone.revision)

    await book.store.write(work)


def check_right(caller: Caller, right: str) -> None:
    """Raises NotAllowed unless the caller has the right."""
    if right not in caller.rights:
        raise NotAllowed(right, identified=caller.is_identified)


async def _list_referenced(
    book: Book, organisation_id: int, reference: str, role: str | None
) -> list[RegisteredParty]:
    check_text("reference", reference)
    roles = sorted(PARTY_ROLES) if role is None else [role]
    found = [await book.store.fetch_party_referenced(organisation_id, one, reference) for one in roles]
    return [party for party in found if party is not None]


async def _list_further(book: Book, organisation_id: int, query: PartyQuery) -> Sequence[RegisteredParty]:
    """The page's parties, and one more if there is one."""
    store, after, count = book.store, query.after, query.limit + 1
    if query.prefix is not None:
        if query.role is None:
            raise FieldInvalid("reference_prefix", "needs a role")
        check_text("reference_prefix", query.prefix)
        return await store.list_parties_by_reference(organisation_id, query.role, query.prefix, after, count)
    if query.role is not None:
        return await store.list_parties_of_role(organisation_id, query.role, after, count)
    return await store.list_parties(organisation_id, after, count)


async def _fetch_expected(
    tx: Transaction, organisation_id: int, party_id: int, expected: Sequence[int] | None
) -> RegisteredParty:
    party = await tx.hold_party(organisation_id, party_id) if 0 < party_id <= MAX_PARTY_ID else None
    if party is None:
        raise RecordNotFound("party", str(party_id))
    if expected is not None and party.revision not in expected:
        raise StaleOrder(expected[0] if expected else 0, party.revision)
    return party


def _next(party: RegisteredParty, record: Party, now: datetime) -> RegisteredParty:
    """The party's next revision, never dated before the one it follows."""
    return msgspec.structs.replace(
        party, revision=party.revision + 1, record=record, changed_at=max(now, party.changed_at)
    )

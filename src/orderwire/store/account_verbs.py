"""The verbs about persons, applications, tokens and parties (`book.account_store`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from orderwire.book.callers import TOKEN_ID_LENGTH, Application, ListedToken, Person, TokenPlace
from orderwire.book.errors import AlreadyExists
from orderwire.book.orders import Party
from orderwire.book.parties import PartyPlace, RegisteredParty

from . import account_statements as accounts
from . import party_statements as parties
from .executor import Executor
from .rows import Row, application_of, instant, maybe_micros, micros, person_of, text, token_of
from .tables import DIGEST_LENGTH

# Behind a prefix it sorts after every text that begins so: more of the last code point than a text has.
LAST = "\U0010ffff" * 256
_decode_party = msgspec.json.Decoder(Party).decode


class AccountReads(Executor):
    """The read verbs."""

    async def list_persons(self, organisation_id: int, after: str, limit: int) -> Sequence[Person]:
        found = await self.rows(accounts.LIST_PERSONS, organisation_id, after, limit)
        return [person_of(row) for row in found]

    async def list_applications(self, organisation_id: int, after: str, limit: int) -> Sequence[Application]:
        found = await self.rows(accounts.LIST_APPLICATIONS, organisation_id, after, limit)
        return [application_of(row) for row in found]

    async def fetch_application_by_id(self, organisation_id: int, application_id: int) -> Application | None:
        row = await self.row(accounts.FETCH_APPLICATION_BY_ID, application_id, organisation_id)
        return None if row is None else application_of(row)

    async def list_tokens(self, organisation_id: int, after: TokenPlace, limit: int) -> Sequence[ListedToken]:
        place = (after.scheme, _last_digest(after))
        found = await self.rows(accounts.LIST_TOKENS, organisation_id, *place, limit)
        return [listed_token_of(row) for row in found]

    async def list_tokens_of_scheme(
        self, organisation_id: int, scheme: str, after: TokenPlace, limit: int
    ) -> Sequence[ListedToken]:
        place = (scheme, _last_digest(after))
        found = await self.rows(accounts.LIST_TOKENS_OF_SCHEME, organisation_id, *place, limit)
        return [listed_token_of(row) for row in found]

    async def list_tokens_of_person(
        self, organisation_id: int, user_id: int, after: TokenPlace, limit: int
    ) -> Sequence[ListedToken]:
        place = (user_id, after.scheme, _last_digest(after))
        found = await self.rows(accounts.LIST_TOKENS_OF_PERSON, organisation_id, *place, limit)
        return [listed_token_of(row) for row in found]

    async def list_tokens_of_application(
        self, organisation_id: int, application_id: int, after: TokenPlace, limit: int
    ) -> Sequence[ListedToken]:
        place = (application_id, after.scheme, _last_digest(after))
        found = await self.rows(accounts.LIST_TOKENS_OF_APPLICATION, organisation_id, *place, limit)
        return [listed_token_of(row) for row in found]

    async def list_digests(self, organisation_id: int, token_id: str, limit: int) -> Sequence[bytes]:
        first, last = token_id.ljust(DIGEST_LENGTH, "0"), token_id.ljust(DIGEST_LENGTH, "f")
        found = await self.rows(accounts.LIST_DIGESTS, organisation_id, first, last, limit)
        return [bytes.fromhex(row[0]) for row in found]

    async def fetch_party(self, organisation_id: int, party_id: int) -> RegisteredParty | None:
        row = await self.row(parties.FETCH_PARTY, party_id, organisation_id)
        return None if row is None else party_of(row)

    async def fetch_party_referenced(
        self, organisation_id: int, role: str, reference: str
    ) -> RegisteredParty | None:
        row = await self.row(parties.FETCH_PARTY_REFERENCED, organisation_id, role, reference)
        return None if row is None else party_of(row)

    async def has_reference(self, organisation_id: int, role: str, reference: str) -> bool:
        return await self.row(parties.FETCH_REFERENCE, organisation_id, role, reference) is not None

    async def list_parties(
        self, organisation_id: int, after: PartyPlace, limit: int
    ) -> Sequence[RegisteredParty]:
        found = await self.rows(parties.LIST_PARTIES, organisation_id, after.role, after.id, limit)
        return [party_of(row) for row in found]

    async def list_parties_of_role(
        self, organisation_id: int, role: str, after: PartyPlace, limit: int
    ) -> Sequence[RegisteredParty]:
        found = await self.rows(parties.LIST_PARTIES_OF_ROLE, organisation_id, role, after.id, limit)
        return [party_of(row) for row in found]

    async def list_parties_by_reference(
        self, organisation_id: int, role: str, prefix: str, after: PartyPlace, limit: int
    ) -> Sequence[RegisteredParty]:
        span = (prefix, prefix + LAST, after.reference)
        found = await self.rows(parties.LIST_PARTIES_BY_REFERENCE, organisation_id, role, *span, limit)
        return [party_of(row) for row in found]


class AccountWrites(AccountReads):
    """The write verbs."""

    async def hold_person(self, organisation_id: int, user_id: int) -> Person | None:
        row = await self.row(accounts.HOLD_PERSON, user_id, organisation_id)
        return None if row is None else person_of(row)

    async def update_person(self, person: Person) -> None:
        values = (person.password_hash, text(person.profile), int(person.disabled))
        await self.rows(accounts.UPDATE_PERSON, *values, person.id, person.organisation_id)

    async def revoke_tokens_of_person(
        self, organisation_id: int, user_id: int, at: datetime, spared: bytes
    ) -> None:
        key = (organisation_id, user_id)
        await self.rows(accounts.REVOKE_TOKENS_OF_PERSON, micros(at), *key, spared.hex())

    async def hold_party(self, organisation_id: int, party_id: int) -> RegisteredParty | None:
        row = await self.row(parties.HOLD_PARTY, party_id, organisation_id)
        return None if row is None else party_of(row)

    async def insert_party(self, party: RegisteredParty) -> None:
        reference = party.record.reference
        if not await self.rows(
            parties.INSERT_PARTY,
            party.id,
            party.organisation_id,
            party.role,
            reference,
            party.revision,
            text(party.record),
            micros(party.created_at),
            micros(party.changed_at),
            None,
        ):
            raise AlreadyExists(party.role, reference or "")

    async def update_party(self, party: RegisteredParty, *, was: int, deleted_at: datetime | None) -> bool:
        changed = await self.rows(
            parties.UPDATE_PARTY,
            party.record.reference,
            party.revision,
            text(party.record),
            micros(party.changed_at),
            maybe_micros(deleted_at),
            party.id,
            party.organisation_id,
            was,
        )
        return bool(changed)


def party_of(row: Row) -> RegisteredParty:
    """A party from the columns of `FETCH_PARTY`."""
    return RegisteredParty(
        id=row[0],
        organisation_id=row[1],
        role=row[2],
        revision=row[3],
        record=_decode_party(row[4]),
        created_at=instant(row[5]),
        changed_at=instant(row[6]),
    )


def listed_token_of(row: Row) -> ListedToken:
    """What a list shows of a token, from its fourteen columns."""
    token = token_of(row)
    return ListedToken(
        id=token.id,
        scheme=token.scheme,
        label=token.label,
        rights=tuple(sorted(token.rights)),
        user_id=token.user_id,
        application_id=token.application_id,
        issued_at=token.issued_at,
        expires_at=token.expires_at,
        last_used_at=token.last_used_at,
        idle_limit_s=token.idle_limit_s,
        revoked_at=None if row[12] is None else instant(row[12]),
    )


def _last_digest(after: TokenPlace) -> str:
    """The last digest that a token of this id can have."""
    return after.id.ljust(DIGEST_LENGTH, "f") if len(after.id) == TOKEN_ID_LENGTH else ""

"""What the book needs of a store to keep accounts and parties; `store.py` says the rest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from .callers import Application, ListedToken, Person, TokenPlace
from .parties import PartyPlace, RegisteredParty


class AccountReads(Protocol):
    """The read verbs about persons, applications, tokens and parties of an organisation."""

    async def list_persons(self, organisation_id: int, after: str, limit: int) -> Sequence[Person]: ...
    async def list_applications(
        self, organisation_id: int, after: str, limit: int
    ) -> Sequence[Application]: ...
    async def fetch_application_by_id(
        self, organisation_id: int, application_id: int
    ) -> Application | None: ...
    async def list_tokens(
        self, organisation_id: int, after: TokenPlace, limit: int
    ) -> Sequence[ListedToken]: ...
    async def list_tokens_of_scheme(
        self, organisation_id: int, scheme: str, after: TokenPlace, limit: int
    ) -> Sequence[ListedToken]: ...
    async def list_tokens_of_person(
        self, organisation_id: int, user_id: int, after: TokenPlace, limit: int
    ) -> Sequence[ListedToken]: ...
    async def list_tokens_of_application(
        self, organisation_id: int, application_id: int, after: TokenPlace, limit: int
    ) -> Sequence[ListedToken]: ...
    async def list_digests(self, organisation_id: int, token_id: str, limit: int) -> Sequence[bytes]: ...
    async def fetch_party(self, organisation_id: int, party_id: int) -> RegisteredParty | None: ...
    async def fetch_party_referenced(
        self, organisation_id: int, role: str, reference: str
    ) -> RegisteredParty | None: ...
    async def has_reference(self, organisation_id: int, role: str, reference: str) -> bool: ...
    async def list_parties(
        self, organisation_id: int, after: PartyPlace, limit: int
    ) -> Sequence[RegisteredParty]: ...
    async def list_parties_of_role(
        self, organisation_id: int, role: str, after: PartyPlace, limit: int
    ) -> Sequence[RegisteredParty]: ...
    async def list_parties_by_reference(
        self, organisation_id: int, role: str, prefix: str, after: PartyPlace, limit: int
    ) -> Sequence[RegisteredParty]: ...


class AccountWrites(AccountReads, Protocol):
    """The write verbs about persons, tokens and parties.

    `hold_` reads a record and keeps others from changing it until the transaction ends.
    """

    async def hold_person(self, organisation_id: int, user_id: int) -> Person | None: ...
    async def update_person(self, person: Person) -> None: ...
    async def revoke_tokens_of_person(
        self, organisation_id: int, user_id: int, at: datetime, spared: bytes
    ) -> None: ...
    async def hold_party(self, organisation_id: int, party_id: int) -> RegisteredParty | None: ...
    async def insert_party(self, party: RegisteredParty) -> None: ...
    async def update_party(
        self, party: RegisteredParty, *, was: int, deleted_at: datetime | None
    ) -> bool: ...

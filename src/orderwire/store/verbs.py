"""The verbs of the store, over one `rows` method that an engine gives: reads, and writes on top."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from orderwire.book.callers import Application, Credential, Organisation, Person, Token
from orderwire.book.errors import AlreadyExists
from orderwire.book.orders import Order, bucket_of
from orderwire.book.stages import Advance, Origin, Revision, Stage, Status

from . import account_statements as accounts
from . import statements as st
from .account_verbs import AccountReads, AccountWrites
from .attempt_verbs import AttemptReads, AttemptWrites
from .group_verbs import GroupReads, GroupWrites
from .history_verbs import AnswerWrites, HistoryReads
from .import_verbs import ImportReads, ImportWrites
from .rows import (
    ORDER_WIDTH,
    Row,
    advance_of,
    application_of,
    bucket_of_name,
    credential_of,
    head_values,
    micros,
    order_of,
    organisation_of,
    person_of,
    stage_of,
    stage_values,
    state_values,
    status_of,
    status_values,
    text,
    token_values,
)

# The same few credentials are read over and over.
_credential_of = lru_cache(maxsize=1_024)(credential_of)


class Reads(HistoryReads, GroupReads, AccountReads, AttemptReads, ImportReads):
    """The read verbs (`book.store.Reads`)."""

    async def fetch_fact(self, name: str) -> str | None:
        row = await self.row(accounts.FETCH_FACT, name)
        return None if row is None else row[0]

    async def fetch_organisation(self, name: str) -> Organisation | None:
        row = await self.row(accounts.FETCH_ORGANISATION, name)
        return None if row is None else organisation_of(row)

    async def list_organisations(self, limit: int) -> Sequence[Organisation]:
        return [organisation_of(row) for row in await self.rows(accounts.LIST_ORGANISATIONS, limit)]

    async def fetch_credential(self, digest: bytes) -> Credential | None:
        row = await self.row(accounts.FETCH_CREDENTIAL, digest.hex())
        return None if row is None else _credential_of(row)

    async def fetch_person(self, organisation_id: int, user_id: int) -> Person | None:
        row = await self.row(accounts.FETCH_PERSON, user_id, organisation_id)
        return None if row is None else person_of(row)

    async def fetch_person_named(self, organisation_id: int, username: str) -> Person | None:
        row = await self.row(accounts.FETCH_PERSON_NAMED, organisation_id, username)
        return None if row is None else person_of(row)

    async def list_persons_named(self, username: str, limit: int) -> Sequence[Person]:
        return [person_of(row) for row in await self.rows(accounts.LIST_PERSONS_NAMED, username, limit)]

    async def fetch_client(self, client_id: str) -> Application | None:
        row = await self.row(accounts.FETCH_CLIENT, client_id)
        return None if row is None else application_of(row)

    async def fetch_application(self, organisation_id: int, slug: str) -> Application | None:
        row = await self.row(accounts.FETCH_APPLICATION, organisation_id, slug)
        return None if row is None else application_of(row)

    async def fetch_order(self, organisation_id: int, order_id: int) -> Order | None:
        row = await self.row(st.FETCH_ORDER, bucket_of(order_id), order_id, organisation_id)
        return None if row is None else order_of(row)

    async def fetch_order_and_status(
        self, organisation_id: int, order_id: int
    ) -> tuple[Order, Status | None] | None:
        row = await self.row(st.FETCH_ORDER_AND_STATUS, bucket_of(order_id), order_id, organisation_id)
        return None if row is None else _with_status(row)

    async def fetch_order_named(self, organisation_id: int, scheme: str, name: str) -> Order | None:
        order_id = await self.fetch_name(organisation_id, scheme, name)
        return None if order_id is None else await self.fetch_order(organisation_id, order_id)

    async def fetch_name(self, organisation_id: int, scheme: str, name: str) -> int | None:
        bucket = bucket_of_name(organisation_id, scheme, name)
        row = await self.row(st.FETCH_NAME, bucket, organisation_id, scheme, name)
        return None if row is None else row[0]

    async def fetch_status(self, organisation_id: int, order_id: int) -> Status | None:
        row = await self.row(st.FETCH_STATUS, bucket_of(order_id), order_id, organisation_id)
        return None if row is None else status_of(row)

    async def fetch_stage(self, organisation_id: int, order_id: int, number: int) -> Stage | None:
        row = await self.row(st.FETCH_STAGE, bucket_of(order_id), order_id, organisation_id, number)
        return None if row is None else stage_of(row)

    async def list_members(
        self, organisation_id: int, group_order_id: str, limit: int
    ) -> Sequence[tuple[Order, Status | None]]:
        few = min(limit, st.FEW_MEMBERS)
        found = await self.rows(st.LIST_FEW_MEMBERS, organisation_id, group_order_id, few)
        if len(found) == few < limit:
            found = await self.rows(st.LIST_MEMBERS, organisation_id, group_order_id, limit)
        return [_with_status(row) for row in found]

    async def fetch_unnotified_stage(
        self, organisation_id: int, order_id: int, repeat_key: str
    ) -> Stage | None:
        key = (bucket_of(order_id), order_id, organisation_id)
        row = await self.row(st.FETCH_UNNOTIFIED_STAGE, *key, repeat_key)
        return None if row is None else stage_of(row)


def _with_status(row: Row) -> tuple[Order, Status | None]:
    return order_of(row), None if row[ORDER_WIDTH] is None else status_of(row[ORDER_WIDTH:])


class Writes(Reads, AnswerWrites, GroupWrites, AccountWrites, AttemptWrites, ImportWrites):
    """The write verbs (`book.store.Transaction`); they read what the transaction itself has written."""

    async def insert_fact(self, name: str, value: str) -> None:
        await self.rows(accounts.INSERT_FACT, name, value)

    async def insert_organisation(self, organisation: Organisation, at: datetime) -> None:
        values = (organisation.id, organisation.name, organisation.directory, micros(at))
        if not await self.rows(accounts.INSERT_ORGANISATION, *values):
            raise AlreadyExists("organisation", organisation.name)

    async def insert_person(self, person: Person, at: datetime) -> None:
        if not await self.rows(
            accounts.INSERT_PERSON,
            person.id,
            person.organisation_id,
            person.username,
            person.password_hash,
            text(person.profile),
            int(person.disabled),
            micros(at),
        ):
            raise AlreadyExists("person", person.username)

    async def insert_application(self, application: Application, at: datetime) -> None:
        secret, client_id = application.secret_digest, application.client_id
        if client_id is not None and await self.fetch_client(client_id) is not None:
            raise AlreadyExists("client_id", client_id)
        if not await self.rows(
            accounts.INSERT_APPLICATION,
            application.id,
            application.organisation_id,
            application.slug,
            application.name,
            client_id,
            None if secret is None else secret.hex(),
            micros(at),
        ):
            raise AlreadyExists("application", application.slug)

    async def insert_token(self, token: Token) -> None:
        await self.rows(accounts.PUT_TOKEN, *token_values(token))

    async def touch_token(self, digest: bytes, at: datetime) -> None:
        await self.rows(accounts.TOUCH_TOKEN, micros(at), digest.hex())

    async def revoke_token(self, digest: bytes, at: datetime) -> bool:
        return bool(await self.rows(accounts.REVOKE_TOKEN, micros(at), digest.hex()))

    async def delete_ended_tokens(self, before: datetime) -> int:
        return len(await self.rows(accounts.DELETE_ENDED_TOKENS, micros(before)))

    async def insert_order(self, order: Order, encoded: bytes, at: datetime, origin: Origin) -> None:
        document, recorded = encoded.decode(), micros(at)
        state = state_values(order, document, deleted=False)
        await self.rows(
            st.INSERT_ORDER,
            bucket_of(order.id),
            order.id,
            order.organisation_id,
            *head_values(order, recorded),
            *state,
        )
        key = (bucket_of(order.id), order.id, order.revision, order.organisation_id)
        entered = (micros(order.placed_at), recorded, text(origin), None)
        await self.rows(st.INSERT_REVISION, *key, *entered, *state)

    async def insert_revision(self, order: Order, encoded: bytes, entry: Revision, *, deleted: bool) -> None:
        key = (bucket_of(order.id), order.id, entry.revision, order.organisation_id)
        instants = (micros(entry.effective_at), micros(entry.recorded_at))
        state = state_values(order, encoded.decode(), deleted=deleted)
        await self.rows(st.INSERT_REVISION, *key, *instants, text(entry.origin), entry.supersedes, *state)

    async def insert_name(self, organisation_id: int, scheme: str, name: str, order_id: int) -> bool:
        bucket = bucket_of_name(organisation_id, scheme, name)
        return bool(await self.rows(st.INSERT_NAME, bucket, organisation_id, scheme, name, order_id))

    async def move_name(self, organisation_id: int, scheme: str, name: str, from_id: int, to_id: int) -> bool:
        key = (bucket_of_name(organisation_id, scheme, name), organisation_id, scheme, name)
        return bool(await self.rows(st.MOVE_NAME, to_id, *key, from_id))

    async def hold_order(self, organisation_id: int, order_id: int) -> Order | None:
        row = await self.row(st.HOLD_ORDER, bucket_of(order_id), order_id, organisation_id)
        return None if row is None else order_of(row)

    async def update_order(self, order: Order, encoded: bytes, *, was: int, deleted: bool) -> bool:
        head = head_values(order, micros(order.recorded_at))
        state = state_values(order, encoded.decode(), deleted=deleted)
        key = (bucket_of(order.id), order.id, order.organisation_id)
        return bool(await self.rows(st.UPDATE_ORDER, *head, *state, *key, was))

    async def advance_order(
        self, organisation_id: int, order_id: int, at: datetime
    ) -> tuple[Advance, Status | None] | None:
        # First of all, so that whoever advances the same order waits here and reads what we wrote.
        key = (bucket_of(order_id), order_id, organisation_id)
        row = await self.row(st.ADVANCE_ORDER, micros(at), *key)
        return None if row is None else (advance_of(row), await self.fetch_status(organisation_id, order_id))

    async def insert_stage(self, organisation_id: int, stage: Stage) -> None:
        await self.rows(st.INSERT_STAGE, *stage_values(organisation_id, stage))

    async def delete_status(self, organisation_id: int, order_id: int) -> None:
        await self.rows(st.DELETE_STATUS, bucket_of(order_id), order_id, organisation_id)

    async def put_status(self, organisation_id: int, status: Status) -> None:
        await self.rows(st.PUT_STATUS, *status_values(organisation_id, status))

    async def insert_notice(
        self, organisation_id: int, order_id: int, number: int, repeat_key: str, at: datetime
    ) -> None:
        key = (bucket_of(order_id), order_id, number, organisation_id)
        await self.rows(st.INSERT_NOTICE, *key, repeat_key, micros(at), None)

    async def settle_notice(self, organisation_id: int, order_id: int, repeat_key: str, at: datetime) -> None:
        key = (bucket_of(order_id), order_id, organisation_id, repeat_key)
        await self.rows(st.SETTLE_NOTICE, micros(at), *key)

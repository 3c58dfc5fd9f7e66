"""What the book needs from outside, as protocols: a store, a mailbox, a clock. `Book` holds them.

Every verb takes the organisation first, so an unscoped read can't be written. The exceptions are the
look-ups that find the organisation itself: by its name, by a credential's digest, by a username.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from orderwire.vault import Vault

from .account_store import AccountReads, AccountWrites
from .answers import KeptAnswer
from .attempts import Attempt, Attempts
from .callers import Application, Credential, CredentialCache, Organisation, Person, Token
from .import_records import ImportReads, ImportWrites
from .jobs import Desk, JobReads, JobWrites
from .lists import Listed, Moment, OrderQuery, Page, State
from .orders import GroupOrder, Order, Rejection
from .seen import Seen
from .stages import Advance, Origin, Revision, Stage, Status

T = TypeVar("T")
# Says what time it is: an aware instant in UTC.
Clock = Callable[[], datetime]


class Reads(JobReads, AccountReads, ImportReads, Protocol):
    """The read verbs; a store has them, and so has a transaction."""

    async def fetch_fact(self, name: str) -> str | None: ...
    async def fetch_organisation(self, name: str) -> Organisation | None: ...
    async def list_organisations(self, limit: int) -> Sequence[Organisation]: ...
    async def fetch_credential(self, digest: bytes) -> Credential | None: ...
    async def fetch_person(self, organisation_id: int, user_id: int) -> Person | None: ...
    async def fetch_person_named(self, organisation_id: int, username: str) -> Person | None: ...
    async def list_persons_named(self, username: str, limit: int) -> Sequence[Person]: ...
    async def fetch_client(self, client_id: str) -> Application | None: ...
    async def fetch_attempt(self, key: str) -> Attempt | None: ...
    async def fetch_application(self, organisation_id: int, slug: str) -> Application | None: ...
    async def fetch_order(self, organisation_id: int, order_id: int) -> Order | None: ...
    async def fetch_order_and_status(
        self, organisation_id: int, order_id: int
    ) -> tuple[Order, Status | None] | None: ...
    async def fetch_order_named(self, organisation_id: int, scheme: str, name: str) -> Order | None: ...
    async def fetch_order_at(
        self,
        organisation_id: int,
        order_id: int,
        as_of: datetime,
        known_at: datetime,
        *,
        with_deleted: bool = False,
    ) -> Order | None: ...
    async def fetch_orders(self, organisation_id: int, ids: Sequence[int]) -> Sequence[Listed]: ...
    async def fetch_name(self, organisation_id: int, scheme: str, name: str) -> int | None: ...
    async def fetch_status(self, organisation_id: int, order_id: int) -> Status | None: ...
    async def fetch_stage(self, organisation_id: int, order_id: int, number: int) -> Stage | None: ...
    async def list_stages(
        self, organisation_id: int, order_id: int, known_at: datetime, limit: int
    ) -> Sequence[Stage]: ...
    async def list_stages_of(self, organisation_id: int, ids: Sequence[int]) -> Sequence[Stage]:
        """Every stage of these orders (at most MAX_IDS of them), in no sort."""
        ...

    async def list_states(
        self, organisation_id: int, order_id: int, after: int, limit: int
    ) -> Sequence[State]: ...
    async def fetch_state(
        self,
        organisation_id: int,
        order_id: int,
        effective_at: datetime,
        *,
        before: int | None = None,
        known_at: datetime = datetime.max,
    ) -> State | None:
        """What was held to be so at `effective_at`: by revisions before `before`, recorded by `known_at`."""
        ...

    async def list_orders(self, organisation_id: int, query: OrderQuery) -> Page: ...
    async def count_orders(self, organisation_id: int, query: OrderQuery) -> int: ...
    async def list_orders_at(
        self,
        organisation_id: int,
        moment: Moment,
        after_id: int,
        limit: int,
        *,
        is_descending: bool,
        with_deleted: bool,
    ) -> Sequence[Order]: ...
    async def fetch_answer(self, organisation_id: int, caller: str, key: str) -> KeptAnswer | None: ...
    async def fetch_group_order(self, organisation_id: int, group_order_id: str) -> GroupOrder | None: ...
    async def list_group_orders(
        self, organisation_id: int, before: datetime, before_id: str, limit: int
    ) -> Sequence[GroupOrder]: ...
    async def list_rejections(
        self, organisation_id: int, group_order_id: str, after: int, limit: int
    ) -> Sequence[Rejection]: ...
    async def list_members(
        self, organisation_id: int, group_order_id: str, limit: int
    ) -> Sequence[tuple[Order, Status | None]]: ...
    async def fetch_unnotified_stage(
        self, organisation_id: int, order_id: int, repeat_key: str
    ) -> Stage | None: ...


class Transaction(Reads, JobWrites, AccountWrites, ImportWrites, Protocol):
    """The write verbs, all or nothing. Values only: a transaction may be run more than once."""

    async def insert_fact(self, name: str, value: str) -> None: ...
    async def insert_organisation(self, organisation: Organisation, at: datetime) -> None: ...
    async def insert_person(self, person: Person, at: datetime) -> None: ...
    async def insert_application(self, application: Application, at: datetime) -> None: ...
    async def insert_token(self, token: Token) -> None: ...
    async def touch_token(self, digest: bytes, at: datetime) -> None: ...
    async def revoke_token(self, digest: bytes, at: datetime) -> bool: ...
    async def delete_ended_tokens(self, before: datetime) -> int: ...
    async def count_failure(self, key: str, at: datetime, ends_at: datetime) -> None:
        """Count one more; `ends_at` is the end of the window if it begins now, the last one being over."""
        ...

    async def delete_attempt(self, key: str) -> None: ...
    async def delete_ended_attempts(self, now: datetime) -> None: ...
    async def insert_order(self, order: Order, encoded: bytes, at: datetime, origin: Origin) -> None: ...
    async def insert_name(self, organisation_id: int, scheme: str, name: str, order_id: int) -> bool: ...
    async def move_name(
        self, organisation_id: int, scheme: str, name: str, from_id: int, to_id: int
    ) -> bool: ...
    async def hold_order(self, organisation_id: int, order_id: int) -> Order | None:
        """The order as it is, which nobody else changes before this transaction ends."""
        ...

    async def update_order(self, order: Order, encoded: bytes, *, was: int, deleted: bool) -> bool: ...
    async def insert_revision(
        self, order: Order, encoded: bytes, entry: Revision, *, deleted: bool
    ) -> None: ...
    async def insert_stage(self, organisation_id: int, stage: Stage) -> None: ...
    async def advance_order(
        self, organisation_id: int, order_id: int, at: datetime
    ) -> tuple[Advance, Status | None] | None:
        """What the order's next stage takes, and where the order stands before it; None without an order."""
        ...

    async def delete_status(self, organisation_id: int, order_id: int) -> None: ...
    async def put_status(self, organisation_id: int, status: Status) -> None: ...
    async def insert_group_order(self, group: GroupOrder, rejections: Sequence[Rejection]) -> None: ...
    async def update_group_order(self, group: GroupOrder) -> None: ...
    async def insert_notice(
        self, organisation_id: int, order_id: int, number: int, repeat_key: str, at: datetime
    ) -> None: ...
    async def settle_notice(
        self, organisation_id: int, order_id: int, repeat_key: str, at: datetime
    ) -> None: ...
    async def insert_answer(
        self, organisation_id: int, caller: str, key: str, kept: KeptAnswer, at: datetime
    ) -> bool: ...
    async def delete_old_answers(self, before: datetime) -> int: ...


class Store(Reads, Protocol):
    """Where the book is kept."""

    def sign(self) -> bytes | None:
        """What stays the same as long as nobody commits anything to the book, in any process.

        None if the store can't tell without being asked.
        """
        ...

    async def stands(self, seen: Seen) -> bool:
        """True if what was seen is so now. Whoever has seen the whole book must ask a store with signs."""
        ...

    async def take_number(self, counter: str) -> int:
        """A number never given before, from blocks of 1,000 per process; gaps are normal."""
        ...

    async def write(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `work` in a transaction and answer once it is durable; many works share one commit.

        Raises StoreUnavailable when nothing was kept, and whatever `work` raises (nothing kept).
        """
        ...

    async def keep_house(self) -> None:
        """Let go of what the store keeps for its own use and needs no more; called every hour or so."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail to be sent; `to` is an address, `text` plain text."""

    to: str
    subject: str
    text: str = field(repr=False)


class Mailbox(Protocol):
    """Takes mails. Raises MailFailed when a mail could not be handed over."""

    async def send(self, mail: Mail) -> None: ...


@dataclass(slots=True)
class Book:
    """All orders and their history of one installation, with what the rules need from outside."""

    store: Store
    vault: Vault
    mailbox: Mailbox
    clock: Clock
    credentials: CredentialCache
    # None where nobody imports uploaded files: in commands, and in most tests.
    desk: Desk | None = None
    attempts: Attempts = field(default_factory=Attempts)
    noted_uses: dict[bytes, datetime] = field(default_factory=dict)
    # Two threads of its own check passwords: argon2id takes 19 MiB and tens of milliseconds each time,
    # and a thread keeps what it took, so that a flood of wrong ones must not spread over many.
    hashers: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2, "orderwire-hasher"))
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    # Repeatable requests being answered: organisation, caller, key.
    in_flight: set[tuple[int, str, str]] = field(default_factory=set)

    def behind(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run `work` behind the answer; `close` waits for it. Its failure is not the caller's."""
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self.tasks.discard(task)
        if not task.cancelled():
            task.exception()

    async def close(self) -> None:
        """Wait for the work behind, then close the store."""
        if self.tasks:
            await asyncio.wait(list(self.tasks))
        self.hashers.shutdown(wait=False, cancel_futures=True)
        await self.store.close()

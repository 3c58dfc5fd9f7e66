"""From rows to records and back: instants as microseconds, money as millionths, documents as JSON."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from orderwire.book.callers import Application, Credential, Organisation, Person, Profile, Token
from orderwire.book.lists import Listed, State
from orderwire.book.orders import BUCKETS, Document, Order, bucket_of
from orderwire.book.stages import Advance, Origin, Revision, Stage, StageDetail, Status, StatusDetail

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MILLION = 1_000_000
# "Ever": later than any instant that the book keeps, and still a 63-bit number of microseconds.
FOREVER = 2**62

Row = Sequence[Any]

encode = msgspec.json.Encoder().encode
_decode_document = msgspec.json.Decoder(Document).decode
_decode_detail = msgspec.json.Decoder(StageDetail).decode
_decode_status = msgspec.json.Decoder(StatusDetail).decode
_decode_origin = msgspec.json.Decoder(Origin).decode
_decode_profile = msgspec.json.Decoder(Profile).decode


def instant(micros: int) -> datetime:
    """The instant at `micros` microseconds since 1970 UTC."""
    return EPOCH + timedelta(0, 0, micros)


def micros(at: datetime) -> int:
    """Microseconds since 1970 UTC; an instant without zone stands for "ever" (`datetime.max`)."""
    if at.tzinfo is None:
        return FOREVER
    return (at - EPOCH) // MICROSECOND


def micros_now() -> int:
    """Microseconds since 1970 UTC, by the machine's clock: for what the book itself never shows."""
    return micros(datetime.now(UTC))


def _micros_beside(at: datetime | None, known_at: datetime, known: int) -> int | None:
    """As `maybe_micros`, of an instant that mostly is the very one whose microseconds are known."""
    return known if at is known_at else maybe_micros(at)


def maybe_micros(at: datetime | None) -> int | None:
    """Microseconds since 1970 UTC, or None."""
    return None if at is None else micros(at)


def money_micros(amount: Decimal | None) -> int | None:
    """Millionths of the amount, for the column that lists sort and filter by."""
    return None if amount is None else int(amount * MILLION)


_decode_pairs = msgspec.json.Decoder(tuple[tuple[str, str], ...]).decode


def pairs_of(encoded: str) -> tuple[tuple[str, str], ...]:
    """Pairs of texts from their JSON."""
    return _decode_pairs(encoded)


def text(record: Any) -> str:
    """A record as JSON text."""
    return encode(record).decode()


def bucket_of_name(organisation_id: int, scheme: str, name: str) -> int:
    """The bucket of a name's row: the same for ever, so the name is found without its order."""
    key = f"{organisation_id}\0{scheme}\0{name}".encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=2).digest(), "big") % BUCKETS


def bucket_of_mark(mark: str) -> int:
    """The bucket of a transaction's mark."""
    return bucket_of_group(mark)


def bucket_of_group(group_order_id: str) -> int:
    """The bucket of a group order's rows."""
    key = group_order_id.encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=2).digest(), "big") % BUCKETS


def bucket_of_attempt(key: str) -> int:
    """The bucket of a count of wrong secrets."""
    return bucket_of_group(key)


def bucket_of_import(organisation_id: int, key: str) -> int:
    """The bucket of the record of an import."""
    return bucket_of_name(organisation_id, "import", key)


def order_of(row: Row) -> Order:
    """An order from the columns of `FETCH_ORDER`."""
    return Order(
        id=row[0],
        organisation_id=row[1],
        revision=row[2],
        stage_count=row[3],
        changed_at=instant(row[4]),
        recorded_at=instant(row[5]),
        kind=row[6],
        lifecycle=row[7],
        payment=row[8],
        delivery=row[9],
        currency=row[10],
        placed_at=instant(row[11]),
        group_order_id=row[12],
        group_line=row[13],
        document=_decode_document(row[14]),
    )


ORDER_WIDTH = 15
STATUS_WIDTH = 6


def head_values(order: Order, recorded: int) -> tuple[Any, ...]:
    """The columns that only the order's own row has, after its key and owner, in the table's order."""
    customer = order.document.customer
    return (
        order.revision,
        order.stage_count,
        money_micros(order.document.total),
        None if customer is None else customer.id,
        None if customer is None else customer.reference,
        micros(order.changed_at),
        recorded,
    )


def state_values(order: Order, document: str, *, deleted: bool) -> tuple[Any, ...]:
    """The columns that an order and its revisions share, in the tables' order."""
    return (
        order.kind,
        order.lifecycle,
        order.payment,
        order.delivery,
        order.currency,
        micros(order.placed_at),
        order.group_order_id,
        order.group_line,
        int(deleted),
        document,
    )


def status_of(row: Row) -> Status:
    """A status from the columns of `FETCH_STATUS`."""
    since = instant(row[3])
    return Status(
        order_id=row[0],
        stage=row[1],
        stage_number=row[2],
        since=since,
        changed_at=since if row[4] == row[3] else instant(row[4]),
        detail=_decode_status(row[5]),
    )


def status_values(organisation_id: int, status: Status) -> tuple[Any, ...]:
    """The columns of a status, in the table's order."""
    changed = micros(status.changed_at)
    return (
        bucket_of(status.order_id),
        status.order_id,
        organisation_id,
        status.stage,
        status.stage_number,
        _micros_beside(status.since, status.changed_at, changed),
        changed,
        text(status.detail),
    )


def stage_of(row: Row) -> Stage:
    """A stage from the columns of `FETCH_STAGE`."""
    return Stage(
        order_id=row[0],
        number=row[1],
        revision=row[2],
        stage=row[3],
        effective_at=instant(row[4]),
        recorded_at=instant(row[5]),
        status_at=None if row[6] is None else instant(row[6]),
        detail=_decode_detail(row[7]),
        origin=_decode_origin(row[8]),
        supersedes=row[9],
    )


def advance_of(row: Row) -> Advance:
    """What `ADVANCE_ORDER` gives, and the columns that `FETCH_STANDING` begins with."""
    return Advance(revision=row[0], number=row[1], recorded_at=instant(row[2]))


def stage_values(organisation_id: int, stage: Stage) -> tuple[Any, ...]:
    """The columns of a stage, in the table's order."""
    recorded = micros(stage.recorded_at)
    return (
        bucket_of(stage.order_id),
        stage.order_id,
        stage.number,
        organisation_id,
        stage.revision,
        stage.stage,
        _micros_beside(stage.effective_at, stage.recorded_at, recorded),
        recorded,
        _micros_beside(stage.status_at, stage.recorded_at, recorded),
        text(stage.detail),
        text(stage.origin),
        stage.supersedes,
    )


def revision_of(row: Row) -> Revision:
    """What an entry of the change history says of itself, from its first five columns."""
    return Revision(
        revision=row[0],
        effective_at=instant(row[1]),
        recorded_at=instant(row[2]),
        origin=_decode_origin(row[3]),
        supersedes=row[4],
    )


def state_of_row(row: Row) -> State:
    """An entry of the change history from the columns of `LIST_STATES`."""
    return State(
        revision=revision_of(row[ORDER_WIDTH:]), order=order_of(row), deleted=bool(row[ORDER_WIDTH + 5])
    )


def listed_of(row: Row) -> Listed:
    """An order of a list: its columns, its status's, and the name that the list is sorted by."""
    status = row[ORDER_WIDTH : ORDER_WIDTH + STATUS_WIDTH]
    name = row[ORDER_WIDTH + STATUS_WIDTH]
    return Listed(
        order=order_of(row),
        status=None if status[0] is None else status_of(status),
        sorted_name=name if isinstance(name, str) else None,
    )


def organisation_of(row: Row) -> Organisation:
    """An organisation from its three columns."""
    return Organisation(id=row[0], name=row[1], directory=row[2])


def person_of(row: Row) -> Person:
    """A person from the columns of `FETCH_PERSON`."""
    return Person(
        id=row[0],
        organisation_id=row[1],
        username=row[2],
        password_hash=row[3],
        profile=_decode_profile(row[4]),
        disabled=bool(row[5]),
    )


def application_of(row: Row) -> Application:
    """An application from the columns of `FETCH_APPLICATION`."""
    return Application(
        id=row[0],
        organisation_id=row[1],
        slug=row[2],
        name=row[3],
        client_id=row[4],
        secret_digest=None if row[5] is None else bytes.fromhex(row[5]),
    )


def token_of(row: Row) -> Token:
    """A token from its fourteen columns."""
    return Token(
        digest=bytes.fromhex(row[0]),
        scheme=row[1],
        organisation_id=row[2],
        user_id=row[3],
        application_id=row[4],
        rights=frozenset(row[5].split()),
        issued_at=instant(row[6]),
        expires_at=None if row[7] is None else instant(row[7]),
        last_used_at=instant(row[8]),
        idle_limit_s=row[9],
        remember=bool(row[10]),
        family=row[11],
        revoked=row[12] is not None,
        label=row[13],
    )


def token_values(token: Token) -> tuple[Any, ...]:
    """The columns of a token, in the table's order."""
    return (
        token.digest.hex(),
        token.scheme,
        token.organisation_id,
        token.user_id,
        token.application_id,
        " ".join(sorted(token.rights)),
        micros(token.issued_at),
        maybe_micros(token.expires_at),
        micros(token.last_used_at),
        token.idle_limit_s,
        int(token.remember),
        token.family,
        None if not token.revoked else micros(token.last_used_at),
        token.label,
    )


def credential_of(row: Row) -> Credential:
    """A token and what stands behind it, from the columns of `FETCH_CREDENTIAL`."""
    return Credential(
        token=token_of(row),
        organisation=organisation_of(row[14:17]),
        person=None if row[17] is None else person_of(row[17:23]),
        application=None if row[23] is None else application_of(row[23:29]),
    )

"""The write verbs of the book, one function each.

Each checks the caller's right and the rule, then hands one function to `store.write`: that function
holds SQL verbs and values only, so that the store may run it again.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import Struct, field

from .callers import READ, WRITE, Caller
from .errors import (
    AlreadyExists,
    FieldInvalid,
    MailFailed,
    NotAllowed,
    OrderClosed,
    OrderNotFound,
    ResendRefused,
    StaleOrder,
)
from .orders import (
    BUCKETS,
    DELIVERIES,
    KINDS,
    LIFECYCLES,
    MAX_NAMES,
    PAYMENTS,
    Document,
    Name,
    NewVoucher,
    Order,
    Voucher,
)
from .queries import MAX_ORDER_ID, check_may_read, get_order, open_voucher, voucher_place
from .stages import NOTHING_SAID, NewStage, Origin, Revision, Stage, StageDetail, Status
from .statuses import first_stages, make_stage, next_status, standing, status_after
from .store import Book, Mail, Transaction
from .values import check_instant, check_text, check_word, keep

OPEN = "new"
EVERY_ORDER = frozenset({READ, WRITE})
MAX_DOCUMENT_BYTES = 1_048_576
MAX_STAGE_DETAIL_BYTES = 65_536
MAX_STAGE_LENGTH = 255
MAX_NAME_LENGTH = 255
MAX_GROUP_LINE = 2**31 - 1
MAX_STAGES_AT_ONCE = 1_000
# More than any order has.
MAX_STAGES_TOLD = 100_000
MAX_VOUCHER_SECRET_LENGTH = 500

_encode = msgspec.json.Encoder().encode
_decode_document = msgspec.json.Decoder(Document).decode
_decode_detail = msgspec.json.Decoder(StageDetail).decode


class NewOrder(Struct, frozen=True, kw_only=True):
    """An order to place. `claims` are names held only while the order is open (scheme to name).

    `vouchers` come in clear and take the place of the document's.
    """

    kind: str = "order"
    lifecycle: str = OPEN
    payment: str | None = None
    delivery: str | None = None
    currency: str | None = None
    placed_at: datetime | None = None
    changed_at: datetime | None = None
    group_order_id: str | None = None
    group_line: int | None = None
    document: Document = field(default_factory=Document)
    claims: dict[str, Name] = field(default_factory=dict)
    vouchers: tuple[NewVoucher, ...] = ()
    stages: tuple[NewStage, ...] = ()


async def place_order(book: Book, caller: Caller, request: NewOrder) -> Order:
    """Place an order with its names, first revision and stages, all in one transaction.

    Raises NotAllowed, FieldInvalid, or AlreadyExists when one of its names is taken or one of its
    claims is held by an order that is still open.
    """
    check_may_write(caller)
    check_new_order(request)
    document, encoded = new_document(book, caller, request)
    now = book.clock()
    number = await book.store.take_number("order")
    order = new_order(caller, request, document, number * BUCKETS + secrets.randbelow(BUCKETS), now)
    origin = caller.origin

    async def work(tx: Transaction) -> Order:
        await check_group(tx, order)
        for scheme, name in document.names.items():
            if not await tx.insert_name(order.organisation_id, scheme, name, order.id):
                holder = await tx.fetch_name(order.organisation_id, scheme, name)
                raise AlreadyExists(scheme, name, holder)
        for scheme, name in request.claims.items():
            await _claim(tx, order, scheme, name)
        await tx.insert_order(order, encoded, now, origin)
        stages, status = first_stages(order.id, request.stages, now, origin)
        for stage in stages:
            await tx.insert_stage(order.organisation_id, stage)
        if status is not None:
            await tx.put_status(order.organisation_id, status)
        return order

    return await book.store.write(work)


async def append_stage(
    book: Book, caller: Caller, order: Order, request: NewStage, *, repeat_key: str | None = None
) -> tuple[Stage, Status | None]:
    """Append a stage to the order's history and move its status as the stage says.

    With a `repeat_key` the stage owes a notice: until `settle_notice` is called, the same request
    (same order, same key) finds the stage that is there and adds none. Returns the stage and where
    the order stands now. Raises NotAllowed, FieldInvalid or OrderNotFound.
    """
    check_may_write(caller)
    check_new_stage(request)
    return await _append(book, caller.origin, (order.organisation_id, order.id), request, repeat_key)


async def append_stage_by_id(
    book: Book, caller: Caller, order_id: int, request: NewStage
) -> tuple[Stage, Status | None]:
    """Append a stage to the order with this id, as `append_stage`. Raises as `queries.get_order`, too.

    Whoever may read and write every order needs none read before: the append finds it, or does not.
    """
    if not (caller.rights >= EVERY_ORDER and 0 < order_id <= MAX_ORDER_ID):
        return await append_stage(book, caller, await get_order(book, caller, order_id), request)
    try:
        check_new_stage(request)
    except FieldInvalid:
        # That there is no such order is told first.
        await get_order(book, caller, order_id)
        raise
    return await _append(book, caller.origin, (caller.organisation_id, order_id), request, None)


async def _append(
    book: Book, origin: Origin, key: tuple[int, int], request: NewStage, repeat_key: str | None
) -> tuple[Stage, Status | None]:
    """Append a stage that was checked to the order with this owner and id. Raises OrderNotFound."""
    now = book.clock()

    async def work(tx: Transaction) -> tuple[Stage, Status | None]:
        if repeat_key is not None:
            owed = await tx.fetch_unnotified_stage(*key, repeat_key)
            if owed is not None:
                return owed, await tx.fetch_status(*key)
        advanced = await tx.advance_order(*key, now)
        if advanced is None:
            raise OrderNotFound(str(key[1]))
        advance, status = advanced
        if request.supersedes is not None:
            status = await _status_without(tx, key, request.supersedes)
        stage = make_stage(key[1], request, status, advance, origin)
        await tx.insert_stage(key[0], stage)
        moved = next_status(status, stage)
        if moved is not None and (moved is not status or request.supersedes is not None):
            await tx.put_status(key[0], moved)
        elif moved is None and request.supersedes is not None:
            await tx.delete_status(*key)
        if repeat_key is not None:
            await tx.insert_notice(*key, stage.number, repeat_key, stage.recorded_at)
        return stage, moved

    return await book.store.write(work)


async def _status_without(tx: Transaction, key: tuple[int, int], superseded: int) -> Status | None:
    """Where the order stands, told without the stage that is superseded."""
    stages = await tx.list_stages(*key, datetime.max, MAX_STAGES_TOLD)
    if superseded not in {stage.number for stage in stages}:
        raise FieldInvalid("supersedes", "the order has no such stage")
    left = standing(stages)
    if superseded not in {stage.number for stage in left}:
        raise FieldInvalid("supersedes", "the stage is superseded already")
    return status_after(stage for stage in left if stage.number != superseded)


async def settle_notice(book: Book, order: Order, repeat_key: str) -> None:
    """Note that the notice owed under `repeat_key` was handed over."""
    now = book.clock()
    await book.store.write(lambda tx: tx.settle_notice(order.organisation_id, order.id, repeat_key, now))


async def delete_order(
    book: Book,
    caller: Caller,
    order: Order,
    *,
    expected: int | None = None,
    lifecycles: frozenset[str] = frozenset({OPEN}),
) -> None:
    """Delete an order: it is no longer found; its names stay taken, and its history stays.

    Only in one of these `lifecycles`, and only at the `expected` revision if one is given. Raises
    NotAllowed, OrderClosed (in none of them), StaleOrder or OrderNotFound (deleted meanwhile).
    """
    check_may_write(caller)
    check_may_read(caller, order)
    asked_at = book.clock()
    origin = caller.origin

    async def work(tx: Transaction) -> None:
        current = await tx.hold_order(order.organisation_id, order.id)
        if current is None:
            raise OrderNotFound(str(order.id))
        if expected is not None and expected != current.revision:
            raise StaleOrder(expected, current.revision)
        if current.lifecycle not in lifecycles:
            raise OrderClosed(current.lifecycle)
        now = not_before(current, asked_at)
        newest = await tx.fetch_state(current.organisation_id, current.id, datetime.max)
        assert newest is not None, "an order without an entry"
        # An order may hold from a later instant on: it is deleted after all that is held to be so.
        gone_at = max(now, newest.revision.effective_at)
        gone = msgspec.structs.replace(
            current,
            revision=current.revision + 1,
            changed_at=max(current.changed_at, gone_at),
            recorded_at=now,
        )
        encoded = _encode(gone.document)
        if not await tx.update_order(gone, encoded, was=current.revision, deleted=True):
            raise StaleOrder(current.revision, gone.revision)
        entry = Revision(revision=gone.revision, effective_at=gone_at, recorded_at=now, origin=origin)
        await tx.insert_revision(gone, encoded, entry, deleted=True)

    await book.store.write(work)


async def resend_vouchers(book: Book, caller: Caller, order: Order) -> None:
    """Mail the vouchers of a delivered order to its receiver again.

    Raises NotAllowed, ResendRefused (not complete and delivered, or nothing to send) or MailFailed.
    """
    check_may_read(caller, order)
    document = order.document
    if order.lifecycle != "complete" or order.delivery != "delivered" or not document.vouchers:
        raise ResendRefused
    receiver = document.receiver
    if receiver is None or not receiver.email:
        raise MailFailed("the order has no receiver address")
    lines = []
    for voucher in document.vouchers:
        code, pin = open_voucher(book, caller, voucher)
        amount = f"{voucher.amount} {voucher.currency}:" if voucher.amount is not None else ""
        lines.append(" ".join(part for part in (amount, code, pin and f"(PIN {pin})") if part))
    await book.mailbox.send(Mail(to=receiver.email, subject="Your vouchers", text="\n".join(lines)))


def check_may_write(caller: Caller) -> None:
    """Raises NotAllowed unless the caller has the right to write orders."""
    if WRITE not in caller.rights:
        raise NotAllowed(WRITE, identified=caller.is_identified)


def check_new_order(request: NewOrder) -> None:
    """Raises FieldInvalid for what can be seen without the book."""
    check_order(request)
    if len(request.document.names) + len(request.claims) > MAX_NAMES:
        raise FieldInvalid("names", f"more than {MAX_NAMES}")
    for scheme, name in request.claims.items():
        check_text(f"claims.{scheme}", name)
        if not 1 <= len(name) <= MAX_NAME_LENGTH:
            raise FieldInvalid(f"claims.{scheme}", f"must have 1 to {MAX_NAME_LENGTH} characters")
    if len(request.stages) > MAX_STAGES_AT_ONCE:
        raise FieldInvalid("stages", f"more than {MAX_STAGES_AT_ONCE}")
    superseded: set[int] = set()
    for number, stage in enumerate(request.stages, start=1):
        check_new_stage(stage)
        if stage.supersedes is not None:
            if stage.supersedes >= number or stage.supersedes in superseded:
                raise FieldInvalid("supersedes", "no earlier stage, or superseded already")
            superseded.add(stage.supersedes)


def check_order(order: NewOrder | Order) -> None:
    """Raises FieldInvalid for a state that no order can have."""
    check_word("kind", order.kind, KINDS)
    check_word("lifecycle", order.lifecycle, LIFECYCLES)
    check_word("payment", order.payment, PAYMENTS)
    check_word("delivery", order.delivery, DELIVERIES)
    check_instant("placed_at", order.placed_at)
    check_instant("changed_at", order.changed_at)
    currency = order.currency
    if currency is not None and not (len(currency) == 3 and currency.isascii() and currency.isupper()):
        raise FieldInvalid("currency", "must be three capital letters")
    if order.group_line is not None and not 0 <= order.group_line <= MAX_GROUP_LINE:
        raise FieldInvalid("group_line", f"must be 0 to {MAX_GROUP_LINE}")
    if len(order.document.names) > MAX_NAMES:
        raise FieldInvalid("names", f"more than {MAX_NAMES}")


def check_new_stage(request: NewStage) -> None:
    """Raises FieldInvalid for a stage that can't be kept. Any name of a stage will do."""
    if not 1 <= len(request.stage) <= MAX_STAGE_LENGTH:
        raise FieldInvalid("stage", f"must have 1 to {MAX_STAGE_LENGTH} characters")
    check_text("stage", request.stage)
    check_instant("effective_at", request.effective_at)
    check_instant("status_at", request.status_at)
    if request.status_at is not None and request.status != "follow":
        raise FieldInvalid("status_at", "goes with the status follow only")
    if request.detail is not NOTHING_SAID:
        keep("detail", request.detail, MAX_STAGE_DETAIL_BYTES, _decode_detail)


def new_order(caller: Caller, request: NewOrder, document: Document, order_id: int, now: datetime) -> Order:
    """The order that `request` asks for, as it is placed at `now`."""
    return Order(
        id=order_id,
        organisation_id=caller.organisation_id,
        revision=1,
        kind=request.kind,
        lifecycle=request.lifecycle,
        payment=request.payment,
        delivery=request.delivery,
        currency=request.currency,
        placed_at=request.placed_at or now,
        changed_at=request.changed_at or request.placed_at or now,
        recorded_at=now,
        stage_count=len(request.stages),
        group_order_id=request.group_order_id,
        group_line=request.group_line,
        document=document,
    )


def new_document(book: Book, caller: Caller, request: NewOrder) -> tuple[Document, bytes]:
    """The document of an order to place with its vouchers sealed, and its JSON. Raises FieldInvalid."""
    document = request.document
    if request.vouchers:
        sealed = seal_vouchers(book, caller, request.vouchers)
        document = msgspec.structs.replace(document, vouchers=sealed)
    return keep_document(document)


def keep_document(document: Document) -> tuple[Document, bytes]:
    """The document in the form in which it is kept, and its JSON. Raises FieldInvalid."""
    return keep("document", document, MAX_DOCUMENT_BYTES, _decode_document)


def seal_vouchers(book: Book, caller: Caller, vouchers: Sequence[NewVoucher]) -> tuple[Voucher, ...]:
    """Vouchers with their secrets sealed for the caller's organisation. Raises FieldInvalid."""
    place = voucher_place(caller.organisation_id)
    return tuple(_seal(book, new, place) for new in vouchers)


def _seal(book: Book, new: NewVoucher, place: str) -> Voucher:
    for name, secret in (("code", new.code), ("pin", new.pin)):
        if len(secret) > MAX_VOUCHER_SECRET_LENGTH:
            raise FieldInvalid(f"vouchers.{name}", f"longer than {MAX_VOUCHER_SECRET_LENGTH} characters")
        check_text(f"vouchers.{name}", secret)
    return msgspec.structs.replace(
        new.voucher,
        code=book.vault.seal(new.code, place),
        pin=book.vault.seal(new.pin, place) if new.pin else None,
    )


async def check_group(tx: Transaction, order: Order) -> None:
    """Raises FieldInvalid if the order's group order is not there."""
    group_id = order.group_order_id
    if group_id is not None and await tx.fetch_group_order(order.organisation_id, group_id) is None:
        raise FieldInvalid("group_order_id", "no such group order")


def not_before(order: Order, now: datetime) -> datetime:
    """Now, or the order's last change if the clock was set back: one order is never learned backwards."""
    return max(now, order.recorded_at)


async def _claim(tx: Transaction, order: Order, scheme: str, name: str) -> None:
    """Take a name that its holder keeps only while it is open. Raises AlreadyExists."""
    if await tx.insert_name(order.organisation_id, scheme, name, order.id):
        return
    holder_id = await tx.fetch_name(order.organisation_id, scheme, name)
    holder = await tx.fetch_order(order.organisation_id, holder_id) if holder_id is not None else None
    if holder is not None and holder.lifecycle == OPEN:
        raise AlreadyExists(scheme, name, holder.id)
    if holder_id is None or not await tx.move_name(order.organisation_id, scheme, name, holder_id, order.id):
        raise AlreadyExists(scheme, name, holder_id)

"""Imports of files: many orders placed in one transaction, with a record of how far the import came.

The record changes in the same transaction as the orders that it speaks of, so that an import that was
killed goes on exactly where it was.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

import msgspec

from .callers import Caller
from .import_records import ImportRecord, Placement, Step
from .operations import NewOrder, check_new_order, new_document, new_order
from .orders import BUCKETS, Document, Order, Voucher
from .queries import voucher_place
from .statuses import first_stages
from .store import Book, Transaction


class ImportTakenOver(Exception):
    """Another run goes on with this import; nothing was kept of this one's last step."""


class NamesTaken(Exception):
    """A name of an order to place was taken since it was looked up; nothing was kept."""


def choose_bucket() -> int:
    """A bucket for orders that are placed together: what they write then lies together, too."""
    return secrets.randbelow(BUCKETS)


def prepare_order(
    book: Book, caller: Caller, request: NewOrder, number: int, bucket: int, now: datetime
) -> Placement:
    """The order that `request` asks for, checked and ready to be written.

    Touches no store, so that any thread may call it. Raises FieldInvalid.
    """
    check_new_order(request)
    document, encoded = new_document(book, caller, request)
    order = new_order(caller, request, document, number * BUCKETS + bucket, now)
    stages, status = first_stages(order.id, request.stages, now, caller.origin)
    return Placement(order=order, encoded=encoded, stages=tuple(stages), status=status)


async def begin_import(book: Book, record: ImportRecord, was: int | None) -> None:
    """Take an import up: `was` is the epoch that its record had, None when there is none.

    Raises ImportTakenOver when another run did so meanwhile.
    """

    async def work(tx: Transaction) -> None:
        is_mine = await tx.insert_import(record) if was is None else await tx.update_import(record, was=was)
        if not is_mine:
            raise ImportTakenOver

    await book.store.write(work)


async def end_import(book: Book, record: ImportRecord) -> None:
    """Forget how far an import came that has ended. Raises ImportTakenOver."""
    if not await book.store.write(lambda tx: tx.delete_import(record)):
        raise ImportTakenOver


async def settle(book: Book, caller: Caller, record: ImportRecord, step: Step) -> None:
    """Place orders and keep how far the import came, all in one transaction.

    The names of the orders must differ from each other. Raises NamesTaken when one is taken,
    ImportTakenOver when another run goes on with the import, StoreUnavailable; nothing is kept then.
    """
    owner, origin = caller.organisation_id, caller.origin

    async def work(tx: Transaction) -> None:
        if not await tx.update_import(record, was=record.epoch):
            raise ImportTakenOver
        if step.placements and not await tx.insert_placements(owner, step.placements, origin):
            raise NamesTaken
        if step.group_order_id is not None:
            await tx.insert_rejections(owner, step.group_order_id, step.rejections)

    await book.store.write(work)


async def is_there(
    book: Book, caller: Caller, order_id: int, request: NewOrder, placement: Placement
) -> bool:
    """True if the order says what `request` asks for, or said it when it was placed."""
    store, owner = book.store, caller.organisation_id
    kept = await store.fetch_order(owner, order_id)
    if kept is None:
        return False
    if not _is_same(book, kept, request, placement.order):
        kept = await store.fetch_order_as_placed(owner, order_id)
        if kept is None or not _is_same(book, kept, request, placement.order):
            return False
    for number, (asked, stage) in enumerate(zip(request.stages, placement.stages, strict=True), start=1):
        known = await store.fetch_stage(owner, order_id, number)
        if known is None or known.stage != stage.stage:
            return False
        if asked.effective_at is not None and known.effective_at != stage.effective_at:
            return False
    return True


def _is_same(book: Book, kept: Order, request: NewOrder, order: Order) -> bool:
    """True if placing `request`, which made `order`, would give an order that says the same."""
    if (kept.kind, kept.lifecycle, kept.payment, kept.delivery, kept.currency) != (
        order.kind,
        order.lifecycle,
        order.payment,
        order.delivery,
        order.currency,
    ):
        return False
    if request.placed_at is not None and kept.placed_at != order.placed_at:
        return False
    if not request.vouchers:
        return kept.document == order.document
    place = voucher_place(kept.organisation_id)
    return _in_clear(book, kept.document, place) == _in_clear(book, order.document, place)


def _in_clear(book: Book, document: Document, place: str) -> Document:
    """The document with its vouchers opened: sealing the same secret twice gives different texts."""
    opened: Sequence[Voucher] = [
        msgspec.structs.replace(
            voucher,
            code=book.vault.open(voucher.code, place) if voucher.code else None,
            pin=book.vault.open(voucher.pin, place) if voucher.pin else None,
        )
        for voucher in document.vouchers
    ]
    return msgspec.structs.replace(document, vouchers=tuple(opened))

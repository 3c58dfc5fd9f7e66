"""What was read before, and what tells that it still holds."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from .orders import Order


class Seen(Struct):
    """What an answer stands on: an order at a revision (and its instant), or with none the whole book.

    `sign` is the store's own (`Store.sign`), as it was when the book last said so: while the store still
    has it, nothing was committed since, and everything stands.
    """

    organisation_id: int
    order_id: int = 0
    revision: int | None = None
    recorded_at: datetime | None = None
    sign: bytes | None = None


def seen_order(order: Order, sign: bytes | None) -> Seen:
    """What stands while the order's revision does: all that is told of it and its status, by its id.

    `sign` is the store's before the order was read.
    """
    return Seen(order.organisation_id, order.id, order.revision, order.recorded_at, sign)


def seen_by_name(order: Order, scheme: str, name: str, sign: bytes | None) -> Seen:
    """The same of an order found by a name; `sign` is the store's before it was looked for.

    A name in the document changes with the order only. Any other, and an order's own id where a name
    would come first, may come to mean another order: then all of the book must stand.
    """
    if order.document.names.get(scheme) == name:
        return seen_order(order, sign)
    return Seen(order.organisation_id, sign=sign)

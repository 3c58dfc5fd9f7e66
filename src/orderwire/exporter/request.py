"""What is asked of an export, what it hands to a file's format, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from msgspec import Struct

from orderwire.book.lists import Moment, OrderQuery
from orderwire.book.orders import Order
from orderwire.book.stages import Stage, Status

# A voucher's code and pin in clear ("" where there is none).
Secrets = Sequence[tuple[str, str]]
EVERY_ORDER = OrderQuery()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """Which orders (of `query` the conditions count, neither sort nor page), and what of them.

    `moment`: as they stood then, by what was known then; None is now. `with_stages` reads their
    histories, `with_vouchers` opens their vouchers' codes.
    """

    query: OrderQuery = EVERY_ORDER
    moment: Moment | None = None
    with_stages: bool = True
    with_vouchers: bool = False


class Exported(Struct, frozen=True, kw_only=True, gc=False):
    """One order to be written: with where it stands, its stages by number, and its vouchers' secrets.

    `stages` is () and `secrets` None unless they were asked for.
    """

    order: Order
    status: Status | None
    stages: Sequence[Stage] = ()
    secrets: Secrets | None = None


@dataclass(slots=True)
class Summary:
    """What was written so far. `vouchers_left_out` counts those whose codes were not asked for."""

    orders: int = 0
    lines: int = 0
    stages: int = 0
    vouchers: int = 0
    vouchers_left_out: int = 0
    bytes: int = 0


class Sink(Protocol):
    """Writes orders in one format to the file it was made for. Raises OSError."""

    def write(self, orders: Sequence[Exported]) -> None: ...
    def finish(self) -> None:
        """Write what is left; the file itself stays open."""
        ...


# Makes the sink of a format on an open file.
MakeSink = Callable[[BinaryIO], Sink]
# Renders an order as one line of JSON in the native shape, without the line's end.
RenderLine = Callable[[Order, Sequence[Stage], Secrets | None], bytes]
# Told after every page.
OnProgress = Callable[[Summary], None]

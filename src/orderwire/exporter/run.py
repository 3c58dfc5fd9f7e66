"""An export from beginning to end: pages of orders into a sink, counted.

summary = await export_orders(book, caller, request, make_sink, file)
"""

from __future__ import annotations

from collections.abc import Sequence

from orderwire.book.callers import Caller
from orderwire.book.store import Book

from .files import Counted, as_binary
from .read import read_orders
from .request import Exported, ExportRequest, MakeSink, OnProgress, Summary


async def export_orders(
    book: Book,
    caller: Caller,
    request: ExportRequest,
    make_sink: MakeSink,
    file: Counted,
    on_progress: OnProgress | None = None,
) -> Summary:
    """Write the caller's organisation's orders to the open file. Memory does not grow with them.

    Writing happens on the event loop: for a command, not for a running service. Raises NotAllowed,
    FieldInvalid, StoreUnavailable or OSError.
    """
    summary = Summary()
    sink = make_sink(as_binary(file))
    async for page in read_orders(book, caller, request):
        sink.write(page)
        _count(summary, page)
        summary.bytes = file.written
        if on_progress is not None:
            on_progress(summary)
    sink.finish()
    summary.bytes = file.written
    return summary


def _count(summary: Summary, page: Sequence[Exported]) -> None:
    summary.orders += len(page)
    for one in page:
        document = one.order.document
        summary.lines += len(document.lines)
        summary.stages += len(one.stages)
        if one.secrets is None:
            summary.vouchers_left_out += len(document.vouchers)
        else:
            summary.vouchers += len(document.vouchers)

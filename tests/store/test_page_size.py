"""A page whose orders are large together ends early, and tells where to go on."""

from __future__ import annotations

import msgspec
import pytest

from orderwire.book.lists import OrderQuery
from orderwire.book.operations import NewOrder, place_order
from orderwire.book.orders import Document
from orderwire.book.store import Book
from orderwire.store import pages
from tests.factories import make_caller, make_organisation


@pytest.mark.parametrize("is_descending", [False, True])
async def test_every_order_is_listed_once(
    book: Book, monkeypatch: pytest.MonkeyPatch, *, is_descending: bool
) -> None:
    monkeypatch.setattr(pages, "MAX_PAGE_LENGTH", 20_000)
    caller = make_caller(await make_organisation(book))
    # The largest is larger than a page by itself.
    sizes = [10, 9_000, 6_000, 9_999, 9_999, 30_000 // 4, 1, 1]
    texts = {f"k{n}": "x" * 1_000 for n in range(30)}
    placed = [
        (
            await place_order(
                book,
                caller,
                NewOrder(document=Document(notes="x" * size, attributes=texts if size == 6_000 else {})),
            )
        ).id
        for size in sizes
    ]
    query = OrderQuery(limit=5, is_descending=is_descending)
    found: list[int] = []
    counts = []
    while True:
        page = await book.store.list_orders(caller.organisation_id, query)
        found += [one.order.id for one in page.orders]
        counts.append(len(page.orders))
        if page.more is None:
            break
        query = msgspec.structs.replace(query, after=page.more)
    assert found == sorted(placed, reverse=is_descending)
    assert max(counts) < 5, "no page reached its limit"
    assert 1 in counts, "the largest order has a page of its own"

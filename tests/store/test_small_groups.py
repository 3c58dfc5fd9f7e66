"""Small group orders are read at once, and tell the same as large ones."""

from __future__ import annotations

import pytest

from orderwire.book.groups import NewGroupOrder, record_group_order
from orderwire.book.operations import NewOrder, place_order
from orderwire.book.orders import Rejection
from orderwire.book.store import Book
from orderwire.store.statements import FEW_MEMBERS
from tests.factories import make_caller, make_organisation


@pytest.mark.parametrize("members", [0, 1, FEW_MEMBERS - 1, FEW_MEMBERS, FEW_MEMBERS + 1, 3 * FEW_MEMBERS])
async def test_every_member_is_counted_and_listed(book: Book, members: int) -> None:
    organisation = await make_organisation(book)
    caller, others = make_caller(organisation), make_caller(await make_organisation(book, "other"))
    await record_group_order(book, caller, NewGroupOrder(id="g", total=members))
    await record_group_order(book, caller, NewGroupOrder(id="h", total=1))
    lines = [line * 7 % 100 for line in range(members)]
    for line in lines:
        await place_order(book, caller, NewOrder(group_order_id="g", group_line=line))
    await place_order(book, caller, NewOrder(group_order_id="h", group_line=1))
    group = await book.store.fetch_group_order(organisation.id, "g")
    assert group is not None
    assert (group.accepted, group.rejected) == (members, 0)
    found = await book.store.list_members(organisation.id, "g", 1_000)
    assert [order.group_line for order, _ in found] == sorted(lines)
    cut = await book.store.list_members(organisation.id, "g", FEW_MEMBERS // 2)
    assert [order.group_line for order, _ in cut] == sorted(lines)[: FEW_MEMBERS // 2]
    assert await book.store.fetch_group_order(others.organisation_id, "g") is None
    assert not await book.store.list_members(others.organisation_id, "g", 1_000)


@pytest.mark.parametrize("rejected", [1, FEW_MEMBERS, FEW_MEMBERS + 5])
async def test_every_rejection_is_counted(book: Book, rejected: int) -> None:
    organisation = await make_organisation(book)
    rejections = tuple(Rejection(line=n, column="a", code="bad", value="x") for n in range(rejected))
    new = NewGroupOrder(id="g", total=rejected, rejections=rejections)
    await record_group_order(book, make_caller(organisation), new)
    group = await book.store.fetch_group_order(organisation.id, "g")
    assert group is not None
    assert (group.accepted, group.rejected) == (0, rejected)

"""The version before goes on working while a newer one brings the schema up to date."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from orderwire.book.amend import Amendment, amend_order
from orderwire.book.lists import OrderQuery
from orderwire.book.operations import NewOrder, append_stage, delete_order, place_order
from orderwire.book.orders import LIFECYCLES, Document, Party
from orderwire.book.queries import get_order, get_order_named, get_status, list_orders, list_stages
from orderwire.book.stages import NewStage
from orderwire.store.migrations import upgrade
from orderwire.store.schema import HEAD, NotMigrated, Standing, check_standing, standing_of
from tests.factories import make_caller, make_organisation
from tests.stores import Shelf

# What the next version may do to the schema while this one serves: add, and give what it adds a default.
NEXT = (
    "ALTER TABLE orders ADD COLUMN later VARCHAR(32)",
    "ALTER TABLE order_stages ADD COLUMN later BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE names ADD COLUMN later SMALLINT DEFAULT 1",
    "CREATE TABLE later (bucket SMALLINT NOT NULL, id BIGINT NOT NULL, PRIMARY KEY (bucket, id))",
    "CREATE INDEX orders_by_later ON orders (organisation_id, later, id)",
    "UPDATE alembic_version SET version_num = '9999'",
)


async def test_this_version_works_on_the_next_ones_schema(shelf: Shelf, tmp_path: Path) -> None:
    before = await shelf.open(tmp_path)
    caller = make_caller(await make_organisation(before))
    # It serves already, its statements prepared, when the schema changes.
    old = await place_order(before, caller, NewOrder(document=Document(names={"reference": "old"})))
    for sql in NEXT:
        shelf.run(tmp_path, sql)
    after = await shelf.open(tmp_path)
    for book in (before, after):
        name = f"new-{id(book)}"
        order = await place_order(
            book,
            caller,
            NewOrder(
                document=Document(names={"reference": name}, customer=Party(reference="C-1")),
                stages=(NewStage(stage="received"),),
            ),
        )
        await append_stage(book, caller, order, NewStage(stage="packed"))
        changed = await amend_order(
            book, caller, order, Amendment(change=lambda one: msgspec.structs.replace(one, payment="paid"))
        )
        assert (await get_order_named(book, caller, "reference", name)).payment == changed.payment == "paid"
        status = await get_status(book, caller, order)
        assert status is not None
        assert status.stage == "packed"
        assert [stage.stage for stage in await list_stages(book, caller, order)] == ["received", "packed"]
        await append_stage(book, caller, old, NewStage(stage="found"))
        assert (await get_order(book, caller, old.id)).stage_count >= 1
        page = await list_orders(book, caller, OrderQuery(customer_reference="C-1"))
        assert order.id in {one.order.id for one in page.orders}
        await delete_order(book, caller, order, lifecycles=LIFECYCLES)
    await before.close()
    await after.close()


def test_the_version_before_may_go_on_with_this_ones_schema(tmp_path: Path) -> None:
    upgrade(tmp_path / "book.db")
    assert standing_of(tmp_path / "book.db") == Standing("0003", works_with="0002")


@pytest.mark.parametrize(
    ("standing", "is_right"),
    [
        (Standing(HEAD, HEAD), True),
        (Standing(HEAD, None), True),
        (Standing("9999", HEAD), True),
        (Standing("9999", "0001"), True),
        (Standing("9999", "9999"), False),
        (Standing("9999", None), False),
        (Standing("0001", "0001"), False),
        (Standing(None, None), False),
    ],
)
def test_which_books_this_version_works_on(standing: Standing, is_right: bool) -> None:
    if is_right:
        check_standing("here", standing)
        return
    with pytest.raises(NotMigrated) as caught:
        check_standing("here", standing)
    assert caught.value.found == standing.revision

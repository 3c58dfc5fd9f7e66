"""Pages of lists: walked to the end and back, right while orders are added, each cursor its list's own."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orderwire.book.callers import RIGHTS
from orderwire.contracts.native import wire_lists
from tests.contracts.native.listing import at, ids_of, links, place, walk
from tests.factories import make_organisation


@pytest.mark.parametrize("sort", ["id", "-id", "placed_at", "-placed_at", "changed_at", "-changed_at"])
async def test_pages_are_walked_to_the_end_and_back(native, sort):
    for minutes in (0, 1, 1, 1, 2, 3, 3):
        await place(native, placed_at=at(minutes / 60))
    whole = ids_of(await native.ask("GET", f"/v1/orders?sort={sort}"))
    pages = await walk(native, f"/v1/orders?sort={sort}&limit=3&fields=id")
    assert [[order["id"] for order in page] for page in pages] == [whole[:3], whole[3:6], whole[6:]]
    first = await native.ask("GET", f"/v1/orders?sort={sort}&limit=3")
    assert set(links(first)) == {"next"}
    second = await native.ask("GET", links(first)["next"])
    assert set(links(second)) == {"next", "prev"}
    third = await native.ask("GET", links(second)["next"])
    assert set(links(third)) == {"prev"}
    back = await walk(native, links(third)["prev"], "prev")
    assert [[order["id"] for order in page] for page in back] == [whole[3:6], whole[:3]]
    again = await native.ask("GET", links(third)["prev"])
    assert ids_of(await native.ask("GET", links(again)["next"])) == whole[6:]


async def test_links_keep_what_was_asked_for(native):
    for number in range(3):
        await place(native, names={"a b/ü": f"x, {number}"}, stages=[{"stage": "in, out"}])
    asked = f"name.prefix={quote('a b/ü')}:x%2C%20&stage=in%2C%20out&stage=&limit=2&fields=names&total=true"
    first = await native.ask("GET", f"/v1/orders?{asked}")
    following = links(first)["next"]
    assert following.isascii()
    assert following.startswith("/v1/orders?name.prefix=a%20b%2F%C3%BC:x,%20&stage=in,%20out&stage=&limit=2&")
    second = await native.ask("GET", following)
    assert second.json() == {"orders": [{"names": {"a b/ü": "x, 2"}}], "total": 3}
    assert ids_of(await native.ask("GET", f"/v1/orders?{asked.replace('fields=names', 'fields=id')}"))


async def test_a_prefix_finds_names_of_the_last_characters_there_are(native):
    for name in ("Q", "Q\U0001f600", "Q\U0010ffff", "Q" + "\U0010ffff" * 254, "R"):
        await place(native, names={"label": name})
    for prefix, found in (("Q", 4), ("Q\U0010ffff", 2), ("", 5)):
        answer = await native.ask("GET", f"/v1/orders?name.prefix=label:{quote(prefix)}")
        assert len(ids_of(answer)) == found, prefix


async def test_a_cursor_is_of_one_list_only(native):
    for _ in range(3):
        await place(native, currency="EUR")
    first = await native.ask("GET", "/v1/orders?limit=1")
    cursor = links(first)["next"].rpartition("after=")[2]
    assert ids_of(await native.ask("GET", f"/v1/orders?limit=2&after={cursor}"))
    assert ids_of(await native.ask("GET", f"/v1/orders?limit=1&before={cursor}")) == []
    for other in ("sort=id", "kind=order", "sort=placed_at", f"known_at={at(0)}", "currency=EUR"):
        refused = await native.ask("GET", f"/v1/orders?{other}&after={cursor}")
        assert (refused.status, refused.json()["field"]) == (422, "after")
    for spoiled in (cursor[:-1], cursor + "A", cursor.swapcase(), cursor + "="):
        assert (await native.ask("GET", f"/v1/orders?after={spoiled}")).status == 422


async def test_a_cursor_of_another_organisation_is_refused(native):
    for _ in range(2):
        await place(native)
    following = links(await native.ask("GET", "/v1/orders?limit=1"))["next"]
    other = await native.token_with(*RIGHTS, organisation=await make_organisation(native.book, "other"))
    refused = await native.ask("GET", following, token=other)
    assert (refused.status, refused.json()["field"]) == (422, "after")
    assert len(ids_of(await native.ask("GET", following))) == 1


async def test_a_page_begins_where_the_one_before_ended_though_that_order_is_gone(native):
    placed = [(await place(native))["id"] for _ in range(4)]
    first = await native.ask("GET", "/v1/orders?sort=id&limit=2")
    assert (await native.ask("DELETE", f"/v1/orders/{placed[1]}")).status == 204
    assert ids_of(await native.ask("GET", links(first)["next"])) == placed[2:]


async def test_no_order_is_missed_or_told_twice_while_orders_are_added(native):
    there = {(await place(native, placed_at=at(n % 5)))["id"] for n in range(40)}
    done = asyncio.Event()

    async def add() -> None:
        hour = 0
        while not done.is_set():
            hour += 1
            await place(native, placed_at=at(hour % 5))

    async def read(path: str) -> None:
        told = [order["id"] for page in await walk(native, path) for order in page]
        assert len(told) == len(set(told))
        assert there <= set(told)

    adding = [asyncio.create_task(add()) for _ in range(3)]
    try:
        for sort in ("-id", "-placed_at", "-changed_at"):
            await read(f"/v1/orders?sort={sort}&limit=7&fields=id")
    finally:
        done.set()
        await asyncio.gather(*adding)
    # Upwards the end moves on with every order that is added: read to it once nobody adds any more.
    for sort in ("id", "placed_at", "changed_at"):
        await read(f"/v1/orders?sort={sort}&limit=7&fields=id")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.sampled_from(["next", "next", "prev", "add"]), max_size=12),
    sort=st.sampled_from(sorted(wire_lists.SORTS - {"name"})),
    sign=st.sampled_from(["", "-"]),
    limit=st.integers(1, 4),
)
async def test_any_walk_tells_the_orders_side_by_side(native, steps, sort, sign, limit):
    if not ids_of(await native.ask("GET", "/v1/orders?fields=id")):
        for minutes in (3, 1, 4, 1, 5, 9, 2, 6):
            await place(native, placed_at=at(minutes / 60))
    answer = await native.ask("GET", f"/v1/orders?sort={sign}{sort}&limit={limit}&fields=id")
    for step in steps:
        if step == "add":
            await place(native, placed_at=at(3 / 60))
        elif step in links(answer):
            answer = await native.ask("GET", links(answer)[step])
            whole = []
            for page in await walk(native, f"/v1/orders?sort={sign}{sort}&limit=1000&fields=id"):
                whole += [order["id"] for order in page]
            told = ids_of(answer)
            start = whole.index(told[0])
            assert whole[start : start + len(told)] == told


PARAMETERS = sorted(wire_lists.LIST | wire_lists.BATCH | {"x"})
SAID = st.sampled_from(
    [
        "",
        "null",
        "id",
        "-id",
        "name",
        "1",
        "-1",
        "0.5",
        "9007199254740992",
        "true",
        "a:b",
        at(0),
        "stages",
        "WyJ4IiwxXQ",
    ]
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.lists(st.tuples(st.sampled_from(PARAMETERS), SAID | st.text(max_size=8)), max_size=4))
async def test_whatever_is_asked_is_answered_or_refused(native, query):
    asked = "&".join(f"{name}={quote(text)}" for name, text in query)
    answer = await native.ask("GET", f"/v1/orders?{asked}")
    assert answer.status in {200, 422}, (asked, answer)
    if answer.status == 422:
        assert answer.json()["field"] in {name for name, _ in query} | {"query", "sort", "after", "before"}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.text(st.characters(max_codepoint=255), max_size=30))
async def test_any_query_at_all_is_answered_or_refused(native, query):
    for path in ("/v1/orders", "/v1/orders/1", "/v1/orders/1/history"):
        assert (await native.ask("GET", f"{path}?{query}")).status in {200, 404, 422}

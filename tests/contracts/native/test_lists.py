"""Lists of orders: conditions and sorts, what is shown, batches by id, the past."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from orderwire.book.callers import READ, READ_OWN, VOUCHERS, WRITE
from tests.contracts.native.listing import HOUR, NOON, at, ids_of, place, walk
from tests.factories import make_organisation
from tests.stores import POSTGRES, SQLITE

pytestmark = pytest.mark.stores(SQLITE, POSTGRES)


@pytest.fixture
async def trio(native) -> dict[str, int]:
    """Three orders that differ in everything that can be asked for."""
    placed = {}
    group = "1b4e28ba-2fa1-4d3b-8f5e-0a1b2c3d4e5f"
    await native.ask("POST", "/v1/group-orders", {"id": group, "total": 1})
    said: dict[str, dict[str, Any]] = {
        "a": {"placed_at": at(0), "names": {"reference": "A-1", "po_number": "7"}},
        "b": {
            "kind": "invoice",
            "lifecycle": "complete",
            "payment": "paid",
            "delivery": "delivered",
            "currency": "EUR",
            "placed_at": at(1),
            "changed_at": at(5),
            "group_order_id": group,
            "total": "10.50",
            "customer": {"id": -4, "reference": "C, 1"},
            "names": {"reference": "A-2"},
            "stages": [{"stage": "sent, signed", "effective_at": at(1)}],
        },
        "c": {
            "payment": "not_paid",
            "currency": "SEK",
            "placed_at": at(2),
            "total": "-3",
            "customer": {"reference": "c"},
            "names": {"reference": "B-1"},
            "stages": [{"stage": "null", "effective_at": at(2)}],
        },
    }
    for hour, (name, fields) in enumerate(said.items()):
        native.book.clock = lambda hour=hour: NOON + (10 + hour) * HOUR
        placed[name] = (await place(native, **fields))["id"]
    native.book.clock = lambda: NOON + 24 * HOUR
    changed = await native.ask("PATCH", f"/v1/orders/{placed['c']}", {"notes": "x"})
    assert changed.status == 200
    return placed


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "cba"),
        ("kind=invoice", "b"),
        ("kind=order,invoice", "cba"),
        ("kind=order&kind=invoice", "cba"),
        ("lifecycle=complete", "b"),
        ("payment=", "a"),
        ("payment=null,paid", "ba"),
        ("payment=not_paid&payment=paid", "cb"),
        ("delivery=null", "ca"),
        ("delivery=delivered", "b"),
        ("currency=EUR,SEK", "cb"),
        ("currency=EUR&currency=", "ba"),
        ("stage=sent%2C%20signed", "b"),
        ("stage=null", "c"),
        ("stage=", "a"),
        ("stage=&stage=null", "ca"),
        ("customer.id=-4", "b"),
        ("customer.id=0", ""),
        ("customer.reference=C%2C%201", "b"),
        ("customer.reference=C", ""),
        ("group_order_id=1b4e28ba-2fa1-4d3b-8f5e-0a1b2c3d4e5f", "b"),
        ("group_order_id=none", ""),
        ("revision=2", "c"),
        ("total.min=10.5", "b"),
        ("total.max=10.499999", "c"),
        ("total.min=-3&total.max=10.5", "cb"),
        (f"placed_at.since={at(1)}", "cb"),
        (f"placed_at.until={at(1)}", "a"),
        (f"placed_at.since={at(1)}&placed_at.until={at(2)}", "b"),
        (f"changed_at.since={at(5)}&changed_at.until={at(6)}", "b"),
        (f"recorded_at.since={at(11)}", "cb"),
        (f"recorded_at.until={at(11)}", "a"),
        ("name=reference:A-1", "a"),
        ("name=reference:A", ""),
        ("name=po_number:A-1", ""),
        ("name.prefix=reference:A", "ab"),
        ("name.prefix=reference:", "abc"),
        ("name.prefix=reference:A&sort=-name", "ba"),
        ("name.prefix=reference:A&kind=order", "a"),
        ("sort=id", "abc"),
        ("sort=placed_at", "abc"),
        ("sort=-placed_at", "cba"),
        ("sort=changed_at", "abc"),
        ("kind=order&payment=not_paid&total.max=0", "c"),
    ],
)
async def test_orders_are_found_by_what_they_say(native, trio, query, found):
    answer = await native.ask("GET", f"/v1/orders?{query}&total=true")
    names = {order_id: name for name, order_id in trio.items()}
    assert "".join(names[one] for one in ids_of(answer)) == found
    assert answer.json()["total"] == len(found)
    assert answer.header("link") is None
    # As it stands now and as it stood a moment from now are one, for lists that the past can give.
    if "sort" not in query and "prefix" not in query:
        then = await native.ask("GET", f"/v1/orders?{query}&as_of={at(24)}")
        if "revision" not in query and "changed_at" not in query:
            assert ids_of(then) == ids_of(answer)


async def test_a_listed_order_is_shown_as_it_is_shown_by_itself(native, trio):
    listed = (await native.ask("GET", "/v1/orders")).json()["orders"]
    assert len(listed) == 3
    for order in listed:
        assert (await native.ask("GET", f"/v1/orders/{order['id']}")).json() == order


async def test_a_list_shows_vouchers_by_right(native):
    await place(native, vouchers=[{"code": "SECRET"}], access={"users": [7]})
    both = await native.token_with(READ, VOUCHERS)
    shown = (await native.ask("GET", "/v1/orders", token=both)).json()["orders"][0]
    assert (shown["vouchers"], "access" in shown) == ([{"code": "SECRET"}], False)
    plain = await native.ask("GET", "/v1/orders", token=await native.token_with(READ))
    assert plain.json()["orders"][0]["vouchers"] == [{}]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("x=1", "x"),
        ("kind=thing", "kind"),
        ("kind=", "kind"),
        ("lifecycle=null", "lifecycle"),
        ("payment=lots", "payment"),
        ("currency=eur", "currency"),
        ("currency=" + ",".join(f"A{chr(65 + n)}A" for n in range(21)), "currency"),
        ("&".join(f"stage={n}" for n in range(21)), "stage"),
        ("stage=%00", "stage"),
        ("stage=%ff", "query"),
        ("customer.id=x", "customer.id"),
        ("customer.id=9007199254740993", "customer.id"),
        ("customer.id=1&customer.id=1", "customer.id"),
        ("revision=0", "revision"),
        ("revision=99999999999999999999", "revision"),
        ("total.min=1e3", "total.min"),
        ("total.min=0.0000001", "total.min"),
        ("total.max=9999999999999", "total.max"),
        ("placed_at.since=2026-01-01", "placed_at.since"),
        ("placed_at.until=0001-01-01T00:00:00Z", "placed_at.until"),
        ("name=reference", "name"),
        ("name=reference:", "name"),
        ("name=:x", "name"),
        ("name=" + "s" * 65 + ":x", "name"),
        ("name.prefix=reference:" + "x" * 256, "name.prefix"),
        ("name=a:b&name.prefix=a:b", "name.prefix"),
        ("name.prefix=a:b&sort=id", "sort"),
        ("sort=name", "sort"),
        ("sort=total", "sort"),
        ("sort=", "sort"),
        ("sort=--id", "sort"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("limit=101&include=stages", "limit"),
        ("total=yes", "total"),
        ("fields=", "fields"),
        ("fields=id,nothing", "fields"),
        ("include=lines", "include"),
        ("after=x", "after"),
        ("after=", "after"),
        ("before=!", "before"),
        ("after=%C3%A9", "after"),
        ("after=" + "A" * 3_000, "after"),
        ("after=a&before=b", "before"),
        ("ids=", "ids"),
        ("ids=1,x", "ids"),
        ("ids=1,,2", "ids"),
        ("ids=" + ",".join(str(n) for n in range(1, 102)), "ids"),
        ("ids=1&kind=order", "kind"),
        ("ids=1&limit=5", "limit"),
        ("as_of=now", "as_of"),
        ("as_of=2026-01-01T00:00:00Z&sort=placed_at", "sort"),
        ("as_of=2026-01-01T00:00:00Z&name.prefix=a:b", "sort"),
        ("as_of=2026-01-01T00:00:00Z&total=true", "total"),
        ("&".join(["kind=order"] * 65), "query"),
    ],
)
async def test_what_cannot_be_asked_for_is_named(native, query, field):
    answer = await native.ask("GET", f"/v1/orders?{query}")
    assert (answer.status, answer.json()["code"]) == (422, "field_invalid"), answer.body
    assert answer.json()["field"] == field
    assert len(answer.body) < 1_000


async def test_who_may_list_orders(native):
    await place(native)
    for rights in ((WRITE,), (READ_OWN,)):
        for query in ("", "?ids=1"):
            refused = await native.ask("GET", f"/v1/orders{query}", token=await native.token_with(*rights))
            assert refused.status == 403
            assert 'scope="orders.read"' in refused.header("www-authenticate")
    other = await native.token_with(READ, organisation=await make_organisation(native.book, "other"))
    assert ids_of(await native.ask("GET", "/v1/orders", token=other)) == []


async def test_an_order_is_found_by_the_beginning_of_its_old_name_too(native):
    order = await place(native, names={"reference": "old"})
    await native.ask("PATCH", f"/v1/orders/{order['id']}", {"names": {"reference": "new"}})
    assert ids_of(await native.ask("GET", "/v1/orders?name=reference:old")) == [order["id"]]
    everywhere = await native.ask("GET", "/v1/orders?name.prefix=reference:")
    assert ids_of(everywhere) == [order["id"], order["id"]]


async def test_a_deleted_order_is_in_no_list(native):
    gone = (await place(native, names={"reference": "A"}))["id"]
    before = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    await native.ask("DELETE", f"/v1/orders/{gone}")
    for query in ("", "?name=reference:A", "?name.prefix=reference:", f"?ids={gone}"):
        assert ids_of(await native.ask("GET", f"/v1/orders{query}")) == []
    assert ids_of(await native.ask("GET", f"/v1/orders?as_of={before}")) == [gone]
    reader = await native.token_with(READ)
    assert ids_of(await native.ask("GET", f"/v1/orders?as_of={before}", token=reader)) == []


async def test_fields_and_what_is_included(native):
    native.book.clock = lambda: NOON
    stages = [{"stage": "in", "effective_at": at(-2)}, {"stage": "out", "effective_at": at(-1)}]
    order = await place(native, stages=stages, lines=[{"item": "x"}], placed_at=at(-3))
    path = f"/v1/orders/{order['id']}"
    native.book.clock = lambda: NOON + HOUR
    await native.ask("PATCH", path, {"notes": "x"})
    only = await native.ask("GET", f"{path}?fields=id,lines,currency,tag")
    assert only.json() == {"id": order["id"], "currency": None, "lines": [{"item": "x"}]}
    assert only.header("etag") == '"2"'
    more = (await native.ask("GET", f"{path}?fields=revision&include=stages,revisions")).json()
    assert [stage["stage"] for stage in more["stages"]] == ["in", "out"]
    assert more["revisions"] == [
        {
            "revision": revision,
            "effective_at": effective,
            "recorded_at": recorded,
            "origin": more["revisions"][revision - 1]["origin"],
        }
        for revision, effective, recorded in ((1, at(-3), at(0)), (2, at(1), at(1)))
    ]
    then = (await native.ask("GET", f"{path}?include=stages,revisions&as_of={at(-1.5)}")).json()
    assert [stage["stage"] for stage in then["stages"]] == ["in"]
    assert [one["revision"] for one in then["revisions"]] == [1]
    listed = (await native.ask("GET", "/v1/orders?fields=revision&include=stages,revisions")).json()
    assert listed["orders"] == [more]


async def test_what_is_included_has_an_end_that_is_told(native):
    order = await place(native, stages=[{"stage": "x"}] * 1_000)
    path = f"/v1/orders/{order['id']}"
    assert "more_stages" not in (await native.ask("GET", f"{path}?include=stages")).json()
    await native.ask("POST", f"{path}/stages", {"stage": "y"})
    shown = (await native.ask("GET", f"{path}?include=stages")).json()
    assert (len(shown["stages"]), shown["more_stages"]) == (1_000, True)


async def test_orders_by_their_ids(native):
    placed = [(await place(native))["id"] for _ in range(3)]
    other = await native.token_with(READ, organisation=await make_organisation(native.book, "other"))
    asked = f"/v1/orders?ids={placed[2]},{placed[0]},5,{placed[2]}"
    answer = await native.ask("GET", f"{asked}&fields=id")
    assert answer.json() == {"orders": [{"id": placed[2]}, {"id": placed[0]}], "missing": [5]}
    assert (await native.ask("GET", asked, token=other)).json()["missing"] == [placed[2], placed[0], 5]
    whole = (await native.ask("GET", asked)).json()["orders"]
    assert whole[0] == (await native.ask("GET", f"/v1/orders/{placed[2]}")).json()
    hundred = ",".join(str(n) for n in (*placed, *range(1, 98)))
    assert len(ids_of(await native.ask("GET", f"/v1/orders?ids={hundred}"))) == 3


async def test_lists_and_batches_of_the_past(native):
    native.book.clock = lambda: NOON
    first = await place(native, placed_at=at(-4), currency="EUR")
    native.book.clock = lambda: NOON + HOUR
    second = await place(native, placed_at=at(-2), currency="EUR")
    await native.ask("PATCH", f"/v1/orders/{first['id']}", {"currency": "SEK", "effective_at": at(-1)})
    both = f"ids={first['id']},{second['id']}"
    for moment, found in (
        (f"as_of={at(-5)}", []),
        (f"as_of={at(-3)}", [(first["id"], "EUR")]),
        (f"as_of={at(-2)}", [(first["id"], "EUR"), (second["id"], "EUR")]),
        (f"as_of={at(-1)}", [(first["id"], "SEK"), (second["id"], "EUR")]),
        (f"as_of={at(-1)}&known_at={at(0)}", [(first["id"], "EUR")]),
        (f"known_at={at(-1)}", []),
    ):
        for query in (f"sort=id&{moment}", f"{both}&{moment}"):
            shown = (await native.ask("GET", f"/v1/orders?{query}")).json()["orders"]
            assert [(order["id"], order["currency"]) for order in shown] == found
    assert ids_of(await native.ask("GET", f"/v1/orders?currency=SEK&as_of={at(-2)}")) == []
    pages = await walk(native, f"/v1/orders?limit=1&as_of={at(1)}&fields=id")
    assert pages == [[{"id": second["id"]}], [{"id": first["id"]}]]

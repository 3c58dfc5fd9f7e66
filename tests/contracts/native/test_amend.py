"""Changing and deleting orders over HTTP: merge patches, conditions, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orderwire.book.callers import READ, WRITE
from orderwire.book.operations import NewOrder, place_order
from orderwire.book.orders import Access, Document
from orderwire.book.queries import get_order
from orderwire.contracts.native import wire, wire_amend
from tests.contracts.native.test_orders import sample
from tests.factories import make_caller, make_organisation
from tests.stores import POSTGRES, SQLITE

pytestmark = pytest.mark.stores(SQLITE, POSTGRES)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def at(hours: float) -> str:
    return f"{NOON + hours * HOUR:%Y-%m-%dT%H:%M:%SZ}"


async def place(native, body: Any = None) -> tuple[str, dict[str, Any]]:
    """Where the order is, and how it was answered."""
    made = await native.ask("POST", "/v1/orders", body or {})
    assert made.status == 201, made.body
    return made.header("location"), made.json()


async def test_every_field_of_an_order_is_written_later_and_taken_away_again(native):
    path, empty = await place(native)
    body = sample(msgspec.inspect.type_info(wire_amend.STRICT_AMENDED))
    assert len(body) > 30
    # It would have to be there.
    del body["group_order_id"]
    body |= {"placed_at": empty["placed_at"], "vouchers": [{"code": "SECRET", "amount": "5"}]}
    changed = await native.ask("PATCH", path, body)
    assert changed.status == 200, changed.body
    assert {name: changed.json()[name] for name in body} == body
    assert (await native.ask("GET", path)).json() == changed.json()
    kept = {name: empty[name] for name in ("kind", "lifecycle", "placed_at")}
    # Who left `new` does not come back.
    kept["lifecycle"] = body["lifecycle"]
    cleared = await native.ask("PATCH", path, {**dict.fromkeys(body), **kept})
    unlike = {"revision", "changed_at", "recorded_at", "lifecycle"}
    assert {name: said for name, said in cleared.json().items() if name not in unlike} == {
        name: said for name, said in empty.items() if name not in unlike
    }
    assert cleared.json()["revision"] == 3


async def test_objects_are_merged_and_lists_take_the_place_of_lists(native):
    path, _ = await place(
        native,
        {
            "names": {"reference": "R", "po_number": "7"},
            "customer": {"id": 1, "name": "Ann"},
            "shipping": {"city": "Oslo", "by": {"name": "Bo", "id": 2}},
            "lines": [{"item": "a", "quantity": 1}, {"item": "b"}],
            "attributes": {"x": "1", "y": "2"},
        },
    )
    patch = {
        "names": {"po_number": None, "valomnia.id": "8"},
        "customer": {"name": None, "email": "ann@example.com"},
        "shipping": {"by": {"name": "Eva"}},
        "lines": [{"item": "b", "quantity": 3}],
        "attributes": {"x": None, "z": ""},
        "total": 12.50,
    }
    changed = (await native.ask("PATCH", path, patch)).json()
    assert changed["names"] == {"reference": "R", "valomnia.id": "8"}
    assert changed["customer"] == {"id": 1, "email": "ann@example.com"}
    assert changed["shipping"] == {"city": "Oslo", "by": {"name": "Eva", "id": 2}}
    assert changed["lines"] == [{"item": "b", "quantity": "3"}]
    assert changed["attributes"] == {"y": "2", "z": ""}
    assert changed["total"] == "12.5"
    for name in ("reference/R", "po_number/7", "valomnia.id/8"):
        assert (await native.ask("GET", f"/v1/orders/by/{name}")).json() == changed


async def test_both_media_types_are_read(native):
    path, _ = await place(native)
    for media_type, status in (
        ("application/merge-patch+json", 200),
        ("application/json; charset=utf-8", 200),
        ("application/json-patch+json", 415),
        ("text/plain", 415),
    ):
        answer = await native.ask("PATCH", path, {"notes": media_type}, headers={"content-type": media_type})
        assert answer.status == status, answer.body


async def test_a_patch_that_changes_nothing_makes_no_revision(native):
    path, order = await place(native, {"total": "1.50", "notes": "x"})
    patches: list[dict[str, Any]] = [
        {},
        {"total": 1.5},
        {"notes": "x", "tag": None},
        {"lines": []},
        {"names": {}},
    ]
    for patch in patches:
        answer = await native.ask("PATCH", path, patch)
        assert (answer.status, answer.header("etag"), answer.json()) == (200, '"1"', order)


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ([], "body"),
        ("x", "body"),
        (None, "body"),
        ({"x": 1}, "x"),
        ({"x": None}, "x"),
        ({"customer": {"nmae": None}}, "customer.nmae"),
        ({"shipping": {"by": {"x": 1}}}, "shipping.by.x"),
        ({"lines": [{"price": 1}]}, "lines[0].price"),
        ({"lines": {}}, "lines"),
        ({"lines": [None]}, "lines[0]"),
        ({"id": 1}, "id"),
        ({"organisation": "x"}, "organisation"),
        ({"revision": 1}, "revision"),
        ({"status": None}, "status"),
        ({"changed_at": "2026-01-01T00:00:00Z"}, "changed_at"),
        ({"recorded_at": "2026-01-01T00:00:00Z"}, "recorded_at"),
        ({"stages": []}, "stages"),
        ({"kind": "thing"}, "kind"),
        ({"delivery": {"city": "x"}}, "delivery"),
        ({"currency": "eur"}, "currency"),
        ({"total": "x"}, "total"),
        ({"total": {"x": 1}}, "total"),
        ({"notes": "x\0"}, "notes"),
        ({"placed_at": "yesterday"}, "placed_at"),
        ({"group_order_id": "none"}, "group_order_id"),
        ({"names": "x"}, "names"),
        ({"names": {"": "x"}}, "names"),
        ({"access": {"owner": "x"}}, "access.owner"),
        ({"access": {"users": list(range(101))}}, "access.users"),
        ({"vouchers": [{"amount": 5}]}, "vouchers[0].code"),
        ({"vouchers": {}}, "vouchers"),
        ({"effective_at": "yesterday"}, "effective_at"),
        ({"effective_at": "9000-01-01T00:00:00Z", "notes": "x"}, "effective_at"),
        ({"effective_at": "1999-01-01T00:00:00Z", "notes": "x"}, "effective_at"),
        ({"kind": None}, "kind"),
        ({"lifecycle": None}, "lifecycle"),
        ({"placed_at": None}, "placed_at"),
    ],
)
async def test_what_cannot_be_changed_is_named_and_nothing_changes(native, patch, field):
    path, order = await place(native, {"names": {"reference": "R"}})
    body = patch if patch is not None else b"null"
    answer = await native.ask("PATCH", path, body)
    assert (answer.status, answer.json().get("field")) == (422, field), answer.body
    assert (await native.ask("GET", path)).json() == order


@pytest.mark.parametrize("body", [b"", b"{", b'{"a":1,"a":1}', b"\xff", b'{"notes": NaN}'])
async def test_a_patch_that_is_no_json(native, body):
    path, _ = await place(native)
    assert (await native.ask("PATCH", path, body)).status == 400


async def test_parameters_have_no_place_in_a_change(native):
    path, _ = await place(native)
    for method, target in (
        ("PATCH", path),
        ("DELETE", path),
        ("POST", "/v1/orders"),
        ("POST", f"{path}/stages"),
    ):
        body = {"stage": "x"} if target.endswith("stages") else {}
        answer = await native.ask(method, f"{target}?as_of={at(0)}", body)
        assert (answer.status, answer.json()["field"]) == (422, "as_of")


async def test_a_change_of_what_was_read(native):
    path, _ = await place(native)
    for condition, status in (
        ('"2"', 412),
        ('W/"1"', 412),
        ("1", 412),
        ("", 412),
        ('"x", "1"', 200),
        ('"1"', 412),
        ("*", 200),
        ('"99999999999999999999"', 412),
    ):
        answer = await native.ask("PATCH", path, {"notes": condition}, headers={"if-match": condition})
        assert answer.status == status, (condition, answer.body)
        if status == 412:
            revision = answer.json()["revision"]
            assert answer.json()["code"] == "stale_order"
            assert f'"{revision}"' == (await native.ask("GET", path)).header("etag")


async def test_names_and_lifecycles_that_are_taken(native):
    first, _ = await place(native, {"names": {"reference": "R"}})
    path, _ = await place(native)
    taken = await native.ask("PATCH", path, {"names": {"reference": "R"}})
    assert (taken.status, taken.json()["order_id"]) == (409, int(first.rpartition("/")[2]))
    assert (await native.ask("PATCH", path, {"lifecycle": "complete"})).status == 200
    closed = await native.ask("PATCH", path, {"lifecycle": "new"})
    assert (closed.status, closed.json()["code"]) == (409, "order_closed")


async def test_vouchers_stay_unless_the_patch_names_them(native):
    path, _ = await place(native, {"vouchers": [{"code": "ONE", "pin": "1", "amount": "5"}]})
    kept = await native.ask("PATCH", path, {"notes": "x"})
    assert kept.json()["vouchers"] == [{"amount": "5", "code": "ONE", "pin": "1"}]
    changed = await native.ask("PATCH", path, {"vouchers": [{"code": "TWO"}]})
    assert changed.json()["vouchers"] == [{"code": "TWO"}]
    assert "vouchers" not in (await native.ask("PATCH", path, {"vouchers": None})).json()


async def test_who_may_reach_an_order_is_seen_by_those_who_may_change_it(native):
    path, order = await place(native, {"access": {"users": [7, 8]}})
    assert order["access"] == {"users": [7, 8]}
    reader = await native.token_with(READ)
    assert "access" not in (await native.ask("GET", path, token=reader)).json()
    changed = await native.ask("PATCH", path, {"access": {"users": [9]}})
    assert changed.json()["access"] == {"users": [9]}
    assert "access" not in (await native.ask("PATCH", path, {"access": None})).json()


async def test_the_owner_of_an_order_is_neither_shown_nor_lost(native):
    book, caller = native.book, make_caller(native.organisation)
    placed = await place_order(book, caller, NewOrder(document=Document(access=Access(owner="0" * 64))))
    path = f"/v1/orders/{placed.id}"
    assert "access" not in (await native.ask("GET", path)).json()
    for access, users in (({"users": [9]}, (9,)), (None, ())):
        assert (await native.ask("PATCH", path, {"access": access})).status == 200
        changed = await get_order(book, caller, placed.id)
        assert changed.document.access == Access(owner="0" * 64, users=users)


async def test_a_back_dated_change_is_true_then_and_was_not_known(native):
    native.book.clock = lambda: NOON
    path, _ = await place(native, {"placed_at": at(-5), "notes": "a", "tag": "x"})
    native.book.clock = lambda: NOON + HOUR
    await native.ask("PATCH", path, {"notes": "c"})
    native.book.clock = lambda: NOON + 2 * HOUR
    changed = await native.ask("PATCH", path, {"notes": "b", "tag": "y", "effective_at": at(-3)})
    assert (changed.json()["notes"], changed.json()["tag"], changed.header("etag")) == ("c", "y", '"4"')
    for query, told in (
        (f"as_of={at(-4)}", ("a", "x")),
        (f"as_of={at(-3)}", ("b", "y")),
        (f"as_of={at(-3)}&known_at={at(1.5)}", ("a", "x")),
        (f"as_of={at(1)}", ("c", "y")),
        (f"as_of={at(1)}&known_at={at(1)}", ("c", "x")),
    ):
        shown = (await native.ask("GET", f"{path}?{query}")).json()
        assert (shown["notes"], shown["tag"]) == told


async def test_a_deleted_order_is_gone_and_its_names_are_not_free(native):
    for lifecycle in ("new", "processing", "complete", "cancelled"):
        name = {"reference": lifecycle}
        path, _ = await place(native, {"names": name, "lifecycle": lifecycle})
        gone = await native.ask("DELETE", path)
        assert (gone.status, gone.body) == (204, b"")
        for method, target in (
            ("GET", path),
            ("GET", f"/v1/orders/by/reference/{lifecycle}"),
            ("PATCH", path),
            ("DELETE", path),
            ("POST", f"{path}/stages"),
        ):
            body = {"stage": "x"} if method == "POST" else {}
            assert (await native.ask(method, target, body)).status == 404
        assert (await native.ask("POST", "/v1/orders", {"names": name})).status == 409


async def test_a_deletion_of_what_was_read(native):
    path, _ = await place(native)
    await native.ask("POST", f"{path}/stages", {"stage": "x"})
    assert (await native.ask("DELETE", path, headers={"if-match": '"1"'})).status == 412
    assert (await native.ask("DELETE", path, headers={"if-match": '"2"'})).status == 204


async def test_rights_and_organisations(native):
    path, _ = await place(native)
    stranger = await make_organisation(native.book, "other")
    for rights, organisation, status, scope in (
        ((WRITE,), None, 403, "orders.read"),
        ((READ,), None, 403, "orders.write"),
        ((READ, WRITE), stranger, 404, ""),
    ):
        token = await native.token_with(*rights, organisation=organisation)
        for method in ("PATCH", "DELETE"):
            answer = await native.ask(method, path, {"notes": "x"}, token=token)
            assert answer.status == status
            assert not scope or f'scope="{scope}"' in answer.header("www-authenticate")
    assert (await native.ask("GET", path)).header("etag") == '"1"'


WORDS = ["id", "name", "item", "quantity", "total", "city", "users", "code", "reference"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["1.5", at(0)]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(
    [
        *wire_amend.ANSWERS_ONLY,
        *wire_amend.PatchBody.__struct_fields__,
        *(field.name for field in msgspec.structs.fields(wire_amend.STRICT_AMENDED)),
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(patch=st.dictionaries(FIELDS, VALUES, min_size=1, max_size=3))
async def test_any_patch_is_taken_whole_or_refused(native, patch):
    path, before = await place(native, {"customer": {"name": "A"}, "lines": [{"item": "x"}]})
    answer = await native.ask("PATCH", path, json.dumps(patch).encode())
    assert answer.status in {200, 400, 409, 422}, (patch, answer)
    after = (await native.ask("GET", path)).json()
    assert after == (answer.json() if answer.status == 200 else before)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from("abc"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=8,
)


@given(target=JSON, patch=JSON)
def test_merging_follows_the_document(target, patch):
    def merged(one: Any, other: Any) -> Any:
        """RFC 7396, section 2, as its pseudo code says it."""
        if isinstance(other, dict):
            one = dict(one) if isinstance(one, dict) else {}
            for name, value in other.items():
                if value is None:
                    if name in one:
                        del one[name]
                else:
                    one[name] = merged(one.get(name), value)
            return one
        return other

    assert wire_amend.merge(target, patch) == merged(target, patch)


def test_what_is_handed_in_can_be_changed():
    changeable = {field.name for field in msgspec.structs.fields(wire_amend.STRICT_AMENDED)} | {"vouchers"}
    placed = {field.name for field in msgspec.structs.fields(wire.STRICT_ORDER)}
    assert placed - changeable == {"changed_at", "stages"}
    assert changeable <= placed

"""Parties: kept, listed page by page, changed by whom they were read, removed; and never another's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from orderwire.book.callers import MANAGE, READ, WRITE
from tests.contracts.native.account_calls import walk
from tests.factories import make_organisation

# What a change against another revision is answered.
STALE = 412
MERGE = {"content-type": "application/merge-patch+json"}


async def walk_parties(native, path):
    """All parties of a list, and the number of its pages."""
    return await walk(native, path, "parties")


async def register(native, reference, role="customer", **fields):
    """A party made through the API: its path and its answer."""
    body = {"role": role, "party": {"reference": reference, **fields}}
    answer = await native.ask("POST", "/v1/parties", body)
    assert answer.status == 201, answer.body
    return answer.header("location"), answer


async def test_a_party_is_kept_as_an_order_takes_it(native):
    party = {"id": 4711, "reference": "C-1", "name": "Lindgren AB", "email": "a@example.com", "country": "SE"}
    made = await native.ask("POST", "/v1/parties", {"role": "customer", "party": party})
    shown = made.json()
    assert (made.status, made.header("etag"), made.header("cache-control")) == (
        201,
        '"1"',
        "private, no-cache",
    )
    assert made.header("location") == f"/v1/parties/{shown['id']}"
    assert {name: shown[name] for name in ("role", "revision", "party")} == {
        "role": "customer",
        "revision": 1,
        "party": party,
    }
    assert shown["created_at"] == shown["changed_at"]
    assert shown["created_at"].endswith("Z")
    read = await native.ask("GET", made.header("location"))
    assert (read.json(), read.header("etag")) == (shown, '"1"')
    order = await native.ask("POST", "/v1/orders", {"customer": shown["party"]})
    assert order.json()["customer"] == party


async def test_a_change_names_what_it_changes(native):
    path, made = await register(native, "C-1", name="Lindgren AB", phone="1")
    patch = {"party": {"name": "Lindgren & Co", "phone": None}}
    changed = await native.ask("PATCH", path, patch, headers={**MERGE, "if-match": '"1"'})
    assert (changed.status, changed.header("etag")) == (200, '"2"')
    assert changed.json()["party"] == {"reference": "C-1", "name": "Lindgren & Co"}
    assert changed.json()["created_at"] == made.json()["created_at"]
    assert (await native.ask("GET", path)).json() == changed.json()
    unread = await native.ask("GET", path, headers={"if-none-match": '"2"'})
    assert (unread.status, unread.body) == (304, b"")


@pytest.mark.parametrize("tag", ['"1"', 'W/"2"', '"x"', "2", '"1", "3"', '"99999999999999999999"'])
async def test_what_was_changed_meanwhile_is_left_alone(native, tag):
    path, _ = await register(native, "C-1")
    await native.ask("PATCH", path, {"party": {"name": "Two"}})
    for method, body in (("PATCH", {"party": {"name": "Three"}}), ("DELETE", None)):
        stale = await native.ask(method, path, body, headers={"if-match": tag})
        assert (stale.status, stale.json()["code"]) == (STALE, "stale_order")
        assert stale.json()["revision"] == 2
    assert (await native.ask("GET", path)).json()["party"]["name"] == "Two"


@pytest.mark.parametrize("tag", ['"2"', '"1", "2"', "*"])
async def test_what_stands_as_it_was_read_is_changed(native, tag):
    path, _ = await register(native, "C-1")
    await native.ask("PATCH", path, {"party": {"name": "Two"}})
    changed = await native.ask("PATCH", path, {"party": {"name": "Three"}}, headers={"if-match": tag})
    assert (changed.status, changed.header("etag")) == (200, '"3"')


async def test_of_two_who_read_the_same_one_changes_it(native):
    path, _ = await register(native, "C-1")
    answers = await asyncio.gather(
        *(
            native.ask("PATCH", path, {"party": {"name": str(number)}}, headers={"if-match": '"1"'})
            for number in range(8)
        )
    )
    won = [answer for answer in answers if answer.status == 200]
    assert len(won) == 1
    assert (await native.ask("GET", path)).json() == won[0].json()
    blind = await asyncio.gather(
        native.ask("PATCH", path, {"party": {"phone": "1"}}),
        native.ask("PATCH", path, {"party": {"country": "SE"}}),
    )
    assert [answer.status for answer in blind] == [200, 200]
    party = (await native.ask("GET", path)).json()
    assert (party["revision"], party["party"]["phone"], party["party"]["country"]) == (4, "1", "SE")


async def test_a_removed_party_is_gone_and_its_reference_stays_taken(native):
    path, _ = await register(native, "C-1")
    gone = await native.ask("DELETE", path)
    assert (gone.status, gone.body) == (204, b"")
    for method, body in (("GET", None), ("PATCH", {"party": {}}), ("DELETE", None)):
        answer = await native.ask(method, path, body)
        assert (answer.status, answer.json()["code"]) == (404, "party_not_found")
    for query in ("", "?role=customer", "?reference=C-1", "?role=customer&reference_prefix=C"):
        assert (await walk_parties(native, f"/v1/parties{query}"))[0] == []
    again = await native.ask("POST", "/v1/parties", {"role": "customer", "party": {"reference": "C-1"}})
    assert (again.status, again.json()["code"]) == (409, "already_exists")
    assert (again.json()["scheme"], again.json()["name"]) == ("customer", "C-1")


async def test_a_reference_is_unique_in_its_role_only(native):
    path, _ = await register(native, "A-1")
    await register(native, "A-1", role="receiver")
    taken = await native.ask("POST", "/v1/parties", {"role": "customer", "party": {"reference": "A-1"}})
    assert (taken.status, taken.json()["code"]) == (409, "already_exists")
    other, _ = await register(native, "A-2")
    moved = await native.ask("PATCH", other, {"party": {"reference": "A-1"}})
    assert (moved.status, moved.json()["code"]) == (409, "already_exists")
    assert (await native.ask("PATCH", path, {"party": {"reference": "A-1"}})).status == 200
    assert (await native.ask("PATCH", other, {"party": {"reference": None}})).json()["party"] == {}
    for _ in range(2):
        assert (await native.ask("POST", "/v1/parties", {"role": "customer", "party": {}})).status == 201
    found, _ = await walk_parties(native, "/v1/parties?reference=A-1")
    assert [one["role"] for one in found] == ["customer", "receiver"]


async def test_lists_go_on_where_they_ended(native):
    for number in range(7):
        await register(native, f"C-{number}", role="customer")
        await register(native, f"R-{number}", role="receiver")
    everyone, pages = await walk_parties(native, "/v1/parties?limit=3")
    assert (len(everyone), pages) == (14, 5)
    assert len({one["id"] for one in everyone}) == 14
    receivers, pages = await walk_parties(native, "/v1/parties?role=receiver&limit=7")
    assert (pages, {one["role"] for one in receivers}) == (1, {"receiver"})
    assert [one["party"]["reference"] for one in receivers] == [f"R-{number}" for number in range(7)]
    assert receivers == [one for one in everyone if one["role"] == "receiver"]
    assert (await walk_parties(native, "/v1/parties?role=employee"))[0] == []


async def test_a_revision_is_named_as_its_tag_says_it(native):
    path, _ = await register(native, "C-1")
    for condition, status in (('"01"', STALE), ('"0"', STALE), ('"1"', 200)):
        answer = await native.ask("PATCH", path, {"party": {"name": "A"}}, headers={"if-match": condition})
        assert answer.status == status, condition


async def test_references_are_found_by_their_beginning(native):
    for reference in ("ö-1", "o", "o-1", "o-2", "o-10", "o_1", "p-1", "O-1", "o-名"):
        await register(native, reference)
    found, pages = await walk_parties(native, "/v1/parties?role=customer&reference_prefix=o-&limit=2")
    assert [one["party"]["reference"] for one in found] == ["o-1", "o-10", "o-2", "o-名"]
    assert pages == 2
    (umlaut,), _ = await walk_parties(native, "/v1/parties?role=customer&reference_prefix=%C3%B6")
    assert umlaut["party"]["reference"] == "ö-1"
    assert len((await walk_parties(native, "/v1/parties?role=customer&reference_prefix="))[0]) == 9
    for last in ("z", "z\U0010ffff", "z" + "\U0010ffff" * 254):
        await register(native, last)
    assert len((await walk_parties(native, "/v1/parties?role=customer&reference_prefix=z"))[0]) == 3


async def test_a_page_begun_before_others_were_added_stays_right(native):
    for number in range(4):
        await register(native, f"C-{number}")
    first = await native.ask("GET", "/v1/parties?limit=2")
    await register(native, "C-9")
    await native.ask("DELETE", f"/v1/parties/{first.json()['parties'][1]['id']}")
    link = first.header("link").removeprefix("<").removesuffix('>; rel="next"')
    rest, _ = await walk_parties(native, link)
    assert [one["party"]["reference"] for one in rest] == ["C-2", "C-3", "C-9"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=ten", "limit"),
        ("limit=-1", "limit"),
        ("limit=", "limit"),
        ("limit=1&limit=2", "limit"),
        ("role=user", "role"),
        ("role=", "role"),
        ("page=2", "page"),
        ("reference_prefix=C", "reference_prefix"),
        ("role=customer&reference=C&reference_prefix=C", "reference_prefix"),
        ("reference=%ff", "query"),
        ("reference=%00", "reference"),
        ("after=x", "after"),
        ("after=" + "A" * 5_000, "after"),
        ("after=WyJhIl0", "after"),
        ("after=WyJhIiwtMSwiIl0", "after"),
        ("after=WyJhIiw5OTk5OTk5OTk5OTk5OTk5OTk5OTksIiJd", "after"),
        ("after=W251bGwsMSwiIl0", "after"),
        ("after=WyJcdWQ4MDAiLDEsIiJd", "after"),
        ("after=WyJhIiwxLCIiLDFd", "after"),
        ("after=%C3%A9", "after"),
        ("&".join(["limit=1"] * 100), "query"),
    ],
)
async def test_parameters_that_cannot_be_taken(native, query, field):
    answer = await native.ask("GET", f"/v1/parties?{query}")
    assert (answer.status, answer.json()["code"], answer.json()["field"]) == (422, "field_invalid", field)


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "field_missing", "role"),
        ({"role": "customer"}, "field_missing", "party"),
        ({"role": "boss", "party": {}}, "field_invalid", "role"),
        ({"role": None, "party": {}}, "field_invalid", "role"),
        ({"role": "customer", "party": None}, "field_invalid", "party"),
        ({"role": "customer", "party": {"x": 1}}, "field_invalid", "party.x"),
        ({"role": "customer", "party": {}, "id": 1}, "field_invalid", "id"),
        ({"role": "customer", "party": {"name": 1}}, "field_invalid", "party.name"),
        ({"role": "customer", "party": {"name": "x\0"}}, "field_invalid", "party.name"),
        ({"role": "customer", "party": {"name": "x" * 1_001}}, "field_invalid", "party.name"),
        ({"role": "customer", "party": {"reference": ""}}, "field_invalid", "party.reference"),
        ({"role": "customer", "party": {"reference": "x" * 256}}, "field_invalid", "party.reference"),
        ({"role": "customer", "party": {"id": 2**53 + 1}}, "field_invalid", "party.id"),
        ([], "field_invalid", "body"),
    ],
)
async def test_parties_that_cannot_be_kept(native, body, code, field):
    answer = await native.ask("POST", "/v1/parties", body)
    assert (answer.status, answer.json()["code"], answer.json()["field"]) == (422, code, field)
    assert (await walk_parties(native, "/v1/parties"))[0] == []


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"role": "receiver"}, "role"),
        ({}, "party"),
        ({"party": None}, "party"),
        ({"party": {"x": 1}}, "party.x"),
        ({"party": {"name": 1}}, "party.name"),
        ({"party": {"name": "\0"}}, "party.name"),
        ({"party": {}, "revision": 1}, "revision"),
    ],
)
async def test_changes_that_cannot_be_made(native, patch, field):
    path, made = await register(native, "C-1")
    answer = await native.ask("PATCH", path, patch)
    assert (answer.status, answer.json()["field"]) == (422, field)
    assert (await native.ask("GET", path)).json() == made.json()


async def test_the_body_says_what_it_is(native):
    path, _ = await register(native, "C-1")
    for method, target, kind in (
        ("PATCH", path, "text/plain"),
        ("PATCH", path, "application/json-patch+json"),
        ("POST", "/v1/parties", "application/merge-patch+json"),
    ):
        answer = await native.ask(method, target, {"party": {}}, headers={"content-type": kind})
        assert (answer.status, answer.json()["code"]) == (415, "content_type_wrong")
    assert (await native.ask("PATCH", path, b"{")).status == 400


async def test_a_repeated_request_makes_one_party(native):
    body = {"role": "customer", "party": {"name": "Lindgren AB"}}
    key = {"idempotency-key": "k-1"}
    answers = [await native.ask("POST", "/v1/parties", body, headers=key) for _ in range(3)]
    assert [answer.status for answer in answers] == [201, 201, 201]
    assert len({answer.body for answer in answers}) == 1
    assert len({answer.header("location") for answer in answers}) == 1
    assert [answer.header("idempotency-replayed") for answer in answers] == [None, "true", "true"]
    path = answers[0].header("location")
    patch, key = {"party": {"phone": "1"}}, {"idempotency-key": "k-2"}
    for _ in range(2):
        changed = await native.ask("PATCH", path, patch, headers=key)
        assert (changed.status, changed.header("etag")) == (200, '"2"')
    other = await native.ask("PATCH", path, {"party": {"phone": "2"}}, headers=key)
    assert (other.status, other.json()["code"]) == (422, "key_reused")
    assert len((await walk_parties(native, "/v1/parties"))[0]) == 1


async def test_a_request_that_was_refused_may_be_sent_again(native):
    path, _ = await register(native, "C-1")
    body = {"role": "customer", "party": {"reference": "C-1"}}
    key = {"idempotency-key": "k-1"}
    assert (await native.ask("POST", "/v1/parties", body, headers=key)).status == 409
    await native.ask("PATCH", path, {"party": {"reference": "C-2"}})
    assert (await native.ask("POST", "/v1/parties", body, headers=key)).status == 201


async def test_the_rights_that_parties_ask_for(native):
    path, _ = await register(native, "C-1")
    reader, writer = await native.token_with(READ), await native.token_with(WRITE)
    manager = await native.token_with(MANAGE)
    party = {"role": "customer", "party": {}}
    asked: list[tuple[str, str, Any, set[str]]] = [
        ("GET", "/v1/parties", None, {reader}),
        ("GET", path, None, {reader}),
        ("POST", "/v1/parties", party, {writer}),
        ("PATCH", path, {"party": {}}, set()),
        ("DELETE", path, None, set()),
    ]
    for method, target, body, may in asked:
        for token in (reader, writer, manager):
            answer = await native.ask(method, target, body, token=token)
            assert (answer.status < 300) == (token in may), (method, target, answer.body)
            if token not in may:
                assert (answer.status, answer.json()["code"]) == (403, "not_allowed")
    both = await native.token_with(READ, WRITE)
    assert (await native.ask("DELETE", path, token=both)).status == 204


async def test_another_organisations_parties_are_not_there(native):
    path, made = await register(native, "C-1", name="Secret Ltd")
    stranger = await native.token_with(
        READ, WRITE, organisation=await make_organisation(native.book, "other")
    )
    for method, body in (("GET", None), ("PATCH", {"party": {"name": "x"}}), ("DELETE", None)):
        answer = await native.ask(method, path, body, token=stranger)
        assert (answer.status, answer.json()["code"]) == (404, "party_not_found")
        assert b"Secret" not in answer.body
    listed = await native.ask("GET", "/v1/parties?reference=C-1", token=stranger)
    assert listed.json() == {"parties": []}
    again = {"role": "customer", "party": {"reference": "C-1"}}
    assert (await native.ask("POST", "/v1/parties", again, token=stranger)).status == 201
    assert (await native.ask("GET", path)).json() == made.json()


@pytest.mark.parametrize("party_id", ["0", "-1", "01", "x", "9" * 16, "9" * 30, "%00", "1.0"])
async def test_ids_that_are_none(native, party_id):
    for method in ("GET", "DELETE"):
        answer = await native.ask(method, f"/v1/parties/{party_id}")
        assert answer.status == 404

"""Answers that are kept: never given when the book says something else by now, nor to another caller."""

from __future__ import annotations

from orderwire.book.callers import READ, Caller, Organisation
from orderwire.book.operations import NewOrder, append_stage, place_order
from orderwire.book.orders import Order
from orderwire.book.seen import Seen, seen_order
from orderwire.book.stages import NewStage
from orderwire.book.store import Book
from orderwire.contracts.views import NO_VIEWS, OVERHEAD_BYTES, Views
from orderwire.web.response import Response
from tests.factories import make_caller, make_organisation
from tests.server import Service

ROOM = 1_048_576


async def _place(book: Book) -> tuple[Caller, Order]:
    caller = make_caller(await make_organisation(book))
    return caller, await place_order(book, caller, NewOrder())


async def test_an_answer_is_kept_until_its_order_changes(book: Book) -> None:
    caller, order = await _place(book)
    views, answer = Views(ROOM), Response(200, (), b"one")
    assert await views.get(book.store, "key") is None
    assert views.keep("key", seen_order(order, None), answer) is answer
    assert await views.get(book.store, "key") is answer
    assert await views.get(book.store, "other") is None
    await append_stage(book, caller, order, NewStage(stage="packed"))
    assert await views.get(book.store, "key") is None


async def test_answers_stay_within_their_room(book: Book) -> None:
    _, order = await _place(book)
    size = 10_000
    views = Views(100 * (size + OVERHEAD_BYTES))
    for number in range(1_000):
        views.keep(number, seen_order(order, None), Response(200, (), b"x" * size))
        # The one asked for again and again outlives all others.
        assert await views.get(book.store, 0) is not None
    kept = [number for number in range(1_000) if await views.get(book.store, number) is not None]
    assert 999 in kept
    assert 1 not in kept
    assert len(kept) == 100


async def test_what_can_not_be_told_to_stand_is_not_kept(book: Book) -> None:
    _, order = await _place(book)
    views = Views(ROOM)
    views.keep("signless", Seen(order.organisation_id), Response(200, ()))
    views.keep("large", seen_order(order, None), Response(200, (), b"x" * ROOM))
    NO_VIEWS.keep("nowhere", seen_order(order, None), Response(200, ()))
    for views_, key in ((views, "signless"), (views, "large"), (NO_VIEWS, "nowhere")):
        assert await views_.get(book.store, key) is None


def test_callers_who_see_something_else_have_another_sight() -> None:
    one, other = (Organisation(id=i, name=f"o{i}", directory="d") for i in (1, 2))
    sights = {
        make_caller(one).sight,
        make_caller(other).sight,
        make_caller(one, frozenset({READ})).sight,
        Caller(organisation=one, contract="test", rights=frozenset({READ}), owner="a").sight,
        Caller(organisation=one, contract="other", rights=frozenset({READ})).sight,
    }
    assert len(sights) == 5
    assert make_caller(one).sight == make_caller(one).sight


def test_a_service_shows_each_change_at_once(demo: Service) -> None:
    bearer = {
        "Authorization": f"Bearer {demo.describe['native']['token']}",
        "Content-Type": "application/json",
    }
    placed = demo.request("POST", "/v1/orders", bearer, b"{}")
    target = placed.header("location") or ""
    for number in range(1, 6):
        read = demo.request("GET", target, bearer)
        assert read.body == demo.request("GET", target, bearer).body
        assert read.json()["revision"] == number
        etag = {"If-None-Match": read.header("etag") or ""}
        assert demo.request("GET", target, bearer | etag).status == 304
        stage = f'{{"stage": "s{number}"}}'.encode()
        assert demo.request("POST", f"{target}/stages", bearer, stage).status == 201
    assert demo.request("GET", target, bearer).json()["status"]["stage"] == "s5"
    assert demo.request("DELETE", target, bearer).status == 204
    assert demo.request("GET", target, bearer).status == 404

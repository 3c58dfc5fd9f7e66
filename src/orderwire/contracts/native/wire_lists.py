"""The wire of lists of orders: what may be asked for, and the pages it is answered with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from msgspec import UNSET, Struct, UnsetType

from orderwire.book.errors import FieldInvalid
from orderwire.book.lists import MAX_IDS, MAX_VALUES, Amounts, NameSought, OrderQuery, Page, Span, position_of
from orderwire.book.orders import DELIVERIES, KINDS, LIFECYCLES, PAYMENTS
from orderwire.web.request import Request

from .wire_answers import encode
from .wire_cursors import digest_of, parse_position, render_position
from .wire_reading import READING, Given, Reading, parse_parameters, parse_reading
from .wire_strict import read_instant

PATH = "/v1/orders"
MAX_LIMIT, DEFAULT_LIMIT = 1_000, 100
# Orders of one page that brings their stages or revisions along.
MAX_WITH_HISTORY = 100
# What asks for any of several values: parameter, the query's field, the words there are.
WORDS: tuple[tuple[str, str, frozenset[str] | None], ...] = (
    ("kind", "kinds", KINDS),
    ("lifecycle", "lifecycles", LIFECYCLES),
    ("payment", "payments", PAYMENTS),
    ("delivery", "deliveries", DELIVERIES),
    ("currency", "currencies", None),
)
# Every order has one of these.
_NEEDED = frozenset({"kind", "lifecycle"})
SPANS = (("placed_at", "placed"), ("changed_at", "changed"), ("recorded_at", "recorded"))
MANY = frozenset({*(name for name, _, _ in WORDS), "stage"})
FILTERS = frozenset(
    {
        *MANY,
        *(f"{name}.{end}" for name, _ in SPANS for end in ("since", "until")),
        "customer.id",
        "customer.reference",
        "group_order_id",
        "revision",
        "total.min",
        "total.max",
        "name",
        "name.prefix",
    }
)
LIST = FILTERS | READING | {"sort", "limit", "after", "before", "total"}
BATCH = READING | {"ids"}
SORTS = frozenset({"id", "placed_at", "changed_at", "name"})

_LIMIT = re.compile(r"[1-9][0-9]{0,3}")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,15})")
_IDS = re.compile(r"[1-9][0-9]{0,15}(?:,[1-9][0-9]{0,15})*")
_AMOUNT = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,6})?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_BIGGEST = 2**53


class ListRequest(Struct, frozen=True, kw_only=True):
    """A page that is asked for: which orders, what is shown of them, whether they are counted.

    `given` are the parameters that every page of this list has, `digest` tells it from other lists.
    """

    query: OrderQuery
    reading: Reading
    is_counted: bool
    given: tuple[tuple[str, str], ...]
    digest: str


class BatchRequest(Struct, frozen=True, kw_only=True):
    """Orders that are asked for by their ids."""

    ids: tuple[int, ...]
    reading: Reading


class OrderList(Struct, frozen=True, kw_only=True):
    """A page of orders, each as it is shown by itself; `total` is how many there are on all pages."""

    orders: list[dict[str, Any]]
    total: int | UnsetType = UNSET


class OrderBatch(Struct, frozen=True, kw_only=True):
    """Orders in the sort in which they were asked for; `missing` are the ids of those that are not there."""

    orders: list[dict[str, Any]]
    missing: list[int]


def parse_list(request: Request, owner: int) -> ListRequest | BatchRequest:
    """What is asked for of the orders of the organisation `owner`. Raises FieldInvalid."""
    given = parse_parameters(request, LIST | BATCH, MANY)
    if "ids" in given:
        return _parse_batch(given)
    reading = parse_reading(given)
    name = _parse_name(given)
    sort, is_descending = _parse_sort(given, is_by_prefix=name is not None and name.is_prefix)
    conditions: dict[str, Any] = {
        **{field: _parse_words(given, parameter, words) for parameter, field, words in WORDS},
        **{field: _parse_span(given, parameter) for parameter, field in SPANS},
    }
    query = OrderQuery(
        **conditions,
        stages=_parse_stages(given),
        customer_id=_parse_number(given, "customer.id", -_BIGGEST),
        customer_reference=_first(given, "customer.reference"),
        group_order_id=_first(given, "group_order_id"),
        revision=_parse_number(given, "revision", 1),
        total=Amounts(least=_parse_amount(given, "total.min"), most=_parse_amount(given, "total.max")),
        name=name,
        sort=sort,
        is_descending=is_descending,
        limit=_parse_limit(given, reading),
    )
    digest = digest_of(owner, query, reading.moment)
    return ListRequest(
        query=_placed(query, given, digest),
        reading=reading,
        is_counted=_parse_flag(given, "total"),
        given=tuple(
            (name, text) for name in given if name not in ("after", "before") for text in given[name]
        ),
        digest=digest,
    )


def render_links(asked: ListRequest, page: Page) -> tuple[tuple[bytes, bytes], ...]:
    """The `Link` field with the pages before and behind this one, where there are any."""
    query, orders = asked.query, page.orders
    following = previous = None
    if query.is_backward:
        previous = page.more
        following = position_of(query, orders[-1]) if orders else None
    else:
        following = page.more
        previous = position_of(query, orders[0]) if orders and query.after is not None else None
    links = []
    for relation, parameter, position in (("next", "after", following), ("prev", "before", previous)):
        if position is not None:
            cursor = render_position(asked.digest, position)
            said = urlencode([*asked.given, (parameter, cursor)], quote_via=quote, safe=":,")
            links.append(f'<{PATH}?{said}>; rel="{relation}"')
    return ((b"link", ", ".join(links).encode()),) if links else ()


def render_list(orders: list[dict[str, Any]], total: int | None) -> bytes:
    """A page of orders as they are shown."""
    return encode(OrderList(orders=orders, total=UNSET if total is None else total))


def render_batch(orders: list[dict[str, Any]], missing: list[int]) -> bytes:
    """Orders that were asked for by their ids."""
    return encode(OrderBatch(orders=orders, missing=missing))


def _parse_batch(given: Given) -> BatchRequest:
    for name in given:
        if name not in BATCH:
            raise FieldInvalid(name, "goes with a list, and not with ids")
    text = given["ids"][0]
    if not _IDS.fullmatch(text):
        raise FieldInvalid("ids", "must be orders' own ids, with commas between them")
    ids = text.split(",")
    if len(ids) > MAX_IDS:
        raise FieldInvalid("ids", f"more than {MAX_IDS}")
    return BatchRequest(ids=tuple(dict.fromkeys(map(int, ids))), reading=parse_reading(given))


def _placed(query: OrderQuery, given: Given, digest: str) -> OrderQuery:
    """The query with the position from which the page is to begin, or before which it is to end."""
    if "after" in given and "before" in given:
        raise FieldInvalid("before", "goes without after")
    for parameter in ("after", "before"):
        if parameter in given:
            position = parse_position(parameter, given[parameter][0], digest, query.sort)
            return msgspec.structs.replace(query, after=position, is_backward=parameter == "before")
    return query


def _parse_words(given: Given, parameter: str, words: frozenset[str] | None) -> tuple[str | None, ...]:
    """The values of a condition, None for "has none"; a comma is as good as another parameter."""
    parts = [part for text in given.get(parameter, ()) for part in text.split(",")]
    asked = _distinct(parameter, [None if part in ("", "null") else part for part in parts])
    for word in asked:
        if word is None:
            if parameter in _NEEDED:
                raise FieldInvalid(parameter, "every order has one")
        elif words is None:
            if not _CURRENCY.fullmatch(word):
                raise FieldInvalid(parameter, "must be three capital letters")
        elif word not in words:
            raise FieldInvalid(parameter, f"must be one of {', '.join(sorted(words))}")
    return asked


def _parse_stages(given: Given) -> tuple[str | None, ...]:
    """Stages as they are spelled, which may hold commas; an empty one asks for orders without status."""
    return _distinct("stage", [text or None for text in given.get("stage", ())])


def _distinct(parameter: str, asked: Sequence[str | None]) -> tuple[str | None, ...]:
    if len(asked) > MAX_VALUES:
        raise FieldInvalid(parameter, f"more than {MAX_VALUES} values")
    return tuple(dict.fromkeys(asked))


def _parse_span(given: Given, parameter: str) -> Span:
    ends = {}
    for end in ("since", "until"):
        text = _first(given, f"{parameter}.{end}")
        ends[end] = None if text is None else read_instant(f"{parameter}.{end}", text)
    return Span(**ends)


def _parse_number(given: Given, parameter: str, least: int) -> int | None:
    text = _first(given, parameter)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text) or not least <= int(text) <= _BIGGEST:
        raise FieldInvalid(parameter, "must be a whole number below 2^53")
    return int(text)


def _parse_amount(given: Given, parameter: str) -> Decimal | None:
    text = _first(given, parameter)
    if text is None:
        return None
    if not _AMOUNT.fullmatch(text):
        raise FieldInvalid(
            parameter, "must be a decimal number with at most 12 digits before the point, 6 after"
        )
    return Decimal(text)


def _parse_name(given: Given) -> NameSought | None:
    asked = [parameter for parameter in ("name", "name.prefix") if parameter in given]
    if not asked:
        return None
    if len(asked) > 1:
        raise FieldInvalid("name.prefix", "goes without name")
    parameter = asked[0]
    scheme, colon, name = given[parameter][0].partition(":")
    is_prefix = parameter == "name.prefix"
    if not colon or not 1 <= len(scheme) <= 64 or len(name) > 255 or not (name or is_prefix):
        raise FieldInvalid(parameter, "must be a scheme and a name with a colon between them")
    return NameSought(scheme=scheme, name=name, is_prefix=is_prefix)


def _parse_sort(given: Given, *, is_by_prefix: bool) -> tuple[Any, bool]:
    text = _first(given, "sort")
    if text is None:
        text = "name" if is_by_prefix else "-id"
    sort = text.removeprefix("-")
    if sort not in SORTS:
        raise FieldInvalid(
            "sort", f"must be one of {', '.join(sorted(SORTS))}, with - before it to reverse it"
        )
    return sort, text != sort


def _parse_limit(given: Given, reading: Reading) -> int:
    most = MAX_WITH_HISTORY if reading.include else MAX_LIMIT
    text = _first(given, "limit")
    if text is None:
        return DEFAULT_LIMIT
    if not _LIMIT.fullmatch(text) or int(text) > most:
        raise FieldInvalid("limit", f"must be 1 to {most}")
    return int(text)


def _parse_flag(given: Given, parameter: str) -> bool:
    text = _first(given, parameter)
    if text not in (None, "true", "false"):
        raise FieldInvalid(parameter, "must be true or false")
    return text == "true"


def _first(given: Given, parameter: str) -> str | None:
    return given[parameter][0] if parameter in given else None

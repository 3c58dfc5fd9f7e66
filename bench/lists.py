"""Pages of lists of orders in a small and in a large book: what a page costs must not grow with the book."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from . import bulk
from .load import request_text, write_requests
from .machine import Server
from .plan import Setup
from .rounds import Duel, Lane, Rounds, alternate, over
from .targets import LIST_DEPTH, LIST_SIZE, Result

PAGE = 10
# Page 1,000 begins after so many orders; walked to in pages of the second size.
DEEP, STRIDE = 9_990, 999
_NEXT = re.compile(r'<([^>]+)>; rel="?next"?')
HEADERS = (("Authorization", f"Bearer {bulk.TOKEN}"),)


@dataclass(frozen=True)
class Listed:
    """A page that is asked for: its parameters besides the page's size, and whether it is the 1,000th."""

    name: str
    parameters: str = ""
    is_deep: bool = False


# Each is one search of an index, in whichever sort and at whichever place.
FIRST, DEEPEST = Listed("first page"), Listed("page 1,000", is_deep=True)
PAGES = (
    FIRST,
    DEEPEST,
    Listed("newest first", "sort=-placed_at"),
    Listed("newest first, page 1,000", "sort=-placed_at", is_deep=True),
    Listed("by lifecycle", "lifecycle=new"),
    Listed("by two lifecycles", "lifecycle=new&lifecycle=processing"),
    Listed("by stage", "stage=received"),
    Listed("by customer", "customer.reference=C000010"),
    Listed("by customer, newest first", "customer.reference=C000010&sort=-placed_at"),
    Listed("by beginning of name", "name.prefix=reference:00"),
    Listed("placed since", "placed_at.since=2024-01-02T00:00:00Z&sort=placed_at"),
)


@dataclass
class PageCost:
    """One page in both books, round by round."""

    listed: Listed
    small: Rounds = field(default_factory=Rounds)
    large: Rounds = field(default_factory=Rounds)

    @property
    def duel(self) -> Duel:
        """Pages of the large book beside those of the small one."""
        return Duel(self.large, self.small)


@dataclass
class Lists:
    """The books and what their pages cost."""

    small: bulk.Bulk
    large: bulk.Bulk
    pages: list[PageCost] = field(default_factory=list)

    @property
    def depth(self) -> list[float]:
        """Processor time of page 1,000 over that of page 1 in the large book, by round."""
        first, deep = (next(cost for cost in self.pages if cost.listed is one) for one in (FIRST, DEEPEST))
        return [over(a, b) for a, b in zip(deep.large.each_cpu_us, first.large.each_cpu_us, strict=True)]

    def results(self) -> list[Result]:
        """The rows."""
        depth = Result(LIST_DEPTH, f"{self.large.orders:,} orders", self.depth, remark="by CPU")
        return [
            depth,
            *(
                Result(LIST_SIZE, cost.listed.name, cost.duel.ratios, cost.duel.cpu_ratio, "by CPU")
                for cost in self.pages
            ),
        ]


@contextlib.contextmanager
def made(folder: Path, orders: int) -> Iterator[bulk.Bulk]:
    """A book of so many orders, gone afterwards: it is some gigabytes."""
    database = folder / "book.db"
    try:
        yield bulk.make(database, orders)
    finally:
        for path in database.parent.glob("*"):
            path.unlink()


def measure_lists(plan: Setup, small: bulk.Bulk, large: bulk.Bulk) -> Lists:
    """Both books with a server each; rounds of the one and the other alternate."""
    lists = Lists(small, large)
    with _server(plan, small) as first, _server(plan, large) as second:
        for listed in PAGES:
            lists.pages.append(_measure(plan, listed, first, second))
    return lists


def _server(plan: Setup, book: bulk.Bulk) -> Server:
    return Server(["orderwire", "serve"], plan.folder, plan.cores.server, book.env)


def _measure(plan: Setup, listed: Listed, small: Server, large: Server) -> PageCost:
    lanes = []
    for server in (small, large):
        text = request_text("GET", _target(server, listed), HEADERS)
        lanes.append(Lane(server, write_requests(plan.folder / f"page-{server.port}", [text])))
    alternate(plan, lanes)
    return PageCost(listed, lanes[0].rounds, lanes[1].rounds)


def _target(server: Server, listed: Listed) -> str:
    """The path of the page, seen to be a full one."""
    target = f"/v1/orders?limit={PAGE}&{listed.parameters}".rstrip("&")
    if listed.is_deep:
        target = f"/v1/orders?limit={STRIDE}&{listed.parameters}".rstrip("&")
        for _ in range(DEEP // STRIDE):
            _, head, _ = _ask(server, target)
            target = _following(head)
        target = target.replace(f"limit={STRIDE}", f"limit={PAGE}")
    _, _, body = _ask(server, target)
    if len(json.loads(body)["orders"]) != PAGE:
        raise SystemExit(f"{target}: not a page of {PAGE} orders")
    return target


def _ask(server: Server, target: str) -> tuple[int, list[tuple[str, str]], bytes]:
    status, head, body = server.request("GET", target, HEADERS)
    if status != 200:
        raise SystemExit(f"{target} gave {status} {body[:500]!r}")
    return status, head, body


def _following(head: list[tuple[str, str]]) -> str:
    link = next(value for name, value in head if name.lower() == "link")
    found = _NEXT.search(link)
    assert found is not None, link
    return found[1]


def lists_json(lists: Lists) -> dict[str, Any]:
    """The figures for programs."""
    return {
        "orders": [lists.small.orders, lists.large.orders],
        "seconds_to_make": [lists.small.seconds, lists.large.seconds],
        "pages": [
            {
                "page": cost.listed.name,
                "ratio": cost.duel.ratio,
                "ratio_by_cpu_time": cost.duel.cpu_ratio,
                "cpu_us": [cost.small.cpu_us, cost.large.cpu_us],
                "per_second": [median(cost.small.rates), median(cost.large.rates)],
                "errors": cost.small.errors + cost.large.errors,
            }
            for cost in lists.pages
        ],
    }

"""Placing orders, listing them, and walking through the pages of a list."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
LINK = re.compile(r'<([^>]*)>; rel="(next|prev)"')


def at(hours: float) -> str:
    return f"{NOON + hours * HOUR:%Y-%m-%dT%H:%M:%SZ}"


def links(answer: Any) -> dict[str, str]:
    return {relation: path for path, relation in LINK.findall(answer.header("link") or "")}


def ids_of(answer: Any) -> list[int]:
    assert answer.status == 200, answer.body
    return [order["id"] for order in answer.json()["orders"]]


async def place(native: Any, **fields: Any) -> dict[str, Any]:
    made = await native.ask("POST", "/v1/orders", fields)
    assert made.status == 201, made.body
    found: dict[str, Any] = made.json()
    return found


async def walk(native: Any, path: str, relation: str = "next") -> list[list[dict[str, Any]]]:
    """Every page from this one on."""
    pages = []
    while path:
        answer = await native.ask("GET", path)
        assert answer.status == 200, answer.body
        pages.append(answer.json()["orders"])
        path = links(answer).get(relation, "")
    return pages

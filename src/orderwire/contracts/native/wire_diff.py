"""The difference between two JSON values as a JSON Patch (RFC 6902)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from msgspec import UNSET, Struct


class Change(Struct, frozen=True, kw_only=True, gc=False):
    """One operation of a JSON Patch; `path` is a JSON Pointer (RFC 6901), `value` is there but to remove."""

    op: Literal["add", "replace", "remove"]
    path: str
    value: Any = UNSET


def diff(before: Any, after: Any, path: str = "") -> list[Change]:
    """The operations that make `before` into `after`, both JSON values; none where they are equal."""
    return list(_changes(before, after, path))


def _changes(before: Any, after: Any, path: str) -> Iterator[Change]:
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _between_objects(before, after, path)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _between_lists(before, after, path)
    elif not is_same(before, after):
        yield Change(op="replace", path=path, value=after)


def _between_objects(before: dict[str, Any], after: dict[str, Any], path: str) -> Iterator[Change]:
    for key, value in before.items():
        at = f"{path}/{_escape(key)}"
        if key not in after:
            yield Change(op="remove", path=at)
        else:
            yield from _changes(value, after[key], at)
    for key, value in after.items():
        if key not in before:
            yield Change(op="add", path=f"{path}/{_escape(key)}", value=value)


def _between_lists(before: list[Any], after: list[Any], path: str) -> Iterator[Change]:
    """What the two begin and end with alike stays; of the rest, one is changed into the other in place."""
    start = _alike(before, after)
    end = _alike(before[start:][::-1], after[start:][::-1])
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    for place, (one, other) in enumerate(zip(old, new, strict=False), start=start):
        yield from _changes(one, other, f"{path}/{place}")
    for place in reversed(range(start + len(new), start + len(old))):
        yield Change(op="remove", path=f"{path}/{place}")
    for place, value in enumerate(new[len(old) :], start=start + len(old)):
        yield Change(op="add", path=f"{path}/{place}", value=value)


def _alike(one: list[Any], other: list[Any]) -> int:
    """With how many equal values the two lists begin."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if not is_same(left, right):
            break
        count += 1
    return count


def is_same(one: Any, other: Any) -> bool:
    """True for equal JSON values; true and 1 are two."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    return bool(one == other)


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")

"""Goldens: requests and the answers that a published document gives for them.

A golden file names its document in the first line, then holds the request, a line `----` and the
answer. JSON is compared with the order of its keys and the spelling of its numbers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SEPARATOR = "----\n"
VOLATILE = {
    "any": r".*",
    "text": r".+",
    "uuid": r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
    "int": r"-?[0-9]+",
    "instant": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?Z",
    "hex40": r"[0-9a-f]{40}",
    "hex32": r"[0-9A-Fa-f]{32}",
}
_PLACE = re.compile(r"\{\{([a-z0-9_.]+)\}\}")
# A number that varies stands without quotes, as a number does.
_BARE = re.compile(r'(?<!")(\{\{int\}\})(?!")')


@dataclass(frozen=True)
class Golden:
    """A request and the answer that the document gives for it."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: str
    status: int
    expected_headers: list[tuple[str, str]]
    absent_headers: list[str]
    expected_body: str


def read_golden(path: Path, variables: Mapping[str, str]) -> Golden:
    """The golden in a file, its variables filled in; an unknown one raises KeyError."""
    text = path.read_text()
    lines = text.split("\n")
    assert lines[0].startswith("# From: "), f"{path}: the first line names the document"
    start = next(index for index, line in enumerate(lines) if not line.startswith("#"))
    text = _PLACE.sub(lambda m: _fill(m, variables), "\n".join(lines[start:]))
    asked, answered = text.split(SEPARATOR, 1)
    head, _, body = asked.partition("\n\n")
    request_line, *fields = head.strip("\n").split("\n")
    method, path_sent = request_line.split(" ", 1)
    answer_head, _, answer_body = answered.partition("\n\n")
    status, *answer_fields = answer_head.strip("\n").split("\n")
    return Golden(
        method=method,
        path=path_sent,
        headers=[_field(line) for line in fields],
        body=body.rstrip("\n"),
        status=int(status),
        expected_headers=[_field(line) for line in answer_fields if not line.startswith("!")],
        absent_headers=[line[1:] for line in answer_fields if line.startswith("!")],
        expected_body=answer_body.rstrip("\n"),
    )


def _fill(match: re.Match[str], variables: Mapping[str, str]) -> str:
    name = match[1]
    return match[0] if name in VOLATILE else str(variables[name])


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.strip()


def matches(expected: str, actual: str) -> bool:
    """True if the text is the expected one, `{{...}}` standing for what varies."""
    parts = _PLACE.split(expected)
    pattern = "".join(VOLATILE[p] if index % 2 else re.escape(p) for index, p in enumerate(parts))
    return re.fullmatch(pattern, actual, re.DOTALL) is not None


def check_json(expected: str, actual: str) -> None:
    """Assert that a JSON text is the expected one: keys, their order, types, spelling of numbers."""
    _check_value("$", _ordered(_BARE.sub(r'"\1"', expected)), _ordered(actual))


def _ordered(text: str) -> Any:
    return json.loads(text, object_pairs_hook=list_of_pairs, parse_float=Number, parse_int=Number)


class Number(str):
    """A number as it is spelled."""


class Pairs(list[tuple[str, Any]]):
    """An object as the pairs that it is spelled with."""


def list_of_pairs(pairs: list[tuple[str, Any]]) -> Pairs:
    """An object's pairs, in their order."""
    return Pairs(pairs)


def _check_value(at: str, expected: Any, actual: Any) -> None:
    if isinstance(expected, str) and _PLACE.search(expected) and not isinstance(expected, Number):
        assert isinstance(actual, str), f"{at}: {actual!r} is not {expected}"
        assert matches(expected, actual), f"{at}: {actual!r} is not {expected}"
        return
    assert type(expected) is type(actual), f"{at}: {actual!r} is not {expected!r}"
    if isinstance(expected, Pairs):
        keys, found = [key for key, _ in expected], [key for key, _ in actual]
        assert keys == found, f"{at}: keys {found} are not {keys}"
        for (key, left), (_, right) in zip(expected, actual, strict=True):
            _check_value(f"{at}.{key}", left, right)
    elif isinstance(expected, list):
        assert len(expected) == len(actual), f"{at}: {len(actual)} items, not {len(expected)}"
        for index, (left, right) in enumerate(zip(expected, actual, strict=True)):
            _check_value(f"{at}[{index}]", left, right)
    else:
        assert expected == actual, f"{at}: {actual!r} is not {expected!r}"

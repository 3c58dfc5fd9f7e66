"""Which regular expressions of a stranger's map are taken: those that can't hold up the service."""

from __future__ import annotations

import re

import pytest

from orderwire.importer.maps import MAX_MATCHED_LENGTH, matches
from orderwire.importer.patterns import is_cheap

CHEAP = [
    "C[0-9]+",
    r"[0-9]{6}",
    r"C\d{6}|A\d{6}",
    ".*",
    r"\(x\)*",
    "[)(*+]+",
    "[]a]+",
    "[^]]{1,10}",
    r"(?:C|D)[0-9]{1,9}",
    "(?P<kind>C)[0-9]+",
    "(?i)c[0-9]+",
    "(abc)?[0-9]+",
    "[A-Z]{1,20}-[0-9]{1,20}",
    "x{}",
    r"\[a+",
    "",
]
DEAR = [
    "(a+)+",
    "(a|a)*b",
    "([a-z]+)*x",
    "(?:a*)*",
    "(a?){30}a{30}",
    "a?" * 30 + "a" * 30,
    ".*.*x",
    ".*x.*y",
    "a{1,999}b{1,999}",
    "a{5,}b{5,}",
    r"(a)\1",
    "(?=a+)a",
    "(?<!a)b",
    "(?(1)a|b)",
    "|" * 40,
    r"(\)a+)+",
]


@pytest.mark.parametrize("pattern", CHEAP)
def test_taken(pattern: str) -> None:
    re.compile(pattern)
    assert is_cheap(pattern)


@pytest.mark.parametrize("pattern", DEAR)
def test_refused(pattern: str) -> None:
    assert not is_cheap(pattern)


def test_a_value_that_is_too_long_matches_nothing() -> None:
    anything = re.compile(".*")
    assert matches(anything, "x" * MAX_MATCHED_LENGTH)
    assert not matches(anything, "x" * (MAX_MATCHED_LENGTH + 1))

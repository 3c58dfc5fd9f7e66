"""How much work a regular expression can make: one that a stranger sent must not hold up the service."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .maps import MAX_MATCHED_LENGTH, Map

# In steps for one value, at worst; a step takes some tens of nanoseconds.
MAX_WORK = 100_000
_TOKEN = re.compile(
    r"\\(?P<escape>.)|\[\^?\]?(?:\\.|[^\]\\])*\]|(?P<special>\(\?(?!P<|:|[ims]+\)))|\((?:\?P<\w+>|\?:|\?[ims]+\))?"
    r"|(?P<close>\))|(?P<or>\|)|(?P<repeat>[*+]|\?|\{[0-9]*,?[0-9]*\})[?+]?|.",
    re.DOTALL,
)


def patterns_of(found: Map) -> Iterator[re.Pattern[str]]:
    """Every regular expression in a map."""
    yield from (rule.pattern for rule in found.names if rule.pattern is not None)
    yield from (rule.pattern for rule in found.state_rules if rule.pattern is not None)


def is_cheap(pattern: str) -> bool:
    """True if matching a value can't take more than MAX_WORK steps, whatever the value.

    A repeated group, a look-around and a reference back are never cheap; repeats and alternatives are
    taken to multiply.
    """
    work, closed = 1, False
    for token in _TOKEN.finditer(pattern):
        escape, repeat = token["escape"], token["repeat"]
        if token["special"] or (escape is not None and escape.isdigit()):
            return False
        if repeat is not None:
            times = _times(repeat)
            if closed and repeat != "?":
                return False
            work *= times
        elif token["or"]:
            work *= 2
        closed = token["close"] is not None
    return work <= MAX_WORK


def _times(repeat: str) -> int:
    """In how many ways a repeat can be taken, at most."""
    if repeat == "?":
        return 2
    if repeat in ("*", "+"):
        return MAX_MATCHED_LENGTH
    least, comma, most = repeat.strip("{}").partition(",")
    if not comma:
        # Exactly so many, or no repeat at all (`{}` stands for itself).
        return 1
    return (int(most) if most else MAX_MATCHED_LENGTH) - int(least or 0) + 1

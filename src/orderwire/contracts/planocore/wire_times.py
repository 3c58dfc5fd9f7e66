"""Wall-clock texts (`*_mt`): Mountain Time, as the two kinds of client write it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from orderwire.book.errors import FieldInvalid
from orderwire.book.stages import WallClock
from orderwire.book.values import EARLIEST_YEAR, LATEST_YEAR, check_instant

from .wire import Params

MOUNTAIN_TIME = ZoneInfo("America/Denver")

# Web applications write 2023-09-22 14:05:09.250, FileMaker 09/22/2023 2:05:09 PM; a date alone is midnight.
_DASHED = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
    r"(?:[ T](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?)?)?"
)
_SLASHED = re.compile(
    r"(?P<month>[0-9]{1,2})/(?P<day>[0-9]{1,2})/(?P<year>[0-9]{4})"
    r"(?: (?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?(?: ?(?P<half>[AaPp][Mm]))?)?"
)


def parse_wall_clock(params: Params, name: str) -> WallClock | None:
    """A wall-clock text in America/Denver: as sent, and the instant it means.

    A time that the clocks skip in spring is read with the offset before the change, one that they
    show twice in autumn is the first. Raises FieldInvalid for a text that is no such time.
    """
    text = params.text(name)
    if text is None:
        return None
    attr = params.attr(name)
    try:
        at = parse_local(text)
    except ValueError as error:
        raise FieldInvalid(attr, "must be a date, or a date and time") from error
    instant = at.replace(tzinfo=MOUNTAIN_TIME).astimezone(UTC)
    check_instant(attr, instant)
    return WallClock(text=text, at=instant)


def parse_local(text: str) -> datetime:
    """The date and time that a text spells, without zone. Raises ValueError."""
    found = _DASHED.fullmatch(text) or _SLASHED.fullmatch(text)
    if found is None:
        raise ValueError("neither of the two forms")
    part = found.groupdict()
    year = int(part["year"])
    if not EARLIEST_YEAR <= year <= LATEST_YEAR:
        raise ValueError("year out of range")
    return datetime(
        year,
        int(part["month"]),
        int(part["day"]),
        _hour(int(part["hour"] or 0), part.get("half")),
        int(part["minute"] or 0),
        int(part["second"] or 0),
        int((part.get("fraction") or "0")[:6].ljust(6, "0")),
    )


def _hour(hour: int, half: str | None) -> int:
    """The hour of the day, from one of the 24 or of a half of 12. Raises ValueError."""
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError("no such hour in half a day")
    return hour % 12 + (12 if half.lower() == "pm" else 0)

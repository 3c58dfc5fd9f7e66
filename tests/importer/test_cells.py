"""Numbers and times as exports write them."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwire.importer.cells import CellError, DateRule, NumberRule, parse_id, parse_instant, parse_number

CONTINENTAL = NumberRule(decimal=",", group=".")
LONDON = ZoneInfo("Europe/London")


@pytest.mark.parametrize(
    ("text", "rule", "number"),
    [
        ("12", NumberRule(), "12"),
        ("-1.50", NumberRule(), "-1.5"),
        ("+0", NumberRule(), "0"),
        ("1.234.567,89", CONTINENTAL, "1234567.89"),
        ("3,5", CONTINENTAL, "3.5"),
        ("1 000.5", NumberRule(group=" "), "1000.5"),
        ("-12,34,567.8", NumberRule(group=","), "-1234567.8"),
        ("1234567,89", CONTINENTAL, "1234567.89"),
    ],
)
def test_numbers(text, rule, number):
    assert parse_number(text, rule) == Decimal(number)


@pytest.mark.parametrize(
    "text", ["", "-", "1,5", "1e3", "0x1", "1.", ".5", "1.2.3", "Infinity", "٣", "1" * 65]
)
def test_what_is_no_number(text):
    with pytest.raises(CellError, match="number_invalid"):
        parse_number(text, NumberRule())


@pytest.mark.parametrize(
    "text", ["5.00", "1.5", "1.2.345", "1.234.5", "1234.567", ".123", "1..234", "1,234.567"]
)
def test_a_mark_between_no_groups_makes_no_number(text):
    with pytest.raises(CellError, match="number_invalid"):
        parse_number(text, CONTINENTAL)


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=4))
def test_every_number_survives_a_continental_spelling(number):
    text = f"{number:,f}".translate(str.maketrans(",.", ".,"))
    assert parse_number(text, CONTINENTAL) == number


@given(st.text(max_size=80))
def test_any_text_is_a_number_or_refused(text):
    with suppress(CellError):
        assert parse_number(text, CONTINENTAL).is_finite()


def test_ids():
    assert parse_id(str(2**53)) == 2**53
    for text in ("1.0", "x", "", str(2**53 + 1), "9" * 17):
        with pytest.raises(CellError):
            parse_id(text)


@pytest.mark.parametrize(
    ("text", "form", "zone", "instant"),
    [
        ("12/1/10 8:26", "%m/%d/%y %H:%M", LONDON, datetime(2010, 12, 1, 8, 26, tzinfo=UTC)),
        ("7/1/11 8:26", "%m/%d/%y %H:%M", LONDON, datetime(2011, 7, 1, 7, 26, tzinfo=UTC)),
        # The hour that came twice when summer time ended: the earlier one.
        ("10/31/10 1:30", "%m/%d/%y %H:%M", LONDON, datetime(2010, 10, 31, 0, 30, tzinfo=UTC)),
        ("2024-05-01T10:00:00+02:00", "iso", None, datetime(2024, 5, 1, 8, 0, tzinfo=UTC)),
        ("2024-05-01", "iso", LONDON, datetime(2024, 4, 30, 23, 0, tzinfo=UTC)),
    ],
)
def test_instants(text, form, zone, instant):
    assert parse_instant(text, DateRule((form,), zone)) == instant


@given(st.text(max_size=80))
def test_any_text_is_an_instant_or_refused(text):
    with suppress(CellError):
        assert parse_instant(text, DateRule(("iso", "%Y-%m-%d", "%d.%m.%y"), LONDON)).tzinfo is UTC

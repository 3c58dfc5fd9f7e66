"""Wall-clock texts in America/Denver: both spellings, the two odd nights of the year, and what is no time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwire.book.errors import FieldInvalid
from orderwire.contracts.planocore.wire import Params
from orderwire.contracts.planocore.wire_times import MOUNTAIN_TIME, parse_local, parse_wall_clock
from tests.contracts.planocore.conftest import PlanoCore, invalid, refusal

READINGS = {
    "2023-09-22 14:05:09": "2023-09-22T20:05:09+00:00",
    "2023-09-22T14:05:09": "2023-09-22T20:05:09+00:00",
    "2023-09-22 14:05:09.25": "2023-09-22T20:05:09.250000+00:00",
    "2023-09-22 14:05:09.123456789": "2023-09-22T20:05:09.123456+00:00",
    "2023-09-22 14:05": "2023-09-22T20:05:00+00:00",
    "2023-09-22": "2023-09-22T06:00:00+00:00",
    "2023-12-22 14:05:09": "2023-12-22T21:05:09+00:00",
    "09/22/2023 14:05:09": "2023-09-22T20:05:09+00:00",
    "09/22/2023 02:05:09 PM": "2023-09-22T20:05:09+00:00",
    "9/2/2023 2:05 pm": "2023-09-02T20:05:00+00:00",
    "09/22/2023 12:00 AM": "2023-09-22T06:00:00+00:00",
    "09/22/2023 12:00PM": "2023-09-22T18:00:00+00:00",
    "09/22/2023": "2023-09-22T06:00:00+00:00",
    # The clocks go from 2:00 to 3:00 on 2023-03-12: 2:30 is read as if they had not, which is 3:30 by them.
    "2023-03-12 02:30:00": "2023-03-12T09:30:00+00:00",
    # They go from 2:00 back to 1:00 on 2023-11-05: 1:30 comes twice, and the first is meant.
    "2023-11-05 01:30:00": "2023-11-05T07:30:00+00:00",
    "2024-02-29 00:00:00": "2024-02-29T07:00:00+00:00",
}
NO_TIMES = [
    "yesterday",
    "2023-02-29",
    "2023-13-01",
    "2023-9-22",
    "22/09/2023",
    "2023/09/22",
    "2023-09-22 24:00:00",
    "2023-09-22 14:60:00",
    "2023-09-22 14:05:60",
    "2023-09-22 14",
    "2023-09-22  14:05",
    "2023-09-22 14:05:09.",
    "2023-09-22T14:05:09Z",
    "2023-09-22T14:05:09+00:00",
    "2023-09-22 02:05:09 PM",
    "09/22/2023 13:05 PM",
    "09/22/2023 0:05 AM",
    "1899-12-31",
    "9999-01-01",
    "0000-00-00",
    " 2023-09-22",
    "2023-09-22\n",
    "٢٠٢٣-٠٩-٢٢",  # digits, but not those of the format
]


@pytest.mark.parametrize(("text", "instant"), READINGS.items())
def test_a_wall_clock_is_kept_and_understood(text, instant):
    clock = parse_wall_clock(Params({"stage_at_mt": text}), "stage_at_mt")
    assert clock is not None
    assert (clock.text, clock.at.isoformat()) == (text, instant)


@pytest.mark.parametrize("text", NO_TIMES)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(FieldInvalid) as refused:
        parse_wall_clock(Params({"stage_at_mt": text}), "stage_at_mt")
    assert refused.value.field == "stage_at_mt"


@given(st.datetimes(datetime(1900, 1, 1), datetime(9998, 12, 30)))
def test_every_time_is_understood_in_both_spellings(at):
    assert parse_local(at.isoformat(sep=" ")) == at
    whole = at.replace(microsecond=0)
    assert (
        parse_local(whole.strftime("%m/%d/") + whole.strftime("%Y").zfill(4) + f" {whole:%H:%M:%S}") == whole
    )
    assert parse_local(f"{whole:%m/%d}/{whole.year:04} {whole:%I:%M:%S %p}") == whole


@given(st.text(alphabet="0123456789-/: TAPMapm.", max_size=30))
def test_no_text_is_worse_than_refused(text):
    try:
        clock = parse_wall_clock(Params({"x": text}), "x")
    except FieldInvalid:
        return
    assert clock is None or clock.at.tzinfo is UTC


def test_the_zone_keeps_daylight_saving():
    assert MOUNTAIN_TIME.key == "America/Denver"


@pytest.mark.parametrize("name", ["stage_at_mt", "created_at_mt", "notified_at_mt"])
async def test_each_wall_clock_parameter_is_checked(planocore: PlanoCore, name: str):
    assert refusal(await planocore.create(**{name: "soon"})) == invalid(name)
    assert refusal(await planocore.create(**{name: 20230922})) == invalid(name)
    assert len(await planocore.stages()) == 1

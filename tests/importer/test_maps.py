"""The map: every mistake in it is refused, and the message says where."""

from __future__ import annotations

import pytest

from orderwire.importer.parse_map import parse_map, read_map
from orderwire.importer.tables import MapError
from tests.importer.importing import MAP, MARKETPLACE_MAP, SAMPLE_MAP


def test_the_kept_maps_are_read():
    assert read_map(SAMPLE_MAP).key_scheme == "reference"
    market = read_map(MARKETPLACE_MAP)
    assert (market.delimiter, market.numbers.decimal, market.encoding) == (";", ",", "cp1252")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('key = "no"', 'kee = "no"', r"\[order\]: key is missing"),
        (
            'key = "no"',
            'key = "no"\nkimd = "order"',
            r"\[order\]: unknown key 'kimd' \(did you mean kind\?\)",
        ),
        ("[customer]", "[custommer]", r"unknown key 'custommer' \(did you mean customer\?\)"),
        ('item = "item"', 'itme = "item"', r"\[line\]: unknown key 'itme' \(did you mean item\?\)"),
        ('email = "mail"', "email = 3", r"\[customer\]: email must be a text"),
        ("[date.placed_at]", "[date.place_at]", r"\[date\]: unknown key 'place_at'"),
        ("[date.placed_at]", "[date.due_at]", r"\[date.placed_at\] is missing"),
        ('at"', 'at"\nzone = "Mars/Olympus"', "'Mars/Olympus' is no time zone"),
        ('at"', 'at"\nformat = "%d %H"', "'%d %H' reads no year"),
        ('date_format = "%Y-%m-%d %H:%M"', "", "format is missing"),
        ('zone = "Europe/London"', "", "zone is missing"),
        ("[file]", '[file]\nencoding = "utf-16"', r"\[file\]: encoding must be one of"),
        ("[file]", '[file]\ndelimiter = "::"', "delimiter must be one character"),
        ("[file]", '[file]\ndecimal = ","\ngroup = ","', "can't be the same mark"),
        ('column = "no"', 'column = "no"\npattern = "[0-9]+"', r"one \[\[name\]\] must have column 'no'"),
        (
            'column = "no"',
            'column = "no"\npattern = "["',
            r"\[\[name\]\] 1: pattern is no regular expression",
        ),
        ('column = "no"', 'column = "no"\n[[name]]\nscheme = "reference"\ncolumn = "no"', "is there twice"),
        ("[[name]]", '[[state]]\ncolumn = "at"\nfilled = true\n[[name]]', "sets none of lifecycle"),
        ("[[name]]", '[[state]]\ncolumn = "at"\nlifecycle = "new"\n[[name]]', "needs one of equals"),
        (
            "[[name]]",
            '[[state]]\nfilled = true\ncolumn = "at"\nlifecycle = "gone"\n[[name]]',
            "must be one of",
        ),
        ("[[name]]", '[[stage]]\nat = "at"\n[[name]]', r"\[\[stage\]\] 1: stage is missing"),
        ("[customer]", "[values.no]\na = 1\n[customer]", "every value must be a text"),
        ('key = "no"', 'key = "no"\nkind = "offer"', "kind must be one of delivery, delivery_note"),
        ("[order]", "order]", "not TOML"),
    ],
)
def test_mistakes_are_named(old, new, message):
    assert old in MAP
    with pytest.raises(MapError, match=message):
        parse_map(MAP.replace(old, new, 1))


def test_a_map_that_is_not_there(tmp_path):
    with pytest.raises(MapError, match="can't be read"):
        read_map(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_bytes(b"\xff")
    with pytest.raises(MapError, match="not UTF-8"):
        read_map(tmp_path / "bad.toml")

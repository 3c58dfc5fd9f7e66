"""Whatever bytes a file holds, every line of it is read, blank, or has a fault."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwire.importer.csv_source import CsvSource
from orderwire.importer.rows import Row
from orderwire.importer.spool import Spool
from tests.importer.importing import HEADER, row


def read(content: bytes, encoding: str = "utf-8") -> CsvSource:
    """A CSV source of these bytes."""
    source = CsvSource(io.BytesIO(content), encoding, ",")
    source.begin()
    return source


PIECES = st.lists(
    st.one_of(
        st.binary(max_size=30),
        st.sampled_from([b'"', b"\n", b"\r\n", b"\r", b",", b",,,,,,", row("1").encode(), b"\0", b"\xff"]),
    ),
    max_size=60,
)


@given(PIECES, st.sampled_from(["utf-8", "cp1252", "iso-8859-1", "ascii"]))
def test_any_bytes_give_rows_or_faults(pieces, encoding):
    rows = list(read(HEADER.encode() + b"\n" + b"".join(pieces), encoding).keyed("no"))
    assert all(found.fault is not None or (key and len(found.fields) == 7) for key, found in rows)
    lines = [found.line for _, found in rows]
    assert lines == sorted(set(lines))


@given(PIECES)
def test_rows_come_out_of_the_spool_as_they_went_in(pieces):
    rows = list(read(HEADER.encode() + b"\n" + b"".join(pieces)).keyed("no"))
    with Spool() as spool:
        assert spool.add(rows) == len(rows)
        together = list(spool.rows((0, 0, 0)))
        orders = spool.orders
        half = together[len(together) // 2 :]
        if half:
            first, _, found = together[len(together) // 2 - 1] if len(together) > 1 else (0, True, Row(0, []))
            assert list(spool.rows((first, found.line, found.part))) == half
    assert sorted(found.line for _, _, found in together) == [found.line for _, found in rows]
    kept = {found.line: (found, key) for key, found in rows}
    by_order: dict[int, set[str]] = {}
    for order, is_keyed, found in together:
        row, key = kept[found.line]
        assert (found, is_keyed) == (row, bool(key))
        by_order.setdefault(order, set()).add(key or f"\0{found.line}")
    assert all(len(keys) == 1 for keys in by_order.values())
    assert orders == len(by_order) == len({key or f"\0{found.line}" for key, found in rows})
    assert [order for order, _, _ in together] == sorted(order for order, _, _ in together)


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_line_numbers_are_those_of_the_file(ending):
    rows = [HEADER, row("1"), "", row("2", item=f'"a{ending}b"'), row("3", item='"'), row("4")]
    source = read(ending.join(rows).encode())
    found = [(key, one.line, one.fault.code if one.fault else "") for key, one in source.keyed("no")]
    assert found == [("1", 2, ""), ("2", 4, ""), ("3", 6, "malformed"), ("4", 7, "")]
    assert source.blank == 1

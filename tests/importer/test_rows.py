"""Whatever bytes a file holds, every line of it is read, blank, or has a fault."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwire.importer.rows import RowReader
from orderwire.importer.spool import Spool
from tests.importer.importing import HEADER, row

PIECES = st.lists(
    st.one_of(
        st.binary(max_size=30),
        st.sampled_from([b'"', b"\n", b"\r\n", b"\r", b",", b",,,,,,", row("1").encode(), b"\0", b"\xff"]),
    ),
    max_size=60,
)


@given(PIECES, st.sampled_from(["utf-8", "cp1252", "iso-8859-1", "ascii"]))
def test_any_bytes_give_rows_or_faults(pieces, encoding):
    reader = RowReader(io.BytesIO(HEADER.encode() + b"\n" + b"".join(pieces)), encoding, ",", "no")
    rows = list(reader)
    assert all(found.fault is not None or (key and len(found.fields) == 7) for key, found in rows)
    lines = [found.line for _, found in rows]
    assert lines == sorted(set(lines))


@given(PIECES)
def test_rows_come_out_of_the_spool_as_they_went_in(pieces):
    reader = RowReader(io.BytesIO(HEADER.encode() + b"\n" + b"".join(pieces)), "utf-8", ",", "no")
    rows = [(key, found) for key, found in reader if key]
    with Spool() as spool:
        spool.add(rows)
        together = list(spool.rows())
    assert sorted(found.line for _, found in together) == [found.line for _, found in rows]
    kept = {found.line: (found, key) for key, found in rows}
    by_order: dict[int, set[str]] = {}
    for order, found in together:
        assert found == kept[found.line][0]
        by_order.setdefault(order, set()).add(kept[found.line][1])
    assert all(len(keys) == 1 for keys in by_order.values())
    assert len(by_order) == len({key for key, _ in rows})
    assert [order for order, _ in together] == sorted(order for order, _ in together)


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_line_numbers_are_those_of_the_file(ending):
    rows = [HEADER, row("1"), "", row("2", item=f'"a{ending}b"'), row("3", item='"'), row("4")]
    reader = RowReader(io.BytesIO(ending.join(rows).encode()), "utf-8", ",", "no")
    found = [(key, one.line, one.fault.code if one.fault else "") for key, one in reader]
    assert found == [("1", 2, ""), ("2", 4, ""), ("3", 6, "malformed"), ("4", 7, "")]
    assert reader.blank == 1

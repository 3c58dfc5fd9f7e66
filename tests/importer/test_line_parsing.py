"""Lines that are read the quick way mean what they mean when they are read the strict way."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orderwire.book.errors import FieldInvalid, FieldMissing
from orderwire.contracts.native.wire_lines import parse_order_line

# The quick way takes no byte order mark, the strict way does: so what follows one is read the strict way.
MARK = b"\xef\xbb\xbf"
ORDER: dict[str, Any] = {
    "id": 77,
    "kind": "order",
    "delivery": "pending",
    "placed_at": "2024-05-01T10:00:00Z",
    "changed_at": "2024-05-01T12:00:00+02:00",
    "names": {"reference": "0001", "po_number": "Zoë\n"},
    "total": "12.50",
    "customer": {"id": 5, "name": 'a":"b'},
    "lines": [{"item": "A", "quantity": 2, "unit_price": "6.25", "attributes": {"a": "b"}}],
    "stages": [{"stage": "sent", "effective_at": "2024-05-01T10:00:00Z", "number": 1, "origin": {}}],
}
COMPACT = json.dumps(ORDER, separators=(",", ":"), ensure_ascii=False).encode()
NUMBERS = (
    *("0", "-0", "1.50", "-0.50", "1e3", "1E+3", "1E+5", "0.0000001", "1" * 13, "1" * 64, "1" * 65),
    *("-" + "1" * 64, "0." + "1" * 13, "0." + "0" * 70, "007", "+5", ".5", "5.", "1_0", " 1"),
    *("NaN", "-Infinity", "2.0", "true", "null", "[]", "18446744073709551616", "１"),
)  # fmt: skip


def outcome(line: bytes) -> object:
    try:
        order, known_id = parse_order_line(line)
    except (FieldMissing, FieldInvalid) as fact:
        return type(fact), str(fact)
    return msgspec.to_builtins(order), known_id


def check(line: bytes) -> object:
    found = outcome(line)
    assert found == outcome(MARK + line)
    return found


def test_lines_are_taken_however_they_are_laid_out() -> None:
    found = check(COMPACT)
    assert isinstance(found, tuple)
    assert found[1] == 77
    assert check(json.dumps(ORDER, ensure_ascii=False).encode()) == found
    assert check(json.dumps(ORDER).encode()) == found
    assert check(json.dumps(dict(reversed(ORDER.items())), indent="\t").encode()) == found


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("field", ["total", "lines"])
def test_numbers(number: str, field: str) -> None:
    for written in (number, json.dumps(number, ensure_ascii=False)):
        value = written if field == "total" else f'[{{"quantity":{written}}}]'
        check(f'{{"names":{{"reference":"1"}},"{field}":{value}}}'.encode())


@pytest.mark.parametrize(
    "line",
    [
        b'{"kind":"order","kind":"order"}',
        b'{"lines":[{"item":"a","item":"a"}]}',
        b'{"kind" :"order", "k\\u0069nd":"order"}',
        b'{"notes":"\\ud83d\\ude00"}',
        b'{"notes":"\\ud83d"}',
        b'{"notes":"a\\u0000"}',
        b'{"notes":' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"notes":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"stages":[1,{}]}',
        b"",
        b"null",
    ],
)
def test_what_is_refused_is_refused_for_the_same_reason(line: bytes) -> None:
    check(line)


PARTS = st.sampled_from(
    [b'"', b":", b",", b"{", b"}", b"[", b"]", b"\\", b" ", b"0", b"-", b"e", b"\xc3", b"null"]
)


@given(st.integers(0, len(COMPACT)), st.integers(0, 3), PARTS | st.binary(max_size=3))
@example(0, 0, b'{"id":1,')
def test_lines_with_a_slip(place: int, left_out: int, put_in: bytes) -> None:
    check(COMPACT[:place] + put_in + COMPACT[place + left_out :])

"""JSON bodies: the quick reader and the strict one give the same verdict, whatever is sent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwire.web.errors import BodyMalformed
from orderwire.web.json import MAX_DEPTH, MAX_NUMBER_LENGTH, decode_json

# The quick reader takes no body that begins with it, and the strict one passes over it.
MARK = b"\xef\xbb\xbf"


def verdict(body: bytes) -> Any:
    """What reading the body gives, types and all, or why it is refused."""
    try:
        return repr(decode_json(body))
    except BodyMalformed as error:
        return error.reason, "refused"


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":1}',
        b'{"a":1, "a" : 2}',
        b'{"a":{"b":[{"c":1,"c":1}]}}',
        b'{"a":1,"\\u0061":1}',
        b'{"a":"b\\":","a":1}',
        b"1" * MAX_NUMBER_LENGTH,
        b"1" * (MAX_NUMBER_LENGTH + 1),
        b"-" + b"1" * MAX_NUMBER_LENGTH,
        b'{"a":[' + b"9" * 300 + b"]}",
        b"1." + b"1" * MAX_NUMBER_LENGTH,
        b"[1e99999999999999999999]",
        b"9" * 5_000,
        b"[" * MAX_DEPTH + b"]" * MAX_DEPTH,
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
        b"[" * 5_000 + b"]" * 5_000,
        b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1),
        b"[" + b",".join([b'{"a":[{}]}'] * MAX_DEPTH) + b"]",
        b'"\\ud800"',
        b'"\\ud800abc"',
        b'"\xed\xa0\x80"',
        b'"\xff"',
        b'{"\xff":1}',
        b'"\x01"',
        b"NaN",
        b"Infinity",
        b"-0",
        b"-0.0",
        b"1e5",
        b"1E+05",
        b"18446744073709551616",
        b"12.50",
        b"01",
        b"[1,]",
        b"1 2",
        b"\x0b1",
        b"",
        b" ",
        b" null\n",
        b'{"a" : "\\/\\u00e9\xc3\xa9"}',
    ],
)
def test_the_quick_reader_takes_and_gives_what_the_strict_one_does(body: bytes) -> None:
    assert verdict(body) == verdict(MARK + body)


def test_limits_are_told() -> None:
    assert verdict(b'{"a":1,"a":1}') == ("a key is given twice", "refused")
    assert verdict(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1))[0] == f"nested deeper than {MAX_DEPTH}"
    long = f"a number of more than {MAX_NUMBER_LENGTH} characters"
    assert verdict(b"[" + b"1" * (MAX_NUMBER_LENGTH + 1) + b"]")[0] == long
    assert decode_json(b'{"a": 12.50, "b": [1e2]}') == {"a": Decimal("12.50"), "b": [Decimal("1E+2")]}


def test_a_long_list_is_not_deep() -> None:
    body = b"[" + b",".join([b"[[]]"] * 100) + b"]"
    assert decode_json(body) == [[[]]] * 100


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=12,
)


@given(json_values, st.integers(-1, 3), st.integers(0, 400), st.binary(max_size=2), st.integers(0, 2))
def test_any_body_is_read_alike(value: Any, indent: int, at: int, put: bytes, out: int) -> None:
    body = msgspec.json.format(msgspec.json.encode(value), indent=indent)
    damaged = body[:at] + put + body[at + out :]
    for sent in (body, damaged):
        assert verdict(sent) == verdict(MARK + sent)


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", 'a":']), json_values), max_size=4), st.sampled_from(" \t\n")
)
def test_keys_given_twice_are_always_seen(members: list[tuple[str, Any]], blank: str) -> None:
    written = [
        f"{msgspec.json.encode(k).decode()}{blank}:{msgspec.json.encode(v).decode()}" for k, v in members
    ]
    for body in (
        "{" + ",".join(written) + "}",
        "{" + ",".join(w.replace(f'"{blank}:', '":') for w in written) + "}",
    ):
        assert verdict(body.encode()) == verdict(MARK + body.encode())

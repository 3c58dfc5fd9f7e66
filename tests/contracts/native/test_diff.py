"""The difference of two JSON values: applied to the one as RFC 6902 says, it gives the other."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwire.contracts.native.wire_diff import Change, diff, is_same


def apply(document: Any, changes: list[Change]) -> Any:
    """A JSON Patch applied, operation by operation, to a copy of the document."""
    root = {"": copy.deepcopy(document)}
    for change in changes:
        holder: Any = root
        keys = [part.replace("~1", "/").replace("~0", "~") for part in change.path.split("/")]
        for key in keys[:-1]:
            holder = holder[int(key) if isinstance(holder, list) else key]
        last: Any = keys[-1]
        if isinstance(holder, list):
            last = int(last)
            assert 0 <= last < len(holder) + (change.op == "add")
            if change.op == "add":
                holder.insert(last, change.value)
                continue
        else:
            assert change.op == "add" or last in holder
        if change.op == "remove":
            del holder[last]
        else:
            holder[last] = change.value
    return root[""]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["", "a", "b"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["", "a", "b/c", "~0", "1"]), inner, max_size=4)
    ),
    max_leaves=16,
)


@given(before=JSON, after=JSON)
def test_the_difference_makes_one_into_the_other(before, after):
    changes = diff(before, after)
    assert is_same(apply(before, changes), after)
    assert (changes == []) is is_same(before, after)


@given(items=st.lists(st.integers(0, 2), max_size=6), place=st.integers(0, 6), item=st.integers(3, 5))
def test_an_item_more_or_less_is_one_operation(items, place, item):
    longer = [*items[:place], item, *items[place:]]
    assert [change.op for change in diff(items, longer)] == ["add"]
    assert [change.op for change in diff(longer, items)] == ["remove"]


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ({"a": 1}, {"a": 2}, [("replace", "/a", 2)]),
        ({"a": 1}, {"a": True}, [("replace", "/a", True)]),
        ({"a": None}, {}, [("remove", "/a")]),
        ({}, {"a/b~c": None}, [("add", "/a~1b~0c", None)]),
        ({"lines": [{"q": 1}, {"q": 2}]}, {"lines": [{"q": 1}, {"q": 3}]}, [("replace", "/lines/1/q", 3)]),
        ([1, 2, 3], [1], [("remove", "/2"), ("remove", "/1")]),
        ([], [1, 2], [("add", "/0", 1), ("add", "/1", 2)]),
        (1, [], [("replace", "", [])]),
    ],
)
def test_differences_are_small(before, after, changes):
    found = [(one.op, one.path, *([one.value] if one.op != "remove" else [])) for one in diff(before, after)]
    assert found == changes

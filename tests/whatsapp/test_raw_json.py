"""JSON taken apart without being rewritten."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.whatsapp import raw_json
from connector.whatsapp.raw_json import UnreadableError

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=20,
)
LONE = '"\\ud83d"'  # half an emoji, as Meta passes it on when a text was cut


def test_members_keep_the_text_of_numbers_and_spaces() -> None:
    """A value comes out as it was written: no digit, escape or inner space is touched."""
    text = b'{ "a" : 1.0, "b":1e5 , "c": [1,  2], "d": "\\u00e4\\/" }'
    assert raw_json.members(text) == {"a": b"1.0", "b": b"1e5", "c": b"[1,  2]", "d": b'"\\u00e4\\/"'}


@given(value=st.dictionaries(st.text(max_size=6), json_values, max_size=5), indent=st.sampled_from([None, 2]))
def test_both_roads_split_objects_alike(value: dict[str, Any], indent: int | None) -> None:
    """A lone surrogate beside it sends a body down the slow road, and every other member comes out the same."""
    fast = raw_json.members(json.dumps(value, indent=indent).encode())
    marked = json.dumps({**value, "lone": "LONE"}, indent=indent).replace('"LONE"', LONE)
    slow = raw_json.members(marked.encode())
    assert slow == {**fast, "lone": LONE.encode()}


@given(value=st.lists(json_values, max_size=5), indent=st.sampled_from([None, 2]))
def test_both_roads_split_arrays_alike(value: list[Any], indent: int | None) -> None:
    """The same holds for arrays."""
    fast = raw_json.items(json.dumps(value, indent=indent).encode())
    slow = raw_json.items(json.dumps([*value, "LONE"], indent=indent).replace('"LONE"', LONE).encode())
    assert slow == [*fast, LONE.encode()]


@pytest.mark.parametrize(
    "bad", [b"01", b"tru", b'{"a":}', b'"\\x"', b'"\xff"', b"1 2", b"{1:2}", b"[" * 3000 + b"]" * 3000]
)
def test_a_broken_item_stays_alone(bad: bytes) -> None:
    """An item that is not JSON, not UTF-8, or nested thousands deep does not hide its neighbours."""
    assert raw_json.items(b'[{"a":1},' + bad + b',{"b":2}]') == [b'{"a":1}', bad, b'{"b":2}']
    with pytest.raises(UnreadableError):
        raw_json.value(bad)


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"{", b"{}x", b"{} {}", b"[]", b"1", b'{"'),
        *(b'{"a"}', b'{"a":}', b'{"a":1,}', b"{,}", b'{"a":1]', b"{a:1}", b'{"a":[[[}', b'{"a":"\\ud83d"} x'),
        *(b'\xef\xbb\xbf{"a":1}', b'{"\xff":1}'),
    ],
)
def test_what_is_no_object_is_refused(text: bytes) -> None:
    """Only a whole object has members; nothing is guessed from half of one."""
    with pytest.raises(UnreadableError):
        raw_json.members(text)


@given(text=st.binary(max_size=60) | st.text(alphabet='{}[]",:\\ u1d8', max_size=60).map(str.encode))
def test_no_bytes_raise_anything_else(text: bytes) -> None:
    """Whatever the bytes: a result, or UnreadableError."""
    for split in (raw_json.members, raw_json.items, raw_json.value):
        try:
            split(text)
        except UnreadableError:
            continue


def test_typed_fields_see_lone_surrogates_as_replacement_characters() -> None:
    """Half an emoji becomes U+FFFD, a whole one stays, and an escaped backslash before the letter u starts nothing."""
    text = rb'{"half":"a\ud83d","late":"\ude00b","whole":"\ud83d\ude00","plain":"\\ud83d"}'
    assert raw_json.value(text) == {"half": "a\N{REPLACEMENT CHARACTER}", "late": "\N{REPLACEMENT CHARACTER}b",
                                    "whole": "\U0001f600", "plain": "\\ud83d"}  # fmt: skip


@pytest.mark.parametrize("number", [b"1e999", b"9" * 5000])
def test_numbers_beyond_all_bounds_are_infinite(number: bytes) -> None:
    """A number no machine holds is still JSON; as a typed value it is infinite."""
    assert raw_json.value(b"[" + number + b"]") == [float("inf")]


@pytest.mark.parametrize("constant", [b"NaN", b"Infinity", b"-Infinity"])
def test_python_constants_are_not_json(constant: bytes) -> None:
    """What Python's own reader takes beyond JSON is refused."""
    with pytest.raises(UnreadableError):
        raw_json.value(constant)
    with pytest.raises(UnreadableError):
        raw_json.value(b'["\\ud83d",' + constant + b"]")


def test_an_endless_string_costs_linear_time() -> None:
    """Three megabytes of quotes that never end are refused at once; a quadratic search would outlive the time limit."""
    with pytest.raises(UnreadableError):
        raw_json.members(b'{"a":"' + b'\\"' * 1_500_000)

"""The quota in the headers of Meta's answers: how long nothing is taken."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.whatsapp.usage import USAGE_HEADER, regain_access_s


def use(minutes: Any = 0, kind: str = "whatsapp") -> dict[str, Any]:
    """One kind of call of one business, as Meta documents it."""
    return {
        "type": kind,
        "call_count": 1,
        "total_cputime": 1,
        "total_time": 1,
        "estimated_time_to_regain_access": minutes,
    }


def header(document: Any) -> dict[str, str]:
    """The headers of an answer with this document."""
    return {USAGE_HEADER: json.dumps(document)}


@pytest.mark.parametrize(("minutes", "seconds"), [(1, 60.0), (0.5, 30.0), (12, 720.0), (60, 3600.0)])
def test_minutes_become_seconds(minutes: float, seconds: float) -> None:
    """Meta counts in minutes."""
    assert regain_access_s(header({"1": [use(minutes)]})) == seconds


@pytest.mark.parametrize("minutes", [61, 10**9, 1e300])
def test_nobody_is_kept_away_for_longer_than_an_hour(minutes: float) -> None:
    """After that Meta is asked again, whatever it said."""
    assert regain_access_s(header({"1": [use(minutes)]})) == 3600.0


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_nothing_is_blocked_at_zero(separators: tuple[str, str]) -> None:
    """As nearly every answer says; figures that only begin with 0 are others."""
    text = json.dumps({"1": [use(), use(kind="messenger")], "2": [use(0.0)]}, separators=separators)
    assert regain_access_s({USAGE_HEADER: text}) is None
    assert regain_access_s({USAGE_HEADER: text.replace("0.0", "0.25")}) == 15.0


def test_the_longest_block_of_several_businesses_counts() -> None:
    """One answer names all that share the quota, and all kinds of calls."""
    document = {"1": [use(2), use()], "2": [use(5), use(3, "messenger")], "3": [use()]}
    assert regain_access_s(header(document)) == 300.0


@pytest.mark.parametrize("headers", [{}, {"content-type": "application/json"}, {USAGE_HEADER: ""}])
def test_an_answer_without_the_header_says_nothing(headers: dict[str, str]) -> None:
    """Most have none."""
    assert regain_access_s(headers) is None


@pytest.mark.parametrize(
    "text",
    [
        "estimated_time_to_regain_access",
        '{"1":[{"estimated_time_to_regain_access":5}]',
        '{"1":[{"estimated_time_to_regain_access":5}]}}',
        '[{"estimated_time_to_regain_access":5}]',
        '{"1":{"estimated_time_to_regain_access":5}}',
        '{"estimated_time_to_regain_access":5}',
        '{"1":["estimated_time_to_regain_access",5,null]}',
        '{"1":[{"estimated_time_to_regain_access":5,"\udcff":1}]}',
        "[" * 16_000 + '"estimated_time_to_regain_access"',
    ],
)
def test_garbage_says_nothing(text: str) -> None:
    """Whatever is not as documented blocks nobody, and breaks nothing."""
    assert regain_access_s({USAGE_HEADER: text}) is None


@pytest.mark.parametrize("minutes", ["5", None, True, -5, [5], {"a": 5}])
def test_minutes_of_another_kind_say_nothing(minutes: Any) -> None:
    """They hide no others."""
    assert regain_access_s(header({"1": [use(minutes)]})) is None
    assert regain_access_s(header({"1": [use(minutes), use(1)]})) == 60.0


def test_a_header_that_is_too_long_is_not_read() -> None:
    """A few hundred bytes are usual; what is far beyond costs no time."""
    assert regain_access_s(header({"1": [use(5)] * 100})) == 300.0
    assert regain_access_s(header({"1": [use(5)] * 1000})) is None


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3) | st.just("estimated_time_to_regain_access"), inner, max_size=3)
    ),
)


@given(document=documents)
def test_any_document_gives_nothing_or_up_to_an_hour(document: Any) -> None:
    """Also with numbers that are none."""
    found = regain_access_s(header({"1": [document], "estimated_time_to_regain_access": document}))
    assert found is None or 0 < found <= 3600.0

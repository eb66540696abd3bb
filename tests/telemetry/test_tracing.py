"""A command's trace goes on: W3C Trace Context, level 1."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.telemetry.tracing import TraceParent, parse_traceparent

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEX = st.text("0123456789abcdef", min_size=1)


def test_the_example_of_the_standard_is_read_and_written_back() -> None:
    """The header W3C prints in its text."""
    header = f"00-{TRACE}-{SPAN}-01"
    parent = parse_traceparent(header)
    assert parent == TraceParent(TRACE, SPAN, 1)
    assert parent.sampled
    assert str(parent) == header
    assert parse_traceparent(header.encode()) == parent


@given(trace=st.integers(1, 2**128 - 1), span=st.integers(1, 2**64 - 1), flags=st.integers(0, 255))
def test_what_is_written_is_read_back(trace: int, span: int, flags: int) -> None:
    """For all ids and flags."""
    parent = TraceParent(f"{trace:032x}", f"{span:016x}", flags)
    assert parse_traceparent(str(parent)) == parent


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01\n",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"{TRACE}-{SPAN}-01",
        b"\xff\xfe",
    ],
)
def test_what_the_standard_tells_to_ignore_is_ignored(header: str | bytes | None) -> None:
    """A broken trace never breaks a command."""
    assert parse_traceparent(header) is None


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    """The standard lets later versions add fields behind a dash."""
    assert parse_traceparent(f"01-{TRACE}-{SPAN}-01-more") == TraceParent(TRACE, SPAN, 1)


@given(st.text(max_size=70) | st.binary(max_size=70))
def test_anything_is_a_trace_or_none(value: str | bytes) -> None:
    """Never an error."""
    parent = parse_traceparent(value)
    assert parent is None or parse_traceparent(str(parent)) == parent

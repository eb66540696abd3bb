"""The envelope in biz_opaque_callback_data: out to Meta and back."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connector.records.envelope import Envelope, seal, unseal

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
replace = Envelope._replace
SMALL = Envelope("default", "order-4711", 1, opaque_data="my data!")

envelopes = st.builds(
    Envelope,
    installation=st.text(min_size=1, max_size=32),
    command_id=st.text(min_size=1, max_size=100),
    attempt=st.integers(1, 999_999_999),
    traceparent=st.none() | st.just(TRACE),
    opaque_data=st.none() | st.text(max_size=300),
)


def test_the_format_needs_no_escaping() -> None:
    """Lengths first, then the parts as they are."""
    assert seal(SMALL) == "wkc1:7,10,1,0,8:defaultorder-4711my data!"
    assert seal(replace(SMALL, opaque_data=None)) == "wkc1:7,10,1,0,-:defaultorder-4711"


@given(envelopes)
def test_an_envelope_comes_back_as_it_went(envelope: Envelope) -> None:
    """Every part survives; the trace alone may be dropped, and only when it would not fit into 512 bytes."""
    text = seal(envelope)
    assert len(text) <= 512
    found = unseal(text)
    assert found is not None
    assert replace(found, traceparent=envelope.traceparent) == envelope
    if found.traceparent != envelope.traceparent:
        assert len(text.encode()) + len(TRACE) + len("55") - len("0") > 512


def test_the_largest_envelope_fits_by_losing_its_trace() -> None:
    """32 + 100 + 300 characters and a trace are too many: the trace goes."""
    largest = Envelope("i" * 32, "c" * 100, 999_999_999, TRACE, "o" * 300)
    assert unseal(seal(largest)) == replace(largest, traceparent=None)
    assert unseal(seal(replace(largest, opaque_data="o" * 200))) == replace(largest, opaque_data="o" * 200)


def test_no_data_and_empty_data_are_two_things() -> None:
    """None stays None, and empty stays empty."""
    assert unseal(seal(replace(SMALL, opaque_data=""))) == replace(SMALL, opaque_data="")
    assert unseal(seal(replace(SMALL, opaque_data=None))) == replace(SMALL, opaque_data=None)


def test_a_malformed_trace_costs_no_message() -> None:
    """It is left out."""
    assert unseal(seal(replace(SMALL, traceparent="made up"))) == SMALL


@pytest.mark.parametrize(
    "envelope",
    [
        replace(SMALL, installation=""),
        replace(SMALL, installation="i" * 33),
        replace(SMALL, command_id=""),
        replace(SMALL, command_id="c" * 101),
        replace(SMALL, attempt=0),
        replace(SMALL, attempt=1_000_000_000),
        replace(SMALL, opaque_data="o" * 301),
    ],
)
def test_a_part_beyond_its_limit_is_refused(envelope: Envelope) -> None:
    """Limits are checked where commands come in; here they are a matter of the caller."""
    with pytest.raises(ValueError, match="too long"):
        seal(envelope)


@given(st.text(max_size=600) | st.text(alphabet="wkc1:,-0123456789ab", max_size=40).map("wkc1:".__add__))
@example("wkc1:1,1,1,0,-:ab")
def test_foreign_data_is_no_envelope_and_no_error(text: str) -> None:
    """Whatever is not exactly what seal() writes is None."""
    found = unseal(text)
    assert found is None or seal(found) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "wkc1:",
        "some data",
        "wkc2:7,10,1,0,8:defaultorder-4711my data!",
        "wkc1:7,10,1,0,8:defaultorder-4711my data",
        "wkc1:7,10,1,0,8:defaultorder-4711my data!!",
        "wkc1:07,10,1,0,8:defaultorder-4711my data!",
        "wkc1:7,10,0,0,8:defaultorder-4711my data!",
        "wkc1:0,17,1,0,8:defaultorder-4711my data!",
        "wkc1:\u0667,10,1,0,8:defaultorder-4711my data!",
        "wkc1:7,10,1,55,8:defaultorder-4711" + "x" * 55 + "my data!",
        "wkc1:99,10,1,0,8:" + "x" * 117,
    ],
    ids=[
        "nothing",
        "only the mark",
        "foreign",
        "another version",
        "truncated",
        "with a tail",
        "leading zero",
        "attempt zero",
        "no installation",
        "other digits",
        "no trace where one is said to be",
        "too long an installation",
    ],
)
def test_a_damaged_envelope_is_foreign_data(text: str) -> None:
    """Never half an envelope."""
    assert unseal(text) is None


def test_half_a_surrogate_pair_passes_through() -> None:
    """Callback data of others may hold anything."""
    assert unseal("\ud83d") is None
    assert unseal("wkc1:1,1,1,0,1:ab\ud83d") == Envelope("a", "b", 1, None, "\ud83d")

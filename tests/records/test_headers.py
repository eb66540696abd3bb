"""Headers: CloudEvents and trace context."""

import pytest

from connector.records.headers import cloud_event, event_type, is_traceparent, traceparent_in

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_record_is_a_cloud_event() -> None:
    """The four required attributes, as the Kafka binding names them."""
    assert cloud_event("id-1", event_type("MessageStatus"), "/whatsapp/106") == [
        ("ce_id", b"id-1"),
        ("ce_type", b"whatsapp.connector.v1.MessageStatus"),
        ("ce_source", b"/whatsapp/106"),
        ("ce_specversion", b"1.0"),
    ]


def test_a_source_may_hold_whatever_meta_sends() -> None:
    """Half a surrogate pair is replaced."""
    assert cloud_event("id-1", "t", "/whatsapp/\ud83d")[2] == ("ce_source", b"/whatsapp/?")


def test_a_trace_goes_along() -> None:
    """The traceparent is the last header."""
    assert cloud_event("id-1", "t", "/s", TRACE)[-1] == ("traceparent", TRACE.encode())


def test_what_is_no_trace_is_left_out() -> None:
    """A malformed trace is not handed on."""
    assert len(cloud_event("id-1", "t", "/s", "made up")) == 4


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        TRACE + "\n",
        TRACE.upper(),
        "01" + TRACE[2:],
        TRACE + "-00",
        "00-" + "0" * 32 + TRACE[35:],
        TRACE[:36] + "0" * 16 + "-01",
    ],
)
def test_only_version_00_with_ids_is_a_traceparent(text: str | None) -> None:
    """Lower-case hex, no zero ids, nothing before or after (W3C Trace Context, 2021-11-23)."""
    assert is_traceparent(TRACE)
    assert not is_traceparent(text)


def test_the_trace_of_a_record_is_found() -> None:
    """As Kafka hands headers out: bytes, or nothing."""
    assert traceparent_in([("a", b"b"), ("traceparent", TRACE.encode())]) == TRACE
    assert traceparent_in([("traceparent", TRACE)]) == TRACE


@pytest.mark.parametrize("headers", [None, [], [("a", b"b")], [("traceparent", None)], [("traceparent", b"\xff\xfe")]])
def test_no_trace_is_none(headers: list[tuple[str, bytes | None]] | None) -> None:
    """Missing, null or malformed: None, never an error."""
    assert traceparent_in(headers) is None

"""The catalogue of spans: each attribute is explained, and a trace is recorded by whoever began it."""

import typing

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from connector.telemetry import span_attributes
from connector.telemetry.span_attributes import MEANINGS
from connector.telemetry.spans import CATALOGUE, traceparent_of
from connector.telemetry.tracing import parse_traceparent
from tests.telemetry.recorded import SAMPLED, SPAN, TRACE, UNSAMPLED, Recorded, ids, told


def test_every_attribute_has_one_meaning_and_every_meaning_an_attribute() -> None:
    """The page leaves nothing out and invents nothing."""
    assert {name for row in CATALOGUE for name in row.attributes} == set(MEANINGS)


def test_the_catalogue_holds_every_type_of_attributes() -> None:
    """No span's attributes are written down and then not used."""
    types = [found for found in vars(span_attributes).values() if typing.is_typeddict(found)]
    assert [row.attributes for row in CATALOGUE] == [tuple(each.__annotations__) for each in types]


def test_a_span_goes_on_with_the_trace_that_it_is_given() -> None:
    """Under the caller's span, recorded as the caller asks, whatever the ratio here."""
    recorded = Recorded(ratio=0.0)
    span = recorded.spans.process.begin(parse_traceparent(SAMPLED), {"whatsapp.connector.attempts": 1})
    assert span is not None
    recorded.spans.process.note(span, {"whatsapp.connector.outcome": "ACCEPTED"})
    child = recorded.spans.attempt.under(span, {})
    assert traceparent_of(child).startswith(f"00-{TRACE}-")
    child.end()
    span.end()
    attempt, process = recorded.ended
    assert ids(process)[::2] == (TRACE, SPAN)
    assert ids(attempt)[::2] == (TRACE, ids(process)[1])
    assert told(process) == {"whatsapp.connector.attempts": 1, "whatsapp.connector.outcome": "ACCEPTED"}


def test_a_trace_that_its_beginner_does_not_record_is_not_recorded() -> None:
    """Even where all traces that begin here are."""
    recorded = Recorded(ratio=1.0)
    assert recorded.spans.process.begin(parse_traceparent(UNSAMPLED), {}) is None


@pytest.mark.parametrize(("ratio", "begun"), [(0.0, False), (1.0, True)])
def test_of_the_traces_that_begin_here_a_share_is_recorded(ratio: float, begun: bool) -> None:  # noqa: FBT001 - a case
    """The ratio is theirs alone."""
    span = Recorded(ratio).spans.process.begin(None, {})
    assert (span is not None) is begun


def test_half_a_character_costs_no_span() -> None:
    """JSON from outside can bring one, and the exporter would drop all that go with it."""
    recorded = Recorded()
    span = recorded.spans.process.begin(None, {"whatsapp.connector.command_id": "é\ud800"})
    assert span is not None
    recorded.spans.process.note(span, {"error.type": "\udfff"})
    span.end()
    assert told(recorded.ended[0]) == {"whatsapp.connector.command_id": "é?", "error.type": "?"}
    assert encode_spans(recorded.ended).SerializeToString()


def test_what_is_current_is_never_a_parent() -> None:
    """A span left in some context by a library does not adopt ours."""
    recorded = Recorded()
    other = recorded.spans.webhook.begin(None, {})
    assert other is not None
    with trace.use_span(other):
        span = recorded.spans.process.begin(None, {})
    assert span is not None
    span.end()
    assert ids(recorded.one("process {topic}"))[2] is None

"""Spans reach a collector, and one that is slow, full or away harms nobody."""

import threading
from collections.abc import Sequence

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from connector.telemetry import span_pipeline
from connector.telemetry.setup import Pipeline
from connector.telemetry.span_pipeline import BATCH_MAX, QUEUE_MAX, TEXT_MAX, SpanPipeline


class Hanging(SpanExporter):
    """A collector that takes a batch and does not answer until it is told to."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.asked = threading.Event()
        self.taken: list[ReadableSpan] = []
        self.given_up = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Wait."""
        self.asked.set()
        self.answers.wait(30)
        self.taken += spans
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Noted."""
        self.given_up = True


@pytest.fixture
def collector() -> Hanging:
    """Hangs."""
    return Hanging()


def make_spans(pipeline: SpanPipeline, count: int) -> None:
    """So many, one after the other."""
    for number in range(count):
        span = pipeline.spans.process.begin(None, {"whatsapp.connector.attempts": number})
        assert span is not None
        span.end()


def test_a_collector_that_hangs_costs_spans_and_nothing_else(collector: Hanging) -> None:
    """Twice as many as there is room for are made without a wait; memory holds the queue and the batch under way."""
    pipeline = SpanPipeline(collector, 1.0, Resource({}))
    make_spans(pipeline, BATCH_MAX)
    assert collector.asked.wait(30)
    make_spans(pipeline, 2 * QUEUE_MAX)
    collector.answers.set()
    pipeline.close()
    assert len(collector.taken) <= QUEUE_MAX + BATCH_MAX


def test_closing_sends_what_waits(collector: Hanging) -> None:
    """Nothing is lost when a process ends in good order."""
    collector.answers.set()
    pipeline = SpanPipeline(collector, 1.0, Resource({"service.name": "mine"}))
    make_spans(pipeline, 3)
    pipeline.close()
    assert [(span.attributes or {})["whatsapp.connector.attempts"] for span in collector.taken] == [0, 1, 2]
    assert collector.taken[0].resource.attributes["service.name"] == "mine"


def test_closing_ends_though_the_collector_hangs(collector: Hanging, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its budget what waits is given up, or this test does not end in time."""
    monkeypatch.setattr(span_pipeline, "CLOSE_S", 0.05)
    pipeline = SpanPipeline(collector, 1.0, Resource({}))
    make_spans(pipeline, 1)
    pipeline.close()
    assert collector.given_up
    assert collector.taken == []
    collector.answers.set()


def test_no_text_is_longer_than_its_bound(collector: Hanging) -> None:
    """Whatever a command or a webhook brings."""
    collector.answers.set()
    pipeline = SpanPipeline(collector, 1.0, Resource({}))
    span = pipeline.spans.process.begin(None, {"whatsapp.connector.command_id": "x" * 10_000})
    assert span is not None
    span.end()
    pipeline.close()
    ((_, text),) = (collector.taken[0].attributes or {}).items()
    assert text == "x" * TEXT_MAX


def test_without_an_endpoint_there_are_no_spans() -> None:
    """Those who would make them are told so once, at start."""
    pipeline = Pipeline("delivery", "1", None, 1.0)
    assert pipeline.spans is None
    pipeline.close()

"""Records written one after another, each with its place."""

import pytest

from connector.kafka import writer as writer_module
from connector.kafka.writer import Place, RecordWriter
from connector.records.keys import slot_of
from tests.integration.system import Enough, read_committed


class Settled:
    """Remembers what became of records, in the order in which it was told."""

    def __init__(self) -> None:
        self.places: list[Place | None] = []
        self.reasons: list[str] = []

    def __call__(self, place: Place | None, reason: str) -> None:
        """Told once for each record."""
        self.places.append(place)
        self.reasons.append(reason)


def serve_all(writer: RecordWriter) -> None:
    """Until every record is acknowledged or given up."""
    while len(writer):
        writer.serve(0.1)


def test_each_record_is_told_its_place_on_javas_partition(mock_cluster: str) -> None:
    """And lies there."""
    writer, settled = RecordWriter({"bootstrap.servers": mock_cluster}), Settled()
    keys = [str(106540352242900 + index) for index in range(20)]
    for key in keys:
        writer.write("commands", key.encode(), key.encode(), settled)
    serve_all(writer)
    found = {
        Place(message.topic() or "", message.partition() or 0, message.offset() or 0): message.value()
        for message in read_committed(mock_cluster, ["commands"], Enough(20))
    }
    assert set(settled.places) == found.keys()
    for place, value in found.items():
        assert value is not None
        assert place.partition == slot_of(value.decode(), 4)
    assert set(settled.reasons) == {""}


def test_a_record_that_is_not_taken_is_told_with_the_reason(mock_cluster: str) -> None:
    """Too large for the client: at once; the next one goes its way."""
    writer, settled = RecordWriter({"bootstrap.servers": mock_cluster}), Settled()
    writer.write("commands", b"x" * 2_000_000, b"1", settled)
    assert settled.places == [None]
    assert "too large" in settled.reasons[0]
    writer.write("commands", b"x", b"1", settled)
    serve_all(writer)
    assert settled.places[1] is not None


def test_a_broker_that_does_not_answer_costs_a_record_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no more."""
    monkeypatch.setattr(writer_module, "DELIVERY_TIMEOUT_S", 0.3)
    writer, settled = RecordWriter({"bootstrap.servers": "127.0.0.1:1", "log_level": 0}), Settled()
    writer.write("commands", b"x", b"1", settled)
    assert len(writer) == 1
    serve_all(writer)
    assert settled.places == [None]


def test_a_full_queue_waits_for_room(mock_cluster: str) -> None:
    """Ten records at once, where five fit."""
    config = {"bootstrap.servers": mock_cluster, "queue.buffering.max.messages": 5, "linger.ms": 1}
    writer, settled = RecordWriter(config), Settled()
    for _ in range(10):
        writer.write("commands", b"x", b"1", settled)
    serve_all(writer)
    assert len([place for place in settled.places if place]) == 10

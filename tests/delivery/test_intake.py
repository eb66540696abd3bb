"""What becomes of a record: taken, forwarded once, or answered with a dead letter."""

import hashlib
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.delivery.command import Output, QueuedCommand, Settlement, Source, SourceRecord
from connector.delivery.intake import FORWARDED, Intake, Placement
from connector.delivery.outcomes import Destinations, OutcomeWriter
from connector.records.codec import Codec
from connector.records.keys import slot_of
from tests.delivery.making import CRM, MARKETING, NUMBER, USER, WALL_MS, json_command, record

SLOTS: Final = 4
HOME: Final = slot_of(NUMBER, SLOTS)
AWAY: Final = (HOME + 1) % SLOTS
NOW: Final = 500.0
CODEC: Final = Codec()
TRACE: Final = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

OUTCOMES: Final = OutcomeWriter(
    Destinations("outcomes", {"crm": "dlq.crm", "marketing": "dlq.marketing"}, "dlq.crm", "default"), CODEC
)
INTAKE: Final = Intake(
    Placement(
        SLOTS, "rerouted", frozenset({"crm", "marketing", "rerouted"}), {"crm": CRM, "marketing": MARKETING}, CRM
    ),
    OUTCOMES,
    CODEC,
)


def taken(read: SourceRecord) -> QueuedCommand | Settlement:
    """What becomes of a record."""
    return INTAKE.take(read, 7, NOW, WALL_MS)


def command(read: SourceRecord) -> QueuedCommand:
    """The command that a record becomes."""
    found = taken(read)
    assert isinstance(found, QueuedCommand)
    return found


def settlement(read: SourceRecord) -> Settlement:
    """What settles a record at once."""
    found = taken(read)
    assert isinstance(found, Settlement)
    return found


def at_home(topic: str = "crm", **members: Any) -> SourceRecord:
    """A command where it belongs."""
    return record(json_command(**members), topic, HOME, 42)


def origin_headers(topic: bytes, partition: bytes, offset: bytes) -> list[tuple[str, bytes | None]]:
    """What a forwarder adds."""
    return [("wa.origin.topic", topic), ("wa.origin.partition", partition), ("wa.origin.offset", offset)]


def headers_of(output: Output) -> dict[str, bytes | None]:
    """By name."""
    return dict(output.headers)


def test_a_command_at_home_is_taken() -> None:
    """With its place, its slot, its policy and the epoch it was read in."""
    found = command(at_home("marketing"))
    assert (found.command_id, found.command.to, found.policy) == ("order-4711", USER, MARKETING)
    assert found.reading.record.source == found.reading.origin == Source("marketing", HOME, 42)
    assert (found.slot, found.reading.epoch) == (HOME, 7)


def test_avro_is_taken_like_json() -> None:
    """Told apart by its first bytes."""
    avro = {"phone_number_id": NUMBER, "to": USER, "type": "text", "text": {"body": "On its way"}}
    found = command(record(CODEC.encode("OutboundCommand", avro), "crm", HOME, 5))
    assert found.command.body["text"] == {"body": "On its way"}
    assert found.command_id == f"crm/{HOME}/5"


def test_a_command_without_an_id_is_known_by_its_place() -> None:
    """Topic, partition and offset of where it was produced."""
    read = record(json_command(command_id=None), "crm", HOME, 42)
    assert command(read).command_id == f"crm/{HOME}/42"


def test_a_topic_name_too_long_for_an_id_becomes_its_digest() -> None:
    """Kafka takes 249 characters, an id, which travels through Meta and back, 100: the place is told all the same."""
    topic = "t" * 249
    intake = Intake(Placement(SLOTS, "rerouted", frozenset({topic}), {}, CRM), OUTCOMES, CODEC)
    found = intake.take(record(json_command(command_id=None), topic, HOME, 42), 7, NOW, WALL_MS)
    assert isinstance(found, QueuedCommand)
    assert found.command_id == f"{hashlib.sha256(topic.encode()).hexdigest()}/{HOME}/42"
    assert len(found.command_id) <= 100


def test_a_trace_is_kept_when_it_is_one() -> None:
    """W3C's header, and nothing that only looks like it."""
    for header, kept in ((TRACE, TRACE), ("x" * 55, None), ("00-" + "0" * 52, None), ("", None)):
        read = record(json_command(), "crm", HOME, headers=[("traceparent", header.encode())])
        assert command(read).traceparent == kept
    assert command(record(json_command(), "crm", HOME, headers=[("traceparent", None)])).traceparent is None


def test_a_command_waits_for_its_time() -> None:
    """Wall time becomes monotonic time when it is read."""
    assert command(at_home(not_before=WALL_MS + 5000)).retry_at == NOW + 5.0
    assert command(at_home()).retry_at <= NOW


def test_a_command_expires_when_it_says_or_when_its_topic_says() -> None:
    """Its own word wins; the topic's counts from the record's time; without either it never does."""
    assert command(at_home(expires_at=WALL_MS + 5000)).expires_at == NOW + 5.0
    assert command(at_home(expires_at=WALL_MS - 5000)).expires_at == NOW - 5.0
    assert command(at_home()).expires_at is None
    daily = {"crm": CRM.__class__("crm", expires_after_s=60.0)}
    intake = Intake(Placement(SLOTS, "rerouted", frozenset({"crm"}), daily, CRM), OUTCOMES, CODEC)
    read = record(json_command(), "crm", HOME, timestamp_ms=WALL_MS - 20_000)
    found = intake.take(read, 7, NOW, WALL_MS)
    assert isinstance(found, QueuedCommand)
    assert found.expires_at == NOW + 40.0


HEADERS: Final = [
    ("a", b"1"),
    ("a", b"2"),
    ("none", None),
    ("empty", b""),
    ("huge", b"x" * 100_000),
    ("\u00fc", b"\xff"),
]


@pytest.mark.parametrize("topic", ["crm", "other"], ids=["another slot's partition", "a topic without slots"])
def test_a_command_elsewhere_is_forwarded_byte_for_byte(topic: str) -> None:
    """To the home slot of its number: value, headers and time as they were, with key and origin added; no outcome."""
    value = json_command()
    found = settlement(record(value, topic, AWAY, 42, key=b"order key", headers=HEADERS))
    (output,) = found.outputs
    assert (output.topic, output.partition, output.key) == ("rerouted", HOME, NUMBER.encode())
    assert (output.value, output.timestamp_ms) == (value, WALL_MS)
    assert list(output.headers) == HEADERS + origin_headers(topic.encode(), str(AWAY).encode(), b"42")
    assert (found.outcome, found.source, found.epoch) == (FORWARDED, Source(topic, AWAY, 42), 7)
    assert found.phone_number_id == NUMBER


def test_a_topic_with_another_partition_count_is_forwarded_from_its_home_too() -> None:
    """Its partition i is no slot, not even the right one."""
    assert settlement(record(json_command(), "other", HOME)).outcome == FORWARDED


def test_a_forwarded_command_is_taken_as_what_it_was() -> None:
    """Policy and identity follow the origin, settlement and order the place where it lies."""
    read = record(
        json_command(command_id=None), "rerouted", HOME, 9, headers=origin_headers(b"marketing", b"17", b"42")
    )
    found = command(read)
    assert (found.policy, found.command_id, found.slot) == (MARKETING, "marketing/17/42", HOME)
    assert found.reading.origin == Source("marketing", 17, 42)
    assert found.reading.record.source == Source("rerouted", HOME, 9)


def test_a_command_is_forwarded_once() -> None:
    """One that was forwarded to the wrong slot, by a group of another size, is sent from there."""
    read = record(json_command(), "rerouted", AWAY, headers=origin_headers(b"crm", b"1", b"42"))
    assert command(read).slot == AWAY


def test_a_command_produced_into_our_own_topic_is_forwarded_like_any_other() -> None:
    """Without an origin the rerouted topic is the origin, and the first policy holds."""
    assert settlement(record(json_command(), "rerouted", AWAY)).outcome == FORWARDED
    assert command(record(json_command(), "rerouted", HOME)).policy is CRM


def test_an_origin_is_believed_in_our_own_topic_only() -> None:
    """A copy of a forwarded record, produced anew by somebody, has the place where he put it."""
    headers = origin_headers(b"marketing", b"17", b"42")
    assert command(record(json_command(), "crm", HOME, 9, headers=headers)).reading.origin == Source("crm", HOME, 9)
    again = settlement(record(json_command(), "crm", AWAY, 9, headers=headers))
    assert headers_of(again.outputs[0])["wa.origin.topic"] == b"crm"
    moved = record(json_command(), "rerouted", HOME, headers=again.outputs[0].headers)
    assert command(moved).reading.origin == Source("crm", AWAY, 9)


@pytest.mark.parametrize(
    "headers",
    [
        origin_headers(b"", b"17", b"42"),
        origin_headers(b"crm", b"", b"42"),
        origin_headers(b"crm", b"17", b"-1"),
        origin_headers(b"crm", b"x", b"42"),
        origin_headers(b"crm", b"17", b"4 2"),
        origin_headers(b"crm", str(1 << 31).encode(), b"42"),
        origin_headers(b"crm", b"17", str(1 << 63).encode()),
        origin_headers(b"crm", b"17", b"9" * 5000),
        origin_headers(b"no topic's name!", b"17", b"42"),
        origin_headers(b"t" * 250, b"17", b"42"),
        origin_headers(b"\xff", b"17", b"42"),
        [("wa.origin.topic", None), ("wa.origin.partition", b"17"), ("wa.origin.offset", b"42")],
        origin_headers(b"crm", b"17", b"42")[:2],
    ],
)
def test_an_origin_that_cannot_be_is_not_believed(headers: list[tuple[str, bytes | None]]) -> None:
    """Neither believed nor an obstacle: the record is taken at home, and answered when it is none."""
    assert command(record(json_command(), "rerouted", HOME, 9, headers=headers)).reading.origin.topic == "rerouted"
    rejected = settlement(record(b"rubbish", "rerouted", HOME, 9, headers=headers))
    assert len(rejected.outputs) == 2


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"rubbish",
        b"{",
        b'{"a":1,"a":2}',
        b"[1]",
        b"\x00",
        b"\x00\x00\x00\x00\x07rest",
        b"\xc3\x01",
        b"\xc3\x01" + b"12345678" + b"rest",
        b"{" + b'"a":[' * 5000 + b"]" * 5000 + b"}",
        b'{"a":"\\ud800"}',
        b'{"a":NaN}',
        b"\xff" * 1000,
    ],
)
@pytest.mark.parametrize("topic", ["crm", "other", "rerouted"])
def test_what_cannot_be_read_is_answered_where_it_was_read(value: bytes | None, topic: str) -> None:
    """A tombstone, garbage, an unknown schema: one outcome and one dead letter with the original bytes."""
    read = record(value, topic, SLOTS + 1 if topic == "other" else AWAY, 42, key=None, headers=HEADERS)
    found = settlement(read)
    outcome, dead_letter = found.outputs
    slot = 1 if topic == "other" else AWAY
    assert (outcome.topic, outcome.partition, outcome.key) == ("outcomes", slot, None)
    assert (dead_letter.topic, dead_letter.partition) == ("dlq.crm", slot)
    assert (dead_letter.value, dead_letter.key, dead_letter.timestamp_ms) == (value, None, WALL_MS)
    assert list(dead_letter.headers[: len(HEADERS)]) == HEADERS
    assert headers_of(dead_letter)["wa.dlq.class"] == b"undecodable"
    assert (found.outcome, found.dead_letter_class, found.phone_number_id) == ("DEAD_LETTERED", "undecodable", None)
    decoded = CODEC.decode("DeliveryOutcome", outcome.value or b"")
    assert (decoded["outcome"], decoded["error"]["class"]) == ("DEAD_LETTERED", "undecodable")
    assert decoded["command_id"] == f"{topic}/{read.source.partition}/42"
    assert decoded["event_id"] == f"outcome-{topic}/{read.source.partition}/42"


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"phone_number_id": None}, "phone_number_id"),
        ({"phone_number_id": "not digits"}, "phone_number_id"),
        ({"to": None}, "to"),
        ({"to": 7}, "to"),
        ({"to": "1" * 300}, "to"),
        ({"type": None, "text": None}, "type"),
        ({"type": "image"}, "image"),
        ({"command_id": "x" * 101}, "command_id"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"not_before": 12}, "not_before"),
        ({"on_ambiguous": "PERHAPS"}, "on_ambiguous"),
        ({"biz_opaque_callback_data": "x" * 301}, "biz_opaque_callback_data"),
    ],
)
def test_what_is_no_command_is_answered_by_name(members: dict[str, Any], path: str) -> None:
    """The dead letter's code is the member at fault; what it holds is not quoted."""
    found = settlement(at_home(**members))
    headers = headers_of(found.outputs[1])
    assert (headers["wa.dlq.class"], headers["wa.dlq.code"]) == (b"invalid", path.encode())
    assert headers["__connect.errors.stage"] == b"VALUE_CONVERTER"
    assert b"x" * 50 not in (headers["__connect.errors.exception.message"] or b"")


def test_an_unreadable_forwarded_record_keeps_its_origin() -> None:
    """Its outcome and its dead letter are those of where it was produced."""
    read = record(b"rubbish", "rerouted", HOME, 9, headers=origin_headers(b"marketing", b"17", b"42"))
    outcome, dead_letter = settlement(read).outputs
    assert dead_letter.topic == "dlq.marketing"
    assert CODEC.decode("DeliveryOutcome", outcome.value or b"")["source"] == {
        "topic": "marketing",
        "partition": 17,
        "offset": 42,
    }


@given(
    value=st.none() | st.binary(max_size=60) | st.binary(max_size=40).map(lambda tail: b"{" + tail),
    topic=st.sampled_from(["crm", "marketing", "rerouted", "other"]),
    partition=st.integers(0, 9),
    headers=st.lists(
        st.tuples(
            st.sampled_from(["wa.origin.topic", "wa.origin.partition", "wa.origin.offset", "traceparent", "x"]),
            st.none() | st.binary(max_size=12) | st.sampled_from([b"crm", b"1", b"9" * 30]),
        ),
        max_size=5,
    ),
    timestamp_ms=st.sampled_from([-1, 0, WALL_MS, 2**62]),
)
def test_any_record_is_answered(
    value: bytes | None, topic: str, partition: int, headers: list[tuple[str, bytes | None]], timestamp_ms: int
) -> None:
    """Whatever lies in a topic: consumption never stops on it."""
    read = record(value, topic, partition, headers=headers, timestamp_ms=timestamp_ms)
    found = taken(read)
    assert isinstance(found, QueuedCommand) or found.source == read.source

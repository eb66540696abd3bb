"""The outcome of a command, and its dead letter: what they say, and that the original survives as it was."""

import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.delivery.command import (
    DeadLetterClass,
    Output,
    QueuedCommand,
    Reading,
    Settle,
    Settlement,
    Source,
    SourceRecord,
    Verdict,
)
from connector.delivery.outcomes import Destinations, Fault, OutcomeWriter
from connector.delivery.retry import RetryPolicy, decide
from connector.records.codec import Codec
from connector.whatsapp.response import Answer, AttemptOutcome, Kind, maybe_sent, read_answer
from tests.delivery.making import ACCEPTED, NUMBER, USER, WALL_MS, queued, record, result_of, seeded

CODEC: Final = Codec()
DLQS: Final = {"crm": "dlq.crm", "marketing": "dlq.marketing"}
WRITER: Final = OutcomeWriter(Destinations("outcomes", DLQS, "dlq.crm", "shop"), CODEC)
SETTLED_MS: Final = WALL_MS + 9000
TRACE: Final = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def settled(taken: QueuedCommand, effect: Settle) -> Settlement:
    """The settlement of a command."""
    return WRITER.settle(taken, effect, SETTLED_MS)


def outcome_of(settlement: Settlement) -> dict[str, Any]:
    """The outcome record, decoded."""
    return CODEC.decode("DeliveryOutcome", settlement.outputs[0].value or b"")


def headers_of(output: Output) -> dict[str, bytes | None]:
    """By name."""
    return dict(output.headers)


def refused(code: int = 131026, **members: Any) -> Settle:
    """A final refusal."""
    result = result_of(code, **members)
    return Settle(Verdict.DEAD_LETTERED, result.reason, DeadLetterClass.UNDELIVERABLE, result)


def moved(read: SourceRecord, origin: Source, slot: int) -> QueuedCommand:
    """A command that was forwarded."""
    taken = queued(read=read)
    taken.reading = Reading(read, origin, slot, 1)
    return taken


def test_an_accepted_command_has_an_outcome_and_no_dead_letter() -> None:
    """With the message's id, what was asked, when it came, how often it was tried, and where it lay."""
    read = record(topic="crm", partition=3, offset=42)
    taken = queued(read=read, slot=3, opaque_data="mine", source="shop")
    taken.attempts, taken.first_attempt_at_ms, taken.traceparent = 2, WALL_MS + 5, TRACE
    result = AttemptOutcome(Kind.ACCEPTED, "accepted", None, None, "wamid.7", "accepted", "1650", "US.1")
    settlement = settled(taken, Settle(Verdict.ACCEPTED, "accepted", result=result))
    (output,) = settlement.outputs
    assert (output.topic, output.partition, output.key, output.timestamp_ms) == ("outcomes", 3, NUMBER.encode(), 0)
    outcome = outcome_of(settlement)
    assert {name: value for name, value in outcome.items() if value is not None} == {
        "event_id": "outcome-crm/3/42",
        "command_id": "order-4711",
        "payload_digest": "digest",
        "outcome": "ACCEPTED",
        "phone_number_id": NUMBER,
        "to": USER,
        "type": "text",
        "message_id": "wamid.7",
        "message_status": "accepted",
        "wa_id": "1650",
        "user_id": "US.1",
        "attempts": 2,
        "recovered": False,
        "queued_at": WALL_MS,
        "first_attempt_at": WALL_MS + 5,
        "settled_at": SETTLED_MS,
        "source": {"topic": "crm", "partition": 3, "offset": 42},
        "command_source": "shop",
        "opaque_data": "mine",
        "traceparent": TRACE,
    }
    assert output.headers == (
        ("ce_id", b"outcome-crm/3/42"),
        ("ce_type", b"whatsapp.connector.v1.DeliveryOutcome"),
        ("ce_source", b"/whatsapp-kafka-connector/shop/delivery"),
        ("ce_specversion", b"1.0"),
        ("traceparent", TRACE.encode()),
        ("wa.command.source", b"shop"),
    )


def test_a_settlement_says_what_it_settles() -> None:
    """For the ledger, for metrics and for the log."""
    read = record(topic="crm", offset=42, key=b"key")
    taken = queued(read=read, epoch=5)
    taken.attempts = 3
    settlement = settled(taken, refused())
    assert (settlement.source, settlement.key, settlement.epoch) == (read.source, b"key", 5)
    assert (settlement.outcome, settlement.dead_letter_class) == ("DEAD_LETTERED", "undeliverable")
    assert (settlement.phone_number_id, settlement.command_id, settlement.attempts) == (NUMBER, "order-4711", 3)
    assert settlement.command is taken


def test_an_expired_command_has_an_outcome_and_no_dead_letter() -> None:
    """Visible, and no error: nobody failed."""
    settlement = settled(queued(), Settle(Verdict.EXPIRED, "expired"))
    assert len(settlement.outputs) == 1
    outcome = outcome_of(settlement)
    assert (outcome["outcome"], outcome["error"], outcome["message_id"]) == ("EXPIRED", None, None)


def test_a_dead_letter_is_the_original_with_the_reason_beside_it() -> None:
    """Value, key, headers and time byte for byte; Kafka Connect's headers and ours added."""
    original: list[tuple[str, bytes | None]] = [("a", b"1"), ("a", b"2"), ("none", None), ("huge", bytes(200_000))]
    read = record(b"\x00\xff original", "marketing", 2, 42, key=b"\xfe key", headers=original)
    taken = queued(read=read, slot=2)
    taken.attempts, taken.first_failure_at_ms, taken.last_failure_at_ms = 4, WALL_MS + 1, WALL_MS + 2
    output = settled(taken, refused(fbtrace_id="AbC")).outputs[1]
    assert (output.topic, output.partition) == ("dlq.marketing", 2)
    assert (output.value, output.key, output.timestamp_ms) == (read.value, read.key, WALL_MS)
    assert list(output.headers[:4]) == original
    assert dict(output.headers[4:]) == {
        "__connect.errors.topic": b"marketing",
        "__connect.errors.partition": b"2",
        "__connect.errors.offset": b"42",
        "__connect.errors.connector.name": b"shop",
        "__connect.errors.task.id": b"2",
        "__connect.errors.stage": b"TASK_PUT",
        "__connect.errors.exception.class.name": b"undeliverable",
        "__connect.errors.exception.message": b"(#131026) title",
        "wa.dlq.class": b"undeliverable",
        "wa.dlq.code": b"131026",
        "wa.dlq.http-status": b"400",
        "wa.dlq.attempts": b"4",
        "wa.dlq.first-failure-at": str(WALL_MS + 1).encode(),
        "wa.dlq.last-failure-at": str(WALL_MS + 2).encode(),
        "wa.dlq.fbtrace-id": b"AbC",
        "wa.dlq.redrive-count": b"0",
    }


def test_a_tombstone_stays_one() -> None:
    """A record without value and without key is dead-lettered without value and without key."""
    read = record(None, key=None)
    settlement = WRITER.reject(
        Reading(read, read.source, 0, 1), Fault(DeadLetterClass.UNDECODABLE, "undecodable", "no value"), SETTLED_MS
    )
    assert settlement.outputs[1][2:4] == (None, None)
    assert (settlement.command, settlement.key) == (None, None)


def test_a_record_that_is_no_command_keeps_its_trace() -> None:
    """The CRM finds its outcome by it: there may be no id to find it by."""
    read = record(b"no command", headers=[("traceparent", TRACE.encode())])
    settlement = WRITER.reject(
        Reading(read, read.source, 0, 1), Fault(DeadLetterClass.INVALID, "to", "no recipient"), SETTLED_MS
    )
    assert outcome_of(settlement)["traceparent"] == TRACE
    assert all(("traceparent", TRACE.encode()) in output.headers for output in settlement.outputs)


def test_the_outcome_of_a_dead_letter_says_why() -> None:
    """Meta's code, title and details, and what its support asks for."""
    effect = refused(131030, error_subcode=2655007, error_data={"details": "not in the list"}, fbtrace_id="AbC")
    assert outcome_of(settled(queued(), effect))["error"] == {
        "class": "undeliverable",
        "code": 131030,
        "subcode": 2655007,
        "title": "(#131030) title",
        "details": "not in the list",
        "http_status": 400,
        "fbtrace_id": "AbC",
    }


def test_without_an_answer_the_reason_stands_for_the_code() -> None:
    """No HTTP status and no trace id are invented."""
    result = maybe_sent("TimeoutError")
    settlement = settled(queued(), Settle(Verdict.DEAD_LETTERED, result.reason, DeadLetterClass.AMBIGUOUS, result))
    headers = headers_of(settlement.outputs[1])
    assert (headers["wa.dlq.class"], headers["wa.dlq.code"]) == (b"ambiguous", b"TimeoutError")
    assert not {"wa.dlq.http-status", "wa.dlq.fbtrace-id"} & headers.keys()
    error = outcome_of(settlement)["error"]
    assert (error["code"], error["title"], error["http_status"]) == (None, "TimeoutError", None)


def redriven(dead: Output, offset: int = 7) -> SourceRecord:
    """A dead letter that somebody has produced into its command topic again."""
    headers = [(name, b"1" if name == "wa.dlq.redrive-count" else value) for name, value in dead.headers]
    return record(dead.value, "crm", 1, offset, key=dead.key, headers=headers)


def test_where_it_came_from_first_survives_redrives() -> None:
    """The place and the count of the first round are kept in the second, each once."""
    first = settled(queued(read=record(topic="marketing", partition=2, offset=42), slot=2), refused()).outputs[1]
    second = settled(queued(read=redriven(first)), refused()).outputs[1]
    headers = headers_of(second)
    assert headers["__connect.errors.topic"] == b"marketing"
    assert headers["__connect.errors.partition"] == b"2"
    assert headers["__connect.errors.offset"] == b"42"
    assert headers["wa.dlq.redrive-count"] == b"1"
    names = [name for name, _ in second.headers]
    assert len(names) == len(set(names))


def test_what_failed_before_does_not_survive_redrives() -> None:
    """A second round without an answer does not show the first one's HTTP status and trace."""
    first = settled(queued(read=record(offset=42)), refused(fbtrace_id="AbC")).outputs[1]
    result = maybe_sent("TimeoutError")
    effect = Settle(Verdict.DEAD_LETTERED, result.reason, DeadLetterClass.AMBIGUOUS, result)
    headers = headers_of(settled(queued(read=redriven(first)), effect).outputs[1])
    assert (headers["wa.dlq.class"], headers["wa.dlq.code"]) == (b"ambiguous", b"TimeoutError")
    assert "wa.dlq.http-status" not in headers
    assert "wa.dlq.fbtrace-id" not in headers


def test_a_forwarded_command_settles_as_what_it_was() -> None:
    """Outcome and dead letter name the origin, and lie in the slot that settled it."""
    taken = moved(record(topic="rerouted", partition=3, offset=9), Source("marketing", 17, 42), 3)
    outcome, dead_letter = settled(taken, refused()).outputs
    assert (outcome.partition, dead_letter.partition, dead_letter.topic) == (3, 3, "dlq.marketing")
    assert headers_of(dead_letter)["__connect.errors.topic"] == b"marketing"
    assert headers_of(outcome)["ce_id"] == b"outcome-marketing/17/42"


def test_a_topic_that_nobody_configured_has_a_dead_letter_topic_too() -> None:
    """A command produced into the rerouted topic itself."""
    taken = queued(read=record(topic="rerouted"))
    assert settled(taken, refused()).outputs[1].topic == "dlq.crm"


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ({"name": "hello"}, "hello"),
        ({"name": "x" * 900_000}, "x" * 512),
        ({"name": 7}, None),
        ({}, None),
        ("hello", None),
        (["hello"], None),
    ],
)
def test_a_template_is_named_when_it_has_a_name(template: Any, name: str | None) -> None:
    """A name that is none does not make an outcome that Kafka refuses."""
    taken = queued(type="template")
    taken.command.body["template"] = template
    assert outcome_of(settled(taken, refused()))["template_name"] == name


def test_a_recipient_may_be_a_business_scoped_user() -> None:
    """Then there is no phone."""
    taken = queued(None, recipient="US.13491208655302741918")
    outcome = outcome_of(settled(taken, Settle(Verdict.ACCEPTED, "accepted", result=ACCEPTED)))
    assert (outcome["to"], outcome["recipient"]) == (None, "US.13491208655302741918")


def test_message_text_is_told_to_nobody() -> None:
    """Neither outcome nor added headers hold what was written to the user."""
    taken = queued()
    taken.command.body["text"]["body"] = "a secret of the user"
    outcome, dead_letter = settled(taken, refused()).outputs
    assert b"secret" not in (outcome.value or b"")
    assert all(b"secret" not in (value or b"") for output in (outcome, dead_letter) for _, value in output.headers)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=6), inner, max_size=2),
    max_leaves=5,
)


@given(
    error=st.fixed_dictionaries(
        {"code": st.integers() | st.sampled_from([100, 131026, 131000])},
        optional=dict.fromkeys(("message", "error_subcode", "error_data", "fbtrace_id", "is_transient"), JSON),
    ),
    status=st.integers(200, 599),
)
def test_whatever_meta_answers_can_be_written(error: dict[str, Any], status: int) -> None:
    """No answer makes a settlement that cannot be encoded: that would stop the slot for ever."""
    result = read_answer(Answer(status, json.dumps({"error": error}).encode()))
    taken = queued(on_ambiguous="DEAD_LETTER")
    taken.failures = 9
    effect = decide(taken, result, RetryPolicy(), 0.0, seeded(1))
    if isinstance(effect, Settle):
        settlement = settled(taken, effect)
        assert outcome_of(settlement)["error"]["class"] == effect.dead_letter_class
        assert all(isinstance(value, bytes) for _, value in settlement.outputs[1].headers)

"""Everything of one webhook is acknowledged by Kafka, or it is an error."""

import asyncio

import pytest
from msgspec import structs

from connector.ingress.events import Event, Reject
from connector.ingress.oversize import PART_BYTES
from connector.ingress.tally import Tally
from connector.kafka.producer import PublishError, Record, RecordProducer
from connector.telemetry.metrics import Metrics
from tests.ingress.fakes import CODEC, SLOTS, TOPICS, FakeProducer, publisher_to

HEARTBEAT = {"kind": "HEARTBEAT", "replica": "r", "at": 1}
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def heartbeat(key: str | None = "key", partition: int = 2) -> Event:
    """An event of any kind."""
    return Event("number_signals", "NumberSignal", HEARTBEAT, "id-1", "/source", key, partition, TRACE)


async def test_an_event_becomes_a_record_with_cloud_event_headers() -> None:
    """Topic, encoding, key, partition and headers."""
    producer = FakeProducer()
    await publisher_to(producer).publish([heartbeat(), heartbeat(key=None, partition=-1)])
    first, second = producer.groups[0]
    assert (first.topic, first.key, first.partition) == (TOPICS.number_signals, b"key", 2)
    assert (second.key, second.partition) == (None, -1)
    assert CODEC.decode("NumberSignal", first.value or b"")["replica"] == "r"
    assert dict(first.headers) == {
        "ce_id": b"id-1",
        "ce_type": b"whatsapp.connector.v1.NumberSignal",
        "ce_source": b"/source",
        "ce_specversion": b"1.0",
        "traceparent": TRACE.encode(),
    }


async def test_a_reject_keeps_its_bytes_and_says_where_and_why() -> None:
    """The bytes are untouched, even when they are no text; the same reject has the same id."""
    producer = FakeProducer()
    reject = Reject("entry[0].changes[1]", "not UTF-8", b"\xff\x00{")
    await publisher_to(producer).publish([reject, reject, Reject("", "not JSON", b"\xff\x00{")])
    first, again, other = producer.groups[0]
    assert (first.topic, first.value, first.key) == (TOPICS.webhook_rejects, b"\xff\x00{", None)
    headers = dict(first.headers)
    assert headers["wa.webhook.path"] == b"entry[0].changes[1]"
    assert headers["wa.webhook.reason"] == b"not UTF-8"
    assert headers["ce_type"] == b"whatsapp.connector.v1.WebhookReject"
    assert dict(again.headers)["ce_id"] == headers["ce_id"] != dict(other.headers)["ce_id"]


def account_event(**members: object) -> Event:
    """An event with a text of its own."""
    record = {"event_id": "1", "received_at": 1, "waba_id": "W", "field": "f", "raw": '{"a":1}', **members}
    return Event("account_events", "AccountEvent", record, "1", "/source", "W", path="entry[0].changes[0]")


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"received_at": "noon"}, b"does not fit its schema"),
        ({"event": "x" * (8 * 1024 * 1024)}, b"larger than Kafka takes"),
    ],
)
async def test_a_record_that_cannot_be_written_costs_no_other(members: dict[str, object], reason: bytes) -> None:
    """Its text goes to the rejects, so that Meta does not send the whole body again for ever."""
    producer = FakeProducer()
    await publisher_to(producer).publish([account_event(**members), account_event()])
    reject, record = producer.groups[0]
    assert (reject.topic, reject.value) == (TOPICS.webhook_rejects, b'{"a":1}')
    assert dict(reject.headers)["wa.webhook.reason"] == reason
    assert dict(reject.headers)["wa.webhook.path"] == b"entry[0].changes[0]"
    assert record.topic == TOPICS.account_events


async def test_what_is_not_acknowledged_is_an_error() -> None:
    """A failing Kafka is told at once."""
    producer = FakeProducer()
    producer.failing = True
    with pytest.raises(PublishError):
        await publisher_to(producer).publish([heartbeat()])


async def test_what_is_not_acknowledged_in_time_is_an_error() -> None:
    """A silent Kafka is an error when the time is over; a late acknowledgement disturbs nobody."""
    producer = FakeProducer()
    producer.silent = True
    with pytest.raises(PublishError, match="in time"):
        await publisher_to(producer, timeout_s=0.01).publish([heartbeat()])
    producer.acknowledge()


async def test_slots_are_asked_once_for_all() -> None:
    """A hundred webhooks that come before the first answer ask together."""
    producer = FakeProducer()
    producer.known.clear()
    publisher = publisher_to(producer)
    waiting = asyncio.gather(*(publisher.slots() for _ in range(100)))
    await asyncio.sleep(0)
    producer.known.set()
    assert set(await waiting) == {SLOTS}
    assert await publisher.slots() == SLOTS
    assert producer.asked == 1


async def test_slots_unknown_in_time_are_an_error_and_asked_again() -> None:
    """While Kafka does not say, nothing is guessed; the next one asks again."""
    producer = FakeProducer()
    producer.failing = True
    publisher = publisher_to(producer)
    with pytest.raises(PublishError):
        await publisher.slots()
    producer.failing = False
    assert await publisher.slots() == SLOTS


async def test_slots_are_not_waited_for_longer_than_kafka_has() -> None:
    """A Kafka that does not answer keeps no webhook."""
    producer = FakeProducer()
    producer.known.clear()
    publisher = publisher_to(producer, timeout_s=0.01)
    with pytest.raises(PublishError):
        await publisher.slots()
    producer.known.set()
    while producer.asked and publisher._asking is not None:
        await asyncio.wait({publisher._asking})
    assert await publisher.slots() == SLOTS


async def test_what_delivery_has_to_hear_goes_ahead_of_the_record() -> None:
    """One group, in the order in which it is queued: the signal first."""
    producer = FakeProducer()
    receipt = Event("number_signals", "NumberSignal", HEARTBEAT, "id-2", "/source", "100", 1)
    record = account_event()
    status = structs.replace(record, signals=(receipt,))
    await publisher_to(producer).publish([status, record])
    assert [found.topic for found in producer.groups[0]] == [
        TOPICS.number_signals,
        TOPICS.account_events,
        TOPICS.account_events,
    ]


async def test_members_of_the_envelope_go_along_as_a_header() -> None:
    """What no field carries is with the record it stands around."""
    producer = FakeProducer()
    await publisher_to(producer).publish([structs.replace(account_event(), beside='{"entry":{"a":1}}')])
    assert dict(producer.records[0].headers)["wa.webhook.beside"] == b'{"entry":{"a":1}}'


LARGE = 5 * 1024 * 1024


async def test_a_record_too_large_in_both_forms_keeps_its_raw_one() -> None:
    """Typed and raw together are more than Kafka takes; the typed content goes, and is counted."""
    producer, tally = FakeProducer(), Tally(Metrics.no_op())
    text = "x" * LARGE
    record = {
        "event_id": "1",
        "received_at": 1,
        "waba_id": "W",
        "phone_number_id": "100",
        "message_id": "wamid.1",
        "sent_at": 1,
        "sender": {"wa_id": "1650"},
        "type": "text",
        "text": {"body": text},
        "raw": text,
    }
    event = Event("inbound_messages", "InboundMessage", record, "1", "/source")
    await publisher_to(producer, tally=tally).publish([event])
    (found,) = producer.on(TOPICS.inbound_messages)
    assert (found["text"], found["raw"], found["sender"]["wa_id"], found["type"]) == (None, text, "1650", "text")
    assert tally.untyped == {"size": 1}


async def test_what_no_record_can_hold_is_set_aside_in_parts() -> None:
    """The parts have one key and one id, say which they are, and make up the whole."""
    producer, tally = FakeProducer(), Tally(Metrics.no_op())
    raw = bytes(range(256)) * 40_000
    publisher = publisher_to(producer, tally=tally)
    await publisher.publish([Reject("entry[0]", "not UTF-8", raw)])
    parts = producer.groups[0]
    assert b"".join(part.value or b"" for part in parts) == raw
    assert max(len(part.value or b"") for part in parts) <= PART_BYTES
    assert [dict(part.headers)["wa.webhook.part"] for part in parts] == [
        b"%d/%d" % (number, len(parts)) for number in range(1, len(parts) + 1)
    ]
    assert len({(part.key, dict(part.headers)["ce_id"]) for part in parts}) == 1
    assert parts[0].key is not None


async def test_an_item_that_no_record_can_hold_is_set_aside_whole() -> None:
    """Even without its typed content; its text goes in parts, and its siblings flow."""
    producer, tally = FakeProducer(), Tally(Metrics.no_op())
    raw = '{"a":"' + "x" * (9 * 1024 * 1024) + '"}'
    await publisher_to(producer, tally=tally).publish([account_event(raw=raw), account_event()])
    *parts, record = producer.groups[0]
    assert b"".join(part.value or b"" for part in parts).decode() == raw
    assert dict(parts[0].headers)["wa.webhook.reason"] == b"larger than Kafka takes"
    assert record.topic == TOPICS.account_events
    assert tally.rejects == {"larger than Kafka takes": 1}


async def test_a_broker_that_takes_less_is_believed_once() -> None:
    """After a refusal for size nothing is written that is larger than what every broker takes."""
    producer = FakeProducer()
    publisher = publisher_to(producer)
    large = account_event(raw="x" * (PART_BYTES + 1))
    assert [record.topic for record in publisher.group([large]).records] == [TOPICS.account_events]
    assert publisher.shrink()
    assert [record.topic for record in publisher.group([large]).records] == [TOPICS.webhook_rejects] * 2
    assert not publisher.shrink()


async def test_one_body_may_tell_more_than_the_clients_queue_takes_by_itself(mock_cluster: str) -> None:
    """A thousand account events on a hundred slots: refused once, it would be refused for ever."""
    producer = RecordProducer({"bootstrap.servers": mock_cluster}, delivery_timeout_s=60.0)
    await producer.start()
    waiting = producer.publish([Record("signals", b"s", partition=number % 4) for number in range(100_001)])
    await asyncio.sleep(0)
    refused = waiting.done() and waiting.exception()
    assert not refused
    await waiting
    await producer.close(60.0)

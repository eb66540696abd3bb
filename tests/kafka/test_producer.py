"""Records are published in groups, and told to be on Kafka only when they are."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any

import confluent_kafka
import pytest
from confluent_kafka import Consumer, Message, TopicPartition

from connector.clock import SystemClock
from connector.kafka import producer as producer_module
from connector.kafka.producer import PublishError, Record, RecordProducer
from connector.records.keys import slot_of
from tests.fixtures.broker import Broker, CreateTopics

CLOCK = SystemClock()
NOWHERE = "127.0.0.1:1"
SOON_S = 0.3
LATE_S = 30.0


@contextlib.asynccontextmanager
async def producer(
    bootstrap: str, config: Mapping[str, Any] | None = None, *, delivery_timeout_s: float = LATE_S, **arguments: Any
) -> AsyncIterator[RecordProducer]:
    """A running producer."""
    properties = {"bootstrap.servers": bootstrap, "log_level": 0, **(config or {})}
    made = RecordProducer(properties, delivery_timeout_s=delivery_timeout_s, **arguments)
    await made.start()
    try:
        yield made
    finally:
        await made.close(0.0)


def records_of(bootstrap: str, topic: str, wanted: int) -> list[Message]:
    """All records of a topic, once at least ``wanted`` are there."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test", "log_level": 0})
    try:
        partitions = consumer.list_topics(topic, timeout=LATE_S).topics[topic].partitions
        consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
        found: list[Message] = []
        deadline = CLOCK.monotonic() + LATE_S
        while CLOCK.monotonic() < deadline:
            message = consumer.poll(0.5)
            if message is not None and message.error() is None:
                found.append(message)
            elif message is None and len(found) >= wanted:
                break
        return found
    finally:
        consumer.close()


async def read(bootstrap: str, topic: str, wanted: int) -> list[Message]:
    """The same, beside the loop."""
    return await asyncio.to_thread(records_of, bootstrap, topic, wanted)


def values(messages: Iterable[Message]) -> list[bytes | None]:
    """The values."""
    return [message.value() for message in messages]


async def test_records_arrive_whole(mock_cluster: str) -> None:
    """Key, value, repeated headers in order, and an explicit partition arrive as given; a tombstone stays one."""
    headers = [("kind", b"greeting"), ("kind", b"again")]
    async with producer(mock_cluster) as made:
        await made.publish([Record("t", b"value", b"key", headers, 2), Record("t", None, b"key", partition=3)])
    first, second = sorted(await read(mock_cluster, "t", 2), key=lambda message: message.headers() is None)
    assert (first.key(), first.value(), first.headers(), first.partition()) == (b"key", b"value", headers, 2)
    assert (second.key(), second.value(), second.headers(), second.partition()) == (b"key", None, None, 3)


async def test_keys_meet_the_placement_of_java(mock_cluster: str) -> None:
    """A key lands on the partition that the Java clients compute for it."""
    keys = [f"10654035224{number}" for number in range(50)]
    async with producer(mock_cluster) as made:
        slots = await asyncio.to_thread(made.partitions, "t")
        await made.publish([Record("t", b"", key.encode()) for key in keys])
    placed = {message.key(): message.partition() for message in await read(mock_cluster, "t", len(keys))}
    assert placed == {key.encode(): slot_of(key, slots) for key in keys}


async def test_one_key_keeps_its_order(mock_cluster: str) -> None:
    """Groups published one after the other, unawaited, arrive in that order."""
    async with producer(mock_cluster) as made:
        futures = [made.publish([Record("t", b"%d" % number, b"key")]) for number in range(200)]
        await asyncio.gather(*futures)
    assert values(await read(mock_cluster, "t", 200)) == [b"%d" % number for number in range(200)]


async def test_a_group_waits_for_its_last_record(mock_cluster: str) -> None:
    """One acknowledgement of two is none: the future is not done before the other."""
    async with producer(mock_cluster) as made:
        acknowledge: list[Callable[[], None]] = []

        class Held:
            def produce(self, *_: object, on_delivery: Callable[[None, None], None], **__: object) -> None:
                acknowledge.append(lambda: on_delivery(None, None))

        made._producer, real = Held(), made._producer  # type: ignore[assignment]
        future = made.publish([Record("t", b"1"), Record("t", b"2")])
        made._producer = real
        first, second = acknowledge
        first()
        await asyncio.sleep(0)
        assert not future.done()
        second()
        await asyncio.wait_for(future, LATE_S)


async def test_no_records_are_done_at_once(mock_cluster: str) -> None:
    """A group of none waits for nothing."""
    async with producer(mock_cluster) as made:
        assert made.publish([]).done()


async def test_what_is_not_acknowledged_in_time_fails() -> None:
    """Without a broker the future fails when the delivery timeout is over."""
    async with producer(NOWHERE, delivery_timeout_s=SOON_S) as made:
        with pytest.raises(PublishError):
            await asyncio.wait_for(made.publish([Record("t", b"1"), Record("t", b"2")]), LATE_S)


async def test_a_full_queue_fails_at_once() -> None:
    """The record that does not fit fails its group without a wait: whoever publishes has to push back."""
    async with producer(NOWHERE, {"queue.buffering.max.messages": 2}) as made:
        waiting = made.publish([Record("t", b"1"), Record("t", b"2")])
        full = made.publish([Record("t", b"3")])
        assert full.done()
        with pytest.raises(PublishError, match="full"):
            full.result()
        assert not waiting.done()
        waiting.cancel()


async def test_a_record_too_large_fails_its_group(mock_cluster: str) -> None:
    """It is refused before it is sent; the limit is 8 MiB."""
    async with producer(mock_cluster) as made:
        await made.publish([Record("t", bytes(7 * 1024 * 1024))])
        with pytest.raises(PublishError):
            await made.publish([Record("t", bytes(8 * 1024 * 1024 + 1))])


async def test_a_waiter_that_gave_up_disturbs_nobody(mock_cluster: str) -> None:
    """A future that was cancelled is left alone when the acknowledgement comes."""
    async with producer(mock_cluster) as made:
        made.publish([Record("t", b"1")]).cancel()
        await made.publish([Record("t", b"2")])
    assert sorted(filter(None, values(await read(mock_cluster, "t", 2)))) == [b"1", b"2"]


async def test_guarantees_are_not_configurable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Latency and memory may be configured; idempotence, acks and placement may not."""
    given: dict[str, Any] = {}

    class Spy(confluent_kafka.Producer):
        def __init__(self, config: dict[str, Any]) -> None:
            given.update(config)
            super().__init__(config)

    monkeypatch.setattr(producer_module, "Producer", Spy)
    promises = {"enable.idempotence": False, "acks": 0, "partitioner": "random"}
    async with producer(NOWHERE, {**promises, "linger.ms": 7}, delivery_timeout_s=1.5):
        assert (given["enable.idempotence"], given["acks"], given["partitioner"]) == (True, "all", "murmur2_random")
        assert (given["linger.ms"], given["delivery.timeout.ms"]) == (7, 1500)


async def test_partitions_are_asked_once(mock_cluster: str) -> None:
    """The count of a topic is remembered, so that later calls do not block."""
    async with producer(mock_cluster) as made:
        assert await asyncio.to_thread(made.partitions, "t") == 4
        before = CLOCK.monotonic()
        assert [made.partitions("t") for _ in range(1000)] == [4] * 1000
        assert CLOCK.monotonic() - before < 1


async def test_partitions_without_a_broker_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is guessed, and nothing wrong is remembered."""
    monkeypatch.setattr(producer_module, "_METADATA_TIMEOUT_S", 0.2)
    async with producer(NOWHERE) as made:
        for _ in range(2):
            with pytest.raises(PublishError):
                await asyncio.to_thread(made.partitions, "t")


async def test_close_waits_for_what_is_queued(mock_cluster: str) -> None:
    """Records published just before the end arrive."""
    made = RecordProducer({"bootstrap.servers": mock_cluster, "linger.ms": 200}, delivery_timeout_s=LATE_S)
    await made.start()
    future = made.publish([Record("t", b"last")])
    assert await made.close(LATE_S) == 0
    await future
    assert values(await read(mock_cluster, "t", 1)) == [b"last"]


async def test_close_tells_what_it_drops() -> None:
    """What Kafka does not take within the budget is counted, and its future fails."""
    made = RecordProducer({"bootstrap.servers": NOWHERE, "log_level": 0}, delivery_timeout_s=LATE_S)
    await made.start()
    future = made.publish([Record("t", b"1"), Record("t", b"2")])
    assert await made.close(0.1) == 2
    with pytest.raises(PublishError):
        await asyncio.wait_for(future, LATE_S)


async def test_a_fatal_error_is_told_once(
    mock_cluster: str, plant_fatal_error: Callable[[RecordProducer], None]
) -> None:
    """When the client can never write again, the owner hears it, and publishing fails from then on."""
    told: asyncio.Queue[str] = asyncio.Queue()
    async with producer(mock_cluster, on_fatal=told.put_nowait) as made:
        plant_fatal_error(made)
        reason = await asyncio.wait_for(told.get(), LATE_S)
        assert "planted" in reason
        assert made.fatal == reason
        with pytest.raises(PublishError):
            await made.publish([Record("t", b"1")])
    assert told.empty()


@pytest.mark.kafka
async def test_acknowledged_records_survive_a_killed_broker(
    kafka_broker: Broker, create_topics: CreateTopics, topic_prefix: str
) -> None:
    """A broker is killed and comes back while records are published: each one acknowledged is read back."""
    topic = f"{topic_prefix}survivors"
    create_topics(topic, partitions=3)
    acknowledged: asyncio.Queue[bytes] = asyncio.Queue()
    ended = asyncio.Event()

    async def write(made: RecordProducer) -> None:
        number = 0
        while not ended.is_set():
            batch = [b"%d" % count for count in range(number, number + 20)]
            number += len(batch)
            with contextlib.suppress(PublishError):
                await made.publish([Record(topic, value, value) for value in batch])
                for value in batch:
                    acknowledged.put_nowait(value)

    async with producer(kafka_broker.bootstrap, delivery_timeout_s=2.0) as made:
        writing = asyncio.create_task(write(made))
        safe = {await acknowledged.get() for _ in range(200)}
        await asyncio.to_thread(kafka_broker.kill)
        await asyncio.to_thread(kafka_broker.start)
        safe |= {acknowledged.get_nowait() for _ in range(acknowledged.qsize())}
        safe |= {await acknowledged.get() for _ in range(200)}
        ended.set()
        await writing
    found = await read(kafka_broker.bootstrap, topic, len(safe))
    assert safe <= set(values(found))

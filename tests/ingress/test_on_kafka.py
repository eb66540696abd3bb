"""The ingress in front of a real Kafka: what was answered with 200 is there, whatever happens to the broker."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from itertools import product
from typing import Any

import pytest

from connector.clock import SystemClock
from connector.ingress.publisher import EventTopics
from connector.kafka.producer import RecordProducer
from connector.records.envelope import Envelope, seal
from tests.fixtures.broker import Broker, CreateTopics
from tests.fixtures.topics import everything_on
from tests.ingress.assembly import CODEC, Ingress, Secrets, assemble
from tests.ingress.client import SECRET, posted

ACKNOWLEDGE_S = 2.0
WAIT_S = 30.0
SLOTS = 3
CLOCK = SystemClock()
SCHEMAS = ("InboundMessage", "MessageStatus", "AccountEvent", "NumberSignal")


@contextlib.asynccontextmanager
async def ingress(bootstrap: str, topics: EventTopics) -> AsyncIterator[Ingress]:
    """An ingress with a real producer, judging Kafka's pace as it runs."""
    producer = RecordProducer({"bootstrap.servers": bootstrap, "log_level": 0}, delivery_timeout_s=ACKNOWLEDGE_S)
    await producer.start()
    found = assemble(producer, topics, CLOCK, Secrets(SECRET))
    judging = asyncio.create_task(found.admission.run())
    try:
        yield found
    finally:
        judging.cancel()
        await producer.close(WAIT_S)


def topics_of(prefix: str, create: CreateTopics, config: dict[str, str] | None = None) -> EventTopics:
    """The topics of one test."""
    names = [f"{prefix}{name}" for name in ("inbound", "statuses", "accounts", "signals", "rejects")]
    create(*names, partitions=SLOTS, config=config)
    return EventTopics(*names)


async def post(ingress: Ingress, *changes: dict[str, Any]) -> int:
    """One webhook; the status of the answer."""
    entry = {"id": "W", "changes": [{"field": "messages", "value": change} for change in changes]}
    body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
    return await posted(ingress.app, body)


def text_change(message_id: str, text: str = "Hi") -> dict[str, Any]:
    """A change with one inbound text."""
    message = {"id": message_id, "from": "1650", "timestamp": "1749416383", "type": "text", "text": {"body": text}}
    return {"metadata": {"phone_number_id": "100"}, "messages": [message]}


def sent_change(message_id: str, command_id: str) -> dict[str, Any]:
    """A change with one status that is a receipt."""
    status = {"id": message_id, "status": "sent", "timestamp": "1749416383", "recipient_id": "1650"}
    status["biz_opaque_callback_data"] = seal(Envelope("default", command_id, 1))
    return {"metadata": {"phone_number_id": "100"}, "statuses": [status]}


async def read(bootstrap: str, topic: str, schema: str | None) -> list[Any]:
    """All records of a topic; without a schema their bytes."""
    values = [message.value() or b"" for message in await asyncio.to_thread(everything_on, bootstrap, topic)]
    return values if schema is None else [CODEC.decode(schema, value) for value in values]


class Load:
    """Webhooks posted one after the other by several senders, until it is ended."""

    def __init__(self, ingress: Ingress, senders: int = 8) -> None:
        self._ingress = ingress
        self._answers: asyncio.Queue[tuple[str, int]] = asyncio.Queue()
        self._ended = asyncio.Event()
        self._senders = [asyncio.create_task(self._send(sender)) for sender in range(senders)]
        self.seen: list[tuple[str, int]] = []

    async def _send(self, sender: int) -> None:
        number = 0
        while not self._ended.is_set():
            number += 1
            name = f"{sender}.{number}"
            status = await self._post(name)
            self._answers.put_nowait((name, status))
            # A refusal waits for nothing, and there is no network here that would take its time.
            await asyncio.sleep(0 if status == 200 else 0.005)

    async def answers(self, count: int) -> None:
        """Wait for so many more."""
        for _ in range(count):
            self.seen.append(await self._answers.get())

    async def until(self, holds: Callable[[int], bool]) -> None:
        """Wait for an answer like this."""
        await self.answers(1)
        while not holds(self.seen[-1][1]):
            await self.answers(1)

    async def end(self) -> None:
        """Let the senders end."""
        self._ended.set()
        await asyncio.gather(*self._senders)
        while not self._answers.empty():
            await self.answers(1)

    async def redeliver(self) -> None:
        """Post again what was refused, until it is taken."""
        while refused := sorted({name for name, _ in self.seen} - self.taken):
            self.seen += zip(refused, await asyncio.gather(*map(self._post, refused)), strict=True)

    async def _post(self, name: str) -> int:
        return await post(self._ingress, text_change(f"wamid.{name}"), sent_change(f"wamid.s.{name}", name))

    @property
    def taken(self) -> set[str]:
        """What was answered with 200."""
        return {name for name, status in self.seen if status == 200}


async def assert_complete(bootstrap: str, topics: EventTopics, taken: set[str]) -> None:
    """Every record of these webhooks is there; and a receipt for every status that is."""
    messages = {item["message_id"] for item in await read(bootstrap, topics.inbound_messages, "InboundMessage")}
    statuses = {item["command_id"] for item in await read(bootstrap, topics.message_statuses, "MessageStatus")}
    signals = await read(bootstrap, topics.number_signals, "NumberSignal")
    receipts = {signal["command_id"] for signal in signals if signal["kind"] == "RECEIPT"}
    assert {f"wamid.{name}" for name in taken} <= messages
    assert taken <= statuses
    assert statuses <= receipts


@pytest.mark.kafka
async def test_a_frozen_broker_is_refused_early_and_used_again_when_it_thaws(
    kafka_broker: Broker, create_topics: CreateTopics, topic_prefix: str
) -> None:
    """Nobody waits a second for it, most are refused at once; and nothing of what was taken is missing."""
    topics = topics_of(topic_prefix, create_topics)
    async with ingress(kafka_broker.bootstrap, topics) as found:
        load = Load(found, senders=64)
        await load.answers(300)
        await asyncio.to_thread(kafka_broker.pause)
        await load.until(lambda status: status != 200)
        begun = CLOCK.monotonic()
        before = len(load.seen)
        await load.answers(3000)
        refused = [status for _, status in load.seen[before:] if status == 503]
        # One at a time, 64 senders that wait for 0.9 s each would have been refused 71 times a second.
        assert len(refused) / (CLOCK.monotonic() - begun) > 200
        await asyncio.to_thread(kafka_broker.resume)
        await load.until(lambda status: status == 200)
        await load.answers(300)
        await load.end()
        await load.redeliver()
    await assert_complete(kafka_broker.bootstrap, topics, load.taken)


@pytest.mark.kafka
async def test_a_topic_with_the_limit_of_an_untouched_broker_takes_every_body(
    kafka_bootstrap: str, create_topics: CreateTopics, topic_prefix: str
) -> None:
    """A body of one 3 MB item does not fit into 1 MiB: it is set aside in parts, whole, and answered 200."""
    topics = topics_of(topic_prefix, create_topics, {"max.message.bytes": str(1024 * 1024)})
    async with ingress(kafka_bootstrap, topics) as found:
        for number in range(2):
            change = text_change(f"wamid.{number}", "x" * 3_000_000)
            assert await post(found, change, text_change(f"wamid.small.{number}")) == 200
    parts = await read(kafka_bootstrap, topics.webhook_rejects, None)
    assert {json.loads(text)["id"] for text in put_together(parts)} == {"wamid.0", "wamid.1"}
    messages = await read(kafka_bootstrap, topics.inbound_messages, "InboundMessage")
    assert {message["message_id"] for message in messages} >= {"wamid.small.0", "wamid.small.1"}


def put_together(parts: list[bytes]) -> list[bytes]:
    """Each whole begins an object; its parts lie behind one another on one partition."""
    wholes: list[bytes] = []
    for part in parts:
        if part.startswith(b"{"):
            wholes.append(part)
        else:
            wholes[-1] += part
    return wholes


@pytest.mark.kafka
@pytest.mark.parametrize("size", [20, 5_800], ids=["short", "3 MB"])
async def test_a_thousand_updates_in_one_body_are_a_thousand_records(
    size: int, kafka_bootstrap: str, create_topics: CreateTopics, topic_prefix: str
) -> None:
    """The largest bodies that Meta sends, messages and statuses; taken at once, each update by itself."""
    topics = topics_of(topic_prefix, create_topics, {"max.message.bytes": str(8 * 1024 * 1024)})
    updates = [text_change(f"wamid.{number}", "x" * size) for number in range(0, 1000, 2)]
    updates += [sent_change(f"wamid.{number}", "c" * min(size, 100)) for number in range(1, 1000, 2)]
    async with ingress(kafka_bootstrap, topics) as found:
        for update in updates:
            update["contacts"] = [{"wa_id": "1650", "profile": {"name": "n" * min(size, 100)}}]
        assert await post(found, *updates) == 200
    messages = await read(kafka_bootstrap, topics.inbound_messages, "InboundMessage")
    statuses = await read(kafka_bootstrap, topics.message_statuses, "MessageStatus")
    assert sorted(item["message_id"] for item in messages + statuses) == sorted(f"wamid.{n}" for n in range(1000))
    assert {len(item["text"]["body"]) for item in messages} == {size}
    assert await read(kafka_bootstrap, topics.webhook_rejects, None) == []


@pytest.mark.kafka
async def test_a_topic_with_the_planned_limit_takes_the_largest_items_typed(
    kafka_bootstrap: str, create_topics: CreateTopics, topic_prefix: str
) -> None:
    """3 MB in one message travel twice, typed and raw."""
    topics = topics_of(topic_prefix, create_topics, {"max.message.bytes": str(8 * 1024 * 1024)})
    async with ingress(kafka_bootstrap, topics) as found:
        assert await post(found, text_change("wamid.1", "x" * 3_000_000)) == 200
    (message,) = await read(kafka_bootstrap, topics.inbound_messages, "InboundMessage")
    assert len(message["text"]["body"]) == 3_000_000


@pytest.mark.kafka
async def test_silence_is_never_vouched_for_while_webhooks_are_refused(
    kafka_broker: Broker, create_topics: CreateTopics, topic_prefix: str
) -> None:
    """Whoever reads the signals sees a gap over every refusal before he sees a sign of life from after it."""
    topics = topics_of(topic_prefix, create_topics)
    refused: list[tuple[int, int]] = []
    async with ingress(kafka_broker.bootstrap, topics) as found:
        ticking = asyncio.create_task(found.signals.run())
        for number in range(400):
            if number == 50:
                await asyncio.to_thread(kafka_broker.pause)
            begun = CLOCK.wall_ms()
            if await post(found, text_change(f"wamid.{number}")) != 200:
                refused.append((begun, CLOCK.wall_ms()))
                await asyncio.sleep(0.02)
            if len(refused) == 3:
                await asyncio.to_thread(kafka_broker.resume)
        await found.signals.tick()
        ticking.cancel()
    assert refused
    told: list[list[Any]] = [[] for _ in range(SLOTS)]
    for message in await asyncio.to_thread(everything_on, kafka_broker.bootstrap, topics.number_signals):
        told[message.partition() or 0].append(CODEC.decode("NumberSignal", message.value() or b""))
    for slot, (begun, ended) in product(range(SLOTS), refused):
        seen_gaps = 0
        for signal in told[slot]:
            if signal["kind"] == "GAP" and signal["from"] <= ended and signal["to"] >= begun:
                seen_gaps += 1
            elif signal["kind"] == "HEARTBEAT" and signal["at"] > ended:
                break
        assert seen_gaps, (slot, begun, ended)

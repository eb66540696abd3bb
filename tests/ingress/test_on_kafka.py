"""The ingress in front of a real Kafka: what was answered with 200 is there, whatever happens to the broker."""

import asyncio
import contextlib
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from connector.clock import SystemClock
from connector.ingress.app import IngressApp
from connector.ingress.bodies import Bodies, Limits
from connector.ingress.intake import Intake
from connector.ingress.publisher import EventTopics, Publisher
from connector.ingress.signals import Signals
from connector.kafka.producer import RecordProducer
from connector.records.codec import Codec
from connector.telemetry.metrics import Metrics
from tests.fixtures.broker import Broker, CreateTopics

SECRET = b"app-secret"
ACKNOWLEDGE_S = 2.0
WAIT_S = 30.0
CODEC = Codec()


@contextlib.asynccontextmanager
async def ingress(bootstrap: str, topics: EventTopics) -> AsyncIterator[tuple[IngressApp, Signals]]:
    """An ingress with a real producer."""
    clock, metrics = SystemClock(), Metrics.no_op()
    producer = RecordProducer({"bootstrap.servers": bootstrap, "log_level": 0}, delivery_timeout_s=ACKNOWLEDGE_S)
    await producer.start()
    publisher = Publisher(producer, CODEC, topics, clock=clock, metrics=metrics, timeout_s=ACKNOWLEDGE_S)
    signals = Signals(publisher, "ingress-0", clock)
    app = IngressApp(
        path="/webhook",
        app_secrets=lambda: [SECRET],
        verify_tokens=list,
        bodies=Bodies(Limits(), metrics),
        intake=Intake(publisher, signals, metrics=metrics, replica="ingress-0", installation="default"),
        signals=signals,
        clock=clock,
        metrics=metrics,
    )
    try:
        yield app, signals
    finally:
        await producer.close(WAIT_S)


async def post(app: IngressApp, message_id: str) -> int:
    """One webhook with one message; the status of the answer."""
    message = {"id": message_id, "from": "1650", "timestamp": "1749416383", "type": "text", "text": {"body": "Hi"}}
    change = {"field": "messages", "value": {"metadata": {"phone_number_id": "100"}, "messages": [message]}}
    body = json.dumps({"entry": [{"id": "W", "changes": [change]}]}).encode()
    signature = b"sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest().encode()
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    headers = [(b"x-hub-signature-256", signature)]
    scope = {"type": "http", "method": "POST", "path": "/webhook", "query_string": b"", "headers": headers}
    await app(scope, receive, send)
    return statuses[0]


def everything_on(bootstrap: str, topic: str, schema: str) -> list[dict[str, Any]]:
    """All records of a topic."""
    config = {"bootstrap.servers": bootstrap, "group.id": "test", "enable.partition.eof": True}
    consumer = Consumer(config)
    found: list[dict[str, Any]] = []
    partitions = consumer.list_topics(topic, timeout=WAIT_S).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    ended: set[int | None] = set()
    while len(ended) < len(partitions):
        message = consumer.poll(WAIT_S)
        assert message is not None
        if message.error() is None:
            found.append(CODEC.decode(schema, message.value() or b""))
        else:
            ended.add(message.partition())
    consumer.close()
    return found


@pytest.mark.kafka
async def test_every_webhook_answered_200_survives_a_killed_broker(
    kafka_broker: Broker, create_topics: CreateTopics, topic_prefix: str
) -> None:
    """Under load the broker is killed and comes back: what was answered 200 is on Kafka, the rest is told as a gap."""
    names = [f"{topic_prefix}{name}" for name in ("inbound", "statuses", "accounts", "signals", "rejects")]
    create_topics(*names, partitions=3)
    answers: asyncio.Queue[tuple[str, int]] = asyncio.Queue()
    ended = asyncio.Event()

    async def load(app: IngressApp, sender: int) -> None:
        number = 0
        while not ended.is_set():
            number += 1
            answers.put_nowait((f"wamid.{sender}.{number}", await post(app, f"wamid.{sender}.{number}")))

    async with ingress(kafka_broker.bootstrap, EventTopics(*names)) as (app, signals):
        senders = [asyncio.create_task(load(app, sender)) for sender in range(8)]
        seen = [await answers.get() for _ in range(200)]
        await asyncio.to_thread(kafka_broker.kill)
        while seen[-1][1] == 200:
            seen.append(await answers.get())
        await asyncio.to_thread(kafka_broker.start)
        while seen[-1][1] != 200:
            seen.append(await answers.get())
        seen += [await answers.get() for _ in range(200)]
        ended.set()
        await asyncio.gather(*senders)
        await signals.tick()
    seen += [answers.get_nowait() for _ in range(answers.qsize())]
    assert {status for _, status in seen} == {200, 503}
    found = await asyncio.to_thread(everything_on, kafka_broker.bootstrap, names[0], "InboundMessage")
    assert {message_id for message_id, status in seen if status == 200} <= {item["message_id"] for item in found}
    told = await asyncio.to_thread(everything_on, kafka_broker.bootstrap, names[3], "NumberSignal")
    assert [signal["kind"] for signal in told].count("GAP") == 3

"""The example's funnel, from the topics through Kafka Connect into DuckDB, against a plain reading of the topics."""

import json
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Message, Producer

from connector.kafka.registry import Registry
from connector.records.codec import Codec
from connector.simulator.client import SimulatorClient
from connector.simulator.settings import NumberSettings, Settings, StatusSettings, WebhookSettings
from tests.fixtures.kafka_connect import EXAMPLE, ReadTopics
from tests.integration.system import ACCESS_TOKEN, APP_SECRET, Enough, System, read_committed
from tests.registry.confluent import NUMBER, both_roles, register
from tests.warehouse.conftest import DuckDb

STAGES = ("accepted", "sent", "delivered", "read", "failed")
TEXTS, TEMPLATES, REFUSED, UNDELIVERED, UNREADABLE = 40, 20, 4, 5, 2


@pytest.fixture
def cloud_api_settings() -> Settings:
    """One fast number, whose messages are not all delivered, nor all of those read; some webhooks come twice."""
    return Settings(
        access_tokens=(ACCESS_TOKEN,),
        app_secret=APP_SECRET,
        numbers=(NumberSettings(id=NUMBER, level="HIGH"),),
        statuses=StatusSettings(delivered=0.8, read=0.6, sent_ms=20, delivered_ms=40, read_ms=60, failed_ms=40),
        webhooks=WebhookSettings(duplicated=0.2, duplicate_ms=100),
        seed=1,
    )


@pytest.fixture
def system(tmp_path: Path, kafka_bootstrap: str, topic_prefix: str, schema_registry: str) -> System:
    """An installation with a registry."""
    system = System(tmp_path, kafka_bootstrap, topic_prefix, {"schema_registry": {"url": schema_registry}})
    system.create_topics()
    register(system, schema_registry)
    return system


def commands() -> Iterable[bytes]:
    """Good ones of two kinds, those that the Cloud API refuses, those that fail afterwards, and no commands at all."""
    for index in range(TEXTS):
        yield _command(f"text-{index}", f"+1650555{index:04d}")
    for index in range(TEMPLATES):
        template = {"name": "order_update", "language": {"code": "en_US"}}
        yield _command(f"template-{index}", f"+1650556{index:04d}", type="template", template=template)
    for index in range(REFUSED):
        yield _command(f"refused-{index}", f"+{index + 1}9990131026")
    for index in range(UNDELIVERED):
        yield _command(f"undelivered-{index}", f"+{index + 1}9991131026")
    for index in range(UNREADABLE):
        yield b"\xff neither Avro nor JSON %d" % index


def _command(command_id: str, to: str, **members: Any) -> bytes:
    text = {"type": "text", "text": {"body": "Hello"}}
    return json.dumps({"command_id": command_id, "phone_number_id": NUMBER, "to": to, **(members or text)}).encode()


def played_through(system: System, cloud_api: SimulatorClient) -> list[Message]:
    """The records of both topics, after all commands have settled and all their statuses have come."""
    system.use_cloud_api(cloud_api.base_url)
    names = system.settings.topic_names
    producer = Producer({"bootstrap.servers": system.bootstrap, "partitioner": "murmur2_random"})
    sent = list(commands())
    with both_roles(system, cloud_api):
        for value in sent:
            producer.produce(names.commands[0], value, NUMBER)
        assert producer.flush(30) == 0
        records = read_committed(system.bootstrap, [names.delivery_outcomes], Enough(len(sent)))
        while cloud_api.webhooks()["updates"]["pending"]:
            time.sleep(0.05)
        posted = cloud_api.webhooks()["updates"]["delivered"]
    return records + read_committed(system.bootstrap, [names.message_statuses], Enough(posted))


def plainly_read(records: Iterable[Message], outcomes_topic: str, registry: Registry) -> dict[str, set[str]]:
    """The stages that each command has reached, without a warehouse."""
    codec = Codec(fetch=registry.schema_of)
    stages: dict[str, set[str]] = {}
    seen: dict[str, set[str]] = {}
    for record in records:
        if record.topic() == outcomes_topic:
            outcome = codec.decode("DeliveryOutcome", record.value() or b"")
            stages[outcome["command_id"]] = {"accepted"} if outcome["outcome"] == "ACCEPTED" else {"failed"}
        else:
            status = codec.decode("MessageStatus", record.value() or b"")
            seen.setdefault(status["command_id"], set()).add(status["status"])
    for command_id, statuses in seen.items():
        order = ("sent", "delivered", "read")
        reached = max((order.index(status) for status in statuses & set(order)), default=-1)
        stages[command_id] |= set(order[: reached + 1]) or {"failed"}
    return stages


def stages_in(rows: list[dict[str, Any]]) -> dict[str, set[str]]:
    """The same from rows of the warehouse."""
    return {row["command_id"]: {stage for stage in STAGES if row[stage]} for row in rows}


def test_the_funnel_says_what_the_topics_say(
    system: System,
    schema_registry: str,
    cloud_api_simulator: SimulatorClient,
    connect_reads: ReadTopics,
    duckdb: DuckDb,
) -> None:
    """Command by command and in sum; what comes twice, from Meta or from a sink that was restarted, counts once."""
    records = played_through(system, cloud_api_simulator)
    outcomes_topic = system.settings.topic_names.delivery_outcomes
    outcomes = sum(record.topic() == outcomes_topic for record in records)
    environment = {
        "KAFKA": system.bootstrap,
        "REGISTRY": schema_registry.removesuffix("/apis/ccompat/v7"),
        "TOPIC_PREFIX": system.values["topics"]["prefix"],
    }
    sinks = [EXAMPLE / "connect" / "outcomes.properties", EXAMPLE / "connect" / "statuses.properties"]
    folder = connect_reads(sinks, environment, {"outcomes.jsonl": outcomes, "statuses.jsonl": len(records) - outcomes})

    assert "order_update" in duckdb.run(folder, "load.sql", "funnel.sql")
    per_command = duckdb.rows(folder, "FROM command_funnel ORDER BY ALL")
    with closing(Registry({"url": schema_registry})) as registry:
        assert stages_in(per_command) == plainly_read(records, outcomes_topic, registry)
    sums = {row["message"]: row for row in duckdb.rows(folder, "FROM funnel")}
    assert {message: row["commands"] for message, row in sums.items()} == {
        "text": TEXTS + REFUSED + UNDELIVERED, "order_update": TEMPLATES, "unreadable": UNREADABLE,
    }  # fmt: skip
    assert sum(row["accepted"] for row in sums.values()) == cloud_api_simulator.summary()["accepted"]
    assert sum(row["failed"] for row in sums.values()) == REFUSED + UNDELIVERED + UNREADABLE
    for row in (sums["text"], sums["order_update"]):
        assert row["accepted"] > row["delivered"] > row["read"] > 0
    reasons = Counter((row["reason"], row["error_code"]) for row in per_command if row["failed"])
    assert reasons == {
        ("undeliverable", 131026): REFUSED, ("undelivered", 131026): UNDELIVERED, ("undecodable", None): UNREADABLE,
    }  # fmt: skip

    statuses = folder / "statuses.jsonl"
    statuses.write_text(statuses.read_text() * 2)
    duckdb.run(folder, "load.sql", "funnel.sql")
    assert duckdb.rows(folder, "FROM command_funnel ORDER BY ALL") == per_command

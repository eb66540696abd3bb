"""Kafka Connect, a reader that nobody here wrote, finds in every topic exactly what was written."""

import json
import math
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from hypothesis import HealthCheck, Phase, given, seed, settings

from connector.cli import run
from connector.kafka.registry import Registry
from connector.records import schemas
from connector.records.codec import Codec
from connector.records.subjects import RECORD_OF_TOPIC, subject_of
from tests.fixtures.broker import CreateTopics
from tests.fixtures.kafka_connect import EXAMPLE, ReadTopics
from tests.integration.system import System
from tests.records.generated import records

EACH = 20


def drawn(name: str) -> list[dict[str, Any]]:
    """Records of one kind, the same ones in every run: all that its schema allows, save numbers that JSON has not."""
    found: list[dict[str, Any]] = []

    @seed(1)
    # Drawing is all that is done here, so its pace and size are no sign of a test that wastes them.
    @settings(
        max_examples=EACH,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(records(name).filter(lambda record: all(map(math.isfinite, numbers_in(record)))))
    def collect(record: dict[str, Any]) -> None:
        found.append(record)

    collect()
    assert len(found) >= EACH // 2
    return found


def numbers_in(value: Any) -> Iterator[float]:
    """Every number of a record."""
    if isinstance(value, dict):
        yield from (number for inner in value.values() for number in numbers_in(inner))
    elif isinstance(value, list):
        yield from (number for inner in value for number in numbers_in(inner))
    elif isinstance(value, int | float):
        yield value


def sink(folder: Path, topic: str, record: str) -> Path:
    """The example's sink for one topic, into a file named after the record."""
    text = (EXAMPLE / "connect" / "statuses.properties").read_text()
    for old, new in (
        ("name=whatsapp-statuses", f"name={record}"),
        ("${env:TOPIC_PREFIX}whatsapp.message-statuses.v1", topic),
        ("statuses.jsonl", f"{record}.jsonl"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    path = folder / f"{record}.properties"
    path.write_text(text)
    return path


@pytest.fixture
def system(tmp_path: Path, kafka_bootstrap: str, topic_prefix: str) -> System:
    """An installation with a prefix of its own."""
    return System(tmp_path, kafka_bootstrap, topic_prefix)


def test_connect_reads_every_field_of_every_record(
    system: System, create_topics: CreateTopics, schema_registry: str, connect_reads: ReadTopics
) -> None:
    """Apicurio's converter finds the schema by the id in the record, and each field has the value that was encoded."""
    assert run(["schemas", "register", "--url", schema_registry, "--prefix", system.values["topics"]["prefix"]]) == 0
    names = system.settings.topic_names
    topics = {
        record: topic[0] if isinstance(topic := getattr(names, key), tuple) else topic
        for key, record in RECORD_OF_TOPIC.items()
    }
    with closing(Registry({"url": schema_registry})) as registry:
        codec = Codec(
            {r: registry.id_of(subject_of("topic_name", t, r), schemas.schema_text(r)) for r, t in topics.items()}
        )
    create_topics(*topics.values())
    producer = Producer({"bootstrap.servers": system.bootstrap})
    written = {record: drawn(record) for record in topics}
    for record, topic in topics.items():
        for values in written[record]:
            producer.produce(topic, codec.encode(record, values), b"key")
    assert producer.flush(30) == 0

    folder = connect_reads(
        [sink(system.folder, topic, record) for record, topic in topics.items()],
        {"KAFKA": system.bootstrap, "REGISTRY": schema_registry.removesuffix("/apis/ccompat/v7"), "TOPIC_PREFIX": ""},
        {f"{record}.jsonl": len(written[record]) for record in topics},
    )

    assert set(topics) == set(schemas.names())
    for record in topics:
        lines = (folder / f"{record}.jsonl").read_text().split("\n")[:-1]
        assert [json.loads(line) for line in lines] == written[record]

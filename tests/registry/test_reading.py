"""Commands of the command line read what roles write with a registry."""

import json
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from confluent_kafka import Producer

from connector.cli import run
from connector.config import settle
from connector.kafka.registry import Registry
from connector.records import schemas
from connector.records.codec import Codec
from connector.service.schema_registry import reading_codec
from tests.fixtures.broker import CreateTopics


def test_records_in_the_registrys_format_are_read(schema_registry: str) -> None:
    """The schema is fetched by the id that a record names; single-object encoding is read as well."""
    with closing(Registry({"url": schema_registry})) as registry:
        id_ = registry.register("cli-reading-value", schemas.schema_text("DeliveryControl"), "FULL_TRANSITIVE")
    with ExitStack() as stack:
        codec = reading_codec(settle({"schema_registry": {"url": schema_registry}}, []), stack.callback)
        record = {"scope": "number:1", "actor": "a", "action": "HOLD", "at": 1}
        for written in (Codec({"DeliveryControl": id_}), Codec()):
            assert codec.decode("DeliveryControl", written.encode("DeliveryControl", record))["scope"] == "number:1"


@pytest.fixture
def control(kafka_bootstrap: str, create_topics: CreateTopics, topic_prefix: str) -> tuple[str, str]:
    """Address of Kafka, and the prefix of topics on which holds are."""
    names = settle({"topics": {"prefix": topic_prefix}}, []).topic_names
    create_topics(names.delivery_control, names.delivery_state)
    return kafka_bootstrap, topic_prefix


def test_holds_in_the_registrys_format_are_listed(
    tmp_path: Path, schema_registry: str, control: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A worker with a registry has written one; ``connector numbers list`` shows it."""
    kafka_bootstrap, topic_prefix = control
    values = {
        "kafka": {"common": {"bootstrap.servers": kafka_bootstrap}},
        "topics": {"prefix": topic_prefix},
        "schema_registry": {"url": schema_registry},
    }
    config = tmp_path / "c.yaml"
    config.write_text(json.dumps(values))
    names = settle(values, []).topic_names
    with closing(Registry({"url": schema_registry})) as registry:
        id_ = registry.register("cli-holds-value", schemas.schema_text("DeliveryControl"), "FULL_TRANSITIVE")
    record = {"scope": "app:default", "actor": "worker", "action": "HOLD", "reason": "quota", "at": 1}
    producer = Producer({"bootstrap.servers": kafka_bootstrap})
    value = Codec({"DeliveryControl": id_}).encode("DeliveryControl", record)
    producer.produce(names.delivery_control, value, b"app:default/operator", partition=0)
    producer.flush()
    assert run(["numbers", "list", "--config", str(config), "--output", "json"]) == 0
    (hold,) = json.loads(capsys.readouterr().out)
    assert (hold["held"], hold["reason"]) == ("app:default", "quota")

"""``connector schemas register`` at a running registry, and what that registry then refuses."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from confluent_kafka.schema_registry import (
    SchemaRegistryClient,
    record_subject_name_strategy,
    topic_record_subject_name_strategy,
    topic_subject_name_strategy,
)
from confluent_kafka.serialization import MessageField, SerializationContext

from connector.cli import run
from connector.config import Delivery, Topics
from connector.config.settings import topic_names
from connector.kafka.registry import Registry, SchemaRefusedError
from connector.records import schemas
from connector.records.compatibility import incompatibilities
from connector.records.subjects import RECORD_OF_TOPIC, SubjectNameStrategy

CONFLUENTS: dict[SubjectNameStrategy, Callable[[SerializationContext, str], str | None]] = {
    "topic_name": topic_subject_name_strategy,
    "record_name": record_subject_name_strategy,
    "topic_record_name": topic_record_subject_name_strategy,
}


@pytest.fixture
def client(schema_registry: str) -> Iterator[SchemaRegistryClient]:
    """Confluent's own client."""
    with SchemaRegistryClient({"url": schema_registry, "timeout": 20}) as client:
        yield client


@pytest.fixture
def registry(schema_registry: str) -> Iterator[Registry]:
    """Our client."""
    with closing(Registry({"url": schema_registry})) as registry:
        yield registry


def expected(prefix: str, strategy: SubjectNameStrategy) -> dict[str, str]:
    """Record of each subject, as a serializer of Confluent's would look for it."""
    names = topic_names(Topics(prefix=prefix), Delivery())
    records = {}
    for key, record in RECORD_OF_TOPIC.items():
        named = getattr(names, key)
        for topic in named if isinstance(named, tuple) else (named,):
            context = SerializationContext(topic, MessageField.VALUE)
            records[CONFLUENTS[strategy](context, f"whatsapp.connector.v1.{record}") or ""] = record
    return records


@pytest.mark.parametrize("strategy", CONFLUENTS)
def test_subjects_are_where_confluents_serializers_look(
    schema_registry: str, client: SchemaRegistryClient, topic_prefix: str, strategy: SubjectNameStrategy
) -> None:
    """Under each of the three strategies: the schema, and the level it is held to; doing it again changes nothing."""
    command = ["schemas", "register", "--url", schema_registry, "--prefix", topic_prefix]
    for _ in range(2):
        assert run([*command, "--subject-name-strategy", strategy]) == 0
    subjects = expected(topic_prefix, strategy)
    assert len(subjects) == {"topic_name": 11, "record_name": 9, "topic_record_name": 11}[strategy]
    for subject, record in subjects.items():
        assert client.get_versions(subject) == [1]
        found = client.get_latest_version(subject).schema
        assert json.loads(found.schema_str or "") == json.loads(schemas.schema_text(record))
        assert client.get_compatibility(subject) == "FULL_TRANSITIVE"


def test_ids_are_the_same_by_name_and_by_id(schema_registry: str, registry: Registry, topic_prefix: str) -> None:
    """What is looked up for writing is what readers are given for that id."""
    assert run(["schemas", "register", "--url", schema_registry, "--prefix", topic_prefix]) == 0
    for subject, record in expected(topic_prefix, "topic_name").items():
        text = schemas.schema_text(record)
        assert json.loads(registry.schema_of(registry.id_of(subject, text))) == json.loads(text)


def with_field(**field: Any) -> Callable[[dict[str, Any]], None]:
    """A change that adds a field."""
    return lambda schema: schema["fields"].append({"doc": "New.", **field})


def without(name: str) -> Callable[[dict[str, Any]], None]:
    """A change that drops a field."""

    def change(schema: dict[str, Any]) -> None:
        schema["fields"] = [field for field in schema["fields"] if field["name"] != name]

    return change


CHANGES: dict[str, tuple[bool, Callable[[dict[str, Any]], None]]] = {
    "a field with a default is added": (True, with_field(name="colour", type=["null", "string"], default=None)),
    "a field with a default is dropped": (True, without("until")),
    "a field without a default is added": (False, with_field(name="colour", type="string")),
    "a field without a default is dropped": (False, without("actor")),
    "a type changes": (False, lambda schema: schema["fields"][0].update(type="long")),
    "a type widens": (False, lambda schema: schema["fields"][0].update(type=["null", "string"], default=None)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_registry_and_the_offline_check_refuse_the_same(registry: Registry, topic_prefix: str, change: str) -> None:
    """What `connector schemas check` passes, a registry takes; what it finds, a registry answers with 409."""
    good, apply = CHANGES[change]
    text = schemas.schema_text("DeliveryControl")
    schema = json.loads(text)
    apply(schema)
    changed = json.dumps(schema)
    registry.register(f"{topic_prefix}value", text, "FULL_TRANSITIVE")
    assert (incompatibilities("DeliveryControl", changed, {1: text}) == []) is good
    if good:
        registry.register(f"{topic_prefix}value", changed, "FULL_TRANSITIVE")
    else:
        with pytest.raises(SchemaRefusedError, match="HTTP 409"):
            registry.register(f"{topic_prefix}value", changed, "FULL_TRANSITIVE")


def test_every_earlier_version_counts(registry: Registry, topic_prefix: str) -> None:
    """Transitive: a field that was dropped may not come back as another type, though the last version has none."""
    text = schemas.schema_text("DeliveryControl")
    first, second, third = (json.loads(text) for _ in range(3))
    with_field(name="colour", type=["null", "string"], default=None)(first)
    with_field(name="colour", type=["null", "long"], default=None)(third)
    for schema in (first, second):
        registry.register(f"{topic_prefix}value", json.dumps(schema), "FULL_TRANSITIVE")
    with pytest.raises(SchemaRefusedError, match="HTTP 409"):
        registry.register(f"{topic_prefix}value", json.dumps(third), "FULL_TRANSITIVE")


def test_a_refused_schema_is_told_and_the_others_are_registered(
    schema_registry: str, registry: Registry, topic_prefix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, and the registry's own words."""
    other = json.loads(schemas.schema_text("AccountEvent"))
    other["fields"] = [{"name": "event_id", "type": "long"}]
    registry.register(f"{topic_prefix}whatsapp.account-events.v1-value", json.dumps(other), "NONE")
    assert run(["schemas", "register", "--url", schema_registry, "--prefix", topic_prefix, "--output", "json"]) == 1
    told = {result["subject"]: result["fault"] for result in json.loads(capsys.readouterr().out)}
    assert "HTTP 409" in told.pop(f"{topic_prefix}whatsapp.account-events.v1-value")
    assert len(told) == 10
    assert set(told.values()) == {None}

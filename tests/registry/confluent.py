"""A business's own systems, made of nothing but Confluent's client: they write commands and read what comes of them."""

import json
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Message, Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from connector.cli import run
from connector.records import schemas
from connector.simulator.client import SimulatorClient
from connector.simulator.settings import NumberSettings, Settings, StatusSettings
from tests.integration.system import ACCESS_TOKEN, APP_SECRET, VERIFY_TOKEN, Process, System

NUMBER = "106540352242922"

_TEXT = {"type": "record", "name": "OutboundText", "fields": [{"name": "body", "type": "string"}]}
MINIMAL_COMMAND = {
    "type": "record", "name": "OutboundCommand", "namespace": "com.example.crm", "fields": [
        {"name": "type", "type": "string"},
        {"name": "phone_number_id", "type": "string"},
        {"name": "note", "type": {"type": "map", "values": "int"}},
        {"name": "to", "type": "string"},
        {"name": "text", "type": _TEXT},
        {"name": "command_id", "type": "string"},
    ],
}  # fmt: skip
"""What a producer may make of a command: fewer fields, another order and namespace, a field unknown here. The names of
records inside must be the connector's, or Avro does not resolve them."""


def register(system: System, url: str) -> None:
    """The schemas of an installation, as its operator would."""
    config = system.folder / "register.yaml"
    config.write_text(json.dumps(system.values))
    assert run(["schemas", "register", "--topics-from-config", "--config", str(config), "--url", url]) == 0


def text_command(command_id: str, to: str) -> dict[str, Any]:
    """A command with the fields of any schema above."""
    body = {"body": f"This is {command_id}"}
    return {"command_id": command_id, "phone_number_id": NUMBER, "to": to, "type": "text", "text": body, "note": {}}


class Crm:
    """Writes commands with one schema.

    Args:
        system: the installation.
        client: of the registry.
        schema: of a command; the connector's own by default.
    """

    def __init__(self, system: System, client: SchemaRegistryClient, schema: Mapping[str, Any] | None = None) -> None:
        text = schemas.schema_text("OutboundCommand")
        self._topic = system.settings.topic_names.commands[0]
        conf: dict[str, Any] = {"auto.register.schemas": False}
        if schema is not None:
            subject = f"{self._topic}-of-the-crm"
            text = json.dumps(schema)
            client.register_schema(subject, Schema(text, "AVRO"))
            conf["subject.name.strategy"] = lambda _context, _name: subject
        self._serialize = AvroSerializer(client, text, conf=conf)
        self._producer = Producer({"bootstrap.servers": system.bootstrap, "partitioner": "murmur2_random"})

    def encode(self, command: dict[str, Any]) -> bytes:
        """A command as a record's value."""
        return bytes(self._serialize(command, SerializationContext(self._topic, MessageField.VALUE)) or b"")

    def send(self, commands: Iterable[dict[str, Any]]) -> None:
        """Acknowledged when it returns."""
        self.send_bytes(map(self.encode, commands))

    def send_bytes(self, values: Iterable[bytes]) -> None:
        """Values as they are, acknowledged when it returns."""
        for value in values:
            self._producer.produce(self._topic, value, NUMBER)
        assert self._producer.flush(30) == 0


def decoded(records: Iterable[Message], client: SchemaRegistryClient, topic: str) -> list[dict[str, Any]]:
    """The records of one topic, by Confluent's deserializer and the schema that each record names."""
    deserialize = AvroDeserializer(client)
    found = []
    for record in records:
        if record.topic() == topic:
            magic, _schema_id = struct.unpack(">bI", (record.value() or b"")[:5])
            assert magic == 0
            found.append(deserialize(record.value(), SerializationContext(topic, MessageField.VALUE)))
    return found


def fast_and_read_at_once() -> Settings:
    """A simulator with one fast number, whose every message is delivered and read at once."""
    return Settings(
        access_tokens=(ACCESS_TOKEN,),
        app_secret=APP_SECRET,
        numbers=(NumberSettings(id=NUMBER, level="HIGH"),),
        statuses=StatusSettings(delivered=1.0, read=1.0, sent_ms=20, delivered_ms=60, read_ms=120),
        seed=1,
    )


@contextmanager
def both_roles(system: System, cloud_api: SimulatorClient) -> Iterator[tuple[Process, Process]]:
    """Ingress and delivery, ready, with Meta's webhooks coming in; they end with 0, or their logs are told."""
    with system.running("ingress") as ingress, system.running("delivery") as delivery:
        try:
            ingress.wait_ready()
            delivery.wait_ready()
            cloud_api.set_webhook(system.webhook_url, VERIFY_TOKEN)
            yield ingress, delivery
            assert (delivery.terminate(), ingress.terminate()) == (0, 0)
        except BaseException:
            for process in (ingress, delivery):
                print(process.log.read_text())  # noqa: T201 - to be read when the test has failed
            raise

"""connector doctor as a user of few rights, on a broker that asks for them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclBinding, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType as Pattern
from confluent_kafka.admin._resource import ResourceType as Kind

from connector.config import Settings, settle
from connector.kafka.topics import TopicAdmin, TopicSpec
from connector.operations import tail
from connector.operations.examining import needed_rights
from tests.cli.told import Told
from tests.fixtures.apache_kafka import HOST, ApacheKafka, free_port

Typed = Callable[..., Told]
USER, PASSWORD = "connector", "secret-of-kafka"


@pytest.fixture(scope="module")
def asking_broker(tmp_path_factory: pytest.TempPathFactory, kafka_jars: Path) -> Iterator[tuple[str, str]]:
    """Two addresses of one broker: one where everything is allowed, one where users log in and are asked for rights."""
    assert kafka_jars.is_dir()
    port, asking = free_port(), free_port()
    login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    properties = {
        "listeners": f"PLAINTEXT://{HOST}:{port},ASKING://{HOST}:{asking},CONTROLLER://{HOST}:{port + 5000}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port},ASKING://{HOST}:{asking}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,ASKING:SASL_PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.asking.plain.sasl.jaas.config": f'{login} user_{USER}="{PASSWORD}";',
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
    }
    broker = ApacheKafka(tmp_path_factory.mktemp("asking"), port, properties=properties)
    yield broker.start(), f"{HOST}:{asking}"
    broker.stop()


def configuration(folder: Path, bootstrap: str) -> Path:
    """A user who logs in."""
    (folder / "password").write_text(PASSWORD)
    common = {
        "bootstrap.servers": bootstrap, "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN",
        "sasl.username": USER,
    }  # fmt: skip
    config = folder / "c.yaml"
    config.write_text(
        json.dumps({"kafka": {"common": common, "secret_files": {"sasl.password": str(folder / "password")}}})
    )
    return config


def allow(admin: AdminClient, kind: Kind, name: str, pattern: Pattern, *operations: str) -> None:
    """Give the user rights."""
    bindings = [
        AclBinding(kind, name, pattern, f"User:{USER}", "*", AclOperation[operation.upper()], AclPermissionType.ALLOW)
        for operation in operations
    ]
    for given in admin.create_acls(bindings).values():
        given.result(30)


def test_each_missing_right_is_told_until_all_are_there(
    tmp_path: Path, asking_broker: tuple[str, str], typed: Typed
) -> None:
    """Without rights the topics are hidden; with some, what is missing is named; with all, nothing is."""
    free, asking = asking_broker
    settings: Settings = settle({"delivery": {"installation": "shop"}}, [])
    config = configuration(tmp_path, asking)
    values = json.loads(config.read_text())
    config.write_text(json.dumps({**values, "delivery": {"installation": "shop"}}))
    needed = needed_rights(settings)
    rights = {topic: {*needed["ingress"].get(topic, ()), *needed["delivery"].get(topic, ())}
              for topic in {*needed["ingress"], *needed["delivery"]}}  # fmt: skip
    TopicAdmin({"bootstrap.servers": free}).create([TopicSpec(topic, 2, {}) for topic in rights], 1)
    words = ["doctor", "--only", "kafka", "--config", config, "--output", "json"]

    told = typed(*words)
    hidden = [row for row in told.json["findings"] if row["found"].startswith("is missing, or hidden")]
    assert (told.code, len(hidden)) == (1, len(rights))

    admin = AdminClient({"bootstrap.servers": free})
    for topic in rights:
        allow(admin, Kind.TOPIC, topic, Pattern.LITERAL, "describe")
    told = typed(*words)
    missing = {
        row["about"]: row["found"] for row in told.json["findings"] if "this user has no right to" in row["found"]
    }
    assert missing.keys() >= {*rights, "whatsapp-delivery-shop"}
    assert "transactions" in {row["about"] for row in told.json["findings"] if row["grade"] == "fail"}
    assert {row["grade"] for row in told.json["findings"] if "may not be read" in row["found"]} == {"warn"}

    for topic, operations in rights.items():
        allow(admin, Kind.TOPIC, topic, Pattern.LITERAL, "describe_configs", *operations)
    allow(admin, Kind.GROUP, "whatsapp-delivery-shop", Pattern.LITERAL, "read", "describe")
    allow(admin, Kind.TRANSACTIONAL_ID, "shop-", Pattern.PREFIXED, "write", "describe")
    told = typed(*words)
    assert [row for row in told.json["findings"] if "no right" in row["found"] or row["about"] == "transactions"] == [
        {"grade": "ok", "about": "transactions", "found": "this user may write them", "advice": ""}
    ]
    assert PASSWORD not in told.out


def test_watch_ends_when_it_may_see_a_topic_but_not_read_it(
    tmp_path: Path, asking_broker: tuple[str, str], typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client is silent about it: after half a minute without a record it is told, with or without --idle."""
    monkeypatch.setattr(tail, "QUIET_MAX_S", 1.0)
    free, asking = asking_broker
    config = configuration(tmp_path, asking)
    config.write_text(json.dumps({**json.loads(config.read_text()), "topics": {"prefix": "unread."}}))
    names = settle({"topics": {"prefix": "unread."}}, []).topic_names
    events = (names.message_statuses, names.inbound_messages)
    topics = (*names.commands, names.delivery_attempts, names.delivery_outcomes, *events)
    TopicAdmin({"bootstrap.servers": free}).create([TopicSpec(topic, 1, {}) for topic in topics], 1)
    allow(AdminClient({"bootstrap.servers": free}), Kind.TOPIC, "unread.", Pattern.PREFIXED, "describe")
    producer = Producer({"bootstrap.servers": free})
    producer.produce(names.commands[0], b"{}")
    assert producer.flush(30) == 0
    told = typed("watch", "--command-id", "a", "--since", "1h", "--idle", "0.5", "--config", config)
    assert (told.code, "nothing more came from Kafka" in told.err) == (1, True), told

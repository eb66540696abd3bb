"""Both roles as processes with a running registry: Confluent's framing in, Confluent's framing out."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient

from connector.simulator.client import SimulatorClient
from connector.simulator.settings import Settings
from tests.integration.system import Enough, System, read_committed
from tests.registry.confluent import (
    MINIMAL_COMMAND,
    NUMBER,
    Crm,
    both_roles,
    decoded,
    fast_and_read_at_once,
    register,
    text_command,
)

UNKNOWN_ID = b"\x00\x7f\xff\xff\xff"


@pytest.fixture
def cloud_api_settings() -> Settings:
    """One fast number, whose every message is read at once."""
    return fast_and_read_at_once()


@pytest.fixture
def system(tmp_path: Path, kafka_bootstrap: str, topic_prefix: str, schema_registry: str) -> System:
    """An installation with a registry."""
    system = System(tmp_path, kafka_bootstrap, topic_prefix, {"schema_registry": {"url": schema_registry}})
    system.create_topics()
    return system


@pytest.fixture
def client(schema_registry: str) -> Iterator[SchemaRegistryClient]:
    """Confluent's own client."""
    with SchemaRegistryClient({"url": schema_registry, "timeout": 20}) as client:
        yield client


def test_confluents_clients_write_commands_and_read_all_that_comes_of_them(
    system: System, client: SchemaRegistryClient, schema_registry: str, cloud_api_simulator: SimulatorClient
) -> None:
    """Commands of two writers, one with a schema of its own; outcomes, statuses and inbound messages; nothing else.

    A command that names a schema which the registry has not is a dead letter, and delays nobody.
    """
    register(system, schema_registry)
    system.use_cloud_api(cloud_api_simulator.base_url)
    names = system.settings.topic_names
    ours = [f"ours-{index}" for index in range(20)]
    theirs = [f"theirs-{index}" for index in range(5)]
    topics = [names.delivery_outcomes, names.message_statuses, names.inbound_messages]
    with both_roles(system, cloud_api_simulator):
        crm = Crm(system, client)
        crm.send_bytes([UNKNOWN_ID + crm.encode(text_command("unreadable", "+16505550000"))[5:]] * 3)
        crm.send(text_command(id_, f"+1650555{n:04d}") for n, id_ in enumerate(ours))
        Crm(system, client, MINIMAL_COMMAND).send(text_command(id_, f"+1650556{n:04d}") for n, id_ in enumerate(theirs))
        cloud_api_simulator.inbound(NUMBER, kind="text", text="Où est ma commande ?")
        records = read_committed(system.bootstrap, topics, Enough(28 + 3 * 25 + 1))

    outcomes = decoded(records, client, names.delivery_outcomes)
    sent = {o["command_id"]: o["message_id"] for o in outcomes if o["outcome"] == "ACCEPTED"}
    assert sorted(sent) == sorted(ours + theirs)
    assert [o["error"]["class"] for o in outcomes if o["outcome"] != "ACCEPTED"] == ["undecodable"] * 3
    statuses = decoded(records, client, names.message_statuses)
    assert Counter((s["status"], s["command_id"], s["message_id"]) for s in statuses) == Counter(
        (status, *pair) for status in ("sent", "delivered", "read") for pair in sent.items()
    )
    (inbound,) = decoded(records, client, names.inbound_messages)
    assert inbound["text"]["body"] == "Où est ma commande ?"
    assert inbound["received_at"].utcoffset() is not None


@pytest.mark.parametrize("role", ["ingress", "delivery"])
def test_a_role_whose_schemas_are_not_registered_ends_and_says_what_to_run(system: System, role: str) -> None:
    """Exit code 2, with each subject: the registry is there, so waiting would mend nothing."""
    system.values["schema_registry"]["subject_name_strategy"] = "topic_record_name"
    with system.running(role) as process:
        assert process.popen.wait(30) == 2
        text = process.log.read_text()
    names = system.settings.topic_names
    written = {
        "ingress": {names.inbound_messages: "InboundMessage", names.message_statuses: "MessageStatus"},
        "delivery": {names.delivery_outcomes: "DeliveryOutcome"},
    }
    for topic, record in written[role].items():
        assert f"{topic}-whatsapp.connector.v1.{record}: this schema is not registered" in text
    assert "connector schemas register" in text


def test_a_role_finds_its_schemas_under_the_strategy_that_is_set(system: System, schema_registry: str) -> None:
    """Registered under the names of records alone, with the configuration that the role has."""
    system.values["schema_registry"]["subject_name_strategy"] = "record_name"
    register(system, schema_registry)
    with system.running("ingress") as process:
        process.wait_ready()
        assert process.terminate() == 0

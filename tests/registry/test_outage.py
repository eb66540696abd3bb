"""The registry away at the start, and gone afterwards: the first is told and waited for, the second costs nothing."""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Message
from confluent_kafka.schema_registry import SchemaRegistryClient

from connector.simulator.client import SimulatorClient
from connector.simulator.settings import Settings
from tests.fixtures.schema_registry import SchemaRegistry
from tests.integration.system import Enough, Process, System, read_committed
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

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def cloud_api_settings() -> Settings:
    """One fast number, whose every message is read at once."""
    return fast_and_read_at_once()


@pytest.fixture
def registry(schema_registry_server: SchemaRegistry) -> Iterator[SchemaRegistry]:
    """The session's registry, which the test may stop."""
    yield schema_registry_server
    schema_registry_server.start()


@pytest.fixture
def system(tmp_path: Path, kafka_bootstrap: str, topic_prefix: str, registry: SchemaRegistry) -> System:
    """An installation whose schemas are registered."""
    system = System(tmp_path, kafka_bootstrap, topic_prefix, {"schema_registry": {"url": registry.url}})
    system.create_topics()
    register(system, registry.url)
    return system


def told(process: Process) -> str:
    """What readiness says about the registry, once it says more than that the role is starting."""
    while (reason := process.wait_until("/readyz", 503)["checks"]["schema_registry"]["reason"]) == "starting":
        time.sleep(0.05)
    return str(reason)


def test_a_registry_away_at_the_start_is_told_and_waited_for(system: System, registry: SchemaRegistry) -> None:
    """Both roles live, are not ready and say why; once the registry is there they work, without a restart."""
    registry.stop()
    with system.running("ingress") as ingress, system.running("delivery") as delivery:
        for process in (ingress, delivery):
            assert told(process).startswith(f"{registry.url}: ConnectError")
            assert process.get("/livez")[0] == 200
        registry.start()
        for process in (ingress, delivery):
            process.wait_ready()
            assert process.terminate() == 0
            assert process.log.read_text().count("not ready yet, trying again") == 1


def test_a_registry_gone_after_the_start_costs_nothing(
    system: System, registry: SchemaRegistry, cloud_api_simulator: SimulatorClient
) -> None:
    """Both roles go on; only a command with a schema never seen before waits, and is sent when the registry is back."""
    system.use_cloud_api(cloud_api_simulator.base_url)
    names = system.settings.topic_names
    events = [names.delivery_outcomes, names.message_statuses, names.inbound_messages]
    with (
        SchemaRegistryClient({"url": registry.url, "timeout": 20}) as client,
        both_roles(system, cloud_api_simulator) as roles,
    ):
        known, other = Crm(system, client), Crm(system, client, MINIMAL_COMMAND)
        known.encode(text_command("learns its id", "+16505550000"))
        other.encode(text_command("learns its id", "+16505550000"))
        registry.kill()

        known.send(text_command(f"known-{index}", f"+1650555{index:04d}") for index in range(20))
        cloud_api_simulator.inbound(NUMBER, kind="text", text="Hello?")
        records = read_committed(system.bootstrap, events, Enough(20 + 3 * 20 + 1))
        assert Counter(record.topic() for record in records) == dict(zip(events, (20, 60, 1), strict=True))
        assert [role.get("/readyz")[0] for role in roles] == [200, 200]

        other.send([text_command("waits", "+16505556000")])
        delivery = roles[1]
        while f"{registry.url}: ConnectError" not in delivery.log.read_text():
            assert delivery.popen.poll() is None
            time.sleep(0.05)
        assert len(outcomes(system, 20)) == 20

        registry.start()
        assert decoded(outcomes(system, 21), client, names.delivery_outcomes)[-1]["outcome"] == "ACCEPTED"
        assert cloud_api_simulator.summary()["accepted"] == 21


def outcomes(system: System, count: int) -> list[Message]:
    """The outcomes there are, at least so many; in the order in which they were settled."""
    topic = system.settings.topic_names.delivery_outcomes
    return sorted(read_committed(system.bootstrap, [topic], Enough(count)), key=lambda record: record.timestamp()[1])

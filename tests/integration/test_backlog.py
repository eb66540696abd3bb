"""A slow number beside fast ones in one slot, on a real broker: bounded memory, no command lost or repeated."""

import json
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Message, Producer

from connector.records.codec import Codec
from connector.records.keys import slot_of
from connector.simulator.client import SimulatorClient
from connector.simulator.settings import NumberSettings, Settings
from tests.integration.system import ACCESS_TOKEN, SLOTS, Enough, System, read_committed

SAME_SLOT = [str(number) for number in range(106540352242900, 106540352243000) if slot_of(str(number), SLOTS) == 2]
SLOW, FAST = SAME_SLOT[:2]
SLOW_MPS = 15


@pytest.fixture
def cloud_api_settings() -> Settings:
    """Two numbers of one slot, one slow and one fast."""
    return Settings(
        access_tokens=(ACCESS_TOKEN,),
        numbers=(NumberSettings(id=SLOW, mps=SLOW_MPS, level="NOT_APPLICABLE"), NumberSettings(id=FAST, level="HIGH")),
        seed=1,
    )


@pytest.fixture
def system(tmp_path: Path, kafka_bootstrap: str, topic_prefix: str, cloud_api_simulator: SimulatorClient) -> System:
    """A window of 40 commands for each number."""
    system = System(
        tmp_path,
        kafka_bootstrap,
        topic_prefix,
        {
            "delivery": {"session_timeout_s": 12, "window_per_number": 40},
            "numbers": [{"phone_number_id": SLOW, "throughput_mps": SLOW_MPS}],
        },
    )
    system.use_cloud_api(cloud_api_simulator.base_url)
    system.create_topics()
    return system


def _produce(system: System, commands: list[tuple[str, str]]) -> None:
    producer = Producer({"bootstrap.servers": system.bootstrap, "partitioner": "murmur2_random"})
    for index, (number, command_id) in enumerate(commands):
        command = {"command_id": command_id, "phone_number_id": number, "to": f"+1650{index:07d}", "type": "text",
                   "text": {"body": "Hello"}}  # fmt: skip
        producer.produce(system.settings.topic_names.commands[0], json.dumps(command).encode(), number.encode())
    producer.flush()


def _outcomes(records: list[Message]) -> dict[str, list[dict[str, Any]]]:
    codec = Codec()
    found: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        outcome = codec.decode("DeliveryOutcome", record.value() or b"")
        found.setdefault(outcome["command_id"], []).append(outcome)
    return found


@pytest.mark.timeout(150)
def test_a_slow_number_holds_nobody_up_over_stops_and_starts(
    system: System, cloud_api_simulator: SimulatorClient
) -> None:
    """200 commands of a slow number lie before 1,000 of a fast one; two clean restarts in between repeat nothing."""
    slow = [(SLOW, f"slow-{index}") for index in range(200)]
    fast = [(FAST, f"fast-{index}") for index in range(1000)]
    _produce(system, slow + fast)
    topics = [system.settings.topic_names.delivery_outcomes]
    with system.running("delivery") as worker:
        read_committed(system.bootstrap, topics, Enough(400))
        assert worker.terminate() == 0
    with system.running("delivery") as worker:
        records = read_committed(system.bootstrap, topics, Enough(1050))
        sent = cloud_api_simulator.summary()["numbers"]
        assert sent[FAST]["accepted"] > 900
        assert sent[SLOW]["accepted"] < 200
        assert worker.terminate() == 0
    with system.running("delivery") as worker:
        records = read_committed(system.bootstrap, topics, Enough(1200))
        assert worker.terminate() == 0
    outcomes = _outcomes(records)
    assert len(outcomes) == 1200
    assert all(len(repeats) == 1 and repeats[0]["outcome"] == "ACCEPTED" for repeats in outcomes.values())
    assert cloud_api_simulator.summary()["accepted"] == 1200


def test_duplicates_and_conflicts_are_told_also_after_a_restart(
    system: System, cloud_api_simulator: SimulatorClient
) -> None:
    """The same identity again is DUPLICATE, with another content a dead letter; one restart later as well."""
    _produce(system, [(FAST, "once")])
    topics = [system.settings.topic_names.delivery_outcomes]
    with system.running("delivery") as worker:
        read_committed(system.bootstrap, topics, Enough(1))
        assert worker.terminate() == 0
    _produce(system, [(FAST, "once"), (SLOW, "other"), (FAST, "once")])
    with system.running("delivery") as worker:
        records = read_committed(system.bootstrap, topics, Enough(4))
        assert worker.terminate() == 0
    outcomes = _outcomes(records)
    (first, duplicate, conflict) = sorted(outcomes["once"], key=lambda outcome: outcome["source"]["offset"])
    assert first["outcome"] == "ACCEPTED"
    assert duplicate["outcome"] == "DUPLICATE"
    assert duplicate["duplicate_of"] == first["event_id"]
    assert conflict["outcome"] == "DEAD_LETTERED"
    assert conflict["error"]["class"] == "id_conflict"
    assert cloud_api_simulator.summary()["accepted"] == 2

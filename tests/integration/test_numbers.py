"""Numbers that are paused or throttled: they rest, the others flow, and they resume by a word or in time."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from confluent_kafka import Producer

from connector.records.keys import slot_of
from connector.simulator.client import SimulatorClient
from connector.simulator.settings import NumberSettings, Settings
from tests.integration.system import ACCESS_TOKEN, SLOTS, Enough, System, clean_environment, read_committed

SAME_SLOT = [str(number) for number in range(106540352242900, 106540352243000) if slot_of(str(number), SLOTS) == 2]
ONE, OTHER = SAME_SLOT[:2]


@pytest.fixture
def cloud_api_settings() -> Settings:
    """Two numbers of one slot."""
    return Settings(access_tokens=(ACCESS_TOKEN,), numbers=(NumberSettings(id=ONE), NumberSettings(id=OTHER)), seed=1)


@pytest.fixture
def system(tmp_path: Path, kafka_bootstrap: str, topic_prefix: str, cloud_api_simulator: SimulatorClient) -> System:
    """An installation whose Cloud API is the simulator."""
    system = System(tmp_path, kafka_bootstrap, topic_prefix)
    system.use_cloud_api(cloud_api_simulator.base_url)
    system.create_topics()
    (tmp_path / "cli.yaml").write_text(json.dumps(system.values))
    return system


def _numbers(system: System, *words: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "connector", "numbers", *words, "--config", str(system.folder / "cli.yaml")],
        capture_output=True, text=True, timeout=60, check=False, env=clean_environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def _produce(system: System, number: str, count: int, name: str) -> None:
    producer = Producer({"bootstrap.servers": system.bootstrap, "partitioner": "murmur2_random"})
    for index in range(count):
        command = {"command_id": f"{name}-{index}", "phone_number_id": number, "to": f"+1650{index:07d}",
                   "type": "text", "text": {"body": "Hello"}}  # fmt: skip
        producer.produce(system.settings.topic_names.commands[0], json.dumps(command).encode(), number.encode())
    producer.flush()


def test_a_paused_number_rests_over_a_restart_and_resumes_by_a_word(
    system: System, cloud_api_simulator: SimulatorClient
) -> None:
    """Pause, produce, restart, resume: nothing of it leaves before, everything once afterwards; the other flows."""
    topics = [system.settings.topic_names.delivery_outcomes]
    assert "paused" in _numbers(system, "pause", ONE, "--reason", "legal asked for it")
    assert "legal asked for it" in _numbers(system, "list")
    _produce(system, ONE, 20, "one")
    _produce(system, OTHER, 20, "other")
    with system.running("delivery") as worker:
        read_committed(system.bootstrap, topics, Enough(20))
        assert worker.terminate() == 0
    assert f"number {ONE}" in _numbers(system, "list")
    with system.running("delivery") as worker:
        worker.wait_ready()
        assert ONE not in cloud_api_simulator.summary()["numbers"] or (
            cloud_api_simulator.summary()["numbers"][ONE]["accepted"] == 0
        )
        _numbers(system, "resume", ONE)
        read_committed(system.bootstrap, topics, Enough(40))
        assert worker.terminate() == 0
    summary = cloud_api_simulator.summary()["numbers"]
    assert (summary[ONE]["accepted"], summary[OTHER]["accepted"]) == (20, 20)
    assert "Nothing is held" in _numbers(system, "list")


def test_a_throttled_app_rests_on_all_workers_and_costs_no_attempt(
    system: System, cloud_api_simulator: SimulatorClient
) -> None:
    """Code 4 for one request: a hold of the app with an end is on the control topic for everybody."""
    httpx.post(
        f"{cloud_api_simulator.base_url}/_admin/faults",
        json={"kind": "throttle", "code": 4, "count": 1, "methods": ["POST"]},
    ).raise_for_status()
    _produce(system, ONE, 1, "one")
    with system.running("delivery") as worker:
        worker.wait_ready()
        read_committed(system.bootstrap, [system.settings.topic_names.delivery_control], Enough(1))
        listed = json.loads(_numbers(system, "list", "--output", "json"))
        worker.terminate()
    (hold,) = [row for row in listed if "held" in row]
    assert hold["held"] == "app:default"
    assert hold["until_ms"] is not None

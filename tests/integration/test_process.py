"""Both roles as processes: how they start, what they say when they cannot, and how they stop."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from connector.kafka.topics import TopicAdmin, TopicSpec
from tests.fixtures.apache_kafka import ApacheKafka, free_port
from tests.integration.system import VERIFY_TOKEN, System, clean_environment

ROLES = ["ingress", "delivery"]


@pytest.mark.parametrize("role", ROLES)
def test_wrong_configuration_stops_with_every_fault_and_code_2(tmp_path: Path, role: str) -> None:
    """All faults are told at once, each with its key, and the exit code is 2."""
    config = tmp_path / "connector.yaml"
    config.write_text(
        "ingress: {port: 99999}\n"
        "delivery: {session_timeout_s: 12, lease_s: 11, instalation: x}\n"
        "cloud_api: {version: 26}\n"
        "kafka: {producer: {acks: 1}}\n"
    )
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "connector", role, "--config", str(config)],
        capture_output=True, text=True, timeout=30, check=False, env=clean_environment(),
    )  # fmt: skip
    assert done.returncode == 2
    for key in ("ingress.port", "delivery.lease_s", "delivery.instalation", "cloud_api.version", "kafka.producer.acks"):
        assert key in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_secret_files_stop_with_code_2(tmp_path: Path) -> None:
    """Every secret file that is missing is told by its key."""
    system = System(tmp_path, "127.0.0.1:1", "t.")
    (tmp_path / "app").unlink()
    (tmp_path / "verify").unlink()
    with system.running("ingress") as process:
        assert process.popen.wait(30) == 2
        text = process.log.read_text()
    assert "ingress.app_secret_files[0]" in text
    assert "ingress.verify_token_file" in text


@pytest.mark.parametrize("role", ROLES)
def test_kafka_away_at_start(tmp_path: Path, kafka_jars: Path, topic_prefix: str, role: str) -> None:
    """A clear line and another try; alive but not ready until Kafka is there; then the role works and ends with 0."""
    del kafka_jars
    broker = ApacheKafka(tmp_path / "kafka", free_port())
    system = System(tmp_path, broker.bootstrap, topic_prefix)
    with system.running(role) as process:
        process.wait_until("/livez", 200)
        status, report = process.get("/readyz")
        assert status == 503
        assert not report["checks"]["kafka"]["ok"]
        assert process.popen.poll() is None
        broker.start()
        try:
            reason = process.wait_until("/readyz", 503)["checks"]["topics"]["reason"]
            while not reason.startswith("missing topics"):
                reason = process.wait_until("/readyz", 503)["checks"]["topics"]["reason"]
            assert "connector topics apply" in reason
            assert process.get("/livez")[0] == 200
            system.create_topics()
            process.wait_ready()
            assert process.terminate() == 0
        finally:
            broker.stop()
    assert "trying again" in process.log.read_text()


@pytest.mark.parametrize("role", ROLES)
def test_sigterm_while_kafka_is_away(tmp_path: Path, role: str) -> None:
    """A role that never reached Kafka ends at once, with 0."""
    system = System(tmp_path, "127.0.0.1:1", "t.")
    with system.running(role) as process:
        process.wait_until("/livez", 200)
        assert process.terminate() == 0


def test_topics_of_ours_with_other_partition_counts_are_refused(
    tmp_path: Path, kafka_bootstrap: str, topic_prefix: str
) -> None:
    """N is one number: a worker that finds two ends with 2 and names the topics."""
    system = System(tmp_path, kafka_bootstrap, topic_prefix)
    names = system.settings.topic_names
    system.create_topics(slots=6)
    wrong = System(tmp_path, kafka_bootstrap, topic_prefix, {"topics": {
        "prefix": topic_prefix, "delivery_outcomes": "number-of-another",
    }})  # fmt: skip
    _make_topic(kafka_bootstrap, wrong.settings.topic_names.delivery_outcomes, 4)
    with wrong.running("delivery") as process:
        assert process.popen.wait(30) == 2
        text = process.log.read_text()
    assert "number-of-another" in text
    assert names.rerouted_commands in text


def test_handshake_of_meta(tmp_path: Path, kafka_bootstrap: str, topic_prefix: str) -> None:
    """The right token gets the challenge back as it is, a wrong one gets nothing."""
    system = System(tmp_path, kafka_bootstrap, topic_prefix)
    system.create_topics()
    with system.running("ingress") as process:
        process.wait_ready()
        query = {"hub.mode": "subscribe", "hub.verify_token": VERIFY_TOKEN, "hub.challenge": "1158201444"}
        answer = httpx.get(system.webhook_url, params=query)
        assert (answer.status_code, answer.text) == (200, "1158201444")
        assert httpx.get(system.webhook_url, params={**query, "hub.verify_token": "guess"}).status_code == 403
        assert process.terminate() == 0


def _make_topic(bootstrap: str, name: str, partitions: int) -> None:
    TopicAdmin({"bootstrap.servers": bootstrap}).create([TopicSpec(name, partitions, {})], 1)

"""connector doctor: what stands in the way, on a real Kafka and a simulated Cloud API."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connector.clock import SystemClock
from connector.config import settle
from connector.kafka import cluster
from connector.operations.examining import CloudApi, needed_rights
from connector.simulator.client import SimulatorClient
from connector.simulator.settings import (
    AccountSettings,
    NumberSettings,
    Settings,
    TokenSettings,
)
from tests.cli.told import Told
from tests.fixtures.broker import CreateTopics
from tests.fixtures.installation import NUMBER, OTHER, WABA, Installation

Typed = Callable[..., Told]
SENDER = "sends-only"


@pytest.fixture
def cloud_api_settings() -> Settings:
    """A number of poor quality on a blocked account without subscription; a token that may only send."""
    return Settings(
        access_tokens=("access-token",),
        tokens=(TokenSettings(token=SENDER, scopes=("whatsapp_business_messaging",), valid_for_s=86_400),),
        accounts=(AccountSettings(id=WABA, block="payment", subscribed=False),),
        numbers=(NumberSettings(id=NUMBER, quality_rating="RED", registered=False), NumberSettings(id=OTHER)),
    )


def written(path: Path, values: dict[str, Any]) -> Path:
    """A configuration."""
    path.write_text(json.dumps(values))
    return path


def found(told: Told, about: str) -> list[tuple[str, str]]:
    """Grade and words of what was found about something."""
    return [(row["grade"], row["found"]) for row in told.json["findings"] if row["about"] == about]


def test_a_working_installation_is_found_to_be_good(installation: Installation, typed: Typed) -> None:
    """Everything looked at, no secret in the output, exit code 0; a single broker is told as it is."""
    told = typed("doctor", "--config", installation.config, "--waba", WABA, "--output", "json")
    assert told.code == 0, told.out
    assert told.json["ok"] is True
    names = installation.system.settings.topic_names
    assert found(told, names.commands[0]) == [("ok", "6 partitions, 1 replicas")]
    assert found(told, "rights of ingress") == [("ok", "this user may do all that is needed on the topics")]
    assert found(told, "rights of delivery") == [("ok", "this user may do all that is needed on the topics")]
    assert found(told, "transactions") == [("ok", "this user may write them")]
    assert found(told, f"WABA {WABA}") == [("ok", "1 app subscribed to its webhooks")]
    for number in (NUMBER, OTHER):
        assert found(told, f"number {number}") == [("ok", "STANDARD, 80 messages a second, quality GREEN")]
    assert [grade for grade, _ in found(told, "clock")] in (["ok"], ["warn"])  # a busy machine answers late
    assert "access-token" not in told.out


def test_each_fault_of_the_topics_is_told_with_what_to_do(
    tmp_path: Path, installation: Installation, create_topics: CreateTopics, topic_prefix: str, typed: Typed
) -> None:
    """A compacted command topic, one with another count, all others missing: exit code 1, an arrow for each."""
    values = {**installation.system.values, "topics": {"prefix": topic_prefix}}
    names = settle(values, []).topic_names
    create_topics(names.rerouted_commands, partitions=2)
    create_topics(names.commands[0], partitions=3, config={"cleanup.policy": "compact"})
    told = typed("doctor", "--only", "kafka", "--config", written(tmp_path / "c.yaml", values))
    assert told.code == 1
    assert f"warn  {names.commands[0]}: has 3 partitions, the slots are 2" in told.out
    assert f"fail  {names.commands[0]}: cleanup.policy is compact: records would be lost" in told.out
    assert f"fail  {names.delivery_state}: is missing" in told.out
    assert "-> run `connector topics apply`" in told.out


def test_the_ingress_needs_no_topic_of_delivery(
    tmp_path: Path, installation: Installation, create_topics: CreateTopics, topic_prefix: str, typed: Typed
) -> None:
    """An installation of its webhooks only is not told to make command topics."""
    values = {**installation.system.values, "topics": {"prefix": topic_prefix}}
    needed = needed_rights(settle(values, []))["ingress"]
    for topic in needed:
        create_topics(topic)
    words = ["--only", "kafka", "--config", written(tmp_path / "c.yaml", values), "--output", "json"]
    told = typed("doctor", "--role", "ingress", *words)
    assert {row["about"] for row in told.json["findings"]} == {"Kafka", *needed, "rights of ingress"}
    assert typed("doctor", *words).code == 1


@pytest.mark.parametrize(
    ("words", "asked"),
    [([], False), (["--only", "cloud-api"], True), (["--number", NUMBER], True), (["--waba", WABA], True)],
)
def test_the_ingress_needs_no_token(
    tmp_path: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch, words: list[str], *, asked: bool
) -> None:
    """The Cloud API is asked for it only when the words say so."""
    monkeypatch.setattr(cluster, "CALL_TIMEOUT_S", 0.3)
    values = {
        "kafka": {"common": {"bootstrap.servers": "127.0.0.1:1", "socket.connection.setup.timeout.ms": 1000}},
        "cloud_api": {"base_url": "http://127.0.0.1:1", "access_token_file": str(tmp_path / "access")},
        "numbers": [{"phone_number_id": NUMBER}],
    }
    config = written(tmp_path / "c.yaml", values)
    told = typed("doctor", "--role", "ingress", *words, "--config", config, "--output", "json")
    assert bool(found(told, f"number {NUMBER}")) is asked


def test_each_fault_of_the_cloud_api_is_told_with_what_to_do(
    tmp_path: Path, cloud_api_simulator: SimulatorClient, typed: Typed
) -> None:
    """Blocked account, unregistered number of poor quality, no subscription, a token that may only send."""
    for name, secret in {"access": "access-token", "sender": SENDER}.items():
        (tmp_path / name).write_text(secret)
    values = {
        "cloud_api": {"base_url": cloud_api_simulator.base_url, "access_token_file": str(tmp_path / "access")},
        "numbers": [{"phone_number_id": OTHER, "access_token_file": str(tmp_path / "sender"), "throughput_mps": 500}],
    }
    config = written(tmp_path / "c.yaml", values)
    told = typed("doctor", "--only", "cloud-api", "--waba", WABA, "--config", config, "--output", "json")
    assert told.code == 1
    assert found(told, f"WABA {WABA}") == [("fail", "no app is subscribed to its webhooks")]
    number = dict((words, grade) for grade, words in found(told, f"number {NUMBER}"))  # noqa: C402 - turned around
    assert number["its status is DISCONNECTED"] == "fail"
    assert number["its quality is RED"] == "warn"
    assert [words for words in number if words.startswith("sending is blocked")]
    other = found(told, f"number {OTHER}")
    assert ("warn", "throughput_mps is 500, Meta allows 80 a second (STANDARD)") in other
    grades = {grade for grade, _ in found(told, f"token of {tmp_path / 'sender'}")}
    assert grades == {"warn"}
    assert SENDER not in told.out


def test_a_token_nobody_knows_fails_everything_that_needs_it(
    tmp_path: Path, cloud_api_simulator: SimulatorClient, typed: Typed
) -> None:
    """And says how to get another one."""
    (tmp_path / "access").write_text("unknown-token")
    values = {"cloud_api": {"base_url": cloud_api_simulator.base_url, "access_token_file": str(tmp_path / "access")}}
    config = written(tmp_path / "c.yaml", values)
    told = typed("doctor", "--only", "cloud-api", "--number", NUMBER, "--config", config)
    assert told.code == 1
    assert "code 190" in told.out
    assert "make a system user's token" in told.out
    assert "unknown-token" not in told.out + told.err


def test_what_cannot_be_reached_is_told_with_its_key(
    tmp_path: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kafka, registry, Cloud API, secret files; the other parts are looked at all the same."""
    monkeypatch.setattr(cluster, "CALL_TIMEOUT_S", 0.5)
    values = {
        "kafka": {"common": {"bootstrap.servers": "127.0.0.1:1", "socket.connection.setup.timeout.ms": 1000}},
        "schema_registry": {"url": "http://127.0.0.1:1"},
        "cloud_api": {"base_url": "http://127.0.0.1:1", "access_token_file": str(tmp_path / "access")},
    }
    (tmp_path / "access").write_text("some-token")
    told = typed("doctor", "--config", written(tmp_path / "c.yaml", values))
    assert told.code == 1
    for key in ("kafka.common", "schema_registry.url", "cloud_api.base_url", "ingress.verify_token_file"):
        assert key in told.out
    assert "some-token" not in told.out


def test_a_clock_that_is_off_is_found(tmp_path: Path, cloud_api_simulator: SimulatorClient) -> None:
    """By the API's own time."""

    class Ahead(SystemClock):
        """Two minutes ahead."""

        def wall_ms(self) -> int:
            return super().wall_ms() + 120_000

    (tmp_path / "access").write_text("access-token")
    values = {"cloud_api": {"base_url": cloud_api_simulator.base_url, "access_token_file": str(tmp_path / "access")}}
    with CloudApi(settle(values, []), Ahead()) as api:
        (clock,) = [finding for finding in api.findings([], []) if finding.about == "clock"]
    assert (clock.grade, "ahead of the Cloud API's" in clock.found) == ("fail", True)


def test_a_faulty_configuration_is_exit_code_2(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """All its faults, before anything is looked at."""
    monkeypatch.setenv("CONNECTOR_ADMIN__PORT", "-1")
    assert typed("doctor").code == 2

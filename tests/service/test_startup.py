"""Before a role works: what it waits for is said once, tried again, and seen in its readiness."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from connector.config import Settings, settle
from connector.kafka.topics import UnreachableError
from connector.records.codec import Codec
from connector.service import startup
from connector.service.startup import (
    build_codec,
    client_config,
    topics_present,
    unless_stopped,
    until_it_works,
    watch_kafka,
)
from connector.telemetry.health import Health

CHECKS = ("kafka", "topics", "schema_registry")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another try comes without a wait."""
    monkeypatch.setattr(startup, "RETRY_S", 0.0)
    monkeypatch.setattr(startup, "WATCH_S", 0.0)


@pytest.fixture
def health() -> Health:
    """Nothing is good yet."""
    return Health(CHECKS)


def check(health: Health, name: str) -> tuple[bool, str]:
    """State and reason of a check."""
    found = health.report()["checks"][name]
    return found["ok"], found["reason"]


class FakeAdmin:
    """Answers with one thing after another; the last one stays."""

    def __init__(self, *answers: dict[str, int] | str) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.on_asked: Callable[[], None] = lambda: None

    def partitions(self) -> dict[str, int]:
        """Topics, or nobody there."""
        self.asked += 1
        self.on_asked()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, str):
            raise UnreachableError(answer)
        return answer


async def test_each_reason_is_told_once(health: Health) -> None:
    """Ten tries for two reasons are two lines; readiness has the last one, and is good in the end."""
    reasons = ["refused"] * 5 + ["timed out"] * 5
    seen = []

    async def attempt() -> str:
        seen.append(check(health, "kafka"))
        if reasons:
            raise UnreachableError(reasons.pop(0))
        return "done"

    with capture_logs() as logs:
        assert await until_it_works("Kafka", attempt, health, "kafka", (UnreachableError,)) == "done"
    assert [line["reason"] for line in logs if line["log_level"] == "warning"] == ["refused", "timed out"]
    assert seen[0] == (False, "starting")
    assert seen[-1] == (False, "timed out")
    assert check(health, "kafka") == (True, "")


async def test_what_does_not_pass_is_not_waited_for(health: Health) -> None:
    """A fault of ours is raised at once."""

    async def attempt() -> None:
        message = "ours"
        raise ValueError(message)

    with pytest.raises(ValueError, match="ours"):
        await until_it_works("Kafka", attempt, health, "kafka", (UnreachableError,))


async def test_topics_are_waited_for_by_name(health: Health) -> None:
    """First Kafka, then the topics: which ones are missing, and what to run; counts of the wanted ones come back."""
    admin: Any = FakeAdmin("nobody there", {}, {"a": 1}, {"a": 1, "b": 2, "other": 3})
    with capture_logs() as logs:
        found = await topics_present(admin, ["a", "b", "a"], health)
    assert found == {"a": 1, "b": 2}
    (kafka, topics) = [line["reason"] for line in logs if line["log_level"] == "warning"]
    assert kafka == "nobody there"
    assert "missing topics: b" in topics
    assert "connector topics apply" in topics
    assert (check(health, "kafka"), check(health, "topics")) == ((True, ""), (True, ""))


async def test_the_broker_is_watched(health: Health) -> None:
    """Readiness follows it while the role works."""
    admin: Any = FakeAdmin({}, "away", "away", {})
    states: list[tuple[bool, str]] = []
    seen = asyncio.Event()
    loop = asyncio.get_running_loop()

    def asked() -> None:
        states.append(check(health, "kafka"))
        if len(states) > 4:
            loop.call_soon_threadsafe(seen.set)

    admin.on_asked = asked
    with capture_logs():
        watching = asyncio.create_task(watch_kafka(admin, health))
        await asyncio.wait_for(seen.wait(), 20)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    assert states[1:5] == [(True, ""), (False, "away"), (False, "away"), (True, "")]


def configured(tmp_path: Path, **kafka: Any) -> Settings:
    """Settings with a secret for Kafka."""
    secret = tmp_path / "password"
    secret.write_text("s3cret\n")
    return settle({"kafka": {"secret_files": {"sasl.password": str(secret)}, **kafka}}, [])


def test_a_client_has_common_properties_its_own_and_its_secrets(tmp_path: Path) -> None:
    """Its own win over the common ones, secrets over both."""
    settings = configured(tmp_path, common={"bootstrap.servers": "a:1", "client.id": "all"})
    config = client_config(settings, {"client.id": "mine", "linger.ms": 3})
    wanted = {"bootstrap.servers": "a:1", "client.id": "mine", "linger.ms": 3, "sasl.password": "s3cret"}
    assert wanted.items() <= config.items()


def test_a_secret_is_read_anew_for_each_client(tmp_path: Path) -> None:
    """A worker that starts after a rotation has the new one."""
    settings = configured(tmp_path)
    (tmp_path / "password").write_text("rotated")
    assert client_config(settings, {})["sasl.password"] == "rotated"


async def test_without_a_registry_there_is_nothing_to_wait_for(health: Health) -> None:
    """The codec writes single-object encoding, and the check is good."""
    codec = await build_codec(Settings(), {"DeliveryOutcome": "outcomes"}, health)
    assert isinstance(codec, Codec)
    assert check(health, "schema_registry") == (True, "")
    data = codec.encode("NumberSignal", {"kind": "HEARTBEAT", "replica": "r", "at": 1})
    assert data.startswith(b"\xc3\x01")


async def test_what_is_over_before_the_stop_is_told() -> None:
    """Nobody has said stop."""

    async def quick() -> str:
        return "there"

    done = await unless_stopped(quick(), asyncio.get_running_loop().create_future())
    assert done is not None
    assert await done == "there"


async def test_a_start_that_waits_for_ever_ends_when_it_is_told_to() -> None:
    """A worker that waited for the holds after a broker's restart did not hear SIGTERM."""

    async def never() -> None:
        await asyncio.Event().wait()

    stopping = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(stopping.set_result, None)
    before = asyncio.all_tasks()
    assert await unless_stopped(never(), stopping) is None
    assert asyncio.all_tasks() == before

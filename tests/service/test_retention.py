"""The metric of how long topics keep their records."""

import asyncio
from collections.abc import Iterable
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException
from structlog.testing import capture_logs

from connector.kafka.topics import TopicAdmin
from connector.service import retention
from connector.service.retention import watch_retention
from connector.telemetry.readings import Readings

NAME = "whatsapp.connector.topic.retention"


class Answers:
    """Kafka's answers, one after another; the test goes on when they are used up."""

    def __init__(self, *answers: dict[str, float] | KafkaException) -> None:
        self._answers = list(answers)
        self.over = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def retentions_s(self, _topics: Iterable[str]) -> dict[str, float]:
        """The next one."""
        if not self._answers:
            self._loop.call_soon_threadsafe(self.over.set)
            raise REFUSED
        answer = self._answers.pop(0)
        if isinstance(answer, KafkaException):
            raise answer
        return answer


REFUSED = KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))


async def watched(*answers: dict[str, float] | KafkaException) -> tuple[dict[Any, float], list[Any]]:
    """What the metric says after these answers, and the log."""
    readings, kafka = Readings(), Answers(*answers)
    with capture_logs() as logs:
        task = asyncio.create_task(watch_retention(lambda: cast("TopicAdmin", kafka), ["crm", "old"], readings.metrics))
        await kafka.over.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    values = {labels["topic"]: readings.value(NAME, **labels) for labels in readings.labels(NAME)}
    readings.close()
    return values, logs


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "REREAD_S", 0.0)


async def test_the_metric_follows_the_topics() -> None:
    """A retention that was lengthened is told anew, and a topic that keeps for ever by now is gone."""
    values, _ = await watched({"crm": 604800.0, "old": 60.0}, {"crm": 2592000.0})
    assert values == {"crm": 2592000.0}


async def test_without_the_right_to_ask_there_is_no_metric_and_one_line() -> None:
    """What is not known is not told; the log says so once, not at each try."""
    values, logs = await watched(REFUSED, REFUSED)
    assert values == {}
    assert [line["event"] for line in logs] == ["retention of the command topics is not known"]


async def test_what_was_known_stays_while_kafka_is_away() -> None:
    """A missing answer is no change."""
    values, _ = await watched({"crm": 604800.0}, REFUSED)
    assert values == {"crm": 604800.0}

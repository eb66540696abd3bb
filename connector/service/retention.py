"""How long the topics of commands keep their records: asked of Kafka now and then, for the metric."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from confluent_kafka import KafkaException

from connector.kafka.topics import TopicAdmin
from connector.telemetry.metrics import Metrics

log = structlog.get_logger()

REREAD_S: Final = 60.0
"""Whoever lengthens a retention because of an alert sees it end within minutes."""


async def watch_retention(new_admin: Callable[[], TopicAdmin], topics: Sequence[str], metrics: Metrics) -> None:
    """Keep the metric true to life; ends by cancellation. Without the right to ask, there is no metric."""
    kept: dict[str, float] = {}
    metrics.topic_retention.watch(lambda: [(seconds, {"topic": topic}) for topic, seconds in list(kept.items())])
    told = ""
    while True:
        try:
            found = await asyncio.to_thread(new_admin().retentions_s, topics)
        except KafkaException as error:
            reason = error.args[0].str()
            if reason != told:
                log.info("retention of the command topics is not known", reason=reason)
                told = reason
        else:
            kept.clear()
            kept.update(found)
            told = ""
        await asyncio.sleep(REREAD_S)

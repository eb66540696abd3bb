"""Reaching Kafka and the registry at start: a clear line, another try, and readiness that says why not yet."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any, Final, TypeVar

import structlog

from connector.clock import SystemClock
from connector.config import Settings
from connector.kafka.registry import RegistryUnavailableError, SchemaTexts
from connector.kafka.topics import TopicAdmin, UnreachableError
from connector.records.codec import Codec
from connector.records.subjects import subject_of
from connector.secrets import read_secret
from connector.service.schema_registry import known_texts, open_registry, records_of_subjects, written_ids
from connector.telemetry.health import Health
from connector.telemetry.logs import librdkafka_logger

log = structlog.get_logger()

RETRY_S: Final = 2.0
WATCH_S: Final = 10.0

T = TypeVar("T")


class MissingTopicsError(Exception):
    """Topics that are not there yet; the message names them and says what to run."""


def client_config(settings: Settings, part: Mapping[str, Any]) -> dict[str, Any]:
    """The librdkafka properties of one client: the common ones, its own, and the secrets from their files."""
    secrets = {name: read_secret(path, text=True).decode() for name, path in settings.kafka.secret_files.items()}
    return {**settings.kafka.common, **part, **secrets, "logger": librdkafka_logger()}


async def until_it_works(
    what: str, attempt: Callable[[], Awaitable[T]], health: Health, check: str, passing: tuple[type[Exception], ...]
) -> T:
    """Try again every 2 s while ``attempt`` fails with a passing fault; each new reason is told once."""
    told = None
    while True:
        try:
            result = await attempt()
        except passing as error:
            reason = str(error)
            health.set(check, ok=False, reason=reason)
            if reason != told:
                log.warning("not ready yet, trying again", waiting_for=what, every_s=RETRY_S, reason=reason)
                told = reason
            await asyncio.sleep(RETRY_S)
        else:
            health.set(check, ok=True)
            return result


async def topics_present(admin: TopicAdmin, names: Iterable[str], health: Health) -> dict[str, int]:
    """Partition counts of these topics, once all are there."""
    wanted = set(names)

    async def look() -> dict[str, int]:
        found = await asyncio.to_thread(admin.partitions)
        health.set("kafka", ok=True)
        if missing := wanted - found.keys():
            message = f"missing topics: {', '.join(sorted(missing))}; run `connector topics apply`"
            raise MissingTopicsError(message)
        return {name: found[name] for name in wanted}

    async def reach() -> None:
        await asyncio.to_thread(admin.partitions)

    await until_it_works("Kafka", reach, health, "kafka", (UnreachableError,))
    return await until_it_works("topics", look, health, "topics", (UnreachableError, MissingTopicsError))


async def build_codec(settings: Settings, topics: Mapping[str, str], health: Health) -> Codec:
    """The codec; with a registry, the ids of what this role writes (record name to topic) are looked up first.

    Raises:
        ConfigurationError: a schema is not registered, or the registry cannot be reached with these settings at all.
    """
    if settings.schema_registry.url is None:
        health.set("schema_registry", ok=True)
        return Codec()
    section = settings.schema_registry
    registry = open_registry(section)
    subjects = {record: subject_of(section.subject_name_strategy, topic, record) for record, topic in topics.items()}

    async def look_up() -> dict[str, int]:
        return await asyncio.to_thread(written_ids, registry, subjects)

    ids = await until_it_works("schema registry", look_up, health, "schema_registry", (RegistryUnavailableError,))
    records = records_of_subjects(settings.topic_names, section.subject_name_strategy)
    known = await asyncio.to_thread(known_texts, registry, records)
    return Codec(ids, SchemaTexts(registry.schema_of, SystemClock()).of, known)


async def watch_kafka(admin: TopicAdmin, health: Health) -> None:
    """Keep the readiness check of Kafka true to life; ends by cancellation."""
    while True:
        await asyncio.sleep(WATCH_S)
        try:
            await asyncio.to_thread(admin.partitions)
        except UnreachableError as error:
            health.set("kafka", ok=False, reason=str(error))
        else:
            health.set("kafka", ok=True)


async def unless_stopped(work: Coroutine[Any, Any, T], stopping: asyncio.Future[Any]) -> asyncio.Task[T] | None:
    """The work, when it is over before somebody says stop; else None, and it is ended."""
    task = asyncio.create_task(work)
    await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        return task
    await ended(task)
    return None


async def ended(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait until it is over."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

"""The delivery role: components in start order, stopped in reverse.

Shutdown budget: the requests under way get ``delivery.drain_s``; the last transaction and leaving the group get
:data:`COMMIT_S`; the chart's grace period is their sum.
"""

import asyncio
import contextlib
import sys
import uuid
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

import structlog
from confluent_kafka import KafkaException

from connector.clock import Clock
from connector.collector import calm_the_collector
from connector.config import Settings
from connector.delivery.ambiguity import Ambiguity
from connector.delivery.care import Care
from connector.delivery.command import Output, Settlement
from connector.delivery.dispatcher import Dispatcher
from connector.delivery.graph_client import GraphClient
from connector.delivery.holds import ControlWriter
from connector.delivery.intake import Placement
from connector.delivery.lease import Lease
from connector.delivery.ledger.attempts import AttemptWriter
from connector.delivery.ledger.journal import AttemptJournal
from connector.delivery.news import Listener, News
from connector.delivery.outcomes import OutcomeWriter
from connector.delivery.retry import RetryPolicy
from connector.delivery.traces import DeliveryTraces
from connector.delivery.worker import Worker
from connector.kafka.reader import PositionedReader
from connector.kafka.topics import TopicAdmin
from connector.kafka.transaction import FatalProducerError, TransactionalProducer, UnreachableProducerError
from connector.records.codec import Codec
from connector.secrets import SecretFile
from connector.service.bridge import Bridge
from connector.service.kafka_side import KafkaSide
from connector.service.observers import DeliveryObserver
from connector.service.retention import watch_retention
from connector.service.startup import (
    build_codec,
    client_config,
    ended,
    topics_present,
    unless_stopped,
    until_it_works,
    watch_kafka,
)
from connector.service.topology import destinations, needed_topics, placement, written_records
from connector.telemetry.health import Health
from connector.telemetry.metrics import Metrics
from connector.telemetry.spans import Spans
from connector.whatsapp.limits import THROUGHPUT_MPS, Level

log = structlog.get_logger()

CHECKS: Final = ("kafka", "topics", "schema_registry", "group")
COMMIT_S: Final = 15.0
SWITCH_S: Final = 0.0005
"""The event loop waits at most so long for the Kafka thread, not Python's 5 ms: each wait pushes sends together."""

IN_FLIGHT_PER_NUMBER: Final = 1000
"""Requests under way: enough for 1000 messages a second that are answered within one, a bound when answers hang."""

CONNECTIONS_MAX: Final = 2000


class DeliveryService:
    """One worker of the delivery group."""

    def __init__(
        self, settings: Settings, clock: Clock, metrics: Metrics, health: Health, spans: Spans | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._metrics = metrics
        self._health = health
        self._traces: DeliveryTraces | None = None
        if spans is not None:
            cloud = settings.cloud_api
            self._traces = DeliveryTraces(spans, clock, f"{cloud.base_url}/{cloud.version}")
        self._names = settings.topic_names
        self._observer = DeliveryObserver(metrics, clock)
        self._tokens = _Tokens(settings, clock)
        self._dispatcher = Dispatcher(
            RetryPolicy(settings.delivery.attempts_max, settings.delivery.retry_age_max_s),
            Random(),  # noqa: S311 - jitter, not a secret
            default_rate=THROUGHPUT_MPS[Level.STANDARD],
            in_flight_per_number=IN_FLIGHT_PER_NUMBER,
        )
        self._ambiguity = Ambiguity(self._dispatcher, self._observer)
        self._observer.watch(self._dispatcher, self._ambiguity)

    def numbers(self) -> list[dict[str, Any]]:
        """The state of each number, for ``GET /numbers``."""
        return [
            {**state._asdict(), "queued": sum(state.queued.values()), "held_s": round(state.held_s, 1)}
            for state in self._dispatcher.numbers(self._clock.monotonic())
        ]

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``, then drained, committed and out of the group.

        Raises:
            ConfigurationError: what was found in Kafka does not fit the configuration.
            FatalProducerError, FatalConsumerError: Kafka shut this worker out.
        """
        admin = self._admin()
        stopping = asyncio.create_task(stop.wait())
        started = await unless_stopped(self._start(admin), stopping)
        if started is not None:
            await self._work(admin, *await started, stopping)

    def _admin(self) -> TopicAdmin:
        return TopicAdmin(client_config(self._settings, {}))

    async def _start(self, admin: TopicAdmin) -> tuple[Placement, Codec, TransactionalProducer]:
        counts = await topics_present(admin, needed_topics(self._settings), self._health)
        slots = placement(self._settings, counts)
        codec = await build_codec(
            self._settings,
            written_records(self._settings),
            self._health,
        )
        producer = TransactionalProducer(
            client_config(self._settings, self._settings.kafka.producer),
            f"{self._settings.delivery.installation}-{uuid.uuid4().hex[:12]}",
        )
        await until_it_works(
            "transactions",
            lambda: asyncio.to_thread(producer.start),
            self._health,
            "kafka",
            (UnreachableProducerError,),
        )
        return slots, codec, producer

    async def _work(
        self,
        admin: TopicAdmin,
        placement: Placement,
        codec: Codec,
        producer: TransactionalProducer,
        stopping: asyncio.Task[Any],
    ) -> None:
        delivery, cloud = self._settings.delivery, self._settings.cloud_api
        outcomes = OutcomeWriter(destinations(self._settings), codec)
        async with contextlib.AsyncExitStack() as stack:
            api = await stack.enter_async_context(
                GraphClient(cloud.base_url, cloud.version, delivery.http_timeout_s, CONNECTIONS_MAX)
            )
            bridge = Bridge(asyncio.get_running_loop(), self._clock, delivery.drain_s, self._settled)
            fatal: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            bridge.journal = journal = AttemptJournal(
                client_config(self._settings, self._settings.kafka.producer), on_fatal=fatal.set_result
            )
            await journal.start()
            stack.push_async_callback(journal.close)
            lease = Lease(delivery.lease_s)
            attempts = AttemptWriter(self._names.delivery_attempts, producer.transactional_id, codec)
            kafka = KafkaSide(self._settings, self._clock, placement, codec, outcomes, producer=producer)
            consumer = kafka.consumer(
                bridge, lease, attempts, observer=self._observer, on_slots=bridge.on_slots(self._on_slots)
            )
            bridge.care = care = self._care(api, codec, producer.transactional_id, consumer.note, bridge)
            stack.callback(care.close)
            bridge.news = news = self._news(codec, bridge)
            bridge.worker = worker = Worker(
                self._dispatcher,
                api,
                outcomes,
                self._clock,
                installation=delivery.installation,
                access_token=self._tokens.of,
                configured_rate=self._configured_rates().get,
                settle=consumer.settle,
                note=consumer.note,
                journal=journal,
                attempts=attempts,
                ambiguity=self._ambiguity,
                observer=self._observer,
                on_answer=care.on_answer,
                may_start=lease.holds,
                traces=self._traces,
            )
            self._dispatcher.heed(care.pause_of)
            holds = await unless_stopped(
                until_it_works(
                    "holds", lambda: asyncio.to_thread(news.holds), self._health, "kafka", (KafkaException,)
                ),
                stopping,
            )
            if holds is None:
                return
            for key, control in await holds:
                care.on_control(key, control)
            log_topics = [*self._names.commands, self._names.rerouted_commands]
            for background in (
                worker.run(),
                news.run(),
                watch_kafka(admin, self._health),
                watch_retention(self._admin, log_topics, self._metrics),
            ):
                stack.push_async_callback(ended, asyncio.create_task(background))
            calm_the_collector()
            sys.setswitchinterval(SWITCH_S)
            thread = asyncio.create_task(asyncio.to_thread(consumer.run))
            await asyncio.wait({thread, stopping, fatal}, return_when=asyncio.FIRST_COMPLETED)
            self._health.set("group", ok=False, reason="stopping")
            consumer.stop()
            await thread
            if fatal.done():  # without a journal nothing may be sent
                raise FatalProducerError(fatal.result())

    def _care(
        self,
        api: GraphClient,
        codec: Codec,
        worker_id: str,
        note: Callable[[Output], None],
        bridge: Bridge,
    ) -> Care:
        writer = ControlWriter(self._names.delivery_control, worker_id, codec)

        return Care(
            self._dispatcher,
            api,
            self._clock,
            worker=worker_id,
            installation=self._settings.delivery.installation,
            access_token=self._tokens.of,
            configured_wabas={n.phone_number_id: n.waba_id for n in self._settings.numbers if n.waba_id},
            publish=lambda key, record: note(writer.output(key, record)),
            pump=bridge.pump,
            reread_level=bridge.reread_level,
        )

    def _news(self, codec: Codec, listener: Listener) -> News:
        config = client_config(self._settings, self._settings.kafka.consumer)
        return News(
            lambda: PositionedReader(config),
            self._admin,
            codec,
            listener,
            signals_topic=self._names.number_signals,
            control_topic=self._names.delivery_control,
        )

    def _settled(self, settlements: Sequence[Settlement]) -> None:
        self._observer.settled(settlements)
        if self._traces is not None:
            self._traces.settled(settlements)

    def _on_slots(self, started: frozenset[int]) -> None:
        self._health.set("group", ok=True)
        log.info("delivery.slots", started=len(started))

    def _configured_rates(self) -> dict[str, int]:
        return {
            number.phone_number_id: number.throughput_mps
            for number in self._settings.numbers
            if isinstance(number.throughput_mps, int)
        }


class _Tokens:
    """Access tokens by number, read again when their files change."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._default = SecretFile(settings.cloud_api.access_token_file, clock, text=True)
        self._own = {
            number.phone_number_id: SecretFile(number.access_token_file, clock, text=True)
            for number in settings.numbers
            if number.access_token_file is not None
        }

    def of(self, phone_number_id: str) -> str:
        return self._own.get(phone_number_id, self._default).reveal_text()

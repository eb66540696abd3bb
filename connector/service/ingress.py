"""The ingress role: components in start order, stopped in reverse.

Shutdown budget: requests that are open get :data:`DRAIN_S` to be acknowledged and answered, the producer's last records
:data:`FLUSH_S`; the chart's grace period is their sum.
"""

import asyncio
import contextlib
import dataclasses
import socket
import uuid
from collections.abc import Callable, Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

import structlog

from connector.clock import Clock
from connector.collector import calm_the_collector
from connector.config import Settings
from connector.ingress.admission import Admission, Limits
from connector.ingress.app import IngressApp
from connector.ingress.http_protocol import CONNECTIONS_MAX, bounded_http
from connector.ingress.intake import Intake
from connector.ingress.numbers import Numbers
from connector.ingress.peers import Peers
from connector.ingress.publisher import EventTopics, Publisher
from connector.ingress.repeat_window import RepeatWindow
from connector.ingress.signals import Signals
from connector.ingress.tally import Tally
from connector.ingress.traces import IngressTraces
from connector.kafka.producer import RecordProducer
from connector.kafka.topics import TopicAdmin
from connector.kafka.transaction import FatalProducerError
from connector.secrets import SecretFile
from connector.service.http import Tls, serving
from connector.service.startup import build_codec, client_config, ended, topics_present, unless_stopped, watch_kafka
from connector.telemetry.health import Health
from connector.telemetry.metrics import Metrics
from connector.telemetry.spans import Spans

log = structlog.get_logger()

CHECKS: Final = ("kafka", "topics", "schema_registry", "listening")
DRAIN_S: Final = 10.0
FLUSH_S: Final = 5.0

ACKNOWLEDGE_S: Final = 5.0
"""How long records are tried before they are given up. The webhook they came in is answered earlier; if it comes again
meanwhile, it shares what becomes of them."""


class IngressService:
    """One replica of the ingress."""

    def __init__(
        self, settings: Settings, clock: Clock, metrics: Metrics, health: Health, spans: Spans | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._metrics = metrics
        self._health = health
        self._spans = spans
        self.port: int | None = None

    def numbers(self) -> None:
        """The ingress knows none."""
        return

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``, then drained.

        Raises:
            ConfigurationError: a schema is not registered.
            FatalProducerError: Kafka takes nothing more from this replica.
        """
        admin = TopicAdmin(client_config(self._settings, {}))
        stopping = asyncio.create_task(stop.wait())
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(ended, stopping)
            started = await unless_stopped(self._start(stack, admin), stopping)
            if started is None:
                return
            fatal = await started
            ends: list[asyncio.Future[Any]] = [fatal, stopping]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            self._health.set("listening", ok=False, reason="stopping")
            if fatal.done():
                raise FatalProducerError(fatal.result())

    async def _start(self, stack: contextlib.AsyncExitStack, admin: TopicAdmin) -> asyncio.Future[str]:
        """Listen only once Kafka, topics and schemas are there: until then Meta's retries are the better queue."""
        names = self._settings.topic_names
        topics = EventTopics(
            inbound_messages=names.inbound_messages,
            message_statuses=names.message_statuses,
            account_events=names.account_events,
            number_signals=names.number_signals,
            webhook_rejects=names.webhook_rejects,
        )
        await topics_present(admin, dataclasses.astuple(topics), self._health)
        written = {
            "InboundMessage": names.inbound_messages,
            "MessageStatus": names.message_statuses,
            "AccountEvent": names.account_events,
            "NumberSignal": names.number_signals,
        }
        codec = await build_codec(self._settings, written, self._health)
        fatal: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        producer = RecordProducer(
            client_config(self._settings, self._settings.kafka.producer),
            delivery_timeout_s=ACKNOWLEDGE_S,
            on_fatal=fatal.set_result,
        )
        await producer.start()
        stack.push_async_callback(producer.close, FLUSH_S)
        tally = Tally(self._metrics)
        stack.callback(tally.hand_over)
        publisher = Publisher(producer, codec, topics, tally=tally, timeout_s=ACKNOWLEDGE_S)
        traces = None
        if self._spans is not None:
            traces = IngressTraces(self._spans, self._settings.ingress.path, dataclasses.asdict(topics))
        await self._listen(stack, publisher, tally, traces)
        stack.push_async_callback(ended, asyncio.create_task(watch_kafka(admin, self._health)))
        return fatal

    async def _listen(
        self, stack: contextlib.AsyncExitStack, publisher: Publisher, tally: Tally, traces: IngressTraces | None
    ) -> None:
        settings = self._settings.ingress
        replica = f"{socket.gethostname()}-{uuid.uuid4().hex[:6]}"
        admission = Admission(Limits(), self._clock, tally)
        signals = Signals(publisher, replica, self._clock, admission.vouched_until)
        app = IngressApp(
            path=settings.path,
            app_secrets=self._secrets(*settings.app_secret_files),
            verify_tokens=self._secrets(settings.verify_token_file),
            peers=Peers(
                [ip_network(network) for network in settings.trusted_proxies],
                settings.client_certificate_header,
                settings.client_common_name,
            ),
            admission=admission,
            intake=Intake(
                publisher,
                signals,
                admission=admission,
                window=RepeatWindow(settings.repeat_window),
                numbers=Numbers(self._numbers()),
                clock=self._clock,
                tally=tally,
                replica=replica,
                installation=self._settings.delivery.installation,
                key_secret=self._key_secret(),
            ),
            signals=signals,
            clock=self._clock,
            tally=tally,
            traces=traces,
        )
        for running in (signals.run(), admission.run(), tally.run()):
            stack.push_async_callback(ended, asyncio.create_task(running))
        self.port = await stack.enter_async_context(
            serving(
                app,
                settings.host,
                settings.port,
                drain_s=DRAIN_S,
                # One more than the protocol lets in: uvicorn's own 503 would have no Retry-After and leave no gap.
                concurrency_max=CONNECTIONS_MAX + 1,
                protocol=bounded_http(settings.client_common_name if settings.client_ca_file else None),
                tls=self._tls(),
            )
        )
        calm_the_collector()
        self._health.set("listening", ok=True)
        log.info("listening for webhooks", port=self.port, path=settings.path, replica=replica)

    def _tls(self) -> Tls | None:
        settings = self._settings.ingress
        if settings.tls_certificate_file is None or settings.tls_key_file is None:
            return None
        return Tls(settings.tls_certificate_file, settings.tls_key_file, settings.client_ca_file)

    def _numbers(self) -> dict[str, str]:
        numbers = self._settings.numbers
        return {n.display_phone_number: n.phone_number_id for n in numbers if n.display_phone_number is not None}

    def _secrets(self, *paths: Path) -> Callable[[], Sequence[bytes]]:
        files = [SecretFile(path, self._clock) for path in paths]
        return lambda: [file.reveal() for file in files]

    def _key_secret(self) -> Callable[[], bytes] | None:
        path = self._settings.topics.conversation_key_secret_file
        if self._settings.topics.conversation_key != "hmac" or path is None:
            return None
        return SecretFile(path, self._clock).reveal

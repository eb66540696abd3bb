"""The demo's own composition root: everything in one process, from nothing, and down again."""

import asyncio
import contextlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from connector.clock import SystemClock
from connector.config import Settings, settle
from connector.demo.gateway import CommandGateway
from connector.demo.screen import Row, Screen
from connector.demo.story import Story
from connector.demo.tally import Tally
from connector.demo.traffic import ANSWERED, NUMBERS, Sample, faulty, sendable
from connector.demo.warehouse import Warehouse
from connector.kafka.mock_broker import MockBroker
from connector.kafka.producer import Record, RecordProducer
from connector.service import delivery, ingress
from connector.service.http import serving
from connector.service.startup import ended
from connector.simulator import settings as simulated
from connector.simulator.server import RunningSimulator, running
from connector.telemetry.health import Health
from connector.telemetry.metrics import Metrics

APP_SECRET: Final = "demo-app-secret"  # noqa: S105 - a demo's secret, public on purpose
VERIFY_TOKEN: Final = "demo-verify-token"  # noqa: S105 - a demo's token, public on purpose
ACCESS_TOKEN: Final = "demo-access-token"  # noqa: S105 - a demo's token, public on purpose

TICK_S: Final = 0.5
GIVE_UP_S: Final = 60.0
"""After the time that the limits ask for, nothing of the demo takes longer than seconds."""

INBOUND: Final = 20

NOT_PROVEN: Final = """The embedded broker keeps no transactional offsets: settlement is shown here, not proven.
`make test` proves it on a real Apache Kafka."""
GATEWAY_CONCURRENCY: Final = 16


class Demo:
    """One run; ``commands`` is how many sendable ones there are."""

    def __init__(self, commands: int, *, keep: bool, console: Console) -> None:
        self._commands = commands
        self._keep = keep
        self._screen = Screen(console)
        self._tally = Tally()
        self._story = Story()
        self._clock = SystemClock()
        self._console = console
        self._finished = False
        self._accepted_before: dict[str, int] = {}

    async def run(self, stop: asyncio.Event) -> bool | None:
        """Whether all totals agree; None when ``stop`` came before they could."""
        async with contextlib.AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="connector-demo-")))
            self._screen.say(
                "starting an embedded broker, a simulated Cloud API, the ingress and one delivery worker ..."
            )
            broker = await asyncio.to_thread(MockBroker)
            cloud = await stack.enter_async_context(running(_simulator_settings()))
            settings = _settings(folder, broker.bootstrap, cloud.base_url)
            await asyncio.to_thread(broker.create, _topics(settings))
            worker = await self._start_roles(stack, settings, cloud, stop)
            if worker is None:
                return None
            producer = await self._start_clients(stack, settings)
            good = await self._play(stop, cloud, worker, producer, settings)
            if self._keep and not stop.is_set():
                await self._stay(stack, stop, settings, producer)
            return good if self._finished else None

    async def _start_roles(
        self, stack: contextlib.AsyncExitStack, settings: Settings, cloud: RunningSimulator, stop: asyncio.Event
    ) -> delivery.DeliveryService | None:
        """Both roles as their commands would run them; the webhook is subscribed with Meta's handshake.

        None when ``stop`` came before they were ready.
        """
        roles_stop = asyncio.Event()
        entry_health, worker_health = Health(ingress.CHECKS), Health(delivery.CHECKS)
        entry = ingress.IngressService(settings, self._clock, Metrics.no_op(), entry_health)
        worker = delivery.DeliveryService(settings, self._clock, Metrics.no_op(), worker_health)
        roles = asyncio.gather(entry.run(roles_stop), worker.run(roles_stop))

        async def end() -> None:
            roles_stop.set()
            await roles

        stack.push_async_callback(end)
        ready = asyncio.gather(entry_health.until_ready(), worker_health.until_ready())
        stopping = asyncio.create_task(stop.wait())
        stack.push_async_callback(ended, stopping)
        first: list[asyncio.Future[Any]] = [roles, ready, stopping]
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            ready.cancel()
        if roles.done():
            await roles
        if stop.is_set():
            return None
        self._webhook = f"http://127.0.0.1:{entry.port}{settings.ingress.path}"
        await cloud.set_webhook(self._webhook, VERIFY_TOKEN)
        return worker

    async def _start_clients(self, stack: contextlib.AsyncExitStack, settings: Settings) -> RecordProducer:
        """The CRM that writes commands, and the warehouse that reads what comes of them."""
        producer = RecordProducer(settings.kafka.common, delivery_timeout_s=10.0)
        await producer.start()
        stack.push_async_callback(producer.close, 2.0)
        warehouse = Warehouse(settings.kafka.common, settings.topic_names, self._tally, self._story, self._on_outcome)
        stack.push_async_callback(ended, asyncio.create_task(warehouse.run()))
        return producer

    async def _play(
        self,
        stop: asyncio.Event,
        cloud: RunningSimulator,
        worker: delivery.DeliveryService,
        producer: RecordProducer,
        settings: Settings,
    ) -> bool:
        """All the traffic, until everything has come back; what the totals say."""
        bad = faulty()
        crm, marketing = settings.topic_names.commands
        await producer.publish([_record(sample, crm, marketing) for sample in [*bad, *sendable(self._commands)]])
        produced = self._commands + len(bad)
        self._screen.say(f"{produced} commands are on Kafka, {len(bad)} of them faulty on purpose")
        begun = self._clock.monotonic()
        deadline = begun + GIVE_UP_S + self._commands / len(NUMBERS) / 20
        with self._screen:
            while not stop.is_set() and self._clock.monotonic() < deadline:
                self._screen.show(self._rows(worker), self._clock.monotonic() - begun)
                self._let_people_write(cloud)
                if self._tally.complete(produced=produced, faulty=len(bad), webhooks=INBOUND):
                    break
                await asyncio.sleep(TICK_S)
            rows = self._rows(worker)
        if stop.is_set():
            return False
        elapsed_s = self._clock.monotonic() - begun
        checks = self._tally.checks(
            produced=produced, faulty=len(bad), sent=cloud.summary()["accepted"], webhooks=INBOUND
        )
        self._screen.summary(rows, checks, self._facts(cloud, elapsed_s))
        self._finished = True
        return all(check.ok for check in checks)

    def _facts(self, cloud: RunningSimulator, elapsed_s: float) -> list[str]:
        summary = cloud.summary()
        limits = sum(
            int(number["refused"].get(code, 0))
            for number in summary["numbers"].values()
            for code in ("130429", "131056")
        )
        classes = ", ".join(f"{count} {class_}" for class_, count in sorted(self._tally.dead_letters.items()))
        return [
            "",
            *self._story.lines(),
            "",
            f"{self._tally.accepted} messages in {elapsed_s:.1f} s, refused for a limit by the Cloud API: {limits}",
            f"dead letters: {classes}",
            NOT_PROVEN,
        ]

    def _let_people_write(self, cloud: RunningSimulator) -> None:
        """A few inbound messages with each tick, to the number that has throughput to spare for them."""
        sent = cloud.summary()["numbers"].get(ANSWERED, {}).get("inbound", 0)
        for index in range(sent, min(INBOUND, sent + 2)):
            cloud.inbound(ANSWERED, kind="text", text=f"Question {index}: does it come in another color?")

    def _rows(self, worker: delivery.DeliveryService) -> list[Row]:
        states = {state["phone_number_id"]: state for state in worker.numbers()}
        return [self._row(number, states.get(number, {})) for number in NUMBERS]

    def _row(self, number: str, state: Mapping[str, Any]) -> Row:
        tally = self._tally.numbers[number]
        rate = (tally.accepted - self._accepted_before.get(number, 0)) / TICK_S
        self._accepted_before[number] = tally.accepted
        return Row(
            number=number,
            limit=state.get("rate", 0),
            rate=rate,
            queued=state.get("queued", 0) - state.get("in_flight", 0),
            in_flight=state.get("in_flight", 0),
            accepted=tally.accepted,
            failed=tally.failed,
            sent=tally.statuses["sent"],
            delivered=tally.statuses["delivered"],
            read=tally.statuses["read"],
            inbound=tally.inbound,
        )

    async def _stay(
        self, stack: contextlib.AsyncExitStack, stop: asyncio.Event, settings: Settings, producer: RecordProducer
    ) -> None:
        gateway = CommandGateway(producer, settings.topic_names.commands[0])
        port = await stack.enter_async_context(
            serving(gateway, "127.0.0.1", 0, drain_s=1.0, concurrency_max=GATEWAY_CONCURRENCY)
        )
        self._screen.say(_curl_lines(self._webhook, port, settings))
        await stop.wait()

    def _on_outcome(self, record: Mapping[str, Any]) -> None:
        if self._finished:
            self._screen.say(f"{record['outcome']}  {record['command_id']}  {record.get('message_id') or ''}")


def _simulator_settings() -> simulated.Settings:
    return simulated.Settings(
        access_tokens=(ACCESS_TOKEN,),
        app_secret=APP_SECRET,
        numbers=tuple(simulated.NumberSettings(id=n, level=level) for n, level in NUMBERS.items()),  # type: ignore[arg-type]
        latency=simulated.LatencySettings(median_ms=120.0, p99_ms=400.0),
        statuses=simulated.StatusSettings(delivered=1.0, read=0.6, sent_ms=80, delivered_ms=400, read_ms=1200),
        seed=1,
    )


def _settings(folder: Path, bootstrap: str, base_url: str) -> Settings:
    for name, secret in {"app": APP_SECRET, "verify": VERIFY_TOKEN, "access": ACCESS_TOKEN}.items():
        (folder / name).write_text(secret)
    return settle(
        {
            "kafka": {"common": {"bootstrap.servers": bootstrap, "log_level": 0}},
            "ingress": {
                "host": "127.0.0.1",
                "port": 0,
                "verify_token_file": str(folder / "verify"),
                "app_secret_files": [str(folder / "app")],
            },
            "cloud_api": {"base_url": base_url, "access_token_file": str(folder / "access")},
            "delivery": {"installation": "demo"},
        },
        [],
    )


def _topics(settings: Settings) -> list[str]:
    names = settings.topic_names
    return [
        *names.commands,
        *(names.dead_letters_of(topic) for topic in names.commands),
        names.inbound_messages,
        names.message_statuses,
        names.account_events,
        names.webhook_rejects,
        names.rerouted_commands,
        names.delivery_outcomes,
        names.delivery_attempts,
        names.delivery_state,
        names.number_signals,
        names.delivery_control,
    ]


def _record(sample: Sample, crm: str, marketing: str) -> Record:
    return Record(marketing if sample.marketing else crm, sample.value, sample.key.encode())


def _curl_lines(webhook: str, port: int, settings: Settings) -> str:
    return f"""
The demo keeps running; end it with Ctrl-C. Outcomes appear below.

Send a message (a command, written to {settings.topic_names.commands[0]}):
  curl -X POST http://127.0.0.1:{port}/commands -d '{{"command_id": "mine-1", "phone_number_id": "{ANSWERED}", \
"to": "+16505550100", "type": "text", "text": {{"body": "Hello"}}}}'

Post a webhook as Meta would, signed with the app secret:
  body=$(cat examples/webhook.json)
  curl -X POST {webhook} -H 'Content-Type: application/json' --data-binary "$body" \
-H "X-Hub-Signature-256: sha256=$(printf %s "$body" | openssl dgst -sha256 -hmac {APP_SECRET} | sed 's/.* //')"

The Kafka broker is at {settings.kafka.common["bootstrap.servers"]}.
"""

"""The storm: the whole system under load while the plan is carried out, then drained, stopped and read."""

import asyncio
from collections import defaultdict
from itertools import cycle
from typing import Final

from confluent_kafka import Message

from connector.clock import SystemClock
from tests.chaos import collect, leaks
from tests.chaos.commands import CommandLoad, NumberLoad
from tests.chaos.disturb import Disturber
from tests.chaos.driver import CommandDriver
from tests.chaos.ledgers import Leak, Source, Storm
from tests.chaos.plan import IN_NAMESPACE, REPLICAS, WORKERS, Plan
from tests.chaos.site import READY_WITHIN_S, SESSION_S, Installation, Site, holds
from tests.chaos.webhook_driver import WebhookDriver
from tests.fixtures.apache_kafka import HOST, free_port
from tests.integration.system import SLOTS

NUMBERS: Final = (
    NumberLoad("106540352242921", "STANDARD", 80, 22.0),
    NumberLoad("106540352242922", "STANDARD", 80, 22.0),
    NumberLoad("106540352242923", "NOT_APPLICABLE", 20, 7.0),
    NumberLoad("106540352242924", "NOT_APPLICABLE", 20, 7.0),
)
MANY: Final = tuple(NumberLoad(str(106540352260000 + n), "STANDARD", 80, 0.0) for n in range(40))
"""Numbers of a plan without mercy: each has little to do, all together enough."""

WRITTEN_TO: Final = "106540352242929"
"""The number of the driver's own webhooks; it sends nothing."""
INBOUND_PER_S: Final = 5
"""Messages of users that the simulator lets come in, for all its numbers in turn."""

DRAINED_WITHIN_S: Final = 60.0
LOOK_EVERY_S: Final = 0.3

_CLOCK: Final = SystemClock()


class StormStage:
    """One storm.

    Args:
        place: where it takes place.
        plan: what is done to whom.
        drain_s: how long it is waited for the last command after the load.
        numbers: what is asked of which number.
        protocol: of the consumer group: classic or consumer.
    """

    def __init__(
        self,
        place: Site,
        plan: Plan,
        *,
        drain_s: float = 60.0,
        numbers: tuple[NumberLoad, ...] = NUMBERS,
        protocol: str = "classic",
    ) -> None:
        self._place = place
        self._numbers = numbers
        self._drain_s = drain_s
        self._plan = plan
        self.installation = Installation(
            place,
            "storm",
            simulator={
                "numbers": [{"id": number.id, "level": number.level} for number in numbers],
                "latency": {"median_ms": 60, "p99_ms": 400},
                "statuses": {"read": 0.3},
                "remembered_max": 2_000_000,
                "seed": plan.seed,
            },
            changes={
                "delivery": {"session_timeout_s": SESSION_S},
                "kafka": {"consumer": {"group.protocol": protocol}},
            },
        )
        self._nodes = self.installation.nodes
        self._names = self.installation.system.settings.topic_names
        self._ports = {name: free_port() for name in REPLICAS}
        self._urls = {name: f"http://{HOST}:{port}/webhook" for name, port in self._ports.items()}
        self._commands = CommandDriver(place.broker.bootstrap, *self._names.commands)
        self._webhooks = WebhookDriver(plan.seed, WRITTEN_TO, self._urls, self.installation.secrets["app secret"])
        self.disturber = Disturber(self.installation, plan)

    async def run(self) -> Storm:
        """All of it; the ledgers."""
        try:
            await self._open()
            async with self.disturber.supervised():
                await self._load()
                await self._drain()
            metrics = {name: node.get("/metrics") or "" for name, node in self._nodes.items() if node.pid is not None}
            await self.installation.stop(*self._nodes.values())
            return await asyncio.to_thread(self._ledgers, metrics)
        finally:
            self.installation.close()

    async def _open(self) -> None:
        for name in WORKERS:
            self.installation.add("delivery", name, inside=name == IN_NAMESPACE)
        for name in REPLICAS:
            self.installation.add("ingress", name, changes={"ingress": {"port": self._ports[name]}})
        await self.installation.open()
        first = [self._nodes[name] for name in (WORKERS[0], *REPLICAS)]
        for node in first:
            node.start()
        await self.installation.until(
            "the first worker and the ingress are ready", lambda: all(node.ready for node in first), READY_WITHIN_S
        )
        with self.installation.observer() as observer:
            token = self.installation.secrets["verify token"]
            await asyncio.to_thread(observer.set_webhook, self._urls[REPLICAS[0]], token)
        self._place.say("storm: simulator, both ingress replicas and one worker are ready")

    async def _load(self) -> None:
        start_s, start_ms = _CLOCK.monotonic(), _CLOCK.wall_ms()
        drafts = CommandLoad(self._plan.seed, self._numbers, SLOTS, start_ms).drafts(self._plan.seconds)
        actions, faults = len(self._plan.actions), len(self._plan.faults)
        self._place.say(
            f"storm: {len(drafts)} commands in {self._plan.seconds:g} s, {actions} actions, {faults} faults"
        )
        self.disturber.plant_faults()

        inbound = asyncio.create_task(self._let_users_write())

        async def commands_and_actions() -> None:
            await asyncio.gather(self._commands.run(drafts, start_s), self.disturber.run(start_s))
            self._webhooks.stop()
            inbound.cancel()

        await asyncio.gather(commands_and_actions(), self._webhooks.run())
        await asyncio.gather(inbound, return_exceptions=True)

    async def _let_users_write(self) -> None:
        with self.installation.observer() as observer:
            for number in cycle(self._numbers):
                await asyncio.sleep(1.0)
                await asyncio.to_thread(observer.inbound, number.id, count=INBOUND_PER_S)

    async def _drain(self) -> None:
        """Until every command is settled and every webhook taken, or for as long as it may take."""
        self._place.say("storm: the load is over, waiting for the rest")
        settled: set[Source] = set()
        wanted = {command.source for command in self._commands.acknowledged}
        with collect.reading(self._place.broker.bootstrap, [self._names.delivery_outcomes]) as outcomes:

            def all_settled() -> bool:
                settled.update(collect.outcome(message).source for message in outcomes.more())
                return wanted <= settled

            await holds(all_settled, self._drain_s, LOOK_EVERY_S)
        with self.installation.observer() as observer:
            # Nothing more comes in by itself; what is under way is waited for.
            done = await holds(lambda: not observer.webhooks()["updates"]["pending"], DRAINED_WITHIN_S, LOOK_EVERY_S)
        missing = len(wanted - settled)
        self._place.say("storm: drained" if done and not missing else f"storm: not drained, {missing} are missing")

    def _ledgers(self, metrics: dict[str, str]) -> Storm:
        names = self._names
        letters = [names.dead_letters_of(topic) for topic in names.commands]
        events = [names.inbound_messages, names.message_statuses, names.account_events]
        others = [names.number_signals, names.delivery_attempts, names.delivery_state]
        topics = [names.delivery_outcomes, *letters, names.rerouted_commands, *events, names.webhook_rejects, *others]
        with collect.reading(self._place.broker.bootstrap, topics) as reading:
            messages = reading.to_the_end()
        on: dict[str, list[Message]] = defaultdict(list)
        for message in messages:
            on[message.topic() or ""].append(message)
        with self.installation.observer() as observer:
            requests, webhooks = collect.requests(observer), observer.webhooks()
        group = self.installation.system.settings.delivery.group_id
        return Storm(
            commands=tuple(self._commands.acknowledged),
            not_acknowledged=self._commands.failed,
            requests=requests,
            limits={number.id: number.limit for number in self._numbers},
            outcomes=tuple(map(collect.outcome, on[names.delivery_outcomes])),
            dead_letters=tuple(collect.dead_letter(message) for topic in letters for message in on[topic]),
            rerouted=dict(filter(None, map(collect.rerouted, on[names.rerouted_commands]))),
            cursors=collect.cursors(on[names.delivery_state]),
            sent_again=collect.sent_again(on[names.delivery_attempts]),
            open_attempts=collect.open_attempts(on[names.delivery_attempts]),
            ended_ms=_CLOCK.wall_ms(),
            committed=collect.committed(self._place.broker.bootstrap, group, names, SLOTS),
            posted=tuple(self._webhooks.posted),
            events=tuple(collect.event(message, names) for topic in events for message in on[topic]),
            rejects=tuple(message.value() or b"" for message in on[names.webhook_rejects]),
            webhooks=webhooks,
            disturbances=tuple(self.disturber.done),
            leaks=tuple(self._leaks(messages, metrics)),
            searched={"logs": len(self._nodes), "records": len(messages), "metrics": sum(map(bool, metrics.values()))},
        )

    def _leaks(self, messages: list[Message], metrics: dict[str, str]) -> list[Leak]:
        secrets, signatures = self.installation.secrets, frozenset(self._webhooks.signatures)
        logs = {name: node.log.read_bytes() if node.log.exists() else b"" for name, node in self._nodes.items()}
        posted = self._webhooks.posted
        let_in = {fact.id for body in posted if body.signed for fact in body.facts}
        forged = {fact.id for body in posted if not body.signed for fact in body.facts} - let_in
        found = leaks.in_logs(
            logs, secrets, signatures, [fact_id.split("/")[-2] for fact_id in forged if "/wamid" in fact_id]
        )
        for name, text in metrics.items():
            found += leaks.in_text(f"metrics of {name}", text.encode(), secrets, signatures)
        for message in messages:
            found += leaks.in_text(f"records of {message.topic()}", collect.everything(message), secrets, signatures)
        return found

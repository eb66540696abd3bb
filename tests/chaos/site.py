"""Where a run takes place: one real broker, perhaps a namespace, and installations with processes of their own."""

import asyncio
import contextlib
import json
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from connector.clock import SystemClock
from connector.service.delivery import COMMIT_S
from connector.service.ingress import DRAIN_S, FLUSH_S
from connector.simulator.client import SimulatorClient
from tests.chaos.ledgers import Stop
from tests.chaos.network import Namespace, NetworkUnavailable, namespace
from tests.chaos.processes import Node
from tests.fixtures.apache_kafka import HOST, ApacheKafka, free_port
from tests.integration.system import System

SESSION_S: Final = 8.0
READY_WITHIN_S: Final = 60.0
ENDED_WITHIN_S: Final = 60.0
"""Longer than any grace period: how long it really takes is worth knowing."""
LOOK_EVERY_S: Final = 0.1

_CLOCK: Final = SystemClock()


class BenchError(Exception):
    """The bench itself could not do its work; this says nothing about the connector."""


@dataclass
class Site:
    """What all installations share.

    Attributes:
        folder: everything that is written goes here.
        broker: one Apache Kafka.
        network: the namespace, None where none can be made.
        inside_bootstrap: the broker's address as seen from inside the namespace.
        notes: what a reader of the table has to know.
        say: prints one line of progress.
    """

    folder: Path
    broker: ApacheKafka
    network: Namespace | None
    inside_bootstrap: str
    say: Callable[[str], None]
    notes: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Where processes of this machine listen, so that those inside the namespace reach them."""
        return self.network.host_address if self.network is not None else HOST


@contextlib.contextmanager
def site(folder: Path, say: Callable[[str], None], *, network: bool) -> Iterator[Site]:
    """A started broker and, where it can be had, a namespace; all of it is gone afterwards.

    Raises:
        KafkaUnavailable: no broker can be had.
    """
    with contextlib.ExitStack() as stack:
        notes: list[str] = []
        inside: Namespace | None = None
        if network:
            try:
                inside = stack.enter_context(namespace())
            except NetworkUnavailable as reason:
                notes.append(f"no network cut: {reason}")
        port, inside_port = free_port(), free_port()
        broker = ApacheKafka(folder / "kafka", port, properties=_properties(port, inside, inside_port))
        stack.callback(broker.kill)
        broker.start()
        bootstrap = f"{inside.host_address}:{inside_port}" if inside is not None else broker.bootstrap
        yield Site(folder, broker, inside, bootstrap, say, notes)


def _properties(port: int, inside: Namespace | None, inside_port: int) -> dict[str, str]:
    """Sessions of the new group protocol, which are the broker's to say, and a listener on the namespace's side."""
    sessions = {
        "group.consumer.min.session.timeout.ms": "1000",
        "group.consumer.session.timeout.ms": str(int(SESSION_S * 1000)),
        "group.consumer.min.heartbeat.interval.ms": "500",
        "group.consumer.heartbeat.interval.ms": "1000",
    }
    if inside is None:
        return sessions
    outside, reached = f"PLAINTEXT://{HOST}:{port}", f"INSIDE://{inside.host_address}:{inside_port}"
    return {
        **sessions,
        "listeners": f"{outside},{reached},CONTROLLER://{HOST}:{port + 5_000}",
        "advertised.listeners": f"{outside},{reached}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT",
    }


class Installation:
    """One connector installation: topics, a simulated Cloud API, and its processes.

    Args:
        place: shared by all.
        name: goes before its topics and into its file names.
        simulator: settings of the simulator, without secrets.
        changes: of the configuration, by section.
    """

    def __init__(
        self, place: Site, name: str, *, simulator: Mapping[str, Any], changes: Mapping[str, Mapping[str, Any]]
    ) -> None:
        self.place = place
        self.name = name
        self.folder = place.folder / name
        self.folder.mkdir()
        self.system = System(self.folder, place.broker.bootstrap, f"{name}.")
        self.secrets = {what: secrets.token_hex(20) for what in ("app secret", "verify token", "access token")}
        for what, file in {"app secret": "app", "verify token": "verify", "access token": "access"}.items():
            (self.folder / file).write_text(self.secrets[what])
        # An installation of its own: another group, other transactions, other envelopes.
        for section, values in changes.items():
            self.system.values[section] = {**self.system.values.get(section, {}), **values}
        self.system.values["delivery"]["installation"] = name
        self._simulator_port = free_port()
        self.simulator_url = f"http://{place.address}:{self._simulator_port}"
        self.system.use_cloud_api(self.simulator_url)
        self.simulator = self._simulator_node(simulator)
        self.nodes: dict[str, Node] = {}
        self.stops: list[Stop] = []

    def _simulator_node(self, settings: Mapping[str, Any]) -> Node:
        file = self.folder / "simulator.yaml"
        own = {"access_tokens": [self.secrets["access token"]], "app_secret": self.secrets["app secret"]}
        file.write_text(json.dumps({**settings, **own}))
        command = [sys.executable, "-m", "connector", "simulator", "--config", str(file), "--host", self.place.address]
        return Node(
            "simulator", "simulator", [*command, "--port", str(self._simulator_port)], self.folder / "simulator.log"
        )

    def observer(self) -> SimulatorClient:
        """Asks the simulator."""
        return SimulatorClient(self.simulator_url, self.secrets["access token"], self.secrets["app secret"])

    def add(
        self, role: str, name: str, *, inside: bool = False, changes: Mapping[str, Mapping[str, Any]] | None = None
    ) -> Node:
        """A process of a role; not started yet.

        Args:
            role: ``ingress`` or ``delivery``.
            name: of the process, unique within the installation.
            inside: whether it lives in the namespace.
            changes: of the configuration, for this process.
        """
        values = json.loads(json.dumps(self.system.values))
        for section, change in (changes or {}).items():
            values[section] = {**values[section], **change}
        network = self.place.network if inside else None
        admin_host, admin_port = (network.address if network else HOST), free_port()
        values["admin"] = {"host": admin_host, "port": admin_port}
        if network is not None:
            values["kafka"]["common"]["bootstrap.servers"] = self.place.inside_bootstrap
        file = self.folder / f"{name}.yaml"
        file.write_text(json.dumps(values))
        command = [*(network.prefix if network else []), sys.executable, "-m", "connector", role, "--config", str(file)]
        url = f"http://{admin_host}:{admin_port}"
        node = self.nodes[name] = Node(name, role, command, self.folder / f"{name}.log", url)
        return node

    async def open(self) -> None:
        """Make the topics and start the simulator."""
        await asyncio.to_thread(self.system.create_topics)
        self.simulator.start()

        def answers() -> bool:
            with contextlib.suppress(Exception), self.observer() as observer:
                observer.summary()
                return True
            return False

        await self.until("the simulator answers", answers, READY_WITHIN_S)

    async def until(self, what: str, condition: Callable[[], bool], within_s: float) -> None:
        """Return once ``condition`` holds.

        Raises:
            BenchError: it does not in time; with the end of every log.
        """
        if not await holds(condition, within_s):
            ends = "".join(f"\n{node.name}: {node.log_end()}" for node in (self.simulator, *self.nodes.values()))
            message = f"{self.name}: not within {within_s:.0f} s: {what}{ends}"
            raise BenchError(message)

    async def stop(self, *nodes: Node) -> None:
        """End some processes in good order, all at once, and note how that went.

        One that does not listen yet is killed and says nothing.
        """
        settings = self.system.settings.delivery
        budgets_s = {"ingress": DRAIN_S + FLUSH_S, "delivery": settings.drain_s + COMMIT_S}

        async def stop(node: Node) -> None:
            if await asyncio.to_thread(node.get, "/livez") is None:
                node.kill()  # it has not got as far as to have anything to end
                return
            allowed_s = budgets_s[node.role]
            code, seconds = await asyncio.to_thread(node.end, max(allowed_s, ENDED_WITHIN_S))
            self.stops.append(Stop(f"{self.name}/{node.name}", code, seconds, allowed_s))

        await asyncio.gather(*(stop(node) for node in nodes if node.pid is not None))

    def close(self) -> None:
        """End everything at once."""
        for node in (*self.nodes.values(), self.simulator):
            node.kill()


async def holds(condition: Callable[[], bool], within_s: float, every_s: float = LOOK_EVERY_S) -> bool:
    """Whether ``condition`` comes true in time."""
    deadline = _CLOCK.monotonic() + within_s
    while not await asyncio.to_thread(condition):
        if _CLOCK.monotonic() > deadline:
            return False
        await asyncio.sleep(every_s)
    return True

"""What a measurement of the delivery needs around it: one broker, a receiver, workers as processes, commands."""

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any, Final

import httpx
from confluent_kafka import Producer

from bench.delivery_receiver import HOST
from connector.clock import SystemClock
from connector.simulator.client import SimulatorClient
from tests.chaos.processes import Node
from tests.fixtures.apache_kafka import ApacheKafka, free_port
from tests.integration.system import ACCESS_TOKEN, System

CLOCK: Final = SystemClock()
READY_WITHIN_S: Final = 60.0
ENDED_WITHIN_S: Final = 60.0
LEVELS: Final = {20: "NOT_APPLICABLE", 80: "STANDARD", 1000: "HIGH"}
MPS_MAX: Final = 1000
"""What a configuration may say of a number; beyond it are numbers that no worker sends for."""
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


class StageError(Exception):
    """The bench could not do its work; this says nothing about the connector."""


@dataclass(frozen=True, slots=True)
class Send:
    """One message that was accepted; ``at_s`` on the clock that all processes of this machine share."""

    number: str
    recipient: str
    command: str
    at_s: float


@dataclass
class Place:
    """What all stages of a run share.

    Attributes:
        folder: everything that is written goes here.
        bootstrap: the broker.
        receiver: ``lean`` or ``simulator``.
        latency_ms: until an answer comes.
        seed: of the receiver.
        consumer: settings of the workers' librdkafka consumers.
    """

    folder: Path
    bootstrap: str
    receiver: str
    latency_ms: float
    seed: int
    consumer: Mapping[str, str] = field(default_factory=dict)
    stages: int = 0


@contextlib.contextmanager
def broker(folder: Path, bootstrap: str | None) -> Iterator[str]:
    """The address of a broker: the one that is given, or one that lives as long as the block."""
    if bootstrap is not None:
        yield bootstrap
        return
    kafka = ApacheKafka(folder / "kafka", free_port())
    kafka.start()
    try:
        yield kafka.bootstrap
    finally:
        kafka.stop()


@dataclass
class Stage:
    """One installation: topics of its own, a receiver with these numbers, and workers.

    Args:
        place: shared by all.
        numbers: messages a second of each number.
        slots: partitions of the command topics.
        delivery: changes of the section ``delivery``.
    """

    place: Place
    numbers: Mapping[str, int]
    slots: int
    delivery: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.place.stages += 1
        folder = self.place.folder / f"stage-{self.place.stages}"
        folder.mkdir()
        self.system = System(folder, self.place.bootstrap, f"bench{os.getpid()}-{self.place.stages}.")
        self.system.values["delivery"] = {
            **self.system.values["delivery"], "installation": f"bench-{os.getpid()}-{self.place.stages}",
            **self.delivery,
        }  # fmt: skip
        self.system.values["numbers"] = [
            {"phone_number_id": number, "throughput_mps": rate}
            for number, rate in self.numbers.items() if rate not in LEVELS and rate <= MPS_MAX
        ]  # fmt: skip
        self.system.values["kafka"]["consumer"] = dict(self.place.consumer)
        port = free_port()
        self.url = f"http://{HOST}:{port}"
        self.system.use_cloud_api(self.url)
        self.receiver = self._receiver(folder, port)
        self.workers: list[Node] = []
        self.producer = Producer({
            "bootstrap.servers": self.place.bootstrap, "partitioner": "murmur2_random", "linger.ms": 20,
            "batch.num.messages": 50_000, "queue.buffering.max.messages": 500_000, "log_level": 0,
        })  # fmt: skip

    def _receiver(self, folder: Path, port: int) -> Node:
        settings = {
            "access_tokens": [ACCESS_TOKEN],
            "numbers": [
                {"id": number, "level": LEVELS[rate]} if rate in LEVELS else {"id": number, "mps": rate}
                for number, rate in self.numbers.items()
            ],
            "latency": {"median_ms": self.place.latency_ms},
            "remembered_max": 5_000_000,
            "commands_max": 5_000_000,
            "command_id": "wkc1",
            "seed": self.place.seed,
        }
        file = folder / "receiver.yaml"
        file.write_text(json.dumps(settings))
        simulator = ["-m", "connector", "simulator", "--config", str(file), "--host", HOST, "--port", str(port)]
        lean = ["-m", "bench.delivery_receiver", str(file), str(port)]
        command = [sys.executable, *(lean if self.place.receiver == "lean" else simulator)]
        return Node("receiver", "receiver", command, folder / "receiver.log")

    @property
    def topics(self) -> tuple[str, ...]:
        """Command topics, CRM first."""
        return tuple(self.system.settings.topic_names.commands)

    @property
    def config(self) -> str:
        """The configuration, for other commands of the connector."""
        return json.dumps(self.system.values)

    def open(self) -> None:
        """Make the topics, start the receiver."""
        self.system.create_topics(self.slots)
        self.receiver.start()
        self.until("the receiver answers", self._answers, READY_WITHIN_S)

    def close(self) -> None:
        """End everything at once."""
        for node in (*self.workers, self.receiver):
            node.kill()

    def start_workers(self, count: int) -> None:
        """Start workers, and wait until each is ready."""
        started = [self._worker(len(self.workers) + index) for index in range(count)]
        self.workers += started
        for worker in started:
            worker.start()
        for worker in started:
            self.until(f"{worker.name} is ready", lambda worker=worker: worker.ready, READY_WITHIN_S)  # type: ignore[misc]

    def stop_workers(self) -> None:
        """SIGTERM to all, one after the other.

        Raises:
            StageError: one did not end well.
        """
        for worker in self.workers:
            code, seconds = worker.end(ENDED_WITHIN_S)
            if code != 0:
                message = f"{worker.name} ended with {code} after {seconds:.0f} s\n{worker.log_end()}"
                raise StageError(message)
        self.workers = []

    def _worker(self, index: int) -> Node:
        port = free_port()
        file = self.system.folder / f"worker-{self.place.stages}-{index}-{port}.yaml"
        file.write_text(json.dumps({**self.system.values, "admin": {"host": HOST, "port": port}}))
        command = [sys.executable, "-m", "connector", "delivery", "--config", str(file)]
        return Node(f"worker {index}", "delivery", command, file.with_suffix(".log"), f"http://{HOST}:{port}")

    def produce(self, topic: str, commands: Iterable[tuple[str, str, str]]) -> int:
        """Write commands (number, recipient, command id) as fast as Kafka takes them; how many."""
        count = 0
        for number, recipient, name in commands:
            value = (
                f'{{"command_id":"{name}","phone_number_id":"{number}","to":"+{recipient}","type":"text",'
                '"text":{"body":"On its way"}}'
            )
            self.put(topic, value.encode(), number)
            count += 1
        return count

    def put(self, topic: str, value: bytes, key: str, partition: int = -1, timestamp_ms: int = 0) -> None:
        """Hand a record to the client as soon as it has room; by itself that decides about partition and time."""
        while True:
            try:
                self.producer.produce(topic, value, key, partition, timestamp=timestamp_ms)
            except BufferError:
                self.producer.poll(0.05)
            else:
                return

    def flush(self) -> None:
        """Wait until Kafka has everything.

        Raises:
            StageError: it does not take it.
        """
        if left := self.producer.flush(120):
            message = f"{left} commands were not taken by the broker"
            raise StageError(message)

    def produce_at(self, topic: str, commands: Sequence[tuple[float, str, str, str]], start_s: float) -> None:
        """Write each command (seconds from the start, number, recipient, command id) at its time."""
        for offset_s, number, recipient, name in commands:
            while (early_s := start_s + offset_s - CLOCK.monotonic()) > 0:
                self.producer.flush(min(early_s, 0.01))
                pause(min(early_s, 0.002))
            self.produce(topic, [(number, recipient, name)])
        self.flush()

    def until(self, what: str, holds: Callable[[], bool], within_s: float, every_s: float = 0.25) -> None:
        """Return once ``holds`` does.

        Raises:
            StageError: not in time; with the end of each log.
        """
        deadline = CLOCK.monotonic() + within_s
        while not holds():
            if CLOCK.monotonic() > deadline:
                ends = "".join(f"\n{node.name}: {node.log_end()}" for node in (self.receiver, *self.workers))
                message = f"not within {within_s:.0f} s: {what}{ends}"
                raise StageError(message)
            pause(every_s)

    def summary(self) -> dict[str, Any]:
        """The receiver's sums."""
        with SimulatorClient(self.url, ACCESS_TOKEN, timeout_s=60) as client:
            return client.summary()

    def accepted(self, numbers: Iterable[str]) -> int:
        """How many messages of these numbers were accepted so far."""
        found = self.summary()["numbers"]
        return sum(found[number]["accepted"] for number in numbers if number in found)

    def sends(self) -> list[Send]:
        """Every acceptance in order."""
        with SimulatorClient(self.url, ACCESS_TOKEN, timeout_s=600) as client:
            return [
                Send(seen["number"], seen["recipient"], seen["command"] or "", seen["at_s"])
                for seen in client.acceptances()
            ]

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            self.summary()
            return True
        return False


def pause(seconds: float) -> None:
    """Let time pass."""
    Event().wait(seconds)


def cpu_s(pid: int | None) -> float:
    """CPU that a running process has used, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

"""A broker, a group and an event loop for one worker, without threads and in virtual time.

What the worker commits is what the next owner of a slot reads back: positions, outcomes and states.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any, Final

from connector.delivery.admission import Admission, note_outcome
from connector.delivery.backfill import Backfill
from connector.delivery.backlog import Partition
from connector.delivery.command import Output, QueuedCommand, Settle, Settlement, Source, Tried, Verdict
from connector.delivery.consumer import SlotConsumer
from connector.delivery.intake import Intake, Placement
from connector.delivery.lease import Lease
from connector.delivery.ledger.attempts import AttemptWriter, SlotAttempts
from connector.delivery.ledger.settlements import Ledger
from connector.delivery.ledger.states import StateWriter
from connector.delivery.ledger.takeover import History
from connector.delivery.outcomes import Destinations, OutcomeWriter
from connector.delivery.reception import Reception
from connector.delivery.slots import SlotStarter
from connector.kafka.transaction import TransactionAbortedError
from connector.records.codec import Codec
from connector.records.keys import slot_of
from tests.delivery.making import ACCEPTED, CRM, MARKETING, WALL_MS, json_command

SLOTS: Final = 2
CODEC: Final = Codec()
TOPICS: Final = ("crm", "marketing", "rerouted")
MEMBER: Final = object()
NUMBERS: Final = {slot: [str(n) for n in range(1000, 1100) if slot_of(str(n), SLOTS) == slot] for slot in range(SLOTS)}
"""Some numbers of each slot."""


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        """Seconds."""
        return self.now

    def wall_ms(self) -> int:
        """Milliseconds."""
        return WALL_MS + round(self.now * 1000)


class Record:
    """A record as the client gives it."""

    def __init__(self, source: Source, key: bytes | None, value: bytes | None, headers: Any) -> None:
        self._source, self._key, self._value, self._headers = source, key, value, headers

    def topic(self) -> str:
        """Of its place."""
        return self._source.topic

    def partition(self) -> int:
        """Of its place."""
        return self._source.partition

    def offset(self) -> int:
        """Of its place."""
        return self._source.offset

    def key(self) -> bytes | None:
        """As it was written."""
        return self._key

    def value(self) -> bytes | None:
        """As it was written."""
        return self._value

    def headers(self) -> Any:
        """As they were written."""
        return self._headers

    def timestamp(self) -> tuple[int, int]:
        """Kind and milliseconds."""
        return 1, WALL_MS


class Broker:
    """Logs, committed offsets, and transactions that do as they are told; its outputs are in their order."""

    def __init__(self) -> None:
        self.logs: dict[Partition, list[Record]] = defaultdict(list)
        self.offsets: dict[Partition, int] = {}
        self.outputs: list[Output] = []
        self.transactions = 0
        self.fails: Callable[[], Exception | None] = lambda: None
        self.closed = False

    def produce(self, topic: str, number: str, command_id: str, **members: Any) -> Source:
        """A command into the home slot of its number."""
        value = json_command(number, command_id=command_id, to=f"user of {command_id}", **members)
        return self.append(topic, slot_of(number, SLOTS), number.encode(), value)

    def append(self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Any = None) -> Source:
        """Any record."""
        log = self.logs[Partition(topic, partition)]
        source = Source(topic, partition, len(log))
        log.append(Record(source, key, value, headers))
        return source

    def commit(self, records: Iterable[Output], offsets: Sequence[tuple[str, int, int]], member: object) -> None:
        """All or nothing; forwarded commands arrive."""
        assert member is MEMBER
        found = list(records)
        if (error := self.fails()) is not None:
            raise error
        self.transactions += 1
        self.outputs += found
        for topic, partition, offset in offsets:
            assert offset >= self.offsets.get(Partition(topic, partition), 0)
            self.offsets[Partition(topic, partition)] = offset
        for output in found:
            if output.topic in TOPICS:
                self.append(output.topic, output.partition, output.key, output.value, list(output.headers))

    def close(self) -> None:
        """Let go."""
        self.closed = True

    def outcomes(self) -> list[dict[str, Any]]:
        """All outcome records, decoded."""
        return [CODEC.decode("DeliveryOutcome", o.value or b"") for o in self.outputs if o.topic == "outcomes"]

    def settled_ids(self) -> list[str]:
        """The command ids of all outcomes."""
        return [outcome["command_id"] for outcome in self.outcomes()]

    def read(self, partitions: Iterable[Partition], slots: Iterable[int]) -> list[History]:
        """What earlier owners have left."""
        histories = {slot: History(slot) for slot in slots}
        for partition in partitions:
            begun = histories[partition.partition]
            begun.positions[partition] = self.offsets.get(partition, 0)
            if partition not in self.offsets:
                begun.unstored.add(partition)
        for output in self.outputs:
            history = histories.get(output.partition)
            if history is not None and output.topic == "state":
                history.states.read(output.key, output.value, CODEC)
            elif history is not None and output.topic == "outcomes":
                outcome = CODEC.decode("DeliveryOutcome", output.value or b"")
                note_outcome(outcome, Source(**outcome["source"]), history.identities)
            elif history is not None and output.topic == "attempts":
                history.attempts.read(output.value, CODEC)
        for begun in histories.values():
            begun.forget_settled()
        return list(histories.values())


class Group:
    """A member whose fate a test decides; ``events`` are what happens in its next turns."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.owned: set[Partition] = set()
        self.paused: set[Partition] = set()
        self.closed = False
        self.events: list[Callable[[], None]] = []
        self.waits: list[float] = []
        self._positions: dict[Partition, int] = {}

    def join(self, topics: Sequence[str], on_assigned: Any, on_revoked: Any, on_lost: Any) -> None:
        """Remember whom to tell."""
        self.topics = list(topics)
        self._on_assigned, self._on_revoked, self._on_lost = on_assigned, on_revoked, on_lost

    def assign(self, *partitions: Partition) -> None:
        """These are ours, from where they were committed."""
        self.owned |= set(partitions)
        for partition in partitions:
            self._positions[partition] = self._broker.offsets.get(partition, 0)
        self._on_assigned(frozenset(tuple(partition) for partition in partitions))

    def revoke(self, *partitions: Partition) -> None:
        """These are about to go, then gone."""
        self._on_revoked(frozenset(tuple(partition) for partition in partitions))
        self._gone(partitions)

    def lose(self, *partitions: Partition) -> None:
        """These are somebody else's."""
        self._on_lost(frozenset(tuple(partition) for partition in partitions))
        self._gone(partitions)

    def read(self, count_max: int, timeout_s: float) -> list[Record]:
        """What is there of the partitions that do not rest; an event comes in the middle of a turn, as callbacks do."""
        self.waits.append(timeout_s)
        found = list(itertools.islice(self._next(), count_max))
        if self.events:
            self.events.pop(0)()
            found = [record for record in found if Partition(record.topic(), record.partition()) in self.owned]
        return found

    def pause(self, partitions: Iterable[Partition]) -> None:
        """Exactly these rest."""
        self.paused = {Partition(*partition) for partition in partitions} & self.owned

    def membership(self) -> object:
        """Ours."""
        return MEMBER

    def close(self) -> None:
        """Leave; what is owned is revoked, as the client does it."""
        self.revoke(*self.owned)
        self.closed = True

    def _next(self) -> Iterator[Record]:
        for partition in sorted(self.owned - self.paused):
            log = self._broker.logs[partition]
            while self._positions[partition] < len(log):
                self._positions[partition] += 1
                yield log[self._positions[partition] - 1]

    def _gone(self, partitions: Iterable[Partition]) -> None:
        self.owned -= set(partitions)
        self.paused -= set(partitions)


class Reader:
    """Records from chosen offsets."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._positions: dict[Partition, int] = {}
        self.closed = False

    def go(self, topic: str, partition: int, offset: int) -> None:
        """From there on."""
        self._positions[Partition(topic, partition)] = offset

    def leave(self, topic: str, partition: int) -> None:
        """No more."""
        self._positions.pop(Partition(topic, partition), None)

    def position(self, topic: str, partition: int) -> int | None:
        """Where it goes on."""
        return self._positions.get(Partition(topic, partition))

    def read(self, count_max: int, timeout_s: float) -> list[Record]:
        """Up to so many."""
        del timeout_s
        found: list[Record] = []
        for partition, position in self._positions.items():
            found += self._broker.logs[partition][position : position + count_max - len(found)]
        for record in found:
            self._positions[Partition(record.topic(), record.partition())] = record.offset() + 1
        return found

    def close(self) -> None:
        """Let go."""
        self.closed = True


class FakeLoop:
    """The event loop's side: keeps what it is fed, and what happened in which order."""

    def __init__(self) -> None:
        self.open: dict[str, QueuedCommand] = {}
        self.fed: list[QueuedCommand] = []
        self.happened: list[str] = []
        self.settled_: list[Settlement] = []
        self.remembered: list[SlotAttempts] = []
        self.tried_: list[tuple[QueuedCommand, Tried]] = []
        self.attempts_end: dict[int, int] = {}
        self.while_draining: Callable[[], None] = lambda: None

    def feed(self, commands: Sequence[QueuedCommand]) -> None:
        """More work."""
        self.fed += commands
        self.open |= {command.command_id: command for command in commands}

    def drain(self, slots: frozenset[int]) -> None:
        """What is in flight may settle now."""
        self.happened.append(f"drain {sorted(slots)}")
        self.while_draining()

    def drop(self, slots: frozenset[int]) -> None:
        """Forget them."""
        self.happened.append(f"drop {sorted(slots)}")
        self.open = {name: command for name, command in self.open.items() if command.slot not in slots}

    def remember(self, slot: int, past: SlotAttempts) -> None:
        """Nothing to do with it here."""
        del slot
        self.remembered.append(past)

    def tried(self, slots: frozenset[int]) -> list[tuple[QueuedCommand, Tried]]:
        """As a test says."""
        return [found for found in self.tried_ if found[0].slot in slots]

    def next_attempt(self, slot: int) -> int | None:
        """As a test says."""
        return self.attempts_end.get(slot)

    def resume(self) -> None:
        """The lease is back."""
        self.happened.append("resume")

    def settled(self, settlements: Sequence[Settlement]) -> None:
        """Committed."""
        self.settled_ += settlements


class _Inline:
    """Runs at once what is handed to it."""

    def submit(self, call: Callable[..., Any], *args: Any) -> Future[Any]:
        """Done when it returns."""
        future: Future[Any] = Future()
        future.set_result(call(*args))
        return future

    def shutdown(self, **_: Any) -> None:
        """Nothing runs."""


class Site:
    """A worker's Kafka side on fakes."""

    def __init__(self, broker: Broker | None = None, *, window: int = 100, intake: Any = None) -> None:
        self.broker = broker or Broker()
        self.clock = Clock()
        self.group = Group(self.broker)
        self.loop = FakeLoop()
        policies = {"crm": CRM, "marketing": MARKETING}
        placement = Placement(SLOTS, "rerouted", frozenset(TOPICS), policies, CRM)
        self.outcomes = OutcomeWriter(Destinations("outcomes", {}, "dlq", "shop"), CODEC)
        self.slots = SlotStarter(placement, self.broker)
        self.slots._executor = _Inline()  # type: ignore[assignment]
        ledger = Ledger(self.broker, self, self.clock)
        reception = Reception(
            intake or Intake(placement, self.outcomes, CODEC),
            Admission(self.outcomes),
            self.outcomes,
            ledger.let_go,
            ledger.live_position,
            slotted=placement.slotted,
            window=window,
        )
        self.reader = Reader(self.broker)
        self.rests: list[float] = []
        group: Any = self.group
        reader: Any = self.reader
        self.consumer = SlotConsumer(
            group,
            ledger,
            reception,
            self.loop,
            self.clock,
            slots=self.slots,
            backfill=Backfill(reader, reception.backlog, ledger.live_position),
            lease=Lease(20.0),
            states=StateWriter("state", SLOTS, "worker", CODEC),
            attempts=AttemptWriter("attempts", "worker", CODEC),
            topics=list(TOPICS),
            rest=self.rests.append,
            on_slots=lambda _: None,
            on_read=lambda _, __: None,
        )
        group.join(TOPICS, self.consumer._on_assigned, self.consumer._on_revoked, self.consumer._on_lost)

    def transaction(self, *, committed: bool, seconds: float) -> None:
        """The observer's part."""

    def turn(self, times: int = 1) -> None:
        """So many turns of the thread, each later than the other by what lies between two transactions."""
        for _ in range(times):
            self.consumer._turn()
            self.clock.now += 0.11

    def own(self, *slots: int) -> None:
        """All partitions of these slots, started."""
        self.group.assign(*whole(*slots))
        self.turn(2)

    def settle(self, *command_ids: str) -> None:
        """Meta has accepted these."""
        for name in command_ids:
            command = self.loop.open.pop(name)
            self.consumer.settle(self.accepted(command))

    def accepted(self, command: QueuedCommand) -> Settlement:
        """What settles a command that Meta took."""
        return self.outcomes.settle(command, Settle(Verdict.ACCEPTED, "accepted", result=ACCEPTED), WALL_MS)


def whole(*slots: int) -> list[Partition]:
    """All partitions of these slots."""
    return [Partition(topic, slot) for slot in slots for topic in TOPICS]


def aborted() -> TransactionAbortedError:
    """What a transaction that did not work raises."""
    return TransactionAbortedError("planted")

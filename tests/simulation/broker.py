"""Kafka in memory: plain and transactional records, markers, fencing, stable offsets, and a group's membership.

Everything happens at once and in the order of the calls; who may call when is the simulation's business.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final, NoReturn

from confluent_kafka import KafkaError, KafkaException

from connector.delivery.command import Output
from connector.kafka.transaction import FatalProducerError, TransactionAbortedError

Place = tuple[str, int]

TRANSACTION_TIMEOUT_MS: Final = 60_000
"""Longer than a session here: the fence has to do what the broker's own timeout does only later."""


class State(Enum):
    """Of a transaction."""

    OPEN = auto()
    COMMITTED = auto()
    ABORTED = auto()


@dataclass(eq=False)
class Transaction:
    """What one producer writes together; records without one are plain and count at once."""

    transactional_id: str
    epoch: int
    began_ms: int
    state: State = State.OPEN
    places: set[Place] = field(default_factory=set)
    offsets: dict[Place, int] = field(default_factory=dict)


class Message:
    """A record as the client gives it; ``transaction`` is for the broker and the checkers."""

    def __init__(self, place: Place, offset: int, output: Output, at_ms: int, transaction: Transaction | None) -> None:
        self._place, self._offset, self._output, self.at_ms = place, offset, output, at_ms
        self.transaction = transaction
        self.is_marker = False

    def topic(self) -> str:
        """Of its place."""
        return self._place[0]

    def partition(self) -> int:
        """Of its place."""
        return self._place[1]

    def offset(self) -> int:
        """Of its place."""
        return self._offset

    def key(self) -> bytes | None:
        """As it was written."""
        return self._output.key

    def value(self) -> bytes | None:
        """As it was written."""
        return self._output.value

    def headers(self) -> list[tuple[str, bytes | None]]:
        """As they were written."""
        return list(self._output.headers)

    def timestamp(self) -> tuple[int, int]:
        """Kind and milliseconds."""
        return 1, self.at_ms

    @property
    def state(self) -> State:
        """Whether it counts."""
        return self.transaction.state if self.transaction is not None else State.COMMITTED


class Away(KafkaException):
    """The brokers do not answer."""

    def __init__(self, reason: str) -> None:
        super().__init__(KafkaError(KafkaError._TRANSPORT, reason))


class Broker:
    """``now_ms`` tells the time of writing. ``members`` are those of the group, with their generations."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self.now_ms = now_ms
        self.logs: dict[Place, list[Message]] = defaultdict(list)
        self.stored: dict[Place, int] = {}
        self.members: dict[str, int] = {}
        self.fenced: list[str] = []
        self._epochs: dict[str, int] = {}
        self._open: list[Transaction] = []
        self._unmarked: dict[str, Transaction] = {}

    def append(self, output: Output, transaction: Transaction | None = None) -> int:
        """One record; its offset."""
        place = output.topic, output.partition
        offset = len(self.logs[place])
        self.logs[place].append(Message(place, offset, output, self.now_ms(), transaction))
        if transaction is not None:
            transaction.places.add(place)
        return offset

    def register(self, transactional_id: str) -> int:
        """A producer of that id begins: an older one is shut out, and what it left open is aborted."""
        self._epochs[transactional_id] = self._epochs.get(transactional_id, 0) + 1
        for transaction in self._not_ended():
            if transaction.transactional_id == transactional_id:
                self._end(transaction, State.ABORTED)
        self.mark(transactional_id)
        return self._epochs[transactional_id]

    def fence(self, transactional_id: str) -> None:
        """As a takeover does it."""
        self.fenced.append(transactional_id)
        self.register(transactional_id)

    def begin(self, transactional_id: str, epoch: int) -> Transaction:
        """The producer's next transaction."""
        if self._epochs.get(transactional_id) != epoch:
            message = f"{transactional_id} was shut out"
            raise FatalProducerError(message)
        transaction = Transaction(transactional_id, epoch, self.now_ms())
        self._open.append(transaction)
        return transaction

    def send_offsets(self, transaction: Transaction, offsets: Sequence[tuple[str, int, int]], member: object) -> None:
        """Positions of the group, by one who is a member as the group is now."""
        name, generation = member if isinstance(member, tuple) else ("", 0)
        if self.members.get(name) != generation:
            self.abort(transaction, f"{name} is no member of generation {generation}")
        transaction.offsets |= {(topic, partition): offset for topic, partition, offset in offsets}

    def is_open(self, transaction: Transaction) -> bool:
        """Whether nobody else has ended it."""
        self.expire()
        return transaction.state is State.OPEN

    def end(self, transaction: Transaction, state: State) -> None:
        """Commit or abort it, unless it was ended by somebody else before."""
        if self.is_open(transaction):
            self._end(transaction, state)

    def abort(self, transaction: Transaction, reason: str) -> NoReturn:
        """As the producer is told; a commit without markers before it goes with it."""
        error = TransactionAbortedError(reason)
        error.undone = self.lacks_markers(transaction.transactional_id)
        self._end(transaction, State.ABORTED)
        raise error

    def commit_unmarked(self, transaction: Transaction) -> None:
        """The producer is told that it is committed; the next end of one of its transactions decides (KAFKA-20734)."""
        self.mark(transaction.transactional_id)
        self._unmarked[transaction.transactional_id] = transaction

    def lacks_markers(self, transactional_id: str) -> bool:
        """Whether a commit of the producer is not visible yet."""
        return transactional_id in self._unmarked

    def mark(self, transactional_id: str) -> None:
        """Write the markers after all."""
        if (transaction := self._unmarked.pop(transactional_id, None)) is not None:
            self._end(transaction, State.COMMITTED)

    def expire(self) -> None:
        """Abort what was left open for too long; a commit is no more open than that its markers are missing."""
        for transaction in self._not_ended():
            if self.now_ms() - transaction.began_ms > TRANSACTION_TIMEOUT_MS:
                self._end(transaction, State.ABORTED)

    def committed(self, group_id: str, partitions: Iterable[Place]) -> dict[Place, int]:
        """Positions of the group; no answer while an open transaction may change them."""
        assert group_id
        wanted = [(topic, partition) for topic, partition in partitions]
        self.expire()
        if any(place in transaction.offsets for transaction in self._open for place in wanted):
            reason = "an open transaction has offsets of these partitions"
            raise Away(reason)
        return {place: self.stored[place] for place in wanted if place in self.stored}

    def extents(self, partitions: Iterable[Place], *, committed: bool = False) -> dict[Place, tuple[int, int]]:
        """Oldest and next offset; with ``committed`` up to the first record that is still open."""
        places = [(topic, partition) for topic, partition in partitions]
        return {place: (0, self.stable(place) if committed else len(self.logs[place])) for place in places}

    def offsets_at(self, partitions: Iterable[Place], at_ms: int) -> dict[Place, int]:
        """First offset at or after a time, -1 for none."""
        return {
            (topic, partition): next((m.offset() for m in self.logs[topic, partition] if m.at_ms >= at_ms), -1)
            for topic, partition in partitions
        }

    def stable(self, place: Place) -> int:
        """The first offset that is not decided yet."""
        if not any(place in transaction.places for transaction in self._open):
            return len(self.logs[place])
        return next(m.offset() for m in self.logs[place] if m.state is State.OPEN)

    def open_in(self, slot: int) -> set[str]:
        """Who has an open transaction with records of a slot."""
        return {each.transactional_id for each in self._open if any(place[1] == slot for place in each.places)}

    def read(self, topic: str, *, committed: bool = True) -> list[Message]:
        """All records of a topic, for those who check."""
        found = [m for (name, _), log in sorted(self.logs.items()) if name == topic for m in log if not m.is_marker]
        return [m for m in found if m.state is State.COMMITTED] if committed else found

    def _not_ended(self) -> list[Transaction]:
        return [each for each in self._open if each not in self._unmarked.values()]

    def _end(self, transaction: Transaction, state: State) -> None:
        if (before := self._unmarked.pop(transaction.transactional_id, None)) is not None:
            self._end(before, state)
        transaction.state = state
        self._open.remove(transaction)
        if state is State.COMMITTED:
            self.stored |= transaction.offsets
        for topic, partition in transaction.places:
            offset = self.append(Output(topic, partition, None, None, ()))
            self.logs[topic, partition][offset].is_marker = True


class Reader:
    """Records from chosen offsets; with ``committed`` only what counts, up to what is still open."""

    def __init__(self, broker: Broker, committed: bool, stuck: Callable[[], None] = lambda: None) -> None:  # noqa: FBT001 - as the production code calls it
        self._broker = broker
        self._committed = committed
        self._stuck = stuck
        self._positions: dict[Place, int] = {}
        self.closed = False

    def go(self, topic: str, partition: int, offset: int) -> None:
        """From there on."""
        self._positions[topic, partition] = offset

    def leave(self, topic: str, partition: int) -> None:
        """No more."""
        self._positions.pop((topic, partition), None)

    def position(self, topic: str, partition: int) -> int | None:
        """Where it goes on."""
        return self._positions.get((topic, partition))

    def read(self, count_max: int, timeout_s: float) -> list[Message]:
        """Up to so many; ``stuck`` is called when nothing can come of it now."""
        found: list[Message] = []
        moved = False
        for place, position in self._positions.items():
            end = self._broker.stable(place) if self._committed else len(self._broker.logs[place])
            passed = self._broker.logs[place][position : min(end, position + count_max)]
            self._positions[place] = position + len(passed)
            moved = moved or bool(passed)
            aborted = {State.ABORTED} if self._committed else set()
            found += [message for message in passed if not message.is_marker and message.state not in aborted]
        if not moved and timeout_s:
            self._stuck()
        return found

    def close(self) -> None:
        """Let go."""
        self.closed = True


def decoded(messages: Iterable[Message], codec: Any, record: str) -> list[dict[str, Any]]:
    """Their values."""
    return [codec.decode(record, message.value() or b"") for message in messages]

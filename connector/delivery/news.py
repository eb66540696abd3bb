"""What is heard while delivering: signals of the ingress about numbers, and holds of operators and other workers.

Signals are read of the owned slots, from when they became ours; ``delivery_control`` is read whole, by every worker.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

import structlog
from confluent_kafka import OFFSET_BEGINNING, KafkaException

from connector.kafka.reader import PositionedReader
from connector.records.codec import Codec, Undecodable

log = structlog.get_logger()

READ_MAX: Final = 500
READ_WAIT_S: Final = 0.25
RETRY_S: Final = 2.0

CLOCKS_MS: Final = 60_000
"""How far the clocks of ingress and delivery may be apart before a receipt is missed."""


class Listener(Protocol):
    """Told on the event loop."""

    def on_signal(self, slot: int, signal: Mapping[str, Any]) -> None:
        """A ``NumberSignal``, in the order of the slot."""

    def on_control(self, key: str, control: Mapping[str, Any] | None) -> None:
        """A ``DeliveryControl``; None when it was deleted."""


class Extents(Protocol):
    """Where partitions begin and end; see :class:`connector.kafka.topics.TopicAdmin`."""

    def extents(self, partitions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], tuple[int, int]]:
        """Oldest and next offset of each partition."""
        ...

    def offsets_at(self, partitions: Iterable[tuple[str, int]], at_ms: int) -> dict[tuple[str, int], int]:
        """First offset of each partition at or after a time, -1 for none."""
        ...


class News:
    """A thread that reads, and a listener on the event loop."""

    def __init__(
        self,
        reader: Callable[[], PositionedReader],
        log_: Callable[[], Extents],
        codec: Codec,
        listener: Listener,
        *,
        signals_topic: str,
        control_topic: str,
    ) -> None:
        self._new_reader = reader
        self._new_log = log_
        self._codec = codec
        self._listener = listener
        self._signals_topic = signals_topic
        self._control_topic = control_topic
        self._wanted: frozenset[int] = frozenset()
        self._since_ms: dict[int, int] = {}
        self._anew: deque[int] = deque()
        self._positions: dict[int, int] = {}
        self._stopping = threading.Event()

    def hear_since(self, slot: int, at_ms: int) -> None:
        """Signals of the slot matter since then (Unix milliseconds); before it is listened to, on any thread."""
        self._since_ms[slot] = at_ms - CLOCKS_MS
        self._anew.append(slot)

    def listen_to(self, slots: frozenset[int]) -> None:
        """Read the signals of these slots; may be called on any thread."""
        self._wanted = slots

    def holds(self) -> list[tuple[str, Mapping[str, Any] | None]]:
        """All that ``delivery_control`` says up to now: to be known before the first message leaves. Blocks.

        Raises:
            KafkaException: no answer in time.
        """
        extents = self._new_log().extents([(self._control_topic, 0)])
        ((oldest, end),) = extents.values()
        reader = self._new_reader()
        found = []
        try:
            reader.go(self._control_topic, 0, oldest)
            while (reader.position(self._control_topic, 0) or 0) < end:
                found += [self._control(message) for message in reader.read(READ_MAX, READ_WAIT_S)]
        finally:
            reader.close()
        return found

    async def run(self) -> None:
        """Until cancelled."""
        thread = asyncio.create_task(asyncio.to_thread(self._read, asyncio.get_running_loop()))
        try:
            await asyncio.shield(thread)
        finally:
            self._stopping.set()
            await thread

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._stopping.is_set():
            reader = self._new_reader()
            try:
                reader.go(self._control_topic, 0, OFFSET_BEGINNING)
                self._follow(reader, loop)
            except KafkaException as error:
                log.warning("delivery.news_interrupted", reason=error.args[0].str())
                self._stopping.wait(RETRY_S)
            finally:
                reader.close()

    def _follow(self, reader: PositionedReader, loop: asyncio.AbstractEventLoop) -> None:
        heard: frozenset[int] = frozenset()
        while not self._stopping.is_set():
            wanted, anew = self._wanted, set[int]()
            while self._anew:
                anew.add(self._anew.popleft())
            for slot in heard & (anew | heard - wanted):
                reader.leave(self._signals_topic, slot)
            for slot in anew | heard - wanted:  # also one that went while the reader was interrupted
                self._positions.pop(slot, None)
            self._go(reader, wanted - heard | wanted & anew)
            heard = wanted
            messages = reader.read(READ_MAX, READ_WAIT_S)
            if messages:
                loop.call_soon_threadsafe(self._tell, messages)
            for slot in heard:
                self._positions[slot] = reader.position(self._signals_topic, slot) or 0

    def _go(self, reader: PositionedReader, slots: frozenset[int]) -> None:
        """Where we were before an interruption; else from when the slot's past needs it, all of it."""
        new = [(self._signals_topic, slot) for slot in slots if slot not in self._positions]
        if new:
            self._find(new, self._new_log())
        for slot in slots:
            reader.go(self._signals_topic, slot, self._positions[slot])

    def _find(self, new: Sequence[tuple[str, int]], log_: Extents) -> None:
        extents = log_.extents(new)
        for place in new:
            since = log_.offsets_at([place], self._since_ms.get(place[1], 0))[place]
            self._positions[place[1]] = since if since >= 0 else extents[place][1]

    def _tell(self, messages: Sequence[Any]) -> None:
        for message in messages:
            try:
                if message.topic() == self._control_topic:
                    self._listener.on_control(*self._control(message))
                else:
                    signal = self._codec.decode("NumberSignal", message.value() or b"")
                    self._listener.on_signal(message.partition(), signal)
            except Undecodable as error:
                log.warning("delivery.news_unreadable", topic=message.topic(), reason=str(error))

    def _control(self, message: Any) -> tuple[str, Mapping[str, Any] | None]:
        value = message.value()
        control = self._codec.decode("DeliveryControl", value) if value is not None else None
        return (message.key() or b"").decode(errors="replace"), control

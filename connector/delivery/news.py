"""What is heard while delivering: signals of the ingress about numbers, and holds of operators and other workers.

Signals are read of the owned slots, from when they became ours; ``delivery_control`` is read whole, by every worker.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol

import structlog
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaException

from connector.kafka.reader import PositionedReader
from connector.records.codec import Codec, Undecodable

log = structlog.get_logger()

READ_MAX: Final = 500
READ_WAIT_S: Final = 0.25
RETRY_S: Final = 2.0


class Listener(Protocol):
    """Told on the event loop."""

    def on_signal(self, signal: Mapping[str, Any]) -> None:
        """A ``NumberSignal``."""

    def on_control(self, key: str, control: Mapping[str, Any] | None) -> None:
        """A ``DeliveryControl``; None when it was deleted."""


class Extents(Protocol):
    """Where partitions begin and end; see :class:`connector.kafka.topics.TopicAdmin`."""

    def extents(self, partitions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], tuple[int, int]]:
        """Oldest and next offset of each partition."""
        ...


class News:
    """A thread that reads, and a listener on the event loop."""

    def __init__(
        self,
        reader: Callable[[], PositionedReader],
        log_: Extents,
        codec: Codec,
        listener: Listener,
        *,
        signals_topic: str,
        control_topic: str,
    ) -> None:
        self._new_reader = reader
        self._log = log_
        self._codec = codec
        self._listener = listener
        self._signals_topic = signals_topic
        self._control_topic = control_topic
        self._wanted: frozenset[int] = frozenset()
        self._stopping = threading.Event()

    def listen_to(self, slots: frozenset[int]) -> None:
        """Read the signals of these slots from now on; may be called on any thread."""
        self._wanted = slots

    def holds(self) -> list[tuple[str, Mapping[str, Any] | None]]:
        """All that ``delivery_control`` says up to now: to be known before the first message leaves. Blocks.

        Raises:
            KafkaException: no answer in time.
        """
        extents = self._log.extents([(self._control_topic, 0)])
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
            wanted = self._wanted
            for slot in heard - wanted:
                reader.leave(self._signals_topic, slot)
            for slot in wanted - heard:
                reader.go(self._signals_topic, slot, OFFSET_END)
            heard = wanted
            for message in reader.read(READ_MAX, READ_WAIT_S):
                loop.call_soon_threadsafe(self._tell, message)

    def _tell(self, message: Any) -> None:
        try:
            if message.topic() == self._control_topic:
                self._listener.on_control(*self._control(message))
            else:
                self._listener.on_signal(self._codec.decode("NumberSignal", message.value() or b""))
        except Undecodable as error:
            log.warning("delivery.news_unreadable", topic=message.topic(), reason=str(error))

    def _control(self, message: Any) -> tuple[str, Mapping[str, Any] | None]:
        value = message.value()
        control = self._codec.decode("DeliveryControl", value) if value is not None else None
        return (message.key() or b"").decode(errors="replace"), control

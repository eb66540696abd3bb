"""A consumer as a CRM or a warehouse would be one: reads what the connector wrote, committed records only."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from confluent_kafka import Message

from connector.config import TopicNames
from connector.demo.tally import Tally
from connector.kafka.reader import TopicReader
from connector.records.codec import Codec

READ_MAX: Final = 500
READ_WAIT_S: Final = 0.1


class Warehouse:
    """Feeds a tally on the event loop from a thread of its own."""

    def __init__(
        self,
        config: Mapping[str, Any],
        names: TopicNames,
        tally: Tally,
        on_outcome: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self._codec = Codec()
        self._loop = asyncio.get_running_loop()
        self._stopping = threading.Event()

        def outcome(record: dict[str, Any]) -> None:
            tally.outcome(record)
            on_outcome(record)

        self._routes: dict[str, tuple[str, Callable[[dict[str, Any]], None]]] = {
            names.delivery_outcomes: ("DeliveryOutcome", outcome),
            names.message_statuses: ("MessageStatus", tally.status),
            names.inbound_messages: ("InboundMessage", tally.inbound_message),
        }
        self._tally = tally
        self._dead_letters = [names.dead_letters_of(topic) for topic in names.commands]
        self._reader = TopicReader(config, [*self._routes, *self._dead_letters])

    async def run(self) -> None:
        """Until cancelled."""
        thread = asyncio.create_task(asyncio.to_thread(self._read))
        try:
            await asyncio.shield(thread)
        finally:
            self._stopping.set()
            await thread

    def _read(self) -> None:
        while not self._stopping.is_set():
            for message in self._reader.read(READ_MAX, READ_WAIT_S):
                topic = message.topic() or ""
                if topic in self._dead_letters:
                    self._loop.call_soon_threadsafe(self._tally.dead_letter, _class_of(message))
                    continue
                name, count = self._routes[topic]
                self._loop.call_soon_threadsafe(count, self._codec.decode(name, message.value() or b""))
        self._reader.close()


def _class_of(message: Message) -> str:
    value = dict(message.headers() or []).get("wa.dlq.class")
    return value.decode() if isinstance(value, bytes) else "unknown"

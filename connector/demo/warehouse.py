"""A consumer as a CRM or a warehouse would be one: reads what the connector wrote, committed records only."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from confluent_kafka import Message

from connector.config import TopicNames
from connector.demo.story import Story
from connector.demo.tally import Tally
from connector.kafka.reader import TopicReader
from connector.records.codec import Codec

READ_MAX: Final = 500
READ_WAIT_S: Final = 0.1


class Warehouse:
    """Feeds a tally and a story on the event loop from a thread of its own."""

    def __init__(
        self,
        config: Mapping[str, Any],
        names: TopicNames,
        tally: Tally,
        story: Story,
        on_outcome: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self._names = names
        self._tally = tally
        self._story = story
        self._on_outcome = on_outcome
        self._codec = Codec()
        self._loop = asyncio.get_running_loop()
        self._stopping = threading.Event()
        self._records = {
            names.delivery_outcomes: "DeliveryOutcome",
            names.message_statuses: "MessageStatus",
            names.inbound_messages: "InboundMessage",
        }
        dead_letters = [names.dead_letters_of(topic) for topic in names.commands]
        self._reader = TopicReader(config, [*self._records, *dead_letters])

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
                name = self._records.get(message.topic() or "")
                if name is None:
                    self._loop.call_soon_threadsafe(self._tally.dead_letter, _class_of(message))
                else:
                    record = self._codec.decode(name, message.value() or b"")
                    self._loop.call_soon_threadsafe(self._count, name, record, _place(message))
        self._reader.close()

    def _count(self, name: str, record: Mapping[str, Any], place: str) -> None:
        match name:
            case "DeliveryOutcome":
                self._tally.outcome(record)
                self._story.outcome(record, place)
                self._on_outcome(record)
            case "MessageStatus":
                self._tally.status(record)
                self._story.status(record, place)
            case _:
                self._tally.inbound_message(record)
                self._story.inbound_message(record, place)


def _place(message: Message) -> str:
    return f"{len(message.value() or b'')} bytes of Avro on {message.topic()}[{message.partition()}]"


def _class_of(message: Message) -> str:
    value = dict(message.headers() or []).get("wa.dlq.class")
    return value.decode() if isinstance(value, bytes) else "unknown"

"""Makes the beginning of an attempt durable before its request leaves."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from connector.delivery.command import Output
from connector.kafka.producer import PublishError, Record, RecordProducer

WRITE_S: Final = 5.0
"""A beginning that Kafka has not acknowledged for so long is given up: its request is not made, and nothing is lost."""


POLL_S: Final = 0.001
"""Every request waits for its acknowledgement: half of this is added to each, for 1 % of a core at 1000 a second."""


class JournalError(Exception):
    """Not acknowledged; the record may still arrive."""


class AttemptJournal:
    """A plain idempotent producer, on the event loop: what it writes is there although its worker dies a moment later.

    Not transactional, because it has to be seen before the transaction that settles the attempt has even begun.
    """

    def __init__(self, config: Mapping[str, Any], *, on_fatal: Callable[[str], None]) -> None:
        self._producer = RecordProducer(
            {**config, "linger.ms": 0}, delivery_timeout_s=WRITE_S, poll_s=POLL_S, on_fatal=on_fatal
        )
        self._acknowledged: dict[int, int] = {}

    async def start(self) -> None:
        """Make the client. Kafka need not be there yet."""
        await self._producer.start()

    async def close(self) -> None:
        """Let go; what is not acknowledged belongs to requests that were not made."""
        await self._producer.close(0.0)

    async def write(self, output: Output) -> None:
        """Returns when Kafka has the record.

        Raises:
            JournalError: it has not, as far as anybody knows.
        """
        record = Record(output.topic, output.value, output.key, partition=output.partition)
        try:
            await self._producer.publish([record], on_record=self._on_record)
        except PublishError as error:
            raise JournalError(str(error)) from error

    def next_offset(self, slot: int) -> int | None:
        """Beyond the newest acknowledged record of a slot; None when there is none yet. On any thread."""
        return self._acknowledged.get(slot)

    def _on_record(self, message: Any) -> None:
        self._acknowledged[message.partition()] = message.offset() + 1

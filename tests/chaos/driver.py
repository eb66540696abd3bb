"""The driver: writes the commands on time and keeps a ledger of what Kafka acknowledged."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, Final

from confluent_kafka import KafkaError, Message, Producer

from connector.clock import SystemClock
from tests.chaos.commands import Draft
from tests.chaos.ledgers import Command, Source

TURN_S: Final = 0.02
FLUSH_S: Final = 60.0

_CLOCK: Final = SystemClock()


class CommandDriver:
    """Produces drafts; ``acknowledged`` grows as Kafka answers.

    Args:
        bootstrap: the broker.
        crm: topic of commands about customers.
        marketing: topic of marketing commands.
    """

    def __init__(self, bootstrap: str, crm: str, marketing: str) -> None:
        self._topics = {False: crm, True: marketing}
        # A broker that is killed and comes back takes seconds; nothing may be given up meanwhile.
        self._producer = Producer({
            "bootstrap.servers": bootstrap, "enable.idempotence": True, "partitioner": "murmur2_random",
            "linger.ms": 5, "message.timeout.ms": 120_000, "log_level": 0,
        })  # fmt: skip
        self.acknowledged: list[Command] = []
        self.failed = 0

    async def run(self, drafts: Sequence[Draft], start_s: float) -> None:
        """Produce each at its time, counted from ``start_s`` (monotonic); returns when Kafka has answered for all."""
        waiting = iter(drafts)
        following = next(waiting, None)
        while following is not None:
            now_s = _CLOCK.monotonic() - start_s
            while following is not None and following.at_s <= now_s:
                self.produce([following])
                following = next(waiting, None)
            self._producer.poll(0)
            await asyncio.sleep(TURN_S)
        await self.flush()

    def produce(self, drafts: Iterable[Draft]) -> None:
        """Hand them to the client at once."""
        for draft in drafts:
            self._producer.produce(
                self._topics[draft.marketing],
                draft.value,
                draft.number,
                draft.partition,
                headers=list(draft.headers),
                on_delivery=_Acknowledgement(self, draft),
            )

    async def flush(self) -> None:
        """Wait until Kafka has answered for all."""
        left = await asyncio.to_thread(self._producer.flush, FLUSH_S)
        self.failed += left

    def settle(self, draft: Draft, error: KafkaError | None, message: Message) -> None:
        """Kafka has answered for one."""
        if error is not None:
            self.failed += 1
            return
        self.acknowledged.append(
            Command(
                id=draft.id,
                source=Source(message.topic() or "", message.partition() or 0, message.offset() or 0),
                number=draft.number,
                recipient=draft.recipient,
                kind=draft.kind,
                value=draft.value,
                headers=draft.headers,
                timestamp_ms=message.timestamp()[1],
                expires_at_ms=draft.expires_at_ms,
            )
        )


class _Acknowledgement:
    def __init__(self, driver: CommandDriver, draft: Draft) -> None:
        self._driver = driver
        self._draft = draft

    def __call__(self, error: KafkaError | None, message: Message, *_: Any) -> None:
        self._driver.settle(self._draft, error, message)

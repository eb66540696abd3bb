"""What operators see and say of numbers, through Kafka: ``delivery_control`` and ``delivery_state``."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from confluent_kafka import Message

from connector.clock import SystemClock
from connector.config import Settings, load_from_environment
from connector.delivery.holds import OPERATOR, Holds, control_record
from connector.delivery.ledger.states import SlotStates
from connector.kafka.producer import PublishError, Record, RecordProducer
from connector.operations.tail import KafkaFault, Tail
from connector.records.codec import Codec
from connector.records.headers import cloud_event, connector_source, event_type
from connector.service.schema_registry import reading_codec
from connector.service.startup import client_config

WRITE_S: Final = 10.0


class Control:
    """One look, or one word; blocks. A look raises KafkaFault when Kafka cannot be read.

    Args:
        settings: of the installation.
        codec: reads what workers have written.
    """

    def __init__(self, settings: Settings, codec: Codec) -> None:
        self._settings = settings
        self._names = settings.topic_names
        self._config = client_config(settings, {})
        self._codec = codec
        self._clock = SystemClock()

    @classmethod
    def open(cls, config_path: Path | None, call_on_close: Callable[[Callable[[], None]], object]) -> "Control":
        """For the configuration of a file and the environment; what is opened for it is handed to ``call_on_close``.

        Raises:
            ConfigurationError: with every fault.
        """
        settings = load_from_environment(config_path)
        return cls(settings, reading_codec(settings, call_on_close))

    def holds(self) -> list[dict[str, Any]]:
        """Every hold that stands now."""
        holds = Holds(self._settings.delivery.installation)
        for message in self._read(self._names.delivery_control):
            value = message.value()
            record = self._codec.decode("DeliveryControl", value) if value is not None else None
            holds.apply((message.key() or b"").decode(errors="replace"), record)
        now_ms = self._clock.wall_ms()
        return [
            {"held": key.rpartition("/")[0], "by": hold.actor, "reason": hold.reason, "until_ms": hold.until_ms}
            for key, hold in sorted(holds.by_key.items())
            if hold.stands(now_ms)
        ]

    def cursors(self) -> list[dict[str, Any]]:
        """Every number of which commands are left in the log for later."""
        slots: dict[int, SlotStates] = {}
        for message in self._read(self._names.delivery_state):
            slots.setdefault(message.partition() or 0, SlotStates()).read(message.key(), message.value(), self._codec)
        return [
            {"number": key.decode(errors="replace"), "topic": topic, "partition": slot, "cursor": kept.cursor}
            for slot, states in sorted(slots.items())
            for (topic, key), kept in sorted(states.kept.items())
        ]

    def write(self, scope: str, *, action: str, actor: str, reason: str) -> None:
        """Hold or release a scope; returns when Kafka has it.

        Raises:
            KafkaFault: Kafka has not taken it.
        """
        now_ms = self._clock.wall_ms()
        record = control_record(scope, actor=actor, action=action, reason=reason, at_ms=now_ms)
        key = f"{scope}/{OPERATOR}"
        asyncio.run(self._publish(Record(
            self._names.delivery_control,
            self._codec.encode("DeliveryControl", record),
            key.encode(),
            cloud_event(f"{key}/{now_ms}", event_type("DeliveryControl"), connector_source("cli")),
            partition=0,
        )))  # fmt: skip

    async def _publish(self, record: Record) -> None:
        producer = RecordProducer(self._config, delivery_timeout_s=WRITE_S)
        await producer.start()
        try:
            await producer.publish([record])
        except PublishError as error:
            message = f"Kafka did not take it: {error}"
            raise KafkaFault(message) from None
        finally:
            await producer.close(1.0)

    def _read(self, topic: str) -> Iterator[Message]:
        """All committed records of a topic up to its present end."""
        with closing(Tail(self._settings, [topic])) as tail:
            tail.from_start()
            yield from tail.to_the_end(self._clock)

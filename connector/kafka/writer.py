"""Writes records for a person who waits: one after another, each with the place where Kafka has put it."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from connector.kafka.producer import GUARANTEES

DELIVERY_TIMEOUT_S: Final = 30.0
_FULL_WAIT_S: Final = 0.05


class Place(NamedTuple):
    """Where a record lies."""

    topic: str
    partition: int
    offset: int


class RecordWriter:
    """Used from one thread. ``config`` has librdkafka's names; ours that guarantee something win."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._producer = Producer(
            {
                **config,
                **GUARANTEES,
                "delivery.timeout.ms": int(DELIVERY_TIMEOUT_S * 1000),
            }
        )

    def __len__(self) -> int:
        """How many records are not acknowledged yet."""
        return len(self._producer)

    def write(self, topic: str, value: bytes, key: bytes, settled: Callable[[Place | None, str], None]) -> None:
        """Hand one record over; waits while too many are under way.

        ``settled`` is called from within this or a later :meth:`write`, or a :meth:`serve`: with the place, or with
        None and the reason why Kafka has not taken the record.
        """

        def acknowledged(error: KafkaError | None, message: Message) -> None:
            partition, offset = message.partition(), message.offset()
            if error is not None or partition is None or offset is None:
                settled(None, error.str() if error is not None else "no place was told")
            else:
                settled(Place(topic, partition, offset), "")

        while True:
            try:
                self._producer.produce(topic, value, key, on_delivery=acknowledged)
            except BufferError:
                self._producer.poll(_FULL_WAIT_S)
            except KafkaException as error:
                settled(None, error.args[0].str())
                return
            else:
                self._producer.poll(0)
                return

    def serve(self, wait_s: float) -> None:
        """Let acknowledgements in; waits for the first one."""
        self._producer.poll(wait_s)

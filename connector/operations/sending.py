"""Puts commands on Kafka, at a rate if one is given, and follows them to what was asked for."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from connector.clock import Clock
from connector.config import Settings
from connector.delivery.command import Source
from connector.kafka.writer import Place, RecordWriter
from connector.operations.progress import Awaited, Progress
from connector.operations.tail import Tail
from connector.records.codec import Codec, Undecodable
from connector.service.startup import client_config

TURN_S: Final = 0.1


class Sender:
    """One call of ``connector send``.

    Args:
        settings: of the installation.
        topic: full name of the command topic.
        codec: reads outcomes and statuses.
        clock: for the rate and the patience.
    """

    def __init__(self, settings: Settings, topic: str, codec: Codec, clock: Clock) -> None:
        self._topic = topic
        self._codec = codec
        self._clock = clock
        names = settings.topic_names
        self._outcomes, self._statuses = names.delivery_outcomes, names.message_statuses
        self._settings = settings
        self._writer = RecordWriter(client_config(settings, settings.kafka.producer))

    def follow(self) -> Tail:
        """The outcomes and statuses from now on; to be opened before anything is written."""
        tail = Tail(self._settings, [self._outcomes, self._statuses])
        tail.from_end()
        return tail

    def write(self, progress: Progress, rate: float | None) -> Iterator[int]:
        """Write every command in order; yields, now and then, how many Kafka has settled, and at the end all."""
        began, settled = self._clock.monotonic(), 0

        def told(awaited: Awaited) -> Callable[[Place | None, str], None]:
            def settle(place: Place | None, reason: str) -> None:
                nonlocal settled
                settled += 1
                if place is None:
                    progress.not_written(awaited, reason)
                else:
                    progress.written(awaited, Source(*place))

            return settle

        for index, awaited in enumerate(progress.commands):
            while rate is not None and (wait_s := began + index / rate - self._clock.monotonic()) > 0:
                self._writer.serve(min(wait_s, TURN_S))
                yield settled
            line = awaited.line
            self._writer.write(self._topic, line.value, line.phone_number_id.encode(), told(awaited))
        while len(self._writer):
            self._writer.serve(TURN_S)
            yield settled
        yield settled

    def wait(self, progress: Progress, tail: Tail, timeout_s: float) -> Iterator[int]:
        """Read until nothing is open or the time is over; yields how many commands are open."""
        until = self._clock.monotonic() + timeout_s
        while progress.open and self._clock.monotonic() < until:
            for message in tail.read(TURN_S):
                self._take(progress, message.topic() or "", message.value())
            yield progress.open

    def _take(self, progress: Progress, topic: str, value: bytes | None) -> None:
        record = self._decoded("DeliveryOutcome" if topic == self._outcomes else "MessageStatus", value)
        if record is not None:
            (progress.outcome if topic == self._outcomes else progress.status)(record)

    def _decoded(self, name: str, value: bytes | None) -> dict[str, Any] | None:
        try:
            return self._codec.decode(name, value) if value is not None else None
        except Undecodable:
            return None  # somebody else's: nothing of ours is unreadable to us

"""SHELL. Who may come in: bounds on what all webhooks hold together, and on how long one waits for Kafka."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from connector.clock import Clock
from connector.ingress.events import Event, Reject
from connector.ingress.pace import TICK_S, Pace
from connector.ingress.tally import Tally
from connector.kafka.producer import PublishError


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what one sender, and all together, may take up.

    Attributes:
        body_bytes_max: Meta's bodies reach 3 MB (Meta, create webhook endpoint, 2026-09-11), the rest is margin.
        body_timeout_s: Seconds from the first bytes of a body to its last.
        answer_s: Seconds an accepted webhook waits for Kafka; then it is refused, and Meta sends it again. A second is
            what Meta allows 1 % of the answers to exceed (Meta, throughput, 2026-09-11).
        in_flight_bytes_max: Bytes of all bodies not answered yet; parsed and encoded, each takes several times that.
        in_flight_requests_max: Requests not answered yet.
        in_flight_records_max: Records that Kafka has not acknowledged; the client's own queue takes 100,000.
    """

    body_bytes_max: int = 4 * 1024 * 1024
    body_timeout_s: float = 10.0
    answer_s: float = 0.9
    in_flight_bytes_max: int = 64 * 1024 * 1024
    in_flight_requests_max: int = 4096
    in_flight_records_max: int = 50_000


class Refusal(Exception):  # noqa: N818 - it is an answer, not a fault
    """The request is answered with this status; the reason is one of a closed set."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        self.reason = reason
        super().__init__(reason)


class PublicationTrace(Protocol):
    """Follows what is published at once; ``items`` have the traces that their consumers go on with."""

    items: Sequence[Event | Reject]

    def published(self, *, acknowledged: bool) -> None:
        """Kafka has them, or has not."""


class WebhookTrace(Protocol):
    """Follows a webhook into Kafka."""

    def publishing(self, items: Sequence[Event | Reject]) -> PublicationTrace:
        """These are about to be published."""
        ...


class Ticket:
    """One webhook that was let in.

    Attributes:
        arrived_ms: When it came, in milliseconds since the epoch.
        begun: When it came, in monotonic seconds.
        held: Bytes of its body so far.
        waiting: What it waits for, once its records are published.
        trace: Follows it; None when nobody collects traces.
    """

    __slots__ = ("arrived_ms", "begun", "held", "trace", "waiting")

    def __init__(self, arrived_ms: int, begun: float) -> None:
        self.arrived_ms = arrived_ms
        self.begun = begun
        self.held = 0
        self.waiting: asyncio.Future[Any] | None = None
        self.trace: WebhookTrace | None = None


class Admission:
    """The webhooks of one process that are not answered yet.

    Args:
        limits: Bounds.
        clock: How long they have been waiting.
        tally: Told of bytes in flight.
    """

    def __init__(self, limits: Limits, clock: Clock, tally: Tally) -> None:
        self.limits = limits
        self._clock = clock
        self._tally = tally
        self._pace = Pace()
        self._inside: dict[Ticket, None] = {}
        self._records = 0

    def enter(self, arrived_ms: int, begun: float) -> Ticket:
        """Let one in.

        Raises:
            Refusal: 503: too many are inside, or Kafka does not keep up.
        """
        if len(self._inside) >= self.limits.in_flight_requests_max or not self._pace.admits:
            raise Refusal(503, "busy")
        ticket = Ticket(arrived_ms, begun)
        self._inside[ticket] = None
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """It is answered, or gone."""
        del self._inside[ticket]
        self._tally.in_flight_bytes -= ticket.held

    def hold(self, ticket: Ticket, count: int) -> None:
        """So many bytes more of its body have come.

        Raises:
            Refusal: 413: the body is too large; 503: all bodies together are.
        """
        ticket.held += count
        self._tally.in_flight_bytes += count
        if ticket.held > self.limits.body_bytes_max:
            raise Refusal(413, "size")
        if self._tally.in_flight_bytes > self.limits.in_flight_bytes_max:
            raise Refusal(503, "busy")

    def publish(self, records: int) -> None:
        """So many records are to be handed to Kafka; :meth:`published` has to follow.

        Raises:
            Refusal: 503: with those on their way they would be too many. One body alone never is.
        """
        if self._records and self._records + records > self.limits.in_flight_records_max:
            raise Refusal(503, "busy")
        self._records += records
        self._pace.begun()

    def published(self, records: int, seconds: float) -> None:
        """They are acknowledged, or given up, after so many seconds."""
        self._records -= records
        self._pace.ended(seconds)

    def vouched_until(self, now_ms: int) -> int:
        """Everything that came before this time is answered: on Kafka, or told as a gap."""
        return min((ticket.arrived_ms for ticket in self._inside), default=now_ms)

    async def run(self) -> None:
        """Judge Kafka's pace, and give up what has waited too long; for ever."""
        while True:
            await asyncio.sleep(TICK_S)
            self.tick()

    def tick(self) -> None:
        """Once."""
        now = self._clock.monotonic()
        self._pace.tick(now)
        for ticket in list(self._inside):
            if now - ticket.begun < self.limits.answer_s:
                break  # they stand in the order in which they came
            if ticket.waiting is not None and not ticket.waiting.done():
                ticket.waiting.set_exception(PublishError("not acknowledged in time"))

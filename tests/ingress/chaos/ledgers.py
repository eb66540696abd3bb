"""What a run leaves behind: what the client saw, and what stands on Kafka. PURE."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.ingress.chaos.bodies import Body

NO_ANSWER: Final = 0
"""In the place of a status: the connection was refused, or broke."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to post a body; milliseconds since the epoch, by the one clock of this machine."""

    begun_ms: int
    ended_ms: int
    status: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Posted:
    """A body and its tries, the last of which was answered 200."""

    body: Body
    attempts: tuple[Attempt, ...]

    @property
    def taken(self) -> bool:
        """Whether it was answered 200."""
        return any(attempt.status == 200 for attempt in self.attempts)


@dataclass(frozen=True, slots=True)
class Signal:
    """A heartbeat or a gap, from when to when; of a heartbeat both are the time that it vouches for."""

    kind: str
    replica: str
    begin_ms: int
    end_ms: int


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
        posted: the client's ledger.
        messages: ids of inbound messages on Kafka.
        statuses: ids of messages of which a status is on Kafka.
        receipts: ids of messages of which a receipt is.
        signals: heartbeats and gaps of each partition, in their order.
        disturbances: what was done, with the seconds after it until a body was answered 200 again.
    """

    posted: tuple[Posted, ...] = ()
    messages: frozenset[str] = frozenset()
    statuses: frozenset[str] = frozenset()
    receipts: frozenset[str] = frozenset()
    signals: Mapping[int, tuple[Signal, ...]] = field(default_factory=dict)
    disturbances: tuple[tuple[str, float], ...] = ()

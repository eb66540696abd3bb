"""Which request is hit by which fault: filters, time windows and draws. PURE; time is passed in.

Each fault draws from a generator of its own, once per matching request, so that for one seed the n-th matching request
always meets the same fate, whatever else is switched on.
"""

import math
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

import msgspec

from connector.simulator.fault_kinds import AnyFault, Latency, RefuseConnections, ResetBefore
from connector.simulator.latency import P99_DEVIATIONS

FAULTS_MAX = 1000


class FaultsFullError(ValueError):
    """There are as many as there may be."""


class Target(NamedTuple):
    """What the filters look at.

    Attributes:
        method: of HTTP.
        number: first part of the path.
        recipient: None when the body says none, or has not been read.
    """

    method: str
    number: str
    recipient: str | None = None


class Blow(NamedTuple):
    """What happens to one request.

    Attributes:
        fault: beside being late; None when it is only late.
        fault_id: of that fault, or of the first that makes it late.
        kind: likewise.
        delay_s: how late the answer is.
    """

    fault: AnyFault | None
    fault_id: str
    kind: str
    delay_s: float


@dataclass(slots=True)
class Active:
    """A fault in force, and what it has done.

    Attributes:
        seen: requests that matched while it was active; each cost one draw.
        hits: requests that it changed; a fault behind another that hit the same request did nothing.
    """

    id: str
    fault: AnyFault
    seed: int
    starts_s: float
    random: Random = field(repr=False)
    seen: int = 0
    hits: int = 0

    @property
    def ends_s(self) -> float:
        """When its time is over."""
        return math.inf if self.fault.for_s is None else self.starts_s + self.fault.for_s

    def state(self, now_s: float) -> str:
        """``waiting``, ``active`` or ``over``."""
        if self.is_over(now_s):
            return "over"
        return "active" if now_s >= self.starts_s else "waiting"

    def is_over(self, now_s: float) -> bool:
        """Whether it can never hit again."""
        return now_s >= self.ends_s or (self.fault.count is not None and self.hits >= self.fault.count)

    def draw(self, now_s: float) -> bool:
        """Whether it would hit this matching event."""
        if self.state(now_s) != "active":
            return False
        self.seen += 1
        return self.random.random() < self.fault.share

    def matches(self, target: Target) -> bool:
        """Whether ``target`` passes its filters."""
        fault = self.fault
        return (
            (not fault.numbers or target.number in fault.numbers)
            and (not fault.methods or target.method in fault.methods)
            and (not fault.recipients or target.recipient in fault.recipients)
        )

    def delay_s(self) -> float:
        """How late this one is; only for latency."""
        fault = self.fault
        if not isinstance(fault, Latency):
            return 0.0
        if fault.distribution == "fixed":
            return (fault.ms or 0.0) / 1000
        if fault.distribution == "uniform":
            return self.random.uniform(fault.min_ms or 0.0, fault.max_ms or 0.0) / 1000
        median_ms, p99_ms = fault.median_ms or 1.0, fault.p99_ms or 1.0
        return self.random.lognormvariate(math.log(median_ms), math.log(p99_ms / median_ms) / P99_DEVIATIONS) / 1000


class Faults:
    """All faults of a simulator.

    Attributes:
        armed: whether any request can be hit now or later; false costs a request nothing.

    Args:
        seed: of the seeds of faults that bring none.
    """

    def __init__(self, seed: int | None) -> None:
        self._random = Random(seed)  # noqa: S311 - figures for a simulation, nothing secret
        self._all: dict[str, Active] = {}
        self._added = 0
        self._unread: list[Active] = []
        self._read: list[Active] = []
        self._at_accept: list[Active] = []
        self.armed = False

    def add(self, fault: AnyFault, now_s: float) -> str:
        """Put ``fault`` in force from now on; its id.

        Raises:
            FaultsFullError: :data:`FAULTS_MAX` are in force.
        """
        if len(self._all) >= FAULTS_MAX:
            self._all = {id_: active for id_, active in self._all.items() if not active.is_over(now_s)}
        if len(self._all) >= FAULTS_MAX:
            message = f"there are {FAULTS_MAX} faults already"
            raise FaultsFullError(message)
        self._added += 1
        drawn = self._random.getrandbits(32)
        seed = drawn if fault.seed is None else fault.seed
        random = Random(seed)  # noqa: S311 - figures for a simulation, nothing secret
        id_ = f"fault-{self._added}"
        self._all[id_] = Active(id_, fault, seed, now_s + fault.from_s, random)
        self._sort(now_s)
        return id_

    def remove(self, fault_id: str) -> bool:
        """Take one back; whether it was there."""
        found = self._all.pop(fault_id, None)
        self._sort(-math.inf)
        return found is not None

    def clear(self) -> int:
        """Take all back; how many there were."""
        count = len(self._all)
        self._all.clear()
        self._sort(-math.inf)
        return count

    def _sort(self, now_s: float) -> None:
        live = [active for active in self._all.values() if not active.is_over(now_s)]
        self._at_accept = [active for active in live if isinstance(active.fault, RefuseConnections)]
        requests = [active for active in live if not isinstance(active.fault, RefuseConnections)]
        self._unread = [a for a in requests if isinstance(a.fault, ResetBefore) and not a.fault.read]
        self._read = [active for active in requests if active not in self._unread]
        self.armed = bool(requests)

    def listing(self, now_s: float) -> list[dict[str, Any]]:
        """Every fault as JSON has it, oldest first, those that are over too."""
        return [
            {
                "id": active.id,
                **msgspec.to_builtins(active.fault),
                "seed": active.seed,
                "state": active.state(now_s),
                "starts_in_s": round(max(0.0, active.starts_s - now_s), 3),
                "seen": active.seen,
                "hits": active.hits,
            }
            for active in self._all.values()
        ]

    def strike_unread(self, target: Target, now_s: float) -> Blow | None:
        """What hits a request of which only the headers are there."""
        return self._strike(self._unread, target, now_s) if self._unread else None

    def strike(self, target: Target, now_s: float) -> Blow | None:
        """What hits a request that is wholly there: the first fault that does, and every latency that does."""
        return self._strike(self._read, target, now_s)

    def _strike(self, candidates: list[Active], target: Target, now_s: float) -> Blow | None:
        breaking: Active | None = None
        late: Active | None = None
        delay_s, over = 0.0, False
        for active in candidates:
            if active.matches(target) and active.draw(now_s):
                if isinstance(active.fault, Latency):
                    late = late or active
                    delay_s += active.delay_s()
                    active.hits += 1
                elif breaking is None:
                    breaking = active
                    active.hits += 1
            over = over or active.is_over(now_s)
        if over:
            self._sort(now_s)
        first = breaking or late
        if first is None:
            return None
        return Blow(None if breaking is None else breaking.fault, first.id, first.fault.kind, delay_s)

    def is_closed(self, now_s: float) -> bool:
        """Whether nobody listens now."""
        return any(_mode(active) == "closed" and active.state(now_s) == "active" for active in self._at_accept)

    def is_refusing(self, now_s: float) -> bool:
        """Whether new connections fail now, all or a share of them."""
        return any(active.state(now_s) == "active" for active in self._at_accept)

    def resets_connection(self, now_s: float) -> bool:
        """Whether this new connection is reset; counts it."""
        hits = [active for active in self._at_accept if _mode(active) == "reset" and active.draw(now_s)]
        for active in hits[:1]:
            active.hits += 1
        return bool(hits)

    def next_change_s(self, now_s: float) -> float | None:
        """When connections will next be treated otherwise."""
        edges = (edge for active in self._at_accept for edge in (active.starts_s, active.ends_s))
        return min((edge for edge in edges if now_s < edge < math.inf), default=None)


def _mode(active: Active) -> str | None:
    return active.fault.mode if isinstance(active.fault, RefuseConnections) else None

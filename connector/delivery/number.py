"""One business number: its limits, its holds, and its lanes, of which the dispatcher asks what may leave now.

A *lane* is the ordered queue of one pair (number, recipient) and one command topic; the lanes of a pair share the
pair limit and have one message in flight between them. A lane stands in one place at a time: ``ready``, ``waiting`` for
a time, or nowhere, because it is empty or its pair has a message in flight. Its ticket tells that place; older entries
are void.
"""

import heapq
import itertools
from collections import Counter, deque
from collections.abc import Iterator
from typing import Final

from connector.delivery.command import QueuedCommand, TopicPolicy, recipient_digest
from connector.delivery.oldest import Oldest
from connector.delivery.pair_limit import PairLimit
from connector.delivery.throughput_limit import NEVER, ThroughputLimit

LEVEL: Final = "level"

PAIRS_SWEPT_AT: Final = 1024
"""Pairs kept before those that owe nothing are forgotten: the sweep's cost is spread over as many sends."""

OWED: Final = 1.0 - 1e-9
"""Credit of one send; ten times a tenth is a little less than one."""

VOID_ENTRIES_SPARED: Final = 64
"""Entries of settled commands in the heaps that are not worth a clean-up. Beyond these, and as many as are alive, they
are taken out: a command that expires tomorrow must not stay in memory until then when it was sent today."""


class Pair:
    """One recipient of the number."""

    __slots__ = ("in_flight", "lanes", "limit")

    def __init__(self) -> None:
        self.limit = PairLimit()
        self.lanes: dict[str, Lane] = {}
        self.in_flight = False


class Lane:
    """The commands of one pair and topic, in the order of their partition."""

    __slots__ = ("commands", "pair", "policy", "ticket")

    def __init__(self, pair: Pair, policy: TopicPolicy) -> None:
        self.ticket = 0
        self.pair = pair
        self.policy = policy
        self.commands: deque[QueuedCommand] = deque()

    def head(self) -> QueuedCommand | None:
        """The next command."""
        return self.commands[0] if self.commands else None


class Number:
    """State of one (slot, phone number id); times are monotonic seconds."""

    def __init__(self, phone_number_id: str, slot: int, rate: int, in_flight_max: int, now: float) -> None:
        self.phone_number_id = phone_number_id
        self.slot = slot
        self.limit = ThroughputLimit(rate, now)
        self.held_until = 0.0
        self.held_reason: str | None = None
        self.level_until = 0.0
        """Until then its rate may still be told; apart from the holds, because it ends before its time."""
        self.paused_until = 0.0
        self.pause_reason: str | None = None
        self.queued: Counter[int] = Counter()
        self.oldest = Oldest()
        self.scheduled_at = NEVER
        self._in_flight_max = in_flight_max
        self._probing = False
        self._in_flight: set[QueuedCommand] = set()
        self._tried: dict[str, QueuedCommand] = {}
        self._debts: dict[str, tuple[float, int]] = {}
        self._pairs: dict[str, Pair] = {}
        self._sweep_at = PAIRS_SWEPT_AT
        self._ready: dict[int, deque[tuple[int, Lane]]] = {}
        self._min_share: dict[int, float] = {}
        self._credit: dict[int, float] = {}
        self._waiting: list[tuple[float, int, int, Lane]] = []
        self._expiring: list[tuple[float, int, QueuedCommand]] = []
        self._sequence = itertools.count()

    @property
    def in_flight(self) -> int:
        """Messages under way."""
        return len(self._in_flight)

    @property
    def ready(self) -> int:
        """Lanes whose head waits for nothing but the number's throughput; some may have become void since."""
        return sum(map(len, list(self._ready.values())))

    def sent(self, queued: QueuedCommand) -> bool:
        """Whether this very command is under way here; a result for any other is void."""
        return queued in self._in_flight

    def accept(self, queued: QueuedCommand, now: float) -> None:
        """Queue a command behind those of its pair and topic."""
        pair = self._pair(queued.recipient, now)
        lane = pair.lanes.get(queued.policy.topic)
        if lane is None:
            lane = pair.lanes[queued.policy.topic] = Lane(pair, queued.policy)
        idle = lane.head() is None
        lane.commands.append(queued)
        if queued.attempts:
            self._tried[queued.command_id] = queued
        self.queued[queued.policy.priority] += 1
        self.oldest.taken(queued)
        if queued.expires_at is not None:
            heapq.heappush(self._expiring, (queued.expires_at, next(self._sequence), queued))
        self._clean_up()
        if idle and not pair.in_flight:
            self._list(lane, now)

    def remember(self, digest: str, free_at: float, exponent: int) -> None:
        """What a pair owes for messages that left before this number was ours; it is known by a digest only."""
        self._debts[digest] = (free_at, exponent)

    def tried(self) -> list[QueuedCommand]:
        """The unsettled commands of which an attempt has begun."""
        return list(self._tried.values())

    def find(self, command_id: str) -> QueuedCommand | None:
        """The one of them with that id."""
        return self._tried.get(command_id)

    def expired(self, now: float) -> Iterator[QueuedCommand]:
        """Take out the commands whose time has passed; one that may have arrived waits until that is known."""
        while self._expiring and self._expiring[0][0] <= now:
            queued = heapq.heappop(self._expiring)[2]
            if not queued.settled and not queued.in_flight and queued.unresolved is None:
                self.finish(queued)
                self.go_on(queued, now)
                yield queued

    def due(self, now: float) -> Iterator[QueuedCommand]:
        """Take out what may leave now: the limits are spent and the pair is in flight when a command is handed over."""
        self._wake_lanes(now)
        while self._may_send(now):
            lane = self._next_lane()
            if lane is None:
                return
            queued = lane.head()
            if queued is None or lane.pair.in_flight:  # released() puts the lanes of a pair back
                continue
            free_at = max(queued.retry_at, lane.pair.limit.ready_at(now, burst=lane.policy.burst))
            if free_at > now:
                self._enqueue(lane, free_at, now)
                continue
            self._spend(lane, queued, now)
            yield queued

    def written(self, queued: QueuedCommand, now: float) -> None:
        """The bytes of a message go out now: that, not the moment it was let go, is what Meta's counts begin with."""
        if queued.spend is not None and queued.spend.written_at is None:
            self.limit.written(queued.spend, now)
            self.pair_limit(queued).written(now)

    def released(self, queued: QueuedCommand, now: float, *, by_meta: bool) -> None:
        """The message in flight has its result, of Meta's or of the network's: the lanes of its pair go on."""
        self.written(queued, now)
        if queued.spend is not None:
            if by_meta:
                self.limit.answered(queued.spend, now)
            else:
                self.limit.given_up(queued.spend)
        self._in_flight.discard(queued)
        queued.in_flight = False
        pair = self._pairs[queued.recipient]
        pair.in_flight = False
        for lane in pair.lanes.values():
            self._list(lane, now)

    def finish(self, queued: QueuedCommand) -> None:
        """The command is settled and leaves its lane."""
        queued.settled = True
        self._tried.pop(queued.command_id, None)
        self.queued[queued.policy.priority] -= 1
        self.oldest.settled(queued)
        self._pairs[queued.recipient].lanes[queued.policy.topic].commands.remove(queued)

    def pair_limit(self, queued: QueuedCommand) -> PairLimit:
        """The limit of the command's pair."""
        return self._pairs[queued.recipient].limit

    def hold(self, until: float, reason: str, *, probe: bool = False) -> None:
        """Nothing leaves before ``until``; a longer hold stands.

        With ``probe`` one message at a time leaves afterwards, until :meth:`mended`: the cause may not be over by then.
        """
        self._probing = self._probing or probe
        if until > self.held_until:
            self.held_until, self.held_reason = until, reason

    def pause(self, until: float, reason: str | None) -> None:
        """What operators and other workers say: it replaces what they said before, and stands beside our own holds."""
        self.paused_until, self.pause_reason = until, reason

    def free_at(self) -> float:
        """When no hold and no pause stands any more."""
        return max(self.held_until, self.paused_until, self.level_until)

    def reason(self) -> str | None:
        """Of what stands longest."""
        until = self.free_at()
        if until == self.paused_until:
            return self.pause_reason
        return self.held_reason if until == self.held_until else LEVEL

    def mended(self, now: float) -> None:
        """Meta has dealt with a message of this number; one that was under way when the hold began proves nothing."""
        if now >= self.held_until:
            self._probing = False

    def next_expiry(self) -> float:
        """When :meth:`expired` has something next."""
        return self._expiring[0][0] if self._expiring else NEVER

    def next_wakeup(self, now: float) -> float:
        """When :meth:`due` or :meth:`expired` has something next; NEVER when only a result can change that."""
        expiry = self.next_expiry()
        if self.in_flight >= self._in_flight_bound():
            return expiry
        work = now if any(self._ready.values()) else NEVER
        if self._waiting:
            work = min(work, self._waiting[0][0])
        if work is NEVER:
            return expiry
        return min(expiry, max(work, self.free_at(), self.limit.ready_at(now)))

    def idle(self, now: float) -> bool:
        """Whether the number can be forgotten: nothing queued, nothing in flight, nothing owed."""
        if self.queued.total() or self.in_flight or now < self.held_until:
            return False
        self._forget_spent_pairs(now)
        self._debts = {digest: debt for digest, debt in self._debts.items() if debt[0] > now}
        return not self._pairs and not self._debts

    def _in_flight_bound(self) -> int:
        return 1 if self._probing else self._in_flight_max

    def _may_send(self, now: float) -> bool:
        return self.in_flight < self._in_flight_bound() and max(self.free_at(), self.limit.ready_at(now)) <= now

    def _spend(self, lane: Lane, queued: QueuedCommand, now: float) -> None:
        queued.spend = self.limit.spend(now)
        lane.pair.limit.spend(now)
        lane.pair.in_flight = queued.in_flight = True
        self._in_flight.add(queued)
        self._tried[queued.command_id] = queued
        self._credit_waiting(lane.policy.priority)

    def _next_lane(self) -> Lane | None:
        """The lowest priority figure first, but whoever is owed its minimum share goes before."""
        while ready := [priority for priority, lanes in self._ready.items() if lanes]:
            owed = [priority for priority in ready if self._credit.get(priority, 0.0) >= OWED]
            ticket, lane = self._ready[min(owed or ready)].popleft()
            if ticket == lane.ticket:
                return lane
        return None

    def _credit_waiting(self, sent: int) -> None:
        """Each send, their own too, earns the later priorities that have work ready their share of one send."""
        self._credit[sent] = max(0.0, self._credit.get(sent, 0.0) - 1.0)
        for priority, lanes in self._ready.items():
            if lanes and priority >= sent:
                self._credit[priority] = min(1.0, self._credit.get(priority, 0.0) + self._min_share[priority])

    def _wake_lanes(self, now: float) -> None:
        while self._waiting and self._waiting[0][0] <= now:
            _, _, ticket, lane = heapq.heappop(self._waiting)
            if ticket == lane.ticket:
                self._list(lane, now)

    def go_on(self, queued: QueuedCommand, now: float) -> None:
        """The head of a lane that was not in flight has gone, or may go again: what it held back may leave."""
        pair = self._pairs[queued.recipient]
        if not pair.in_flight:
            self._list(pair.lanes[queued.policy.topic], now)

    def _list(self, lane: Lane, now: float) -> None:
        head = lane.head()
        if head is not None and head.unresolved is None:
            self._enqueue(lane, head.retry_at, now)

    def _enqueue(self, lane: Lane, free_at: float, now: float) -> None:
        lane.ticket += 1
        if free_at > now:
            heapq.heappush(self._waiting, (free_at, next(self._sequence), lane.ticket, lane))
            return
        priority = lane.policy.priority
        self._min_share[priority] = max(lane.policy.min_share, self._min_share.get(priority, 0.0))
        self._ready.setdefault(lane.policy.priority, deque()).append((lane.ticket, lane))

    def _clean_up(self) -> None:
        """Take void entries out of the heaps when they outnumber the commands that are alive."""
        spared = 2 * self.queued.total() + VOID_ENTRIES_SPARED
        if len(self._expiring) > spared:
            self._expiring = [entry for entry in self._expiring if not entry[2].settled]
            heapq.heapify(self._expiring)
        if len(self._waiting) > spared:
            self._waiting = [entry for entry in self._waiting if entry[2] == entry[3].ticket]
            heapq.heapify(self._waiting)

    def _pair(self, recipient: str, now: float) -> Pair:
        if len(self._pairs) >= self._sweep_at:
            self._forget_spent_pairs(now)
            self._sweep_at = max(PAIRS_SWEPT_AT, 2 * len(self._pairs))
        pair = self._pairs.get(recipient)
        if pair is None:
            pair = self._pairs[recipient] = Pair()
            if self._debts and (debt := self._debts.pop(recipient_digest(self.phone_number_id, recipient), None)):
                pair.limit.restore(*debt)
        return pair

    def _forget_spent_pairs(self, now: float) -> None:
        for recipient, pair in list(self._pairs.items()):
            if not pair.in_flight and pair.limit.spent_by(now) and all(not lane.head() for lane in pair.lanes.values()):
                del self._pairs[recipient]

"""What must hold of the dispatcher, whatever happens: one checker for each promise."""

from collections import defaultdict, deque
from typing import Final

from connector.delivery.command import Effect, QueuedCommand, RetryAt, Settle, Source
from connector.whatsapp.response import AttemptOutcome, Kind
from tests.delivery.making import strictly_allowed
from tests.delivery.world import IN_FLIGHT_MAX, NUMBERS, RATE, Checker

Pair = tuple[str, str]


def pair(command: QueuedCommand) -> Pair:
    """Number and recipient."""
    return command.command.phone_number_id, command.recipient


class SettlesOnce(Checker):
    """Every command settles exactly once; what a former owner of its slot learns too late is void."""

    def __init__(self) -> None:
        self._open: dict[Source, QueuedCommand] = {}
        self._settled: set[Source] = set()

    def accepted(self, command: QueuedCommand) -> None:
        """Open until it is settled; read again, its newer self is open."""
        self._open[command.reading.record.source] = command

    def answered(self, command: QueuedCommand, effect: Effect | None) -> None:
        """A result of the open command settles it or not; any other is void."""
        is_open = self._open.get(command.reading.record.source) is command
        self.require(is_open or effect is None, "a result of a command that is not open has an effect")
        if isinstance(effect, Settle):
            self._settle(command)

    def expired(self, command: QueuedCommand) -> None:
        """Settled too."""
        self._settle(command)

    def dropped(self, slot: int) -> None:
        """Nothing of the slot is open."""
        self._open = {place: command for place, command in self._open.items() if command.slot != slot}

    def ended(self) -> None:
        """Nothing is left."""
        self.require(not self._open, f"{len(self._open)} commands never settled")

    def _settle(self, command: QueuedCommand) -> None:
        place = command.reading.record.source
        self.require(place not in self._settled, f"{place} settled twice")
        self.require(self._open.pop(place, None) is command, f"{place} settled, but is not open")
        self._settled.add(place)


class KeepsOrder(Checker):
    """The commands of one pair and topic start in their order: none before the one ahead of it is settled."""

    def __init__(self) -> None:
        self._queues: dict[tuple[Pair, str], list[QueuedCommand]] = defaultdict(list)

    def accepted(self, command: QueuedCommand) -> None:
        """Behind those of its pair and topic."""
        self._queues[pair(command), command.policy.topic].append(command)

    def let_go(self, command: QueuedCommand) -> None:
        """The first of its queue."""
        self.require(self._queues[pair(command), command.policy.topic][0] is command, "overtook one of its pair")

    def answered(self, command: QueuedCommand, effect: Effect | None) -> None:
        """Settled, it makes way."""
        if isinstance(effect, Settle):
            self._queues[pair(command), command.policy.topic].remove(command)

    def expired(self, command: QueuedCommand) -> None:
        """The same."""
        self._queues[pair(command), command.policy.topic].remove(command)

    def dropped(self, slot: int) -> None:
        """Whoever reads it again begins again."""
        for key, queue in self._queues.items():
            self._queues[key] = [command for command in queue if command.slot != slot]


class OneInFlight(Checker):
    """One message at a time to one recipient of one number, and so many at most of one number."""

    def __init__(self, in_flight_max: int = IN_FLIGHT_MAX) -> None:
        self._in_flight_max = in_flight_max
        self._in_flight: dict[str, set[str]] = {number: set() for number in NUMBERS}

    def let_go(self, command: QueuedCommand) -> None:
        """Alone with its recipient."""
        number, recipient = pair(command)
        in_flight = self._in_flight[number]
        self.require(recipient not in in_flight, "two messages of one pair in flight")
        in_flight.add(recipient)
        self.require(len(in_flight) <= self._in_flight_max, f"{len(in_flight)} messages of one number in flight")

    def counted(self, command: QueuedCommand, result: AttemptOutcome) -> None:  # noqa: ARG002 - whatever the result is
        """No longer."""
        number, recipient = pair(command)
        self._in_flight[number].remove(recipient)

    def dropped(self, slot: int) -> None:
        """A late answer of a slot that has gone is waited for by nobody."""
        for number, home in NUMBERS.items():
            if home == slot:
                self._in_flight[number].clear()


class KeepsNumberLimit(Checker):
    """No second, wherever it begins, holds more messages of a number than its limit.

    Args:
        limits: of each number, as they are now; without them it is the one rate of all worlds.
        across_owners: whether the last second counts on when a slot goes and comes back. Else a new owner knows nothing
            of it; its own caution is specified with the limit itself.
    """

    def __init__(self, limits: dict[str, int] | None = None, *, across_owners: bool = False) -> None:
        self.limits = dict.fromkeys(NUMBERS, RATE) if limits is None else limits
        self._across_owners = across_owners
        self._written: dict[str, deque[float]] = {number: deque() for number in NUMBERS}

    def written(self, command: QueuedCommand) -> None:
        """The strictest window: the one that ends now."""
        number = command.command.phone_number_id
        times = self._written[number]
        times.append(self.now)
        while times[0] <= self.now - 1.0:
            times.popleft()
        self.require(len(times) <= self.limits[number], f"{len(times)} messages of {number} in one second")

    def dropped(self, slot: int) -> None:
        """The numbers of the slot begin anew, or not."""
        for number, home in NUMBERS.items():
            if home == slot and not self._across_owners:
                self._written[number].clear()


class KeepsPairLimit(Checker):
    """Strictly read, Meta would take each message to each recipient."""

    def __init__(self) -> None:
        self._written: dict[Pair, list[float]] = defaultdict(list)

    def written(self, command: QueuedCommand) -> None:
        """Told from all that went before."""
        times = self._written[pair(command)]
        self.require(strictly_allowed(times, self.now), f"too early after {len(times)} messages")
        times.append(self.now)

    def dropped(self, slot: int) -> None:
        """A new owner knows nothing of what was sent."""
        kept = {name: times for name, times in self._written.items() if NUMBERS[name[0]] != slot}
        self._written = defaultdict(list, kept)


class NothingLate(Checker):
    """What has expired is not started, and is told as soon as its time has passed."""

    def __init__(self) -> None:
        self._in_flight: set[QueuedCommand] = set()

    def let_go(self, command: QueuedCommand) -> None:
        """In time."""
        self.require(command.expires_at is None or self.now < command.expires_at, "started after its end")
        self._in_flight.add(command)

    def answered(self, command: QueuedCommand, effect: Effect | None) -> None:
        """An answer after its end is the last one."""
        self._in_flight.discard(command)
        late = command.expires_at is not None and command.expires_at <= self.now
        self.require(not (late and isinstance(effect, RetryAt)), "tried again after its end")

    def expired(self, command: QueuedCommand) -> None:
        """Not before its end, not in flight."""
        self.require(command.expires_at is not None and command.expires_at <= self.now, "expired before its end")
        self.require(command not in self._in_flight, "expired in flight")


class NothingEarly(Checker):
    """Neither before the time a command asks for, nor before the one its retry was given."""

    def __init__(self) -> None:
        self._not_before: dict[QueuedCommand, float] = {}

    def accepted(self, command: QueuedCommand) -> None:
        """The command's own time."""
        self._not_before[command] = command.retry_at

    def let_go(self, command: QueuedCommand) -> None:
        """It has come."""
        self.require(self.now >= self._not_before[command], "started too early")

    def answered(self, command: QueuedCommand, effect: Effect | None) -> None:
        """The retry's time."""
        if isinstance(effect, RetryAt):
            self._not_before[command] = effect.at


class ThrottlingIsFree(Checker):
    """Only real failures use up the budget."""

    def __init__(self) -> None:
        self._failures: dict[QueuedCommand, int] = defaultdict(int)

    def counted(self, command: QueuedCommand, result: AttemptOutcome) -> None:
        """Here and there the same."""
        self._failures[command] += result.kind not in {Kind.ACCEPTED, Kind.THROTTLED}
        self.require(command.failures == self._failures[command], "counted what is no failure, or did not count")


class StartsNothingInDrain(Checker):
    """A slot that is being given up starts nothing."""

    def __init__(self) -> None:
        self._draining: set[int] = set()

    def draining(self, slot: int) -> None:
        """From now on."""
        self._draining.add(slot)

    def dropped(self, slot: int) -> None:
        """Its next owner may."""
        self._draining.discard(slot)

    def let_go(self, command: QueuedCommand) -> None:
        """Of no such slot."""
        self.require(command.slot not in self._draining, "started in a slot that is given up")


class NeverSpins(Checker):
    """When all that is due was taken, the next wakeup lies in the future."""

    def drained_due(self, wakeup: float) -> None:
        """Later, or never."""
        self.require(wakeup > self.now, "armed for the present")


ALL: Final[tuple[type[Checker], ...]] = (
    SettlesOnce,
    KeepsOrder,
    OneInFlight,
    KeepsNumberLimit,
    KeepsPairLimit,
    NothingLate,
    NothingEarly,
    ThrottlingIsFree,
    StartsNothingInDrain,
    NeverSpins,
)

"""What the simulator saw, at its own clock: the referee that tests of the connector ask.

Sums go on for ever; single requests are kept up to a limit, the oldest dropped first and counted. The peaks are
measured here from the requests themselves, not read from the limits' state.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from itertools import islice
from typing import Any, NamedTuple

from connector.simulator.limits import WINDOW_S
from connector.simulator.observer_commands import Commands, identifier

ACCEPTED = 0
NO_CODE = -1
PATH_MAX = 256


class UnderFault(NamedTuple):
    """The fault that spoils the answer to the request being served.

    Attributes:
        kind: of the fault.
        id: of the fault.
        http_status: what the caller is told; None: the true one.
    """

    kind: str
    id: str
    http_status: int | None


# Each request is served in a context of its own, so this speaks of one request only.
UNDER_FAULT: ContextVar[UnderFault | None] = ContextVar("UNDER_FAULT", default=None)


class Observed(NamedTuple):
    """One request to send a message.

    Attributes:
        at_s: the simulator's monotonic seconds when the whole request was there.
        wall_ms: the same moment, milliseconds since the Unix epoch.
        number: the ``phone_number_id`` in the path.
        recipient: digits of the phone, user id or group id; empty when the request was refused before it was known.
        type: message type, ``read`` for read receipts, empty when not known.
        callback_data: ``biz_opaque_callback_data``.
        http_status: of the answer; 0 when the caller got none.
        code: Meta's error code; 0 when accepted, whatever the caller was told; -1 when the answer had no code.
        message_id: the wamid when accepted.
        over_number_limit: the number's limit had no room.
        over_pair_limit: the pair limit had no room.
        fault: kind of the fault that hit it.
        fault_id: of that fault.
    """

    at_s: float
    wall_ms: int
    number: str
    recipient: str
    type: str
    callback_data: str | None
    http_status: int
    code: int
    message_id: str | None
    over_number_limit: bool = False
    over_pair_limit: bool = False
    fault: str | None = None
    fault_id: str | None = None

    @property
    def is_acceptance(self) -> bool:
        """Whether a message was accepted."""
        return self.code == ACCEPTED and self.type != "read"


class Call(NamedTuple):
    """One request to the API that sends nothing: a read, an upload, a path that is not served.

    Attributes:
        at_s: the simulator's monotonic seconds when it was decided.
        wall_ms: the same moment, milliseconds since the Unix epoch.
        method: of HTTP.
        path: without its query, its first 256 characters.
        http_status: of the answer; 0 when the caller got none.
        fault: kind of the fault that hit it.
        fault_id: of that fault.
    """

    at_s: float
    wall_ms: int
    method: str
    path: str
    http_status: int
    fault: str | None = None
    fault_id: str | None = None


class Peak:
    """The most events in any window ``(t - 1 s, t]`` so far."""

    __slots__ = ("_times", "highest")

    def __init__(self) -> None:
        self.highest = 0
        self._times: deque[float] = deque()

    def add(self, at_s: float) -> None:
        """Count one event; events come in order of time."""
        times = self._times
        times.append(at_s)
        while times[0] <= at_s - WINDOW_S:
            times.popleft()
        self.highest = max(self.highest, len(times))


class Tally:
    """The sums of one number."""

    def __init__(self) -> None:
        self.requests = 0
        self.accepted = 0
        self.read_receipts = 0
        self.inbound = 0
        self.without_code = 0
        self.refused: Counter[int] = Counter()
        self.faults: Counter[str] = Counter()
        self.number_limit_violations = 0
        self.pair_violations = 0
        self.first_s: float | None = None
        self.last_s = 0.0
        self.requested_peak = Peak()
        self.accepted_peak = Peak()
        self.counted_peak = Peak()

    def add(self, seen: Observed) -> None:
        """Count one request."""
        self.requests += 1
        self.number_limit_violations += seen.over_number_limit
        self.pair_violations += seen.over_pair_limit
        if self.first_s is None:
            self.first_s = seen.at_s
        self.last_s = seen.at_s
        self.requested_peak.add(seen.at_s)
        if seen.fault is not None:
            self.faults[seen.fault] += 1
        if seen.code > ACCEPTED:
            self.refused[seen.code] += 1
        elif seen.code == NO_CODE:
            self.without_code += 1
        elif seen.type == "read":
            self.read_receipts += 1
        else:
            self.accepted += 1
            self.accepted_peak.add(seen.at_s)
            self.counted_peak.add(seen.at_s)

    def add_inbound(self, at_s: float) -> None:
        """Count one inbound message."""
        self.inbound += 1
        self.counted_peak.add(at_s)

    def summary(self) -> dict[str, Any]:
        """The sums as JSON has them; peaks are counts in a sliding second."""
        span_s = self.last_s - self.first_s if self.first_s is not None else 0.0
        return {
            "requests": self.requests,
            "accepted": self.accepted,
            "read_receipts": self.read_receipts,
            "inbound": self.inbound,
            "refused": {str(code): count for code, count in sorted(self.refused.items())},
            "without_code": self.without_code,
            "faults": dict(sorted(self.faults.items())),
            "requests_max_1s": self.requested_peak.highest,
            "accepted_max_1s": self.accepted_peak.highest,
            "accepted_and_inbound_max_1s": self.counted_peak.highest,
            "accepted_mean_per_s": round(self.accepted / span_s, 2) if span_s else 0.0,
            "span_s": round(span_s, 3),
            "number_limit_violations": self.number_limit_violations,
            "pair_violations": self.pair_violations,
        }


class Observer:
    """Every request, within a bound, and the sums of all.

    Attributes:
        commands: how often each was sent.

    Args:
        remembered_max: requests to send kept one by one, and as many acceptances and other calls.
        commands_max: commands told apart.
        command_id: how a command is told, see :func:`~connector.simulator.observer_commands.identifier`.
    """

    def __init__(self, remembered_max: int, *, commands_max: int = 1_000_000, command_id: str = "whole") -> None:
        self._seen: deque[Observed] = deque(maxlen=remembered_max)
        self._acceptances: deque[Observed] = deque(maxlen=remembered_max)
        self._calls: deque[Call] = deque(maxlen=remembered_max)
        self._call_sums: Counter[str] = Counter()
        self._tallies: dict[str, Tally] = {}
        self._total = 0
        self._unknown = 0
        self._identify = identifier(command_id)
        self.commands = Commands(commands_max)

    def add(self, seen: Observed, *, known: bool = True) -> None:
        """Record one request; those to unknown numbers share one sum, so that callers cannot fill the memory."""
        under = UNDER_FAULT.get()
        if under is not None:
            http_status = seen.http_status if under.http_status is None else under.http_status
            seen = seen._replace(http_status=http_status, fault=under.kind, fault_id=under.id)
        self._total += 1
        self._seen.append(seen)
        if seen.is_acceptance:
            self._acceptances.append(seen)
        if seen.type != "read":
            self.commands.add(self._identify(seen.callback_data), seen.code)
        if known:
            self._tally(seen.number).add(seen)
        else:
            self._unknown += 1

    def add_call(self, call: Call) -> None:
        """Record one request that sends nothing."""
        under = UNDER_FAULT.get()
        if under is not None:
            http_status = call.http_status if under.http_status is None else under.http_status
            call = call._replace(http_status=http_status, fault=under.kind, fault_id=under.id)
        self._calls.append(call._replace(path=call.path[:PATH_MAX]))
        self._call_sums[f"{call.method} {call.http_status}"] += 1

    def calls(self, *, start: int, limit: int) -> list[dict[str, Any]]:
        """Remembered requests that send nothing, in order of their answers."""
        return [call._asdict() for call in islice(self._calls, start, start + limit)]

    def add_inbound(self, number: str, at_s: float) -> None:
        """Record one inbound message of ``number``."""
        self._tally(number).add_inbound(at_s)

    def _tally(self, number: str) -> Tally:
        tally = self._tallies.get(number)
        if tally is None:
            tally = self._tallies[number] = Tally()
        return tally

    def reset(self) -> None:
        """Forget everything."""
        self._seen.clear()
        self._acceptances.clear()
        self._calls.clear()
        self._call_sums.clear()
        self._tallies.clear()
        self.commands.reset()
        self._total = self._unknown = 0

    def summary(self) -> dict[str, Any]:
        """All sums, number by number."""
        numbers = {number: tally.summary() for number, tally in self._tallies.items()}
        accepted = sum(tally.accepted for tally in self._tallies.values())
        return {
            "requests": self._total,
            "accepted": accepted,
            "to_unknown_numbers": self._unknown,
            "remembered": len(self._seen),
            "forgotten": self._total - len(self._seen),
            "acceptances_forgotten": accepted - len(self._acceptances),
            "commands": self.commands.summary(),
            "calls": dict(sorted(self._call_sums.items())),
            "numbers": numbers,
        }

    def requests(
        self, equal_to: Mapping[str, Any], *, start: int = 0, limit: int = 1000, newest_first: bool = False
    ) -> list[dict[str, Any]]:
        """Remembered requests in order of arrival, as dictionaries.

        Args:
            equal_to: members of the dictionaries and the values they must have.
            start: matching requests to skip.
            limit: matching requests to return.
            newest_first: in reverse order.
        """
        ordered = reversed(self._seen) if newest_first else iter(self._seen)
        matching = (seen for seen in ordered if self._matches(seen, equal_to))
        return [self.told(seen) for seen in islice(matching, start, start + limit)]

    def acceptances(self) -> Iterable[Observed]:
        """Remembered acceptances in order."""
        return tuple(self._acceptances)

    def over_limits(self) -> Iterable[Observed]:
        """Remembered requests that a limit had no room for, in order."""
        return tuple(seen for seen in self._seen if seen.over_number_limit or seen.over_pair_limit)

    def told(self, seen: Observed) -> dict[str, Any]:
        """One request as JSON has it: its fields, whether it was accepted, and its command."""
        return {**seen._asdict(), "accepted": seen.is_acceptance, "command": self._identify(seen.callback_data)}

    def command_of(self, seen: Observed) -> str | None:
        """The command that a request belongs to."""
        return self._identify(seen.callback_data)

    def _matches(self, seen: Observed, equal_to: Mapping[str, Any]) -> bool:
        return all(self._member(seen, name) == value for name, value in equal_to.items())

    def _member(self, seen: Observed, name: str) -> Any:
        if name == "command":
            return self._identify(seen.callback_data)
        return seen.is_acceptance if name == "accepted" else getattr(seen, name)

"""A sender small enough to be judged by eye, correct unless a bad habit is planted, in virtual time."""

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import httpx

from connector.simulator.report import Ordered

PAUSE_S = 0.5


@dataclass
class VirtualClock:
    """Time that passes when told to; the simulator's and the sender's alike."""

    now_s: float = 1000.0

    def monotonic(self) -> float:
        """Seconds."""
        return self.now_s

    def wall_ms(self) -> int:
        """Milliseconds since the Unix epoch."""
        return int(self.now_s * 1000)

    def pass_until(self, at_s: float) -> None:
        """Sleep, in no time."""
        self.now_s = max(self.now_s, at_s)


@dataclass(frozen=True)
class Habits:
    """What the sender does; each figure of speech that is turned round plants one fault."""

    keeps_number_limit: bool = True
    keeps_pair_limit: bool = True
    retries_in_place: bool = True
    gives_up: bool = False
    resends_unanswered: bool = False


@dataclass
class ToySender:
    """Sends commands one by one, at its limits and not beyond.

    Attributes:
        client: of the API.
        clock: virtual.
        mps: the number's limit.
        habits: good ones by default.
    """

    client: httpx.AsyncClient
    clock: VirtualClock
    mps: int
    habits: Habits = Habits()
    _second: deque[float] = field(default_factory=deque)
    _bursts: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    async def send_all(self, commands: Iterable[Ordered]) -> None:
        """Send each until it is accepted, unless a habit says otherwise."""
        waiting = deque(commands)
        while waiting:
            command = waiting.popleft()
            answered = await self._send(command)
            again = answered is False or (answered is None and self.habits.resends_unanswered)
            if again and not self.habits.gives_up:
                self.clock.pass_until(self.clock.now_s + PAUSE_S)
                if self.habits.retries_in_place:
                    waiting.appendleft(command)
                else:
                    waiting.append(command)

    async def _send(self, command: Ordered) -> bool | None:
        """Whether it was accepted; None when nobody said."""
        if self.habits.keeps_number_limit:
            self._wait_for_second()
        if self.habits.keeps_pair_limit:
            self._wait_for_pair(command.recipient)
        self._second.append(self.clock.now_s)
        body = {"messaging_product": "whatsapp", "to": f"+{command.recipient}", "text": {"body": "x"}}
        data = {"biz_opaque_callback_data": command.command}
        self._bursts[command.recipient].append(self.clock.now_s)
        try:
            answer = await self.client.post(f"/v26.0/{command.number}/messages", json={**body, **data})
        except httpx.TransportError:
            return None
        if not answer.is_success:
            # Refused for certain: it does not count. What got no answer may have been accepted.
            self._bursts[command.recipient].pop()
        return answer.is_success

    def _wait_for_second(self) -> None:
        if len(self._second) >= self.mps:
            self.clock.pass_until(self._second[-self.mps] + 1)

    def _wait_for_pair(self, recipient: str) -> None:
        """Up to 45 within 6 s of a first one; then none until 6 s for each have passed."""
        burst = self._bursts[recipient]
        if not burst:
            return
        if self.clock.now_s >= burst[0] + 6 or len(burst) >= 45:
            self.clock.pass_until(burst[0] + 6 * len(burst))
            burst.clear()

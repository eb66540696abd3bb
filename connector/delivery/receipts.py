"""Did an attempt without an answer arrive? What receipts prove, and what their silence proves. Pure.

A *receipt* is a status webhook that names the command and the attempt. Its absence proves that the attempt did not
arrive only while receipts are alive: those of later attempts of the same number came, every replica of the ingress was
heard of beyond the time in question, and none of them has refused a webhook meanwhile. Nothing here compares the clocks
of two hosts more closely than :data:`LOOK_UP_MS`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

LOOK_UP_MS: Final = 60_000
"""An attempt is given so long to show itself: far more than the HTTP timeout, after which it cannot arrive any more,
and than Meta takes for a ``sent`` status."""

UNPROVEN_MS: Final = 600_000
"""After so long somebody has to decide, proof or not: the policy of the command's topic."""

READ_MS: Final = 30_000
"""Whoever takes over an attempt of long ago reads first what was heard since then."""

PROOFS: Final = 3
"""Later attempts of the same number whose receipts came: one may be luck."""

BEAT_MAX_MS: Final = 15_000
"""Three heartbeats of a replica: one that is late is no gap."""

REPLICA_KEPT_MS: Final = 120_000
"""A replica that is silent for so long while others are heard is gone; its webhooks go elsewhere since."""

LATER_MAX: Final = 1000
"""Later attempts that are noted. Three receipts are all that is waited for, but each is given its time: at 1000 a
second the newest thousand would be forgotten before their receipts come."""


class Silence(StrEnum):
    """Why an attempt is not waited for any more."""

    SILENT = "silent"
    """Receipts are alive, and there is none of it: it did not arrive."""
    UNPROVEN = "unproven"
    """Nobody can know."""


class Command(NamedTuple):
    """Who was tried."""

    phone_number_id: str
    command_id: str


@dataclass(slots=True)
class LookUp:
    """An attempt that is looked for; ``since_ms`` by us."""

    slot: int
    started_ms: int
    since_ms: int


@dataclass(slots=True)
class _Coverage:
    """Of which times one slot has heard everything that the ingress knew; in the order of the slot's signals."""

    since_ms: int | None = None
    heard: dict[str, int] = field(default_factory=dict)
    gaps: list[int] = field(default_factory=list)
    """When each of them was over: what an attempt began before may have been missed."""

    def heartbeat(self, replica: str, at_ms: int) -> None:
        """All webhooks that the replica took before ``at_ms`` have been heard of."""
        if self.since_ms is None:
            self.since_ms = at_ms
        last = self.heard.get(replica)
        if last is not None and at_ms <= last:
            return
        if last is not None and at_ms - last > BEAT_MAX_MS:
            self.gaps.append(at_ms)
        self.heard[replica] = at_ms
        for name, heard_ms in list(self.heard.items()):
            if at_ms - heard_ms > REPLICA_KEPT_MS:
                self.gaps.append(heard_ms + REPLICA_KEPT_MS)
                del self.heard[name]
        self.gaps = [over_ms for over_ms in self.gaps if over_ms > at_ms - 2 * UNPROVEN_MS]

    def covers(self, begin_ms: int, end_ms: int) -> bool:
        """Whether every replica has been heard of beyond ``end_ms`` and none has missed anything since ``begin_ms``.

        Before the first heartbeat nobody may have been there to hear of anything.
        """
        if self.since_ms is None or self.since_ms > begin_ms:
            return False
        return min(self.heard.values()) >= end_ms and all(over_ms <= begin_ms for over_ms in self.gaps)


class Receipts:
    """Of one worker; all times are Unix milliseconds."""

    def __init__(self) -> None:
        self._look_ups: dict[str, dict[str, LookUp]] = {}
        self._later: dict[str, dict[tuple[str, int], int]] = {}
        self._shown: dict[str, list[int]] = {}
        self._coverage: dict[int, _Coverage] = {}

    def __len__(self) -> int:
        return sum(map(len, self._look_ups.values()))

    def look_up(self, command: Command, slot: int, started_ms: int, now_ms: int) -> None:
        """The command's last attempt, begun at ``started_ms``, has no answer."""
        self._look_ups.setdefault(command.phone_number_id, {})[command.command_id] = LookUp(slot, started_ms, now_ms)

    def resolved(self, command: Command) -> None:
        """It is known now."""
        look_ups = self._look_ups.get(command.phone_number_id)
        if look_ups is None:
            return
        look_ups.pop(command.command_id, None)
        if not look_ups:
            del self._look_ups[command.phone_number_id]
            self._later.pop(command.phone_number_id, None)
            self._shown.pop(command.phone_number_id, None)

    def drop(self, slots: Iterable[int]) -> None:
        """These slots are somebody else's."""
        gone = set(slots)
        for number, look_ups in list(self._look_ups.items()):
            for command_id in [name for name, look_up in look_ups.items() if look_up.slot in gone]:
                self.resolved(Command(number, command_id))
        for slot in gone:
            self._coverage.pop(slot, None)

    def started(self, command: Command, attempt: int, at_ms: int) -> None:
        """An attempt begins: a receipt of it proves that receipts are alive."""
        if command.phone_number_id not in self._look_ups:
            return
        later = self._later.setdefault(command.phone_number_id, {})
        if len(later) >= LATER_MAX:
            oldest = next(iter(later))
            if at_ms - later[oldest] < LOOK_UP_MS:  # its receipt may still come
                return
            del later[oldest]
        later[command.command_id, attempt] = at_ms

    def receipt(self, command: Command, attempt: int) -> None:
        """An attempt has shown itself."""
        at_ms = self._later.get(command.phone_number_id, {}).pop((command.command_id, attempt), None)
        if at_ms is not None:
            shown = self._shown.setdefault(command.phone_number_id, [])
            self._shown[command.phone_number_id] = sorted([*shown, at_ms])[-PROOFS:]

    def heartbeat(self, slot: int, replica: str, at_ms: int) -> None:
        """A replica of the ingress is alive, and the slot has heard all that it knew before."""
        self._coverage.setdefault(slot, _Coverage()).heartbeat(replica, at_ms)

    def gap(self, slot: int, end_ms: int) -> None:
        """A replica has refused webhooks until then."""
        self._coverage.setdefault(slot, _Coverage()).gaps.append(end_ms)

    def judged(self, now_ms: int) -> list[tuple[int, Command, Silence]]:
        """Those that need not be waited for any more, with their slots; each is told until :meth:`resolved`."""
        return [
            (look_up.slot, Command(number, command_id), silence)
            for number, look_ups in self._look_ups.items()
            for command_id, look_up in look_ups.items()
            if (silence := self._judge(look_up, self._shown.get(number, []), now_ms)) is not None
        ]

    def _judge(self, look_up: LookUp, shown: list[int], now_ms: int) -> Silence | None:
        """``shown``: when the newest attempts of the number began whose receipts came, the oldest of them first."""
        end_ms = look_up.started_ms + LOOK_UP_MS
        if now_ms < max(end_ms, look_up.since_ms + READ_MS):
            return None
        if now_ms >= look_up.started_ms + UNPROVEN_MS:
            return Silence.UNPROVEN
        coverage = self._coverage.get(look_up.slot)
        alive = coverage is not None and coverage.covers(look_up.started_ms, end_ms)
        proven = len(shown) == PROOFS and shown[0] > look_up.started_ms
        return Silence.SILENT if alive and proven else None

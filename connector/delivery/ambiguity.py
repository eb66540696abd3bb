"""Commands of which nobody knows whether they arrived: what the receipts say of them, and what follows. Pure.

Used on the event loop, beside the dispatcher that keeps the commands.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, Protocol

from connector.delivery.command import Effect, QueuedCommand, Tried
from connector.delivery.dispatcher import Dispatcher
from connector.delivery.receipts import Command, Receipts, Silence

DECIDED_MAX: Final = 10_000
"""Decisions that are remembered, so that a receipt that comes too late is seen."""

RECEIPT: Final = "receipt"


class Decision(NamedTuple):
    """What became of a command that was looked for."""

    queued: QueuedCommand
    effect: Effect


class LookUpObserver(Protocol):
    """What is measured of the commands that were looked for."""

    def resolved(self, phone_number_id: str, how: str) -> None:
        """One is known, or decided on: ``receipt``, ``silent`` or ``unproven``."""

    def late_receipt(self, phone_number_id: str) -> None:
        """A receipt came after the decision: what was sent again, or given up, had arrived."""


class Ambiguity:
    """Of one worker."""

    def __init__(self, dispatcher: Dispatcher, observer: LookUpObserver) -> None:
        self._dispatcher = dispatcher
        self._observer = observer
        self._receipts = Receipts()
        self._expected: dict[int, dict[Command, str | None]] = {}
        self._decided: dict[Command, int] = {}

    def __len__(self) -> int:
        return len(self._receipts)

    def expect(self, slot: int, tried: Iterable[Tried]) -> None:
        """Commands that an earlier owner left open; they will be read again, their receipts may come before that."""
        self._expected[slot] = {Command(each.phone_number_id, each.command_id): None for each in tried if each.is_open}

    def taken(self, queued: QueuedCommand, now: float, wall_ms: int) -> Decision | None:
        """The dispatcher has taken a command; a decision when it was open, and its receipt has come already."""
        if queued.unresolved is None:
            return None
        command = _name(queued)
        message_id = self._expected.get(queued.slot, {}).pop(command, None)
        if message_id is not None:
            return self._arrived(queued, message_id, now)
        self._receipts.look_up(command, queued.slot, queued.started_at_ms, wall_ms)
        return None

    def started(self, queued: QueuedCommand) -> None:
        """An attempt begins."""
        self._receipts.started(_name(queued), queued.attempts, queued.started_at_ms)

    def unanswered(self, queued: QueuedCommand, wall_ms: int) -> None:
        """Nobody knows whether the last attempt arrived."""
        self._receipts.look_up(_name(queued), queued.slot, queued.started_at_ms, wall_ms)

    def drop(self, slots: frozenset[int]) -> None:
        """These slots are somebody else's."""
        self._receipts.drop(slots)
        for slot in slots:
            self._expected.pop(slot, None)

    def on_signal(self, slot: int, signal: Mapping[str, Any], now: float) -> Decision | None:
        """A RECEIPT, HEARTBEAT or GAP of the ingress, in the order of the slot's signals."""
        match signal["kind"]:
            case "HEARTBEAT":
                self._receipts.heartbeat(slot, signal["replica"], signal["at"])
            case "GAP":
                self._receipts.gap(slot, signal["to"] or signal["at"])
            case "RECEIPT" if signal["phone_number_id"] and signal["command_id"]:
                return self._on_receipt(slot, signal, now)
        return None

    def judge(self, now: float, wall_ms: int) -> list[Decision]:
        """Decide on those whose silence has said enough."""
        decisions = []
        for slot, command, silence in self._receipts.judged(wall_ms):
            self._receipts.resolved(command)
            queued = self._dispatcher.find(slot, *command)
            if queued is None:
                continue
            effect = self._dispatcher.on_silence(queued, now, proven=silence is Silence.SILENT)
            if effect is not None:
                self._observer.resolved(command.phone_number_id, silence.value)
                self._remember_decision(command, queued.attempts)
                decisions.append(Decision(queued, effect))
        return decisions

    def _on_receipt(self, slot: int, signal: Mapping[str, Any], now: float) -> Decision | None:
        command, attempt = Command(signal["phone_number_id"], signal["command_id"]), signal["attempt"] or 0
        message_id = signal["message_id"] or ""
        self._receipts.receipt(command, attempt)
        if command in self._decided and attempt <= self._decided[command]:
            del self._decided[command]
            self._observer.late_receipt(command.phone_number_id)
        expected = self._expected.get(slot, {})
        if command in expected:
            expected[command] = message_id
        queued = self._dispatcher.find(slot, *command)
        return self._arrived(queued, message_id, now) if queued is not None else None

    def _arrived(self, queued: QueuedCommand, message_id: str, now: float) -> Decision | None:
        effect = self._dispatcher.on_receipt(queued, message_id, now)
        if effect is None:
            return None
        self._receipts.resolved(_name(queued))
        self._observer.resolved(queued.command.phone_number_id, RECEIPT)
        return Decision(queued, effect)

    def _remember_decision(self, command: Command, attempt: int) -> None:
        self._decided[command] = attempt
        if len(self._decided) > DECIDED_MAX:
            del self._decided[next(iter(self._decided))]


def _name(queued: QueuedCommand) -> Command:
    return Command(queued.command.phone_number_id, queued.command_id)

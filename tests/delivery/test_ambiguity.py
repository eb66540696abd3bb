"""Commands of which nobody knows whether they arrived: receipts that come early, in time, too late, or never."""

from typing import Any, Final

import pytest

from connector.delivery import ambiguity as ambiguity_module
from connector.delivery.ambiguity import Ambiguity, Decision
from connector.delivery.command import LookUp, QueuedCommand, RetryAt, Settle, Tried, Verdict
from connector.delivery.dispatcher import Dispatcher
from connector.delivery.receipts import LOOK_UP_MS, UNPROVEN_MS
from connector.delivery.retry import RetryPolicy
from connector.whatsapp.response import AttemptOutcome, maybe_sent, withheld
from tests.delivery.making import ACCEPTED, CRM, MARKETING, NUMBER, WALL_MS, queued, result_of, seeded

NOW: Final = 1000.0
SLOT: Final = 0


class Seen:
    """What was measured."""

    def __init__(self) -> None:
        self.how: list[str] = []
        self.late: list[str] = []

    def resolved(self, phone_number_id: str, how: str) -> None:
        """One more."""
        assert phone_number_id == NUMBER
        self.how.append(how)

    def late_receipt(self, phone_number_id: str) -> None:
        """One more."""
        self.late.append(phone_number_id)


class Desk:
    """A dispatcher and its ambiguous commands; time stands still unless a call names one."""

    def __init__(self) -> None:
        self.dispatcher = Dispatcher(RetryPolicy(), seeded(1), default_rate=20, in_flight_per_number=9)
        self.dispatcher.set_rate(NUMBER, 20, NOW)
        self.seen = Seen()
        self.ambiguity = Ambiguity(self.dispatcher, self.seen)

    def send(self, command: QueuedCommand) -> None:
        """It is taken in and leaves, as soon as the rate of its number allows."""
        self.dispatcher.accept(command, NOW)
        attempts = self.dispatcher.due(NOW).attempts or self.dispatcher.due(self.dispatcher.next_wakeup()).attempts
        assert attempts == [command]
        command.started_at_ms = WALL_MS
        self.ambiguity.started(command)

    def answer(self, command: QueuedCommand, result: AttemptOutcome, now: float = NOW) -> Any:
        """The attempt has its result; what follows."""
        effect = self.dispatcher.on_result(command, result, now)
        if isinstance(effect, LookUp):
            self.ambiguity.unanswered(command, WALL_MS)
        return effect

    def ambiguous(self, command: QueuedCommand | None = None) -> QueuedCommand:
        """A command that was sent and has no answer."""
        command = command or queued()
        self.send(command)
        assert isinstance(self.answer(command, maybe_sent("TimeoutError")), LookUp)
        return command

    def receipt(self, attempt: int | None = 1, command_id: str = "order-4711", slot: int = SLOT) -> Decision | None:
        """A status names an attempt."""
        return self.ambiguity.on_signal(slot, receipt(attempt, command_id), NOW)

    def prove_alive(self) -> None:
        """Receipts of three later attempts come, and heartbeats from before to behind."""
        for each in range(3):
            later = queued(f"later {each}", command_id=f"later {each}")
            self.send(later)
            later.started_at_ms = WALL_MS + 1
            self.ambiguity.started(later)
            self.answer(later, ACCEPTED)
            self.receipt(1, f"later {each}")
        for at in range(WALL_MS - 5000, WALL_MS + LOOK_UP_MS + 5000, 5000):
            self.ambiguity.on_signal(SLOT, {"kind": "HEARTBEAT", "replica": "r1", "at": at}, NOW)


def receipt(attempt: int | None, command_id: str = "order-4711", number: str = NUMBER) -> dict[str, Any]:
    """As the ingress writes it."""
    return {
        "kind": "RECEIPT",
        "phone_number_id": number,
        "command_id": command_id,
        "attempt": attempt,
        "message_id": "wamid.9",
    }


def open_attempt(desk: Desk, command: QueuedCommand) -> Tried:
    """An earlier owner has begun an attempt of it, and died."""
    tried = Tried(command.command_id, NUMBER, attempts=1, started_at_ms=WALL_MS)
    desk.ambiguity.expect(SLOT, [tried])
    return tried


def read_again(desk: Desk, command: QueuedCommand, tried: Tried, wall_ms: int = WALL_MS) -> Decision | None:
    """The new owner reads the command; the dispatcher has it first."""
    command.resume(tried, NOW, wall_ms)
    desk.dispatcher.accept(command, NOW)
    return desk.ambiguity.taken(command, NOW, wall_ms)


def accepted_by_receipt(decision: Decision | None) -> bool:
    """Settled as accepted, with the message id of the receipt."""
    assert decision is not None
    effect = decision.effect
    assert isinstance(effect, Settle)
    assert effect.result is not None
    return (effect.verdict, effect.recovered, effect.result.message_id) == (Verdict.ACCEPTED, True, "wamid.9")


def test_a_receipt_says_that_the_command_arrived() -> None:
    """It is settled as accepted, with the id that the receipt names, and never sent again."""
    desk = Desk()
    command = desk.ambiguous()
    decision = desk.receipt()
    assert accepted_by_receipt(decision)
    assert decision is not None
    assert decision.queued is command
    assert (desk.seen.how, len(desk.ambiguity)) == (["receipt"], 0)
    assert desk.dispatcher.due(NOW + 10_000.0).attempts == []


def test_a_receipt_before_the_answer_waits_for_it() -> None:
    """The answer says more; a good one settles as ever."""
    desk = Desk()
    command = queued()
    desk.send(command)
    assert desk.receipt() is None
    effect = desk.answer(command, ACCEPTED)
    assert (effect.verdict, effect.recovered, effect.result) == (Verdict.ACCEPTED, False, ACCEPTED)


@pytest.mark.parametrize(
    "result",
    [maybe_sent("TimeoutError"), withheld("journal_unavailable"), result_of(131000), result_of(131056), result_of(100)],
    ids=["ambiguous", "withheld", "transient", "throttled", "refused"],
)
def test_what_has_shown_itself_is_never_sent_again_whatever_a_later_attempt_came_to(result: AttemptOutcome) -> None:
    """The first attempt was given up as unproven and made again; then its receipt comes, and the answer to the second.

    Nothing but an acceptance says more than the receipt: a third attempt would arrive a second time.
    """
    desk = Desk()
    command = desk.ambiguous()
    (decision,) = desk.ambiguity.judge(NOW, WALL_MS + UNPROVEN_MS)
    assert isinstance(decision.effect, RetryAt)
    later = decision.effect.at + 1.0
    assert desk.dispatcher.due(later).attempts == [command]
    assert desk.receipt(1) is None
    assert accepted_by_receipt(Decision(command, desk.answer(command, result, later)))
    assert desk.dispatcher.due(later + 100_000.0).attempts == []


def test_a_receipt_before_the_retry_saves_it() -> None:
    """The decision to send again was made and nothing has left since."""
    desk = Desk()
    desk.ambiguous()
    desk.ambiguity.judge(NOW, WALL_MS + UNPROVEN_MS)
    assert accepted_by_receipt(desk.receipt(1))
    assert desk.dispatcher.due(NOW + 100_000.0).attempts == []
    assert desk.seen.late == [NUMBER]


def test_a_receipt_may_come_before_its_command_is_read_again() -> None:
    """The new owner hears the signals before it has read so far: the command settles as soon as it is in memory."""
    desk = Desk()
    command = queued()
    tried = open_attempt(desk, command)
    assert desk.receipt() is None
    assert accepted_by_receipt(read_again(desk, command, tried))
    assert desk.dispatcher.due(NOW + 100_000.0).attempts == []
    assert (desk.seen.how, len(desk.ambiguity)) == (["receipt"], 0)


def test_without_a_receipt_it_is_looked_for_once_it_is_read_again() -> None:
    """Nothing leaves for it meanwhile, and the receipt still counts."""
    desk = Desk()
    command = queued()
    tried = open_attempt(desk, command)
    assert read_again(desk, command, tried) is None
    assert (len(desk.ambiguity), desk.dispatcher.due(NOW + 1000.0).attempts) == (1, [])
    assert accepted_by_receipt(desk.receipt())


def test_a_command_whose_attempts_all_have_answers_is_not_looked_for() -> None:
    """It waits for its retry."""
    desk = Desk()
    command = queued()
    tried = Tried(command.command_id, NUMBER, attempts=2, answered=2, failures=2)
    desk.ambiguity.expect(SLOT, [tried])
    assert read_again(desk, command, tried) is None
    assert len(desk.ambiguity) == 0


def test_silence_sends_again_or_gives_up() -> None:
    """As the topic says; how it ended is counted."""
    for policy, proven, how in ((CRM, True, "silent"), (CRM, False, "unproven"), (MARKETING, False, "unproven")):
        desk = Desk()
        desk.ambiguous(queued(policy=policy))
        if proven:
            desk.prove_alive()
        assert desk.ambiguity.judge(NOW, WALL_MS + LOOK_UP_MS - 1) == []
        (decision,) = desk.ambiguity.judge(NOW, WALL_MS + (LOOK_UP_MS if proven else UNPROVEN_MS))
        assert isinstance(decision.effect, RetryAt if policy is CRM else Settle)
        assert desk.seen.how == [how]
        assert desk.ambiguity.judge(NOW, WALL_MS + 2 * UNPROVEN_MS) == []


def test_a_receipt_after_the_decision_is_seen() -> None:
    """Once: what was given up had arrived, and somebody should know."""
    desk = Desk()
    desk.ambiguous(queued(policy=MARKETING))
    desk.ambiguity.judge(NOW, WALL_MS + UNPROVEN_MS)
    assert desk.receipt(2) is None
    assert desk.seen.late == []
    assert desk.receipt(1) is None
    assert desk.receipt(1) is None
    assert desk.seen.late == [NUMBER]


def test_a_receipt_without_an_attempt_or_without_a_command_of_ours_harms_nobody() -> None:
    """Another system's, or an older one's."""
    desk = Desk()
    desk.ambiguous()
    assert desk.receipt(None, "somebody else's") is None
    for nothing in (receipt(1, ""), receipt(1, number=""), {"kind": "LEVEL"}):
        assert desk.ambiguity.on_signal(SLOT, nothing, NOW) is None
    assert accepted_by_receipt(desk.receipt(None))


def test_a_receipt_counts_in_its_own_slot_only() -> None:
    """Two slots never share a number."""
    desk = Desk()
    desk.ambiguous()
    assert desk.receipt(slot=SLOT + 1) is None
    assert len(desk.ambiguity) == 1


def test_a_slot_that_goes_takes_everything_with_it() -> None:
    """What is looked for, and what was expected: its next owner begins anew."""
    desk = Desk()
    desk.ambiguous()
    command = queued("somebody", command_id="expected")
    tried = open_attempt(desk, command)
    desk.receipt(1, "expected")
    gone = frozenset({SLOT})
    desk.dispatcher.drop(gone)
    desk.ambiguity.drop(gone)
    assert len(desk.ambiguity) == 0
    assert desk.receipt() is None
    assert read_again(desk, command, tried) is None
    assert len(desk.ambiguity) == 1


def test_a_gap_without_a_begin_covers_all_before_it() -> None:
    """The replica does not know since when it has refused webhooks."""
    desk = Desk()
    desk.ambiguous()
    desk.prove_alive()
    gap = {"kind": "GAP", "replica": "r1", "from": None, "to": None, "at": WALL_MS + 10}
    assert desk.ambiguity.on_signal(SLOT, gap, NOW) is None
    assert desk.ambiguity.judge(NOW, WALL_MS + LOOK_UP_MS) == []


def test_decisions_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest goes."""
    monkeypatch.setattr(ambiguity_module, "DECIDED_MAX", 2)
    desk = Desk()
    for each in range(3):
        desk.ambiguous(queued(f"user {each}", MARKETING, command_id=f"c{each}"))
    desk.ambiguity.judge(NOW, WALL_MS + UNPROVEN_MS)
    for each in range(3):
        desk.receipt(1, f"c{each}")
    assert len(desk.seen.late) == 2

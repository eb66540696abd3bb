"""The whole protocol of delivery in virtual time, under all checkers; and bugs planted on purpose, to check these.

More seeds: ``python -m tests.simulation --count 2000``.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import pytest

from connector.delivery.admission import Admission
from connector.delivery.ambiguity import Ambiguity
from connector.delivery.command import Output, QueuedCommand, Tried
from connector.delivery.consumer import SlotConsumer
from connector.delivery.dispatcher import Dispatcher
from connector.delivery.identities import Identities
from connector.delivery.ledger.attempts import SlotAttempts
from connector.delivery.ledger.settlements import Ledger
from connector.delivery.ledger.takeover import History, Takeover
from connector.delivery.receipts import Receipts
from connector.delivery.worker import Worker
from connector.kafka.transaction import TransactionAbortedError
from connector.whatsapp.response import AttemptOutcome
from tests.delivery.world import Violation
from tests.simulation.checkers import (
    AnswersCount,
    Checker,
    JournalFirst,
    NoSecondSend,
    NothingLost,
    OneOutcome,
    OneOwner,
    ShutsOutTheDead,
)
from tests.simulation.process import Process
from tests.simulation.world import hurried, simulate

SEEDS: Final = 20
PLANT_SEEDS: Final = 200
"""Within so many runs a planted bug is found; most are in the first ten."""


def simulate_many(checker: type[Checker]) -> None:
    """Until it objects."""
    for seed in range(PLANT_SEEDS):
        simulate(seed, [checker])


Plant = Callable[[pytest.MonkeyPatch], None]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_promise_holds_whoever_dies_when(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers die at each step, stand still for longer than their session, and give slots away; brokers hesitate."""
    hurried(monkeypatch)
    simulate(seed)


def journals_after_the_request(patch: pytest.MonkeyPatch) -> None:
    """The beginning is written once the answer is there."""

    async def plant(self: Worker, queued: QueuedCommand, _: object) -> AttemptOutcome:
        self._ambiguity.started(queued)
        result = await self._api.send(
            queued.command.phone_number_id, "token", self._body(queued, None), lambda: self._on_written(queued)
        )
        await self._journal.write(self._attempts.started(queued, self._debt(queued)))
        return result

    patch.setattr(Worker, "_request", plant)


def commits_positions_before_outcomes(patch: pytest.MonkeyPatch) -> None:
    """In a transaction of their own."""

    def plant(self: Ledger, states: Sequence[Output], offsets: Sequence[tuple[str, int, int]], member: Any) -> bool:
        outputs = [output for settlement in self._pending for output in settlement.outputs]
        try:
            self._transactions.commit([], offsets, member())
            self._transactions.commit([*outputs, *states], offsets, member())
        except TransactionAbortedError:
            return False
        self.transactions += 1
        return True

    patch.setattr(Ledger, "_written", plant)


def shuts_nobody_out(patch: pytest.MonkeyPatch) -> None:
    """Whoever takes over reads at once."""
    patch.setattr(Takeover, "_shut_out", lambda *_: None)


def renews_its_lease_by_polling(patch: pytest.MonkeyPatch) -> None:
    """Whoever reads records is taken for an owner."""
    turn = SlotConsumer._turn

    def plant(self: SlotConsumer) -> None:
        turn(self)
        self._lease.renew(self._clock.monotonic())

    patch.setattr(SlotConsumer, "_turn", plant)


def ignores_evidence(patch: pytest.MonkeyPatch) -> None:
    """What was not committed never happened."""
    take = Takeover._take_any

    def plant(self: Takeover, histories: dict[int, History], *arguments: Any) -> None:
        take(self, histories, *arguments)
        for history in histories.values():
            history.evidence.clear()

    patch.setattr(Takeover, "_take_any", plant)


def ignores_open_attempts(patch: pytest.MonkeyPatch) -> None:
    """A command that was not answered was not sent."""
    patch.setattr(Tried, "is_open", False)


def forgets_what_was_tried(patch: pytest.MonkeyPatch) -> None:
    """The pointer moves, and nothing is written again."""
    patch.setattr(Process, "tried", lambda _, __: [])


def forgets_what_is_settled(patch: pytest.MonkeyPatch) -> None:
    """What is read again is taken for new."""
    patch.setattr(Identities, "is_settled", lambda _, __: False)
    patch.setattr(Admission, "admit", lambda _, queued, *__: queued)


def sends_for_a_slot_that_has_gone(patch: pytest.MonkeyPatch) -> None:
    """A request that waited for its connection leaves, whoever owns the slot by then."""
    patch.setattr(Dispatcher, "is_under_way", lambda _, __: True)


def decides_without_waiting(patch: pytest.MonkeyPatch) -> None:
    """Silence says enough at once."""
    judge = Receipts.judged
    patch.setattr(Receipts, "judged", lambda self, now_ms: judge(self, now_ms + 3_600_000))


def looks_for_nothing_that_was_heard_early(patch: pytest.MonkeyPatch) -> None:
    """A receipt before its command was read again is forgotten, and the command with it."""
    taken = Ambiguity.taken

    def plant(self: Ambiguity, queued: QueuedCommand, *arguments: Any) -> Any:
        heard = any(self._expected.get(queued.slot, {}).values())
        return None if heard else taken(self, queued, *arguments)

    patch.setattr(Ambiguity, "taken", plant)


def passes_over_beginnings(patch: pytest.MonkeyPatch) -> None:
    """Of the journal only the answers are read."""
    read = SlotAttempts._read_tried
    patch.setattr(
        SlotAttempts, "_read_tried", lambda self, record: read(self, record) if record["phase"] == "ENDED" else None
    )


def writes_nothing_again(patch: pytest.MonkeyPatch) -> None:
    """What was committed once is taken for committed for ever."""
    patch.setattr(Ledger, "_write_again", lambda _: None)


@pytest.mark.parametrize(
    ("plant", "checker"),
    [
        (journals_after_the_request, JournalFirst),
        (commits_positions_before_outcomes, NothingLost),
        (writes_nothing_again, NothingLost),
        (forgets_what_is_settled, OneOutcome),
        (shuts_nobody_out, ShutsOutTheDead),
        (renews_its_lease_by_polling, OneOwner),
        (ignores_evidence, AnswersCount),
        (ignores_open_attempts, NoSecondSend),
        (forgets_what_was_tried, NoSecondSend),
        (sends_for_a_slot_that_has_gone, OneOwner),
        (decides_without_waiting, NoSecondSend),
        (looks_for_nothing_that_was_heard_early, NothingLost),
        (passes_over_beginnings, NoSecondSend),
    ],
)
def test_a_planted_bug_is_found(plant: Plant, checker: type[Checker], monkeypatch: pytest.MonkeyPatch) -> None:
    """By the checker of the promise that it breaks."""
    hurried(monkeypatch)
    plant(monkeypatch)
    with pytest.raises(Violation, match=checker.__name__):
        simulate_many(checker)

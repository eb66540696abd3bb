"""What must hold of the whole protocol, whoever dies when: one checker for each promise, told of each step."""

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from tests.delivery.fake_kafka import CODEC
from tests.delivery.world import Objector
from tests.simulation.broker import decoded

LEASE_S: Final = 3.0
STOOD_S: Final = 12.0
"""Between the beginning of an attempt and its write at most: a process may stand still, and be renewed after that."""

if TYPE_CHECKING:
    from tests.simulation.world import World


PATIENCE_S: Final = 5.0
"""For reading the past."""


class Sent(NamedTuple):
    """A request as it is written by ``worker`` at ``at``, in virtual seconds."""

    command_id: str
    attempt: int
    slot: int
    worker: str
    at: float


class Checker(Objector):
    """Of one run."""

    def __init__(self, world: "World") -> None:
        self.world = world

    def written(self, sent: Sent) -> None:
        """The bytes of a request go out now."""

    def accepted(self, sent: Sent) -> None:
        """Meta has taken it."""

    def watched(self) -> None:
        """A second has passed."""

    def ended(self) -> None:
        """Everything had time enough."""


class NothingLost(Checker):
    """D1: every command that was ever produced has a committed outcome in the end."""

    def ended(self) -> None:
        """However many workers died over it."""
        lost = self.world.produced - self.world.settled()
        self.require(not lost, f"without an outcome: {sorted(lost)}")


class OneOutcome(Checker):
    """D2: and one only."""

    def ended(self) -> None:
        """Counted as a reader of committed records does."""
        outcomes = decoded(self.world.broker.read("outcomes"), CODEC, "DeliveryOutcome")
        counts = Counter(outcome["command_id"] for outcome in outcomes)
        self.require(not counts or max(counts.values()) == 1, f"twice: {[n for n, c in counts.items() if c > 1]}")
        accepted = {outcome["command_id"] for outcome in outcomes if outcome["outcome"] == "ACCEPTED"}
        self.require(accepted <= self.world.taken, f"called accepted, and never was: {accepted - self.world.taken}")


class NoSecondSend(Checker):
    """D3: while receipts are alive no command is accepted twice; else only when nobody could know for long enough."""

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        self._accepted: dict[str, list[Sent]] = defaultdict(list)

    def accepted(self, sent: Sent) -> None:
        """Compared with the one before."""
        before = self._accepted[sent.command_id]
        if before:
            self.require(not self.world.receipts_alive, f"{sent.command_id} was accepted twice")
            waited = sent.at - before[-1].at + STOOD_S
            self.require(waited >= self.world.unproven_s, f"{sent.command_id} was sent again after {waited:.1f} s")
        before.append(sent)


class JournalFirst(Checker):
    """D3: before a request is written Kafka has the beginning of its attempt."""

    def written(self, sent: Sent) -> None:
        """In the slot of its command."""
        found = decoded(self.world.broker.read("attempts"), CODEC, "DeliveryAttempt")
        begun = {(each["command_id"], each["attempt"]) for each in found if each["phase"] == "STARTED"}
        self.require((sent.command_id, sent.attempt) in begun, f"{sent.command_id} was sent and not journalled")


class AnswersCount(Checker):
    """D3: a command whose answer lies in the log, committed or not, is not sent again."""

    def written(self, sent: Sent) -> None:
        """Whoever had it."""
        found = decoded(self.world.broker.read("outcomes", committed=False), CODEC, "DeliveryOutcome")
        self.require(sent.command_id not in {each["command_id"] for each in found}, f"{sent.command_id} had its answer")

    def ended(self) -> None:
        """What was written first is what is committed: nobody looked for what was known.

        What one who has been replaced says later is refused, and nobody's word.
        """
        first: dict[str, tuple[str, bool]] = {}
        for command_id, word in self._words(committed=False):
            first.setdefault(command_id, word)
        for command_id, word in self._words(committed=True):
            self.require(word == first[command_id], f"{command_id} was {first[command_id]}, then {word}")

    def _words(self, *, committed: bool) -> list[tuple[str, tuple[str, bool]]]:
        outcomes = decoded(self.world.broker.read("outcomes", committed=committed), CODEC, "DeliveryOutcome")
        return [(each["command_id"], (each["outcome"], each["recovered"])) for each in outcomes]


class OneOwner(Checker):
    """D10: only the owner of a slot writes requests of it."""

    def written(self, sent: Sent) -> None:
        """As the group has it at that moment."""
        owner = self.world.owners.get(sent.slot)
        self.require(owner == sent.worker, f"{sent.worker} wrote for slot {sent.slot} of {owner}")


class ShutsOutTheDead(Checker):
    """D2: what a dead owner has left open ends with the takeover, and not only when the broker loses patience."""

    def watched(self) -> None:
        """The new owner runs for long enough to have read the past."""
        for slot, name in self.world.owners.items():
            if self.world.running_s(name, slot) < PATIENCE_S:
                continue
            before = self.world.owner_on_record(slot)
            stays = before in self.world.broker.open_in(slot) - {name}
            self.require(not stays, f"{before} still has an open transaction in slot {slot} of {name}")


ALL: Final[tuple[type[Checker], ...]] = (
    NothingLost,
    OneOutcome,
    NoSecondSend,
    JournalFirst,
    AnswersCount,
    OneOwner,
    ShutsOutTheDead,
)

"""What came back to Kafka, counted as a CRM would count it: by command id. Pure."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

ACCEPTED: Final = "ACCEPTED"
EXPECTED_STATUSES: Final = ("sent", "delivered")
"""Statuses that every accepted message of the demo gets; ``read`` comes for some."""


class Check(NamedTuple):
    """Two totals that must be equal."""

    text: str
    left: int
    right: int

    @property
    def ok(self) -> bool:
        """Whether they are."""
        return self.left == self.right


@dataclass
class NumberTally:
    """Of one business number."""

    accepted: int = 0
    failed: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    inbound: int = 0


class Tally:
    """Fed with decoded records; identities are kept, so that a repeated record counts once."""

    def __init__(self) -> None:
        self.numbers: dict[str, NumberTally] = defaultdict(NumberTally)
        self.outcomes: dict[str, str] = {}
        self.repeated_outcomes = 0
        self.dead_letters: Counter[str] = Counter()
        self.inbound: set[str] = set()
        self._statuses: dict[str, set[str]] = defaultdict(set)

    def outcome(self, record: Mapping[str, Any]) -> None:
        """A ``DeliveryOutcome``."""
        command_id = record["command_id"]
        if command_id in self.outcomes:
            self.repeated_outcomes += 1
            return
        self.outcomes[command_id] = record["outcome"]
        number = self.numbers[record.get("phone_number_id") or "-"]
        if record["outcome"] == ACCEPTED:
            number.accepted += 1
        else:
            number.failed += 1

    def status(self, record: Mapping[str, Any]) -> None:
        """A ``MessageStatus``; one without a command id is not ours."""
        command_id, status = record.get("command_id"), record["status"]
        if command_id is None or status in self._statuses[command_id]:
            return
        self._statuses[command_id].add(status)
        self.numbers[record["phone_number_id"]].statuses[status] += 1

    def inbound_message(self, record: Mapping[str, Any]) -> None:
        """An ``InboundMessage``."""
        if record["event_id"] not in self.inbound:
            self.inbound.add(record["event_id"])
            self.numbers[record["phone_number_id"]].inbound += 1

    def dead_letter(self, class_: str) -> None:
        """A dead letter of this class."""
        self.dead_letters[class_] += 1

    @property
    def accepted(self) -> int:
        """Commands that Meta accepted."""
        return sum(outcome == ACCEPTED for outcome in self.outcomes.values())

    def with_status(self, status: str) -> int:
        """Accepted commands that came back with this status, joined by command id."""
        return sum(status in self._statuses[c] for c, outcome in self.outcomes.items() if outcome == ACCEPTED)

    def checks(self, *, produced: int, faulty: int, sent: int, webhooks: int) -> list[Check]:
        """Totals against each other.

        ``produced`` commands, of which ``faulty`` cannot be sent; ``sent`` is what the Cloud API says it accepted,
        ``webhooks`` the inbound messages that it posted.
        """
        return [
            Check("commands produced = outcomes on Kafka", produced, len(self.outcomes)),
            Check("no command with a second outcome", 0, self.repeated_outcomes),
            Check("commands that can be sent = accepted outcomes", produced - faulty, self.accepted),
            Check("accepted by the Cloud API = accepted outcomes", sent, self.accepted),
            *(
                Check(f"accepted = status '{status}' joined by command id", self.accepted, self.with_status(status))
                for status in EXPECTED_STATUSES
            ),
            Check("commands that cannot be sent = dead letters", faulty, self.dead_letters.total()),
            Check("inbound webhooks = inbound messages on Kafka", webhooks, len(self.inbound)),
        ]

    def complete(self, *, produced: int, faulty: int, webhooks: int) -> bool:
        """Whether everything that is to come has come."""
        return (
            len(self.outcomes) >= produced
            and self.dead_letters.total() >= faulty
            and len(self.inbound) >= webhooks
            and all(self.with_status(status) >= self.accepted for status in EXPECTED_STATUSES)
        )

"""What a run leaves behind: what was asked for, what was seen at the simulator, what stands on Kafka. PURE.

Each ledger is written by a party of its own (the driver, the simulator's observer, the topics), so that the verdicts
compare testimonies that do not depend on each other. Times in ``_ms`` are Unix milliseconds of this one machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple


class Source(NamedTuple):
    """The place of a record in Kafka."""

    topic: str
    partition: int
    offset: int


class CommandKind(StrEnum):
    """What a produced command is meant to meet."""

    PLAIN = "plain"
    PAIR = "pair"
    EXPIRED = "expired"
    EXPIRING = "expiring"
    MISPLACED = "misplaced"
    UNDECODABLE = "undecodable"
    INVALID = "invalid"
    REFUSED = "refused"
    UNDELIVERABLE = "undeliverable"


BAD_KINDS: Mapping[CommandKind, str] = {
    CommandKind.UNDECODABLE: "undecodable",
    CommandKind.INVALID: "invalid",
    CommandKind.REFUSED: "refused",
    CommandKind.UNDELIVERABLE: "undeliverable",
}
"""Commands that can only end as dead letters, and the class each has to have."""

ASKED_OF_THE_API = frozenset({CommandKind.REFUSED, CommandKind.UNDELIVERABLE})
"""Of these the Cloud API judges: when its answer is lost, the class may be ``ambiguous`` instead."""


@dataclass(frozen=True, slots=True)
class Command:
    """One record that the driver wrote and Kafka acknowledged.

    Attributes:
        id: the driver's own name for it; travels as the caller's opaque data, and as ``command_id``.
        source: where it lies.
        number: phone number id it is keyed by.
        recipient: digits of the user.
        kind: what it is meant to meet.
        value: the record's bytes; ``headers`` and ``timestamp_ms`` are the record's too.
        expires_at_ms: its own end.
    """

    id: str
    source: Source
    number: str
    recipient: str
    kind: CommandKind
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp_ms: int = 0
    expires_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One request to send, as the simulator's observer noted it.

    Attributes:
        at_s: the simulator's own monotonic seconds.
        command: the driver's name of the command, from the callback data; empty when there was none.
        code: Meta's code; 0: accepted.
        fault: the planted fault that met it, empty when none did.
    """

    at_s: float
    wall_ms: int
    number: str
    recipient: str
    command: str
    code: int
    message_id: str = ""
    fault: str = ""
    over_number_limit: bool = False
    over_pair_limit: bool = False

    @property
    def accepted(self) -> bool:
        """Whether a message came of it."""
        return self.code == 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """One committed record of the outcomes topic; ``source`` is the command's origin as the outcome tells it."""

    source: Source
    command_id: str
    outcome: str
    error_class: str = ""
    attempts: int = 0
    message_id: str = ""
    settled_at_ms: int = 0
    recovered: bool = False


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One committed record of a dead-letter topic; ``origin`` is what its headers say, None when they do not."""

    topic: str
    origin: Source | None
    value: bytes
    key: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp_ms: int


class FactKind(StrEnum):
    """What an item of a webhook body is."""

    MESSAGE = "message"
    STATUS = "status"
    ACCOUNT = "account"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Fact:
    """One item of a body the driver posted.

    Attributes:
        id: what identifies the fact: the same in every repeat. A malformed item is its own text.
        raw: the item's JSON text as posted.
        number: phone number id of the change it stood in.
        conversation: the user it belongs to; empty for account events and malformed items.
        sequence: position within its conversation, in the order of posting.
    """

    kind: FactKind
    id: str
    raw: str
    number: str = ""
    conversation: str = ""
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Posted:
    """One body, until it was answered for good.

    Attributes:
        replica: the ingress it went to.
        signed: whether its signature was right; one that was not has to be refused.
        statuses: the answers it got, try by try; 0: no answer at all.
    """

    facts: tuple[Fact, ...]
    replica: str
    signed: bool
    statuses: tuple[int, ...]

    @property
    def taken(self) -> bool:
        """Whether it was answered 200 once."""
        return 200 in self.statuses


@dataclass(frozen=True, slots=True)
class Event:
    """One record that the ingress wrote: an inbound message, a status or an account event.

    Attributes:
        fact_id: identifies the fact, built as the driver builds it.
        raw: the item's text as kept.
        message_id: Meta's id, empty for account events.
        status: of a status.
    """

    kind: FactKind
    source: Source
    event_id: str
    fact_id: str
    raw: str
    message_id: str = ""
    status: str = ""


@dataclass(frozen=True, slots=True)
class Disturbance:
    """Something that was done to the system, from ``from_ms`` until ``until_ms``."""

    kind: str
    target: str
    from_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Stop:
    """A process that was told to end in good order; ``exit_code`` None: it had to be killed."""

    process: str
    exit_code: int | None
    seconds: float
    allowed_s: float


@dataclass(frozen=True, slots=True)
class Leak:
    """A text that must not be where it was found."""

    what: str
    where: str


@dataclass(frozen=True)
class Storm:
    """The whole system under load and disturbances.

    Attributes:
        not_acknowledged: records that Kafka may have or not.
        limits: messages a second by number.
        rerouted: where a forwarded command lies, by where it was produced.
        committed: the group's offsets by topic and partition.
        cursors: first offset that was left in the log, by number and topic.
        sent_again: ambiguous attempts after which a command was sent again.
        open_attempts: commands whose last attempt has no answer in the journal, and when it began.
        ended_ms: when the ledgers were read.
        rejects: values of the rejects topic.
        webhooks: the simulator's own sums.
        leaks: None when nothing was searched.
        searched: how much of what was.
    """

    commands: tuple[Command, ...] = ()
    not_acknowledged: int = 0
    requests: tuple[Request, ...] = ()
    limits: Mapping[str, int] = field(default_factory=dict)
    outcomes: tuple[Outcome, ...] = ()
    dead_letters: tuple[DeadLetter, ...] = ()
    rerouted: Mapping[Source, Source] = field(default_factory=dict)
    committed: Mapping[tuple[str, int], int] = field(default_factory=dict)
    cursors: Mapping[tuple[str, str], int] = field(default_factory=dict)
    sent_again: int = 0
    open_attempts: Mapping[Source, int] = field(default_factory=dict)
    ended_ms: int = 0
    posted: tuple[Posted, ...] = ()
    events: tuple[Event, ...] = ()
    rejects: tuple[bytes, ...] = ()
    webhooks: Mapping[str, Any] = field(default_factory=dict)
    disturbances: tuple[Disturbance, ...] = ()
    leaks: tuple[Leak, ...] | None = None
    searched: Mapping[str, int] = field(default_factory=dict)

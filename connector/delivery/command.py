"""A command on its way through delivery: what was asked, where it lies, what has been tried."""

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple, Protocol, Self

from connector.delivery.pair_limit import NO_DEBT, PairDebt
from connector.delivery.throughput_limit import Spend
from connector.records.commands import Command
from connector.records.envelope import COMMAND_ID_MAX
from connector.whatsapp.response import AttemptOutcome, maybe_sent


class RefusedStartError(Exception):
    """What was found of the past forbids to go on; the message says what somebody has to decide."""


class Source(NamedTuple):
    """The place of a record in Kafka."""

    topic: str
    partition: int
    offset: int

    def command_id(self) -> str:
        """Identity of a command that came from here without one; a topic's name that is too long becomes its digest."""
        place = f"{self.partition}/{self.offset}"
        named = f"{self.topic}/{place}"
        return named if len(named) <= COMMAND_ID_MAX else f"{hashlib.sha256(self.topic.encode()).hexdigest()}/{place}"


_PUNCTUATION: Final = str.maketrans("", "", "+-() .")


def pair_of(to: str | None, recipient: str | None) -> str:
    """One name for one person, however the phone is written; ``to`` wins (Meta, business-scoped user ids, 2026-03-10).

    Meta takes ``+``, spaces, hyphens and brackets in a phone (send messages, 2026-09-11); a group id stays as it is.
    """
    if not to:
        return recipient or ""
    digits = to.translate(_PUNCTUATION)
    return digits if digits.isdigit() else to


def recipient_digest(phone_number_id: str, recipient: str) -> str:
    """Names a pair without naming the person; 16 hex digits."""
    return hashlib.blake2b(f"{phone_number_id}\0{recipient}".encode(errors="surrogatepass"), digest_size=8).hexdigest()


class SourceRecord(NamedTuple):
    """A record as it was read, byte for byte. ``timestamp_ms`` is the record's own, in Unix milliseconds."""

    source: Source
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    timestamp_ms: int


class Reading(NamedTuple):
    """A record in the hands of this worker.

    ``record`` is where it lies and what settles; ``origin`` is where it was produced, which names its policy and its
    dead-letter topic. ``slot`` settles it. ``epoch`` is the assignment under which it was read: a result from an older
    one is void.
    """

    record: SourceRecord
    origin: Source
    slot: int
    epoch: int


@dataclass(frozen=True, slots=True)
class TopicPolicy:
    """What holds for the commands of one topic.

    ``priority`` 0 goes first; ``expires_after_s`` counts from the record's own time.
    """

    topic: str
    priority: int = 0
    min_share: float = 0.0
    burst: bool = False
    resend_ambiguous: bool = True
    expires_after_s: float | None = None


@dataclass(slots=True)
class Tried:
    """What is known of a command that was tried and has no outcome; times are Unix milliseconds, 0 for never.

    ``attempts`` have begun, the last one at ``started_at_ms``; ``answered`` is the last of them that has an answer.
    """

    command_id: str
    phone_number_id: str
    recipient_digest: str = ""
    payload_digest: str = ""
    attempts: int = 0
    answered: int = 0
    failures: int = 0
    started_at_ms: int = 0
    retry_at_ms: int = 0
    first_attempt_at_ms: int = 0
    first_failure_at_ms: int = 0
    debt: PairDebt = NO_DEBT
    """Of its pair, the last attempt included."""

    @property
    def is_open(self) -> bool:
        """Whether nobody knows of its last attempt whether it arrived."""
        return self.attempts > self.answered


class AttemptTrace(Protocol):
    """An attempt of a command whose trace is recorded; it lasts as long as its block."""

    result: AttemptOutcome | None
    """To be set when it is known."""

    @property
    def traceparent(self) -> str:
        """What the message carries through Meta."""
        ...

    def requested(self) -> None:
        """The request begins."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class CommandTrace(Protocol):
    """A command whose trace is recorded, or may be; what its outcome carries on is put into its ``traceparent``."""

    def attempt(self, queued: "QueuedCommand") -> AttemptTrace | None:
        """One more begins; None when it is not recorded."""
        ...

    def settling(self, queued: "QueuedCommand") -> None:
        """Its outcome is about to be written."""

    def settled(self, settlement: "Settlement") -> None:
        """Its outcome is committed; called on any thread."""

    def left(self) -> None:
        """It is somebody else's from now on."""


@dataclass(slots=True, eq=False)
class QueuedCommand:
    """A command taken into memory; times without ``_ms`` are monotonic seconds, those with it Unix milliseconds."""

    command: Command
    command_id: str
    payload_digest: str
    reading: Reading
    policy: TopicPolicy
    traceparent: str | None = None
    attempts: int = 0
    failures: int = 0
    first_attempt_at_ms: int | None = None
    first_failure_at_ms: int | None = None
    last_failure_at_ms: int | None = None
    first_failure: float | None = None
    retry_at: float = 0.0
    expires_at: float | None = None
    in_flight: bool = False
    spend: Spend | None = None
    settled: bool = False
    started_at_ms: int = 0
    """When the last attempt began."""
    unresolved: AttemptOutcome | None = None
    """The last attempt, when nobody knows whether it arrived: the command waits for a receipt of it."""
    receipt: str | None = None
    """Message id of a receipt that came before the answer."""
    trace: CommandTrace | None = None
    """None when nobody records it."""
    recipient: str = field(init=False)
    """The user or group that the pair limit is about."""

    def __post_init__(self) -> None:
        """Kept, because it is asked for at each step."""
        self.recipient = pair_of(self.command.to, self.command.recipient)

    def resume(self, tried: Tried, now: float, wall_ms: int) -> None:
        """Go on where an earlier owner of the slot has stopped; an open attempt counts as a failed one."""
        self.attempts, self.failures = tried.attempts, tried.failures
        self.started_at_ms = tried.started_at_ms
        self.first_attempt_at_ms = tried.first_attempt_at_ms or None
        self.first_failure_at_ms = tried.first_failure_at_ms or None
        if self.failures:
            self.first_failure = now - max(0, wall_ms - (tried.first_failure_at_ms or wall_ms)) / 1000
        if tried.is_open:
            self.failures += 1
            self.unresolved = maybe_sent("worker_gone")
        elif tried.retry_at_ms:
            self.retry_at = max(self.retry_at, now + (tried.retry_at_ms - wall_ms) / 1000)

    @property
    def slot(self) -> int:
        """The slot that owns the command."""
        return self.reading.slot

    @property
    def resend_ambiguous(self) -> bool:
        """Whether an ambiguous attempt is made again: the command's own word, else its topic's."""
        if self.command.on_ambiguous == "DEFAULT":
            return self.policy.resend_ambiguous
        return self.command.on_ambiguous == "RESEND"


class Verdict(StrEnum):
    """How a command settles: the outcomes of the delivery record that this engine decides on."""

    ACCEPTED = "ACCEPTED"
    DEAD_LETTERED = "DEAD_LETTERED"
    EXPIRED = "EXPIRED"
    DUPLICATE = "DUPLICATE"


class DeadLetterClass(StrEnum):
    """Why a command ended in the dead-letter topic (a closed set, part of the public surface)."""

    UNDECODABLE = "undecodable"
    INVALID = "invalid"
    ID_CONFLICT = "id_conflict"
    REFUSED = "refused"
    UNDELIVERABLE = "undeliverable"
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class RetryAt:
    """The command stays; its next attempt is not before ``at`` (monotonic seconds)."""

    at: float
    reason: str


@dataclass(frozen=True, slots=True)
class Settle:
    """The command is done."""

    verdict: Verdict
    reason: str
    dead_letter_class: DeadLetterClass | None = None
    result: AttemptOutcome | None = None
    duplicate_of: str | None = None
    """Event id of the outcome that the first command of this identity has, or will have."""
    recovered: bool = False
    """Settled by a receipt, not by an answer."""


@dataclass(frozen=True, slots=True)
class LookUp:
    """Nobody knows whether the attempt arrived: the command waits for a receipt, or for what silence proves."""

    reason: str


Effect = RetryAt | Settle | LookUp


class Output(NamedTuple):
    """A record to be written; ``partition`` is always named, and ``timestamp_ms`` 0 means the time of writing."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    timestamp_ms: int = 0


@dataclass(frozen=True, slots=True)
class Settlement:
    """What settles one record that was read: its outputs and its offset go into the same transaction.

    ``key`` is the record's own. ``command`` is None when the record never became one. ``outcome`` is the word that goes
    into metrics and logs; a forwarded command, and one that had its outcome before, have none on Kafka.
    ``phone_number_id`` is None when the record could not be read that far.
    """

    source: Source
    key: bytes | None
    epoch: int
    outputs: tuple[Output, ...]
    outcome: str
    command: QueuedCommand | None = None
    phone_number_id: str | None = None
    command_id: str | None = None
    dead_letter_class: str = ""
    queued_at_ms: int = 0
    attempts: int = 0
    traceparent: str | None = None
    """The trace that the record came with."""

"""Records of delivery: outcomes for everybody, and its own journal, state, signals and control. See ``types.py``."""

from typing import Literal, NotRequired, TypedDict

Outcome = Literal["UNKNOWN", "ACCEPTED", "DEAD_LETTERED", "EXPIRED", "DUPLICATE", "SUPPRESSED"]


DeliveryError = TypedDict(
    "DeliveryError",
    {
        "class": str,
        "code": NotRequired[int | None],
        "subcode": NotRequired[int | None],
        "title": NotRequired[str | None],
        "details": NotRequired[str | None],
        "http_status": NotRequired[int | None],
        "fbtrace_id": NotRequired[str | None],
    },
)


class SourceRecord(TypedDict):
    """Place of a record in Kafka."""

    topic: str
    partition: int
    offset: int


class DeliveryOutcome(TypedDict):
    """How a command ended: exactly one committed outcome for each command read."""

    event_id: str
    command_id: str
    payload_digest: NotRequired[str | None]
    outcome: Outcome
    duplicate_of: NotRequired[str | None]
    phone_number_id: NotRequired[str | None]
    waba_id: NotRequired[str | None]
    to: NotRequired[str | None]
    recipient: NotRequired[str | None]
    type: NotRequired[str]
    template_name: NotRequired[str | None]
    message_id: NotRequired[str | None]
    message_status: NotRequired[str | None]
    wa_id: NotRequired[str | None]
    user_id: NotRequired[str | None]
    attempts: NotRequired[int]
    error: NotRequired[DeliveryError | None]
    recovered: NotRequired[bool]
    queued_at: int
    first_attempt_at: NotRequired[int | None]
    settled_at: int
    source: SourceRecord
    command_source: NotRequired[str | None]
    opaque_data: NotRequired[str | None]
    traceparent: NotRequired[str | None]


AttemptPhase = Literal["UNKNOWN", "STARTED", "ENDED"]


class DeliveryAttempt(TypedDict):
    """Journal of requests to the Cloud API."""

    command_id: str
    payload_digest: NotRequired[str]
    attempt: int
    phase: AttemptPhase
    result: NotRequired[str | None]
    retry_at: NotRequired[int | None]
    charged: NotRequired[bool]
    failures: NotRequired[int]
    phone_number_id: str
    recipient_digest: NotRequired[str]
    pair_free_at: NotRequired[int | None]
    pair_exponent: NotRequired[int]
    first_attempt_at: NotRequired[int | None]
    first_failure_at: NotRequired[int | None]
    source: SourceRecord
    worker: NotRequired[str]
    at: int


class SlotState(TypedDict):
    """Ownership of a slot and how far its internal topics were read."""

    slots_total: int
    worker: NotRequired[str]
    transactional_id: str
    released: NotRequired[bool]
    attempts_offset: NotRequired[int]
    outcomes_offset: NotRequired[int]
    signals_offset: NotRequired[int]
    updated_at: int


SettledRange = TypedDict(
    "SettledRange",
    {
        "from": int,
        "to": int,
    },
)


class PairOnHold(TypedDict):
    """One recipient that must wait."""

    recipient_digest: str
    free_at: int
    exponent: NotRequired[int]


class NumberState(TypedDict):
    """How far one command topic of one number was taken."""

    cursor: NotRequired[int | None]
    settled_beyond: NotRequired[list[SettledRange]]
    held_since: NotRequired[int | None]
    reason: NotRequired[str | None]
    pairs_on_hold: NotRequired[list[PairOnHold]]


class DeliveryState(TypedDict):
    """Where a slot, or a number in it, stands."""

    slot: NotRequired[SlotState | None]
    number: NotRequired[NumberState | None]


SignalKind = Literal["UNKNOWN", "RECEIPT", "LEVEL", "ACCOUNT", "INBOUND_LOAD", "GAP", "HEARTBEAT"]


NumberSignal = TypedDict(
    "NumberSignal",
    {
        "kind": SignalKind,
        "phone_number_id": NotRequired[str | None],
        "waba_id": NotRequired[str | None],
        "replica": str,
        "at": int,
        "command_id": NotRequired[str | None],
        "attempt": NotRequired[int | None],
        "message_id": NotRequired[str | None],
        "status": NotRequired[str | None],
        "error_code": NotRequired[int | None],
        "level": NotRequired[str | None],
        "count": NotRequired[int | None],
        "from": NotRequired[int | None],
        "to": NotRequired[int | None],
    },
)


ControlAction = Literal["UNKNOWN", "HOLD", "RELEASE"]


class DeliveryControl(TypedDict):
    """A hold on sending, or its release."""

    scope: str
    actor: str
    action: ControlAction
    reason: NotRequired[str]
    at: int
    until: NotRequired[int | None]

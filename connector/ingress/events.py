"""What one webhook becomes: records to be encoded, and what could not be understood. PURE."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

EventTopic = Literal["inbound_messages", "message_statuses", "account_events", "number_signals"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """The circumstances of one webhook.

    Attributes:
        received_at: Milliseconds since the epoch.
        replica: Name of this ingress.
        installation: Whose envelopes are opened.
        slots: Partitions of the signals topic.
        key_secret: Conversation keys are HMACs under it; None: plain.
    """

    received_at: int
    replica: str
    installation: str
    slots: int
    key_secret: bytes | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One record, not yet encoded.

    Attributes:
        topic: Where it goes, by the configuration's name.
        schema: Name of its record.
        record: The record.
        event_id: ``ce_id``; deterministic for facts.
        source: ``ce_source``.
        key: Record key; None: none.
        partition: Explicit partition; -1: by the key.
        traceparent: W3C trace context it continues.
        path: Place in the body, for a fact.
    """

    topic: EventTopic
    schema: str
    record: Mapping[str, Any]
    event_id: str
    source: str
    key: str | None = None
    partition: int = -1
    traceparent: str | None = None
    path: str = ""


@dataclass(frozen=True, slots=True)
class Reject:
    """What could not be understood, as it came.

    Attributes:
        path: Place in the body; empty for the whole body.
        reason: What is wrong; quotes nothing of the body.
        raw: The bytes.
    """

    path: str
    reason: str
    raw: bytes

"""What one webhook becomes: records to be encoded, and what could not be understood. PURE."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

EventTopic = Literal["inbound_messages", "message_statuses", "account_events", "number_signals"]


class Arrival(Struct, frozen=True):
    """The circumstances of one webhook.

    Attributes:
        received_at: Milliseconds since the epoch.
        replica: Name of this ingress.
        installation: Whose envelopes are opened.
        slots: Partitions of the signals topic.
        key_secret: Conversation keys are HMACs under it; None: plain.
        numbers: Ids of business numbers by the digits Meta displays them with.
    """

    received_at: int
    replica: str
    installation: str
    slots: int
    key_secret: bytes | None = None
    numbers: Mapping[str, str] = {}


class Event(Struct, frozen=True):
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
        beside: JSON text of members of the envelope that no field carries.
        untyped: Why some of it is in ``raw`` alone, from a closed set; None: it has a field for all it is.
        signals: What delivery has to hear before anybody sees this record.
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
    beside: str | None = None
    untyped: str | None = None
    signals: "tuple[Event, ...]" = ()


class Reject(Struct, frozen=True):
    """What could not be understood, as it came.

    Attributes:
        path: Place in the body; empty for the whole body.
        reason: What is wrong; quotes nothing of the body.
        raw: The bytes.
        waba_id: Account, when it is known.
        beside: As in :class:`Event`.
    """

    path: str
    reason: str
    raw: bytes
    waba_id: str | None = None
    beside: str | None = None

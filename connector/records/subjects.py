"""Which record a topic carries, and under which subject a schema registry has its schema."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias, assert_never

from connector.records.schemas import NAMESPACE

SubjectNameStrategy: TypeAlias = Literal["topic_name", "record_name", "topic_record_name"]

# By key of the topic in the configuration. Rejects and dead letters carry what they were given.
RECORD_OF_TOPIC: Mapping[str, str] = MappingProxyType(
    {
        "inbound_messages": "InboundMessage",
        "message_statuses": "MessageStatus",
        "account_events": "AccountEvent",
        "commands": "OutboundCommand",
        "rerouted_commands": "OutboundCommand",
        "delivery_outcomes": "DeliveryOutcome",
        "delivery_attempts": "DeliveryAttempt",
        "delivery_state": "DeliveryState",
        "number_signals": "NumberSignal",
        "delivery_control": "DeliveryControl",
    }
)


def subject_of(strategy: SubjectNameStrategy, topic: str, record: str) -> str:
    """Subject of the schema of a topic's values, as Confluent's serializers name it.

    Their names for the three are TopicNameStrategy, RecordNameStrategy and TopicRecordNameStrategy (Confluent, schema
    registry, serializers and deserializers, 2026-11-24).
    """
    match strategy:
        case "topic_name":
            return f"{topic}-value"
        case "record_name":
            return f"{NAMESPACE}.{record}"
        case "topic_record_name":
            return f"{topic}-{NAMESPACE}.{record}"
    assert_never(strategy)

"""Which record a topic carries, and its subject at a schema registry."""

from collections.abc import Mapping
from types import MappingProxyType

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


def subject_of(topic: str) -> str:
    """Subject of a topic's values (the registry clients' default, TopicNameStrategy)."""
    return f"{topic}-value"

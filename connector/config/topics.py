"""Settings of the topics: their names, and how they fit together."""

from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field, ValidationInfo, field_validator

from connector.config.fields import File, Section, TopicName, TopicPrefix


class TopicNames(NamedTuple):
    """Full names of all topics, the prefix included. ``commands`` has the order of ``delivery.commands``."""

    commands: tuple[str, ...]
    inbound_messages: str
    message_statuses: str
    account_events: str
    webhook_rejects: str
    rerouted_commands: str
    delivery_outcomes: str
    delivery_attempts: str
    delivery_state: str
    number_signals: str
    delivery_control: str
    prefix: str
    dead_letters: str

    def dead_letters_of(self, topic: str) -> str:
        """Full name of the dead-letter topic of the command topic with this full name."""
        return f"{self.prefix}{self.dead_letters}{topic.removeprefix(self.prefix)}"


OWN_TOPICS = tuple(name for name in TopicNames._fields if name not in {"commands", "prefix", "dead_letters"})


class Topics(Section):
    """Names of the topics, all of them without the prefix."""

    prefix: TopicPrefix = Field(default="", description="Goes before every topic name, the command topics included.")
    inbound_messages: TopicName = Field(
        default="whatsapp.inbound-messages.v1", description="Messages people sent to our numbers."
    )
    message_statuses: TopicName = Field(
        default="whatsapp.message-statuses.v1", description="What became of messages we sent."
    )
    account_events: TopicName = Field(
        default="whatsapp.account-events.v1", description="Events of business accounts, templates and numbers."
    )
    webhook_rejects: TopicName = Field(
        default="dlq.whatsapp.webhooks", description="Signed webhook bodies that could not be understood, as they came."
    )
    rerouted_commands: TopicName = Field(
        default="whatsapp.outbound-commands.rerouted.v1",
        description="Commands that arrived on a partition other than their number's home slot.",
    )
    delivery_outcomes: TopicName = Field(
        default="whatsapp.delivery-outcomes.v1", description="One record for each command that settled."
    )
    dead_letters: TopicName = Field(
        default="dlq.",
        description="Goes before the name of a command topic, and behind the prefix, for its dead letters.",
    )
    delivery_attempts: TopicName = Field(
        default="whatsapp.delivery-attempts.v1", description="Internal: what was tried, and when. Kept for 7 days."
    )
    delivery_state: TopicName = Field(
        default="whatsapp.delivery-state.v1", description="Internal, compacted: how far each slot and number got."
    )
    number_signals: TopicName = Field(
        default="whatsapp.number-signals.v1", description="Internal: what the ingress tells delivery about numbers."
    )
    delivery_control: TopicName = Field(
        default="whatsapp.delivery-control.v1", description="Internal, compacted, one partition: holds and releases."
    )
    conversation_key: Literal["plain", "hmac"] = Field(
        default="plain",
        description="Record key of messages and statuses: `plain` is `<phone_number_id>:<user>`, `hmac` hides it.",
    )
    conversation_key_secret_file: File | None = Field(
        default=None,
        description="File with the secret of the `hmac` key. A new secret moves conversations to other partitions.",
        validate_default=True,
    )

    @field_validator(
        "message_statuses",
        "account_events",
        "webhook_rejects",
        "rerouted_commands",
        "delivery_outcomes",
        "delivery_attempts",
        "delivery_state",
        "number_signals",
        "delivery_control",
    )
    @classmethod
    def _is_its_own(cls, value: str, info: ValidationInfo) -> str:
        twin = next((name for name in OWN_TOPICS if info.data.get(name) == value), None)
        if twin is not None:
            message = f"is the name of topics.{twin} too; give each its own"
            raise ValueError(message)
        return value

    @field_validator("conversation_key_secret_file")
    @classmethod
    def _hmac_has_a_secret(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is None and info.data.get("conversation_key") == "hmac":
            message = "is required with conversation_key: hmac; name a file with at least 32 random bytes"
            raise ValueError(message)
        return value

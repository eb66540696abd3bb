"""The settings as types. Each description says what the field means and in which unit; it is shown in the docs.

Two kinds of checks are kept apart. A fault of one field is told by its type; a fault between fields is told at the
field that has to change, from the fields validated before it, so that all of them are found in one pass.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from connector.config.faults import Keys, collected
from connector.config.fields import (
    TOPIC_LENGTH_MAX,
    File,
    Flag,
    GraphId,
    Host,
    Matching,
    Port,
    Properties,
    Real,
    Text,
    Throughput,
    TopicName,
    TopicPrefix,
    Url,
    Whole,
    checked,
)
from connector.config.librdkafka import faults_of_properties, faults_of_role_properties, faults_of_secret_files

HTTP_TIMEOUT_MAX_S = 10.0
SESSION_TIMEOUT_S = 45.0


class Section(BaseModel):
    """What all sections share: they never change, and they know all their keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False)


class Kafka(Section):
    """How to reach Kafka. librdkafka's own names, verbatim."""

    common: Annotated[Properties, checked(faults_of_properties)] = Field(
        default={"bootstrap.servers": "localhost:9092"},
        description="librdkafka properties of every client. Must hold `bootstrap.servers`.",
    )
    producer: Annotated[Properties, checked(faults_of_role_properties)] = Field(
        default={}, description="librdkafka properties of the producers only, such as `compression.type`."
    )
    consumer: Annotated[Properties, checked(faults_of_role_properties)] = Field(
        default={}, description="librdkafka properties of the consumers only, such as `group.protocol`."
    )
    secret_files: Annotated[Mapping[str, File], checked(faults_of_secret_files)] = Field(
        default={},
        description="librdkafka property to the file that holds its value, such as `sasl.password`. Read at start.",
    )

    @field_validator("common")
    @classmethod
    def _names_the_brokers(cls, value: Properties) -> Properties:
        if not value.get("bootstrap.servers"):
            raise collected([(("bootstrap.servers",), "is required; set it to host:port, several with commas")])
        return value


class SchemaRegistry(Section):
    """Where Avro schemas are registered. Without a registry values carry Avro's single-object encoding."""

    url: Url | None = Field(
        default=None, description="Base URL of a Confluent-compatible registry; `null`: no registry is used."
    )
    basic_auth_file: File | None = Field(
        default=None, description="File that holds `user:password` for the registry; `null`: no authentication."
    )
    ca_file: File | None = Field(
        default=None,
        description="PEM file with the authority that signed the registry's certificate; `null`: the system's.",
    )


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


_NAMED = tuple(name for name in TopicNames._fields if name not in {"commands", "prefix", "dead_letters"})


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
        twin = next((name for name in _NAMED if info.data.get(name) == value), None)
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


class Ingress(Section):
    """The HTTP server that takes Meta's webhooks."""

    host: Host = Field(default="0.0.0.0", description="Address to listen on.")  # noqa: S104 - a container's only address
    port: Port = Field(default=8080, description="TCP port to listen on; 0 takes a free one.")
    path: Annotated[
        Text,
        Field(max_length=200),
        Matching(r"/[A-Za-z0-9._~/-]*", "must begin with / and have only letters, digits and . _ ~ / -"),
    ] = Field(default="/webhook", description="Path of the callback URL set in Meta's app dashboard.")
    verify_token_file: File = Field(
        default=Path("/run/secrets/verify-token"), description="File with the verify token of Meta's handshake."
    )
    app_secret_files: tuple[File, ...] = Field(
        default=(Path("/run/secrets/app-secret"),),
        min_length=1,
        max_length=16,
        description="Files with app secrets, one each. Any one may match a signature: rotation, or several apps.",
    )


class CloudApi(Section):
    """Where the Cloud API is and who we are to it."""

    base_url: Url = Field(default="https://graph.facebook.com", description="Base URL, without version.")
    version: Annotated[Text, Matching(r"v[0-9]{1,3}\.[0-9]", "must be a Graph version such as v26.0")] = Field(
        default="v26.0", description="Graph version in every path. Pinned, so that Meta's changes come with a release."
    )
    access_token_file: File = Field(
        default=Path("/run/secrets/access-token"),
        description="File with the access token of all numbers without their own.",
    )


class Number(Section):
    """What differs from the defaults for one business number."""

    phone_number_id: GraphId = Field(description="Meta's id of the number (not the phone number), in quotes.")
    waba_id: GraphId | None = Field(
        default=None, description="Id of the number's WhatsApp Business Account; `null`: learned from webhooks."
    )
    access_token_file: File | None = Field(
        default=None, description="File with this number's own access token; `null`: that of `cloud_api`."
    )
    throughput_mps: Throughput = Field(
        default="auto",
        description="Messages a second, in and out together: `auto` asks the API, or a whole number from 1 to 1000.",
    )


class CommandTopic(Section):
    """One topic of commands and its policy."""

    topic: TopicName = Field(description="Name of the topic, without the prefix.")
    priority: Annotated[Whole, Field(ge=0, le=100)] = Field(
        default=0, description="Rank: 0 goes first. Topics of one rank share alike."
    )
    min_share: Annotated[Real, Field(ge=0, le=0.5)] = Field(
        default=0.0,
        description="Share of a number's throughput kept for this topic while it has work, so that it never starves.",
    )
    burst: Flag = Field(
        default=False,
        description="Whether one recipient may get up to 45 messages at once; that recipient then waits for minutes.",
    )
    on_ambiguous: Literal["RESEND", "DEAD_LETTER"] = Field(
        default="RESEND",
        description="What to do with a command of which nobody knows whether it was sent: send again, or give up.",
    )
    expires_after_s: Annotated[Whole, Field(ge=1, le=31_536_000)] | None = Field(
        default=None, description="Seconds from its record's time after which a command is not sent; `null`: never."
    )


def _session(data: Mapping[str, Any], share: float) -> float:
    return float(data["session_timeout_s"]) * share


class Delivery(Section):
    """The consumer group that sends commands."""

    installation: Annotated[
        Text,
        Field(max_length=32),
        Matching(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", "must have only small letters, digits and inner dashes"),
    ] = Field(
        default="default",
        description="Name of this installation in envelopes, group id and transactional ids. Never reuse another's.",
    )
    group_id: Annotated[
        Text,
        Field(max_length=200),
        Matching(r"[A-Za-z0-9._-]+", "must have only letters, digits, dot, underscore and dash"),
    ] = Field(
        default_factory=lambda data: f"whatsapp-delivery-{data['installation']}",
        description="Kafka consumer group. Default: `whatsapp-delivery-<installation>`.",
    )
    commands: tuple[CommandTopic, ...] = Field(
        default=(
            CommandTopic(topic="whatsapp.outbound-commands.crm.v1", burst=True),
            CommandTopic(
                topic="whatsapp.outbound-commands.marketing.v1",
                priority=1,
                min_share=0.05,
                on_ambiguous="DEAD_LETTER",
                expires_after_s=86400,
            ),
        ),
        min_length=1,
        max_length=32,
        description="Topics to read commands from.",
    )
    session_timeout_s: Annotated[Real, Field(ge=6, le=1800)] = Field(
        default=SESSION_TIMEOUT_S,
        description="Seconds without a sign of life after which Kafka gives a worker's slots to others.",
    )
    http_timeout_s: Annotated[Real, Field(gt=0)] = Field(
        default_factory=lambda data: min(HTTP_TIMEOUT_MAX_S, _session(data, 0.25)),
        description=(
            "Seconds a request to the Cloud API may take, at most a quarter of the session. "
            "Default: that quarter, but 10 at most."
        ),
    )
    lease_s: Annotated[Real, Field(gt=0)] = Field(
        default_factory=lambda data: _session(data, 0.5),
        description=(
            "Seconds for which a successful transaction lets a worker start requests, at most half of the session. "
            "Default: that half."
        ),
    )
    drain_s: Annotated[Real, Field(gt=0)] = Field(
        default_factory=lambda data: _session(data, 0.25),
        description=(
            "Seconds that requests under way get when a slot is given up, at most a quarter of the session. "
            "Default: that quarter."
        ),
    )
    window_per_number: Annotated[Whole, Field(ge=1, le=100_000)] = Field(
        default=2000, description="Commands kept in memory for each number and topic; the others wait in the log."
    )
    attempts_max: Annotated[Whole, Field(ge=1, le=100)] = Field(
        default=5, description="Failures after which a command is dead-lettered. Throttling does not count."
    )
    retry_age_max_s: Annotated[Real, Field(ge=1, le=604_800)] = Field(
        default=3600.0, description="Seconds since its first attempt after which a failed command is not tried again."
    )
    on_missing_offsets: Literal["stop", "from_outcomes", "earliest", "latest"] = Field(
        default="stop",
        description=(
            "What to do when the group has history but its offsets are gone: stop; start at the earliest and skip what "
            "has an outcome; start at the earliest; start at the latest."
        ),
    )

    @field_validator("commands")
    @classmethod
    def _topics_are_unique(cls, value: tuple[CommandTopic, ...]) -> tuple[CommandTopic, ...]:
        found = _repeated([command.topic for command in value], "topic")
        if sum(command.min_share for command in value) > 1:
            found.append(((), "min_share of all topics must be 1 or less together"))
        if found:
            raise collected(found)
        return value

    @field_validator("http_timeout_s", "drain_s")
    @classmethod
    def _fits_a_quarter(cls, value: float, info: ValidationInfo) -> float:
        return _at_most(value, info, 0.25, "a quarter")

    @field_validator("lease_s")
    @classmethod
    def _fits_a_half(cls, value: float, info: ValidationInfo) -> float:
        return _at_most(value, info, 0.5, "half")


def _at_most(value: float, info: ValidationInfo, share: float, words: str) -> float:
    session = info.data.get("session_timeout_s")
    if session is not None and value > session * share:
        message = f"must be {session * share:g} or less, {words} of session_timeout_s; lower it or raise that"
        raise ValueError(message)
    return value


def _repeated(values: list[str], field: str) -> list[tuple[Keys, str]]:
    first: dict[str, int] = {}
    found: list[tuple[Keys, str]] = []
    for index, value in enumerate(values):
        if value in first:
            found.append(((index, field), f"is the same as in entry [{first[value]}]; keep one"))
        first.setdefault(value, index)
    return found


class Admin(Section):
    """The read-only HTTP server for probes, metrics and numbers."""

    host: Host = Field(default="0.0.0.0", description="Address to listen on.")  # noqa: S104 - a container's only address
    port: Port = Field(default=9090, description="TCP port to listen on; 0 takes a free one.")


class Telemetry(Section):
    """Logs, metrics and traces."""

    log_format: Literal["json", "console"] = Field(
        default="json", description="`json` for machines, `console` for people."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe level that is written."
    )
    otlp_endpoint: Url | None = Field(
        default=None, description="Base URL of an OTLP/HTTP collector; `null`: metrics only on `/metrics`."
    )


class Settings(Section):
    """All settings of one installation."""

    kafka: Kafka = Field(default=Kafka(), description="How to reach Kafka.")
    schema_registry: SchemaRegistry = Field(default=SchemaRegistry(), description="Where schemas are registered.")
    topics: Topics = Field(default=Topics(), description="Names of topics, and their keys.")
    ingress: Ingress = Field(default=Ingress(), description="The webhook server.")
    cloud_api: CloudApi = Field(default=CloudApi(), description="The Cloud API.")
    numbers: tuple[Number, ...] = Field(
        default=(), max_length=10_000, description="Business numbers that differ from the defaults."
    )
    delivery: Delivery = Field(default_factory=Delivery, description="The sender of commands.", validate_default=True)
    admin: Admin = Field(default=Admin(), description="Probes and metrics.", validate_default=True)
    telemetry: Telemetry = Field(default=Telemetry(), description="What is told about the work, and to whom.")

    @field_validator("numbers")
    @classmethod
    def _numbers_are_unique(cls, value: tuple[Number, ...]) -> tuple[Number, ...]:
        if found := _repeated([number.phone_number_id for number in value], "phone_number_id"):
            raise collected(found)
        return value

    @field_validator("delivery")
    @classmethod
    def _topics_fit_together(cls, value: Delivery, info: ValidationInfo) -> Delivery:
        topics = info.data.get("topics")
        found = _topic_faults(topic_names(topics, value), value) if topics is not None else []
        if found:
            raise collected(found)
        return value

    @field_validator("admin")
    @classmethod
    def _ports_differ(cls, value: Admin, info: ValidationInfo) -> Admin:
        ingress = info.data.get("ingress")
        if ingress is not None and value.port and value.port == ingress.port:
            raise collected([(("port",), f"is the port of ingress too ({value.port}); choose another")])
        return value

    @property
    def topic_names(self) -> TopicNames:
        """Full names of all topics."""
        return topic_names(self.topics, self.delivery)


def topic_names(topics: Topics, delivery: Delivery) -> TopicNames:
    """Full names of all topics of these two sections."""
    return TopicNames(
        commands=tuple(topics.prefix + command.topic for command in delivery.commands),
        prefix=topics.prefix,
        dead_letters=topics.dead_letters,
        **{name: topics.prefix + getattr(topics, name) for name in _NAMED},
    )


def _topic_faults(names: TopicNames, delivery: Delivery) -> list[tuple[Keys, str]]:
    own = {getattr(names, name) for name in _NAMED}
    longest = TOPIC_LENGTH_MAX - len(names.prefix) - len(names.dead_letters)
    found: list[tuple[Keys, str]] = []
    for index, (full, command) in enumerate(zip(names.commands, delivery.commands, strict=True)):
        keys: Keys = ("commands", index, "topic")
        if full in own:
            found.append((keys, "is the name of another topic of ours; give it its own"))
        if names.dead_letters_of(full) in own.union(names.commands):
            found.append(
                (keys, f"has the dead-letter topic {names.dead_letters_of(full)}, which is in use; rename one")
            )
        if len(command.topic) > longest:
            found.append(
                (keys, f"must have at most {longest} characters, so that its dead-letter topic has a valid name")
            )
    return found

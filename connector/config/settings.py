"""The settings as types. Each description says what the field means and in which unit; it is shown in the docs.

Two kinds of checks are kept apart. A fault of one field is told by its type; a fault between fields is told at the
field that has to change, from the fields validated before it, so that all of them are found in one pass.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from connector.config.delivery import Delivery
from connector.config.faults import Keys, collected
from connector.config.fields import (
    TOPIC_LENGTH_MAX,
    File,
    GraphId,
    HeaderName,
    Host,
    Matching,
    Network,
    Port,
    Properties,
    Section,
    Text,
    Throughput,
    Url,
    Whole,
    checked,
    repeated,
)
from connector.config.librdkafka import faults_of_properties, faults_of_role_properties, faults_of_secret_files
from connector.config.topics import OWN_TOPICS, TopicNames, Topics
from connector.records.subjects import SubjectNameStrategy


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
    subject_name_strategy: SubjectNameStrategy = Field(
        default="topic_name",
        description="Subject of a schema, as Confluent's serializers name it: `topic_name` is `<topic>-value`, "
        "`record_name` the record's full name, `topic_record_name` is `<topic>-<full name>`.",
    )
    basic_auth_file: File | None = Field(
        default=None, description="File that holds `user:password` for the registry; `null`: no authentication."
    )
    ca_file: File | None = Field(
        default=None,
        description="PEM file with the authority that signed the registry's certificate; `null`: the system's.",
    )


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
    repeat_window: Annotated[Whole, Field(ge=0, le=5_000_000)] = Field(
        default=200_000,
        description="Facts each replica remembers so that a repeat is dropped; 100 bytes each. Readers merge by "
        "`event_id` all the same.",
    )
    trusted_proxies: tuple[Network, ...] = Field(
        default=(),
        max_length=64,
        description="Networks of the proxies in front. From these alone `X-Forwarded-For` and "
        "`client_certificate_header` are believed.",
    )
    client_certificate_header: HeaderName | None = Field(
        default=None,
        description="Header in which such a proxy tells the subject of the client certificate it has verified; `null`: "
        "no certificate is asked for.",
        validate_default=True,
    )
    client_common_name: Text = Field(
        default="client.webhooks.fbclientcerts.com",
        min_length=1,
        max_length=255,
        description="Common name that a client certificate must have, where one is asked for.",
    )
    tls_certificate_file: File | None = Field(
        default=None,
        description="PEM file with this server's certificate chain; `null`: TLS ends at a proxy. Read at start.",
    )
    tls_key_file: File | None = Field(
        default=None, description="PEM file with the key of that certificate. Read at start.", validate_default=True
    )
    client_ca_file: File | None = Field(
        default=None,
        description="PEM file with the authority that signed Meta's client certificate: no connection without one. "
        "`null`: none is asked for. Needs `tls_certificate_file`. Read at start.",
        validate_default=True,
    )

    @field_validator("client_certificate_header")
    @classmethod
    def _header_comes_from_a_proxy(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and not info.data.get("trusted_proxies"):
            message = "needs trusted_proxies: anybody can write a header"
            raise ValueError(message)
        return value

    @field_validator("tls_key_file")
    @classmethod
    def _key_and_certificate(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if (value is None) != (info.data.get("tls_certificate_file") is None):
            message = "must be set together with tls_certificate_file"
            raise ValueError(message)
        return value

    @field_validator("client_ca_file")
    @classmethod
    def _client_certificates_need_tls(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is not None and info.data.get("tls_certificate_file") is None:
            message = "needs tls_certificate_file and tls_key_file: clients show certificates to a TLS server"
            raise ValueError(message)
        return value


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
    display_phone_number: Annotated[Text, Field(max_length=32)] | None = Field(
        default=None,
        description="The number as Meta displays it, for account events that name a number without its id; `null`: "
        "learned from webhooks.",
    )
    access_token_file: File | None = Field(
        default=None, description="File with this number's own access token; `null`: that of `cloud_api`."
    )
    throughput_mps: Throughput = Field(
        default="auto",
        description="Messages a second, in and out together: `auto` asks the API, or a whole number from 1 to 1000.",
    )


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
        default=None,
        description="Base URL of an OTLP/HTTP collector; `null`: no traces, and metrics only on `/metrics`.",
    )
    trace_ratio: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Share of the traces begun here that are recorded; one that a CRM began is recorded when the CRM "
        "records it. Needs `otlp_endpoint`.",
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
        if found := repeated([number.phone_number_id for number in value], "phone_number_id"):
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
        **{name: topics.prefix + getattr(topics, name) for name in OWN_TOPICS},
    )


def _topic_faults(names: TopicNames, delivery: Delivery) -> list[tuple[Keys, str]]:
    own = {getattr(names, name) for name in OWN_TOPICS}
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

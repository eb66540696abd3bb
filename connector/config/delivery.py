"""Settings of the delivery: command topics with their policies, and budgets that follow the session."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from connector.config.faults import collected
from connector.config.fields import Flag, Matching, Real, Section, Text, TopicName, Whole, repeated

HTTP_TIMEOUT_MAX_S = 10.0
SESSION_TIMEOUT_S = 45.0


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
        found = repeated([command.topic for command in value], "topic")
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

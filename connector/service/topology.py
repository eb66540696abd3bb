"""The topics of the delivery role, as configuration and Kafka together make them: slots, policies, destinations."""

from collections.abc import Mapping

import structlog

from connector.config import CommandTopic, ConfigurationError, Fault, Settings
from connector.delivery.command import TopicPolicy
from connector.delivery.intake import Placement
from connector.delivery.outcomes import Destinations

log = structlog.get_logger()


def needed_topics(settings: Settings) -> list[str]:
    """Every topic that a worker reads or writes."""
    names = settings.topic_names
    dead_letters = [names.dead_letters_of(topic) for topic in names.commands]
    return [
        *names.commands,
        *dead_letters,
        names.rerouted_commands,
        names.delivery_outcomes,
        names.delivery_attempts,
        names.delivery_state,
        names.number_signals,
        names.delivery_control,
    ]


def written_records(settings: Settings) -> dict[str, str]:
    """Each record that a worker writes, and its topic."""
    names = settings.topic_names
    return {
        "DeliveryOutcome": names.delivery_outcomes,
        "DeliveryAttempt": names.delivery_attempts,
        "DeliveryState": names.delivery_state,
        "DeliveryControl": names.delivery_control,
    }


def placement(settings: Settings, counts: Mapping[str, int]) -> Placement:
    """The slots: N is the partition count of the topics that are ours; a command topic may have another one.

    Raises:
        ConfigurationError: topics of ours disagree.
    """
    names = settings.topic_names
    slots = counts[names.rerouted_commands]
    dead_letters = (names.dead_letters_of(topic) for topic in names.commands)
    owned = [
        names.delivery_outcomes,
        names.delivery_attempts,
        names.delivery_state,
        names.number_signals,
        *dead_letters,
    ]
    faults = [
        Fault(topic, f"has {counts[topic]} partitions, {names.rerouted_commands} has {slots}; they must be equal")
        for topic in owned
        if counts[topic] != slots
    ]
    if faults:
        raise ConfigurationError(faults)
    forward_only = [topic for topic in names.commands if counts[topic] != slots]
    if forward_only:
        log.warning("delivery.forward_only", topics=forward_only, slots=slots)
    slotted = frozenset({names.rerouted_commands, *names.commands} - set(forward_only))
    policies = {
        topic: _policy(topic, command)
        for topic, command in zip(names.commands, settings.delivery.commands, strict=True)
    }
    return Placement(slots, names.rerouted_commands, slotted, policies, policies[names.commands[0]])


def destinations(settings: Settings) -> Destinations:
    """Where outcomes and dead letters go."""
    names = settings.topic_names
    return Destinations(
        outcomes=names.delivery_outcomes,
        dead_letters={topic: names.dead_letters_of(topic) for topic in names.commands},
        default_dead_letters=names.dead_letters_of(names.commands[0]),
        installation=settings.delivery.installation,
    )


def _policy(topic: str, command: CommandTopic) -> TopicPolicy:
    return TopicPolicy(
        topic=topic,
        priority=command.priority,
        min_share=command.min_share,
        burst=command.burst,
        resend_ambiguous=command.on_ambiguous == "RESEND",
        expires_after_s=command.expires_after_s,
    )

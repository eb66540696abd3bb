"""Show which topics are missing, or make them."""

import json
from pathlib import Path
from typing import Any

import click

from connector.cli import EXIT_FAILED, config_option, output_option
from connector.config import Settings, load_from_environment
from connector.kafka.topics import TopicAdmin, TopicCreationError, TopicSpec, UnreachableError
from connector.records.topic_plan import PlannedTopic, planned
from connector.service.startup import client_config

DEFAULT_SLOTS = 24

slots_option = click.option(
    "--slots",
    type=click.IntRange(1, 1000),
    default=DEFAULT_SLOTS,
    show_default=True,
    help="Partitions of each topic of the delivery group. Choose once, and generously: it cannot grow later.",
)


@click.group()
def command() -> None:
    """Show which topics are missing, or make them."""


@command.command()
@config_option
@slots_option
@output_option
@click.pass_context
def plan(ctx: click.Context, config_path: Path | None, slots: int, output: str) -> None:
    """Compare the topics with what the configuration needs; changes nothing.

    Exit code 1 when a topic is missing, or has another partition count where that matters.
    """
    settings = load_from_environment(config_path)
    rows = _compare(planned_topics(settings, slots), _partitions(settings))
    _show(rows, output)
    if any(row["state"] in {"missing", "mismatch"} for row in rows):
        ctx.exit(EXIT_FAILED)


@command.command()
@config_option
@slots_option
@click.option(
    "--replication",
    type=click.IntRange(-1, 10),
    default=-1,
    show_default=True,
    help="Replicas of each topic; -1 takes the broker's default.",
)
@output_option
@click.pass_context
def apply(ctx: click.Context, config_path: Path | None, slots: int, replication: int, output: str) -> None:
    """Make the topics that are missing; those that are there stay as they are."""
    settings = load_from_environment(config_path)
    topics = planned_topics(settings, slots)
    rows = _compare(topics, _partitions(settings))
    missing = {row["topic"] for row in rows if row["state"] == "missing"}
    specs = [TopicSpec(t.name, t.partitions, t.config) for t in topics if t.name in missing]
    try:
        TopicAdmin(client_config(settings, {})).create(specs, replication)
    except TopicCreationError as error:
        raise click.ClickException(str(error)) from None
    for row in rows:
        row["state"] = "created" if row["topic"] in missing else row["state"]
    _show(rows, output)
    if any(row["state"] == "mismatch" for row in rows):
        ctx.exit(EXIT_FAILED)


def planned_topics(settings: Settings, slots: int) -> tuple[PlannedTopic, ...]:
    """Every topic of a configuration, with so many slots."""
    names = settings.topic_names
    return planned(
        events=(names.inbound_messages, names.message_statuses, names.account_events),
        rejects=names.webhook_rejects,
        commands=names.commands,
        dead_letters=[names.dead_letters_of(topic) for topic in names.commands],
        rerouted=names.rerouted_commands,
        outcomes=names.delivery_outcomes,
        attempts=names.delivery_attempts,
        state=names.delivery_state,
        signals=names.number_signals,
        control=names.delivery_control,
        slots=slots,
    )


def _partitions(settings: Settings) -> dict[str, int]:
    try:
        return TopicAdmin(client_config(settings, {})).partitions()
    except UnreachableError as error:
        servers = settings.kafka.common["bootstrap.servers"]
        message = f"no broker answered at {servers} ({error}); check kafka.common.bootstrap.servers"
        raise click.ClickException(message) from None


def _compare(topics: tuple[PlannedTopic, ...], found: dict[str, int]) -> list[dict[str, Any]]:
    return [
        {"topic": t.name, "partitions": t.partitions, "found": found.get(t.name), "state": _state(t, found.get(t.name))}
        for t in topics
    ]


def _state(topic: PlannedTopic, found: int | None) -> str:
    if found is None:
        return "missing"
    return "mismatch" if topic.slotted and found != topic.partitions else "ok"


def _show(rows: list[dict[str, Any]], output: str) -> None:
    if output == "json":
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        found = "" if row["found"] in {None, row["partitions"]} else f", found {row['found']}"
        click.echo(f"{row['state']:<9} {row['topic']} ({row['partitions']} partitions{found})")

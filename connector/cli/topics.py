"""Show which topics are missing, or make them."""

from pathlib import Path
from typing import Any

import click

from connector.cli import EXIT_FAILED, config_option, output_option
from connector.cli.faults import told_in_one_line
from connector.cli.moments import Moment
from connector.cli.tables import echo_json, echo_table
from connector.cli.throughputs import number_and_limit
from connector.clock import SystemClock
from connector.config import Settings, load_from_environment
from connector.kafka.topics import TopicAdmin, TopicCreationError, TopicSpec
from connector.operations.slot_plan import SlotPlan, plan_slots
from connector.operations.tail import Tail, partition_counts
from connector.records.topic_plan import PlannedTopic, planned
from connector.service.startup import client_config
from connector.whatsapp.limits import THROUGHPUT_MPS, Level

DEFAULT_SLOTS = 24
WORKER_MPS = 1000
STANDARD_MPS = THROUGHPUT_MPS[Level.STANDARD]
SLOTS_SHOWN = 20

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
@click.option(
    "--number",
    "numbers",
    multiple=True,
    metavar="ID[=LEVEL|MPS]",
    help="A busy number besides those configured, and its throughput: STANDARD, HIGH or a figure; repeatable.",
)
@click.option("--observe", "since_ms", type=Moment(), help="Add the numbers that had outcomes since: 1d, 2h.")
@click.option(
    "--worker-mps",
    type=click.IntRange(1, 100_000),
    default=WORKER_MPS,
    show_default=True,
    help="Messages a second that one worker is to carry.",
)
@output_option
@click.pass_context
def plan(ctx: click.Context, /, config_path: Path | None, slots: int, output: str, **options: Any) -> None:
    """Compare the topics with what the configuration needs; changes nothing.

    With numbers, configured, named or observed, it also shows which of them share a slot, and how many slots they want.

    \b
    Examples:
      connector topics plan --slots 24
      connector topics plan --slots 24 --observe 1d --number 106540352242922=HIGH

    Exit code 1 when a topic is missing, or has another partition count where that matters.
    """  # noqa: D301 - click keeps the lines behind this mark as they are
    settings = load_from_environment(config_path)
    mps = _throughputs(settings, options["numbers"])
    rows = _compare(planned_topics(settings, slots), _partitions(settings))
    if options["since_ms"] is not None:
        with told_in_one_line():
            mps = dict.fromkeys(_observed(settings, options["since_ms"]), STANDARD_MPS) | mps
    found = plan_slots(mps, slots, options["worker_mps"]) if mps else None
    if output == "json":
        spread = {**found._asdict(), "loads": [load._asdict() for load in found.loads]} if found else None
        echo_json({"topics": rows, "slots": spread})
    else:
        _show(rows, output)
        if found is not None:
            _show_slots(found)
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
    """Make the topics that are missing; those that are there stay as they are.

    \b
    Example:
      connector topics apply --slots 24 --replication 3
    """  # noqa: D301 - click keeps the lines behind this mark as they are
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


def _throughputs(settings: Settings, named: tuple[str, ...]) -> dict[str, int]:
    """Messages a second of the numbers that are configured, and of those that are named: as said first."""
    said = dict(map(number_and_limit, named))
    configured = {
        number.phone_number_id: STANDARD_MPS if number.throughput_mps == "auto" else number.throughput_mps
        for number in settings.numbers
    }
    limits = {number: limit for number, limit in said.items() if limit is not None}
    return dict.fromkeys(said, STANDARD_MPS) | configured | limits


def _observed(settings: Settings, since_ms: int) -> set[str]:
    """The numbers that had outcomes since a time."""
    tail = Tail(settings, [settings.topic_names.delivery_outcomes])
    try:
        tail.from_time(since_ms)
        keys = {(message.key() or b"").decode(errors="replace") for message in tail.to_the_end(SystemClock())}
    finally:
        tail.close()
    return {key for key in keys if key.isascii() and key.isdigit()}


def _show_slots(found: SlotPlan) -> None:
    click.echo()
    rows = [
        {"slot": load.slot, "mps": load.mps, "numbers": ", ".join(load.numbers)} for load in found.loads[:SLOTS_SHOWN]
    ]
    echo_table(rows, {"slot": "SLOT", "mps": "PER SECOND", "numbers": "NUMBERS"})
    click.echo(
        f"{len(found.loads)} of {found.slots} slots have numbers, {found.shared} of them several; at full rate"
        f" they want {found.workers} worker{'s' if found.workers > 1 else ''}."
    )
    click.echo(f"Recommended: --slots {found.recommended} ({found.reason}). Chosen once: it cannot grow in place.")


def _partitions(settings: Settings) -> dict[str, int]:
    with told_in_one_line():
        return partition_counts(TopicAdmin(client_config(settings, {})), settings)


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
        echo_json(rows)
        return
    for row in rows:
        found = "" if row["found"] in {None, row["partitions"]} else f", found {row['found']}"
        click.echo(f"{row['state']:<9} {row['topic']} ({row['partitions']} partitions{found})")

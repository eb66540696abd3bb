"""Follow one number, user or command: commands, attempts, outcomes, statuses as they come."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from connector.cli import config_option, output_option
from connector.cli.faults import told_in_one_line
from connector.cli.moments import Moment
from connector.cli.tables import cell, moment, user, users_option

TURN_S = 0.2


@click.command()
@click.option("--number", help="Phone number id.")
@click.option("--user", "followed_user", help="Phone in any spelling, business-scoped user id, or group id.")
@click.option("--command-id", help="Command id; ends when the command was not sent, has failed, or was read.")
@click.option("--since", "since_ms", type=Moment(), help="Begin so far back: 10m, or 2026-11-24T08:00:00Z.")
@click.option(
    "--idle",
    "idle_s",
    type=click.FloatRange(0.1, 86_400),
    help="End after so many seconds without news, once all that is there was read.",
)
@config_option
@users_option
@output_option
def command(*, config_path: Path | None, **options: Any) -> None:
    """Follow one number, user or command: commands, attempts, outcomes, statuses as they come.

    What is given has to agree all together. Reads with no group and commits nothing: any number of people may watch.
    JSON is one object a line. Ctrl-C ends it with exit code 130.

    \b
    Examples:
      connector watch --command-id order-4711 --since 1h
      connector watch --user +16505551234 --output json --idle 30
    """  # noqa: D301 - click keeps the lines behind this mark as they are
    followed_by = ("number", "followed_user", "command_id")
    if not any(options[name] for name in followed_by):
        message = "say what to follow: --number, --user or --command-id"
        raise click.UsageError(message)
    from connector.config import load_from_environment  # noqa: PLC0415 - loads all types of the settings
    from connector.operations.following import Followed  # noqa: PLC0415 - loads the codec

    settings = load_from_environment(config_path)
    with told_in_one_line():
        _follow(settings, Followed(*(options[name] for name in followed_by)), options)


def _follow(settings: Any, followed: Any, options: dict[str, Any]) -> None:
    from connector.clock import SystemClock  # noqa: PLC0415 - see below
    from connector.delivery.command import Source  # noqa: PLC0415 - see below
    from connector.operations.following import Kind, Lying, event, is_over  # noqa: PLC0415 - see below
    from connector.operations.tail import Tail  # noqa: PLC0415 - loads Kafka's client
    from connector.service.schema_registry import reading_codec  # noqa: PLC0415 - see below

    names, codec, clock = (
        settings.topic_names,
        reading_codec(settings, click.get_current_context().call_on_close),
        SystemClock(),
    )
    kinds = dict.fromkeys(names.commands, Kind.COMMAND) | {
        names.delivery_attempts: Kind.ATTEMPT,
        names.delivery_outcomes: Kind.OUTCOME,
        names.message_statuses: Kind.STATUS,
        names.inbound_messages: Kind.INBOUND,
    }
    tail = Tail(settings, list(kinds))
    seen: list[Any] = []  # of a command; of a number or a user nothing has to be kept

    def told(message: Any) -> bool:
        topic = message.topic() or ""
        place = Source(topic, message.partition() or 0, message.offset() or 0)
        found = event(
            kinds[topic], Lying(place, message.key(), message.value(), message.timestamp()[1]), codec, followed
        )
        if found is None:
            return False
        _tell(found, options)
        if followed.command_id is not None:
            seen.append(found)
        return True

    try:
        if options["since_ms"] is None:
            tail.from_end()
        else:
            tail.from_time(options["since_ms"])
        for message in tail.to_the_end(clock):  # partitions come as they like: only all of it tells a life
            told(message)
        heard_s = clock.monotonic()
        while not is_over(seen) and (options["idle_s"] is None or clock.monotonic() - heard_s < options["idle_s"]):
            if sum(told(message) for message in tail.read(TURN_S)):
                heard_s = clock.monotonic()
    finally:
        tail.close()


def _tell(found: Any, options: dict[str, Any]) -> None:
    from connector.telemetry.masking import mask_message_ids  # noqa: PLC0415 - needed here only

    show = options["show_users"]
    message_id = found.message_id if show or found.message_id is None else mask_message_ids(found.message_id)
    row = {
        "at": moment(found.at_ms),
        "kind": found.kind.value,
        "phone_number_id": found.phone_number_id,
        "command_id": found.command_id,
        "user": user(found.user, show=show),
        "detail": found.detail,
        "message_id": message_id,
    }
    if options["output"] == "json":
        click.echo(json.dumps(row))
    else:
        words = [cell(value) for value in row.values() if value]
        click.echo("  ".join([words[0], words[1].ljust(7), *words[2:]]))
    sys.stdout.flush()

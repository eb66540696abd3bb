"""Put commands on Kafka: from a file, from stdin, or one from arguments."""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import click

from connector.cli import EXIT_FAILED, config_option, output_option
from connector.cli.faults import told_in_one_line
from connector.cli.tables import bar, echo_json, echo_table, moment, user, users_option

FAULTS_SHOWN = 20
ROWS_SHOWN = 20
SHOWN_EVERY = 1000
DEFAULT_TIMEOUT_S = 60.0

COLUMNS = {
    "line": "LINE", "command_id": "COMMAND", "phone_number_id": "NUMBER", "to": "TO", "outcome": "OUTCOME",
    "status": "STATUS", "error": "ERROR",
}  # fmt: skip


@click.command()
@click.argument("file", type=click.File("rb"), required=False)
@click.option("--number", help="Phone number id to send from; for one command from arguments.")
@click.option("--to", help="Phone with + and country code, group id, or business-scoped user id.")
@click.option("--text", help="Text of the message.")
@click.option("--template", help="Name of a template, instead of a text.")
@click.option("--language", default="en_US", show_default=True, help="Language of the template.")
@click.option("--parameter", "parameters", multiple=True, help="Text for the template's body; repeat it for {{2}} ...")
@click.option("--command-id", help="Identity of the command; the same again within a day is not sent again.")
@click.option("--topic", help="Command topic. Default: the first of delivery.commands.")
@click.option(
    "--rate", type=click.FloatRange(0.01, 100_000), help="Commands a second. Default: as fast as Kafka takes them."
)
@click.option("--wait", is_flag=True, help="Wait for the outcome of each command.")
@click.option(
    "--until",
    type=click.Choice(["outcome", "sent", "delivered", "read"]),
    default="outcome",
    show_default=True,
    help="With --wait: how far each message must have come.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 86_400),
    default=DEFAULT_TIMEOUT_S,
    show_default=True,
    help="With --wait: seconds of patience, from the last command written on.",
)
@click.option("--dry-run", is_flag=True, help="Check every command and stop before anything is written.")
@config_option
@users_option
@output_option
@click.pass_context
def command(ctx: click.Context, /, config_path: Path | None, **options: Any) -> None:
    """Put commands on Kafka: from FILE, from stdin (FILE is -), or one from arguments.

    FILE has one command a line, each the JSON body one would POST to Meta's /messages, plus phone_number_id and, as
    wanted, command_id and the other fields of the envelope. Every line is checked with delivery's own parser before the
    first is written; a faulty one stops all. Records are keyed by phone_number_id with Java's partitioner.

    \b
    Examples:
      connector send campaign.jsonl --topic whatsapp.outbound-commands.marketing.v1 --rate 50
      connector send --number 106540352242922 --to +16505551234 --text "On its way" --wait --until delivered

    Exit code 0: all written and, with --wait, none failed; 1: one was not written, failed, or did not get so far in
    time; 2: a line is no command.
    """  # noqa: D301 - click keeps the lines behind this mark as they are
    from connector.config import load_from_environment  # noqa: PLC0415 - loads all types of the settings

    settings = load_from_environment(config_path)
    topic = command_topic(settings.topic_names, options["topic"])
    lines = checked_lines(_source(options))
    if options["dry_run"]:
        _tell_checked(lines, topic, options["output"])
        return
    from connector.clock import SystemClock  # noqa: PLC0415 - see above
    from connector.operations.progress import Awaited, Progress, Until  # noqa: PLC0415 - see above
    from connector.operations.sending import Sender  # noqa: PLC0415 - loads Kafka's client
    from connector.service.schema_registry import reading_codec  # noqa: PLC0415 - see above

    progress = Progress([Awaited(line) for line in lines], Until(options["until"]))
    sender = Sender(settings, topic, reading_codec(settings, click.get_current_context().call_on_close), SystemClock())
    _run(sender, progress, options)
    rows = [_row(awaited, show_users=options["show_users"]) for awaited in progress.commands]
    failed = sum(awaited.failed for awaited in progress.commands)
    _tell(rows, topic, failed, progress.open if options["wait"] else 0, options["output"])
    if failed or (options["wait"] and progress.open):
        ctx.exit(EXIT_FAILED)


def _run(sender: Any, progress: Any, options: dict[str, Any]) -> None:
    with told_in_one_line():
        tail = sender.follow() if options["wait"] else None
        total = len(progress.commands)
        with bar("writing", total) as show:
            for done in sender.write(progress, options["rate"]):
                show(done)
        if tail is not None:
            with bar("waiting", total) as show:
                for left in sender.wait(progress, tail, options["timeout"]):
                    show(total - left)
            tail.close()


def command_topic(names: Any, given: str | None) -> str:
    """Full name of the command topic that was named, with or without prefix; the first one by default."""
    if given is None:
        return str(names.commands[0])
    for topic in names.commands:
        if given in {topic, topic.removeprefix(names.prefix)}:
            return str(topic)
    message = f"{given} is none of delivery.commands: {', '.join(names.commands)}"
    raise click.BadParameter(message, param_hint="--topic")


def checked_lines(source: Iterable[bytes]) -> list[Any]:
    """Every command of some lines; faulty ones end here, all told at once."""
    from connector.operations.command_lines import TooManyLinesError, read_lines  # noqa: PLC0415 - loads the codec
    from connector.records.codec import Codec  # noqa: PLC0415 - see above

    try:
        with bar("checking") as show:
            found = read_lines(_shown(source, show), Codec())
    except TooManyLinesError as error:
        raise click.UsageError(str(error)) from None
    if found.faults:
        told = [f"  line {fault.number}: {fault.reason}" for fault in found.faults[:FAULTS_SHOWN]]
        more = len(found.faults) - FAULTS_SHOWN
        told += [f"  and {more} more"] if more > 0 else []
        message = "\n".join([_lines_are(len(found.faults)), *told])
        raise click.UsageError(message)
    if not found.commands:
        message = "there is no command in it"
        raise click.UsageError(message)
    return found.commands


def _shown(source: Iterable[bytes], show: Callable[[int], None]) -> Iterator[bytes]:
    """The lines, and now and then how many there were."""
    for number, line in enumerate(source):
        if number % SHOWN_EVERY == 0:
            show(number)
        yield line


def _lines_are(count: int) -> str:
    return "one line is no command" if count == 1 else f"{count} lines are no commands"


def _source(options: dict[str, Any]) -> Iterable[bytes]:
    file: BinaryIO | None = options["file"]
    single = {name: options[name] for name in ("number", "to", "text", "template") if options[name] is not None}
    if file is not None:
        if single or options["command_id"] or options["parameters"]:
            message = "give a file, or the options of one command, not both"
            raise click.UsageError(message)
        return file
    if {"number", "to"} - single.keys() or ("text" in single) == ("template" in single):
        message = "give FILE (- for stdin), or --number, --to and one of --text and --template"
        raise click.UsageError(message)
    from connector.operations.command_lines import command_json  # noqa: PLC0415 - loads the codec

    names = ("command_id", "number", "to", "text", "template", "language", "parameters")
    return [command_json(**{name: options[name] for name in names})]


def _tell_checked(lines: list[Any], topic: str, output: str) -> None:
    counts = Counter(line.phone_number_id for line in lines)
    rows = [{"phone_number_id": number, "commands": count} for number, count in counts.most_common()]
    if output == "json":
        echo_json({"topic": topic, "commands": len(lines), "numbers": rows, "dry_run": True})
        return
    click.echo(f"{len(lines)} good commands for {topic}; nothing was written")
    echo_table(rows, {"phone_number_id": "NUMBER", "commands": "COMMANDS"})


def _row(awaited: Any, *, show_users: bool) -> dict[str, Any]:
    line, outcome = awaited.line, awaited.outcome or {}
    place = awaited.place
    return {
        "line": line.number,
        "command_id": line.command_id or (place.command_id() if place else None),
        "phone_number_id": line.phone_number_id,
        "to": user(line.user, show=show_users),
        "partition": place.partition if place else None,
        "offset": place.offset if place else None,
        "outcome": outcome.get("outcome"),
        "settled_at": moment(outcome.get("settled_at")),
        "status": awaited.status,
        "failed": awaited.failed,
        "error": _error(awaited),
    }


def _error(awaited: Any) -> str | None:
    if awaited.fault is not None:
        return f"not written: {awaited.fault}"
    found = awaited.status_error or (awaited.outcome or {}).get("error")
    return " ".join(str(found[key]) for key in ("class", "code", "title") if found.get(key)) if found else None


def _tell(rows: list[dict[str, Any]], topic: str, failed: int, unfinished: int, output: str) -> None:
    written = sum(row["offset"] is not None for row in rows)
    if output == "json":
        echo_json({"topic": topic, "written": written, "failed": failed, "unfinished": unfinished, "commands": rows})
        return
    shown = rows if len(rows) <= ROWS_SHOWN else [row for row in rows if row["failed"]][:ROWS_SHOWN]
    echo_table(shown, COLUMNS)
    click.echo(f"{written} of {len(rows)} written to {topic}", err=True)
    if failed:
        click.echo(f"{failed} failed", err=True)
    if unfinished:
        click.echo(f"{unfinished} did not get so far in time; `connector watch` follows them", err=True)
    sys.stdout.flush()

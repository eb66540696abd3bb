"""List dead letters, show one, put them back."""

import heapq
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from connector.cli import EXIT_FAILED, config_option, output_option
from connector.cli.faults import told_in_one_line
from connector.cli.moments import Moment
from connector.cli.person import whoever
from connector.cli.tables import bar, cell, echo_json, echo_table, moment, user, users_option
from connector.delivery.command import DeadLetterClass
from connector.telemetry.masking import mask_phones

F = TypeVar("F", bound=Callable[..., Any])

CLASSES = tuple(class_.value for class_ in DeadLetterClass)
OUR_HEADERS = ("wa.", "__connect.errors.")
LIMIT_DEFAULT = 100
REDRIVE_LIMIT_DEFAULT = 10_000
REDRIVES_MAX_DEFAULT = 3

COLUMNS = {
    "place": "PLACE", "failed_at": "FAILED AT", "class": "CLASS", "code": "CODE", "phone_number_id": "NUMBER",
    "command_id": "COMMAND", "to": "TO", "redrive_count": "REDRIVES", "redriven_at": "REDRIVEN",
}  # fmt: skip


def filter_options(function: F) -> F:
    """The options that say which dead letters are meant."""
    options = (
        click.option(
            "--class", "classes", multiple=True, type=click.Choice(CLASSES), help="Of this class; repeatable."
        ),
        click.option("--code", "codes", multiple=True, help="With this code, Meta's or ours; repeatable."),
        click.option("--number", "numbers", multiple=True, help="Of this phone number id; repeatable."),
        click.option("--since", "since_ms", type=Moment(), help="Failed at or after: 2h, 3d, or 2026-11-24T08:00:00Z."),
        click.option("--until", "until_ms", type=Moment(), help="Failed before; as --since."),
        click.option("--topic", "topics", multiple=True, help="Of this command topic; repeatable. Default: of all."),
    )
    for option in reversed(options):
        function = option(function)
    return function


@click.group()
def command() -> None:
    """List dead letters, show one, put them back.

    A dead letter is a command that was not sent, kept as it came on the topic dlq.<command topic>.

    \b
    Examples:
      connector deadletters list --since 1d --class refused
      connector deadletters show dlq.whatsapp.outbound-commands.crm.v1/3/17
      connector deadletters redrive --code 131042 --since 1d --dry-run
    """  # noqa: D301 - click keeps the lines behind this mark as they are


@command.command(name="list")
@filter_options
@click.option("--limit", type=click.IntRange(1, 10_000), default=LIMIT_DEFAULT, show_default=True, help="The newest.")
@config_option
@users_option
@output_option
def list_(config_path: Path | None, *, limit: int, show_users: bool, output: str, **filters: Any) -> None:
    """Show the newest dead letters, and how many there are of each class and code.

    \b
    Example:
      connector deadletters list --number 106540352242922 --since 2h
    """  # noqa: D301 - click keeps the lines behind this mark as they are
    log, wanted = _open(config_path, filters)
    totals: Counter[tuple[str, str]] = Counter()

    def counted() -> Any:
        for found in log.letters(wanted):
            totals[found.letter.class_, found.letter.code] += 1
            yield found

    with told_in_one_line(), _reading(log):
        marks = log.marks()
        newest = heapq.nlargest(limit, counted(), key=lambda found: found.letter.last_failure_at_ms or 0)
    rows = [_row(found, marks, show_users=show_users) for found in newest]
    sums = [{"class": class_, "code": code, "count": count} for (class_, code), count in totals.most_common()]
    if output == "json":
        echo_json({"total": totals.total(), "sums": sums, "dead_letters": rows})
        return
    echo_table(rows, COLUMNS)
    if rows:
        click.echo()
    echo_table(sums, {"count": "COUNT", "class": "CLASS", "code": "CODE"})
    click.echo(f"{totals.total()} dead letters" + (f", the newest {limit} are shown" if totals.total() > limit else ""))


@command.command()
@click.argument("place", metavar="TOPIC/PARTITION/OFFSET")
@click.option(
    "--value", "value_file", type=click.File("wb"), help="Write the original bytes to this file; - is stdout."
)
@config_option
@users_option
@output_option
def show(config_path: Path | None, place: str, *, value_file: Any, show_users: bool, output: str) -> None:
    """Show one dead letter: why it is one, where it came from, its headers, what to do, and its redrive if any.

    The message itself is shown by --value only.

    \b
    Example:
      connector deadletters show dlq.whatsapp.outbound-commands.crm.v1/3/17 --value original.json
    """  # noqa: D301 - click keeps the lines behind this mark as they are
    from connector.operations.dead_letters import ADVICE  # noqa: PLC0415 - loads the codec

    log, wanted = _open(config_path, {"places": [place]})
    with told_in_one_line():
        found = next(iter(log.letters(wanted)), None)
        if found is None:
            message = f"there is no dead letter at {place}"
            raise click.ClickException(message)
        row = _row(found, log.marks(), show_users=show_users) | _details(found.letter, show_users=show_users)
    row["advice"] = ADVICE.get(found.letter.class_)
    if value_file is not None:
        value_file.write(found.letter.value or b"")
        if value_file.name in {"-", "<stdout>"}:
            return
    if output == "json":
        echo_json(row)
        return
    for name, value in row.items():
        if name == "headers":
            click.echo("headers:")
            for header in value:
                click.echo(f"  {cell(header['name'])}: {cell(header['value'])}")
        elif value is not None:
            click.echo(f"{name}: {value if name == 'advice' else cell(value)}")


@command.command()
@click.argument("places", nargs=-1, metavar="[TOPIC/PARTITION/OFFSET]...")
@filter_options
@click.option("--reason", default="", help="Why, for the record; needed unless it is a dry run.")
@click.option("--rate", type=click.FloatRange(0.1, 10_000), default=50.0, show_default=True, help="Commands a second.")
@click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=REDRIVE_LIMIT_DEFAULT,
    show_default=True,
    help="At most so many.",
)
@click.option(
    "--redrives-max",
    type=click.IntRange(1, 100),
    default=REDRIVES_MAX_DEFAULT,
    show_default=True,
    help="Leave those that have gone round so often.",
)
@click.option("--all", "everything", is_flag=True, help="Without any filter: every dead letter there is.")
@click.option("--dry-run", is_flag=True, help="Say what would go back, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@config_option
@output_option
@click.pass_context
def redrive(ctx: click.Context, /, config_path: Path | None, **options: Any) -> None:
    """Put dead letters back on their command topic, value, key and headers byte for byte, counted.

    Each goes back once: command and record of the redrive are one transaction, and a second call passes over it. A
    command that failed again is a new dead letter, with a redrive count of one more. Which ones is said by places as
    `list` shows them, by filters, or by --all.

    \b
    Examples:
      connector deadletters redrive --code 131042 --since 1d --dry-run
      connector deadletters redrive --code 131042 --since 1d --reason "payment method renewed" --rate 20 --yes

    Exit code 0: all that were chosen are back; 1: not all.
    """  # noqa: D301 - click keeps the lines behind this mark as they are
    from connector.operations.redriving import Redriver, choose  # noqa: PLC0415 - loads Kafka's client

    _check_usage(options)
    log, wanted = _open(config_path, options)
    with told_in_one_line(), ExitStack() as opened:
        # Before the choice: what another redrive has done by now is on record, and it can do no more.
        driver = None if options["dry_run"] else opened.enter_context(closing(Redriver(log)))
        with _reading(log):
            choice = choose(log, wanted, redrives_max=options["redrives_max"], limit=options["limit"])
        back: list[Any] = []
        if driver is None or not choice.chosen:
            _tell(choice, back, options, {})
            return
        if not options["yes"]:
            click.confirm(f"Put {len(choice.chosen)} dead letters back?", abort=True, err=True)
        try:
            with bar("redriving", len(choice.chosen)) as shown:
                for letters in driver.run(choice.chosen, rate=options["rate"], by=whoever(), reason=options["reason"]):
                    back += letters
                    shown(len(back))
        finally:
            _tell(choice, back, options, driver.refused)
    if len(back) < len(choice.chosen):
        ctx.exit(EXIT_FAILED)


def _check_usage(options: dict[str, Any]) -> None:
    narrowing = ("places", "classes", "codes", "numbers", "since_ms", "until_ms", "topics")
    if not options["everything"] and not any(options[name] for name in narrowing):
        message = "say which dead letters: places, a filter, or --all"
        raise click.UsageError(message)
    if not options["dry_run"] and not options["reason"]:
        message = "give --reason, for whoever finds it later; or --dry-run"
        raise click.UsageError(message)
    if not options["dry_run"] and not options["yes"] and not sys.stdin.isatty():
        message = "nobody is there to be asked: give --yes, or --dry-run"
        raise click.UsageError(message)


@contextmanager
def _reading(log: Any) -> Iterator[None]:
    """A bar for as long as dead letters are read."""
    with bar("reading") as show:
        log.show = show
        yield
    log.show = lambda _done, _total: None


def _open(config_path: Path | None, filters: dict[str, Any]) -> tuple[Any, Any]:
    from connector.cli.send import command_topic  # noqa: PLC0415 - needed here only
    from connector.clock import SystemClock  # noqa: PLC0415 - see below
    from connector.config import load_from_environment  # noqa: PLC0415 - loads all types of the settings
    from connector.operations.dead_letters import Wanted, place_from  # noqa: PLC0415 - loads the codec
    from connector.operations.redriving import DeadLetterLog  # noqa: PLC0415 - loads Kafka's client
    from connector.service.schema_registry import reading_codec  # noqa: PLC0415 - see above

    settings = load_from_environment(config_path)
    names = settings.topic_names
    known = {names.dead_letters_of(topic): topic for topic in names.commands}
    try:
        places = frozenset(place_from(text, known) for text in (filters.get("places") or ()))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="TOPIC/PARTITION/OFFSET") from None
    chosen = [names.dead_letters_of(command_topic(names, known.get(t, t))) for t in (filters.get("topics") or ())]
    wanted = Wanted(
        classes=frozenset(filters.get("classes", ())),
        codes=frozenset(filters.get("codes", ())),
        numbers=frozenset(filters.get("numbers", ())),
        since_ms=filters.get("since_ms"),
        until_ms=filters.get("until_ms"),
        places=places,
    )
    topics = chosen or sorted({place.topic for place in places})
    return DeadLetterLog(
        settings, reading_codec(settings, click.get_current_context().call_on_close), SystemClock(), topics
    ), wanted


def _row(found: Any, marks: Any, *, show_users: bool) -> dict[str, Any]:
    letter, command_ = found.letter, found.command
    mark = marks.get(letter.place)
    return {
        "place": "/".join(map(str, letter.place)),
        "failed_at": moment(letter.last_failure_at_ms),
        "class": letter.class_,
        "code": letter.code,
        "phone_number_id": found.number,
        "command_id": command_.command_id if command_ else None,
        "to": user(command_.to or command_.recipient, show=show_users) if command_ else None,
        "redrive_count": letter.redrive_count,
        "redriven_at": moment(mark.at_ms) if mark else None,
        "redriven_by": mark.by if mark else None,
        "redrive_reason": mark.reason if mark else None,
    }


def _details(letter: Any, *, show_users: bool) -> dict[str, Any]:
    return {
        "message": letter.message,
        "origin": letter.origin,
        "written_at": moment(letter.timestamp_ms),
        "first_failure_at": moment(letter.first_failure_at_ms),
        "attempts": letter.attempts,
        "http_status": letter.http_status,
        "fbtrace_id": letter.fbtrace_id,
        "bytes": len(letter.value or b""),
        "headers": [
            {"name": name, "value": _header(name, value, show_users=show_users)} for name, value in letter.headers
        ],
    }


def _header(name: str, value: bytes | None, *, show_users: bool) -> str:
    """A header of ours as it is; in one of the producer's what looks like a phone is masked."""
    text = (value or b"").decode(errors="replace")
    return text if show_users or name.startswith(OUR_HEADERS) else mask_phones(text)


def _tell(choice: Any, back: list[Any], options: dict[str, Any], refused: dict[Any, str]) -> None:
    by_class = Counter(letter.class_ for letter in choice.chosen)
    told = {
        "dry_run": options["dry_run"],
        "chosen": len(choice.chosen),
        "redriven": len(back),
        "left": {
            "redriven_before": choice.redriven_before,
            "too_often": choice.too_often,
            "beyond_limit": choice.beyond_limit,
            "beyond_memory": choice.beyond_memory,
        },
        "refused": {"/".join(map(str, place)): reason for place, reason in refused.items()},
        "classes": dict(by_class),
        "places": ["/".join(map(str, letter.place)) for letter in (choice.chosen if options["dry_run"] else back)],
    }
    if options["output"] == "json":
        echo_json(told)
        return
    what = "would go back" if options["dry_run"] else "were chosen"
    classes = ", ".join(f"{count} {name}" for name, count in by_class.most_common())
    click.echo(f"{len(choice.chosen)} dead letters {what}" + (f": {classes}" if classes else ""))
    if not options["dry_run"]:
        click.echo(f"{len(back)} are back")
        for reason, count in Counter(refused.values()).items():
            click.echo(f"{count} were refused by Kafka: {cell(reason)}")
    reasons = {
        "redriven_before": "went back before",
        "too_often": f"have gone round {options['redrives_max']} times or more (--redrives-max)",
        "beyond_limit": "are beyond --limit",
        "beyond_memory": "are more than one call holds in memory; call again for them",
    }
    for name, reason in reasons.items():
        if told["left"][name]:
            click.echo(f"{told['left'][name]} are left: they {reason}")

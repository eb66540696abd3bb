"""Tell how long a campaign takes and what limits it."""

from pathlib import Path
from typing import Any

import click

from connector.cli import config_option, output_option
from connector.cli.tables import echo_json, echo_table
from connector.cli.throughputs import number_and_limit
from connector.whatsapp.limits import MESSAGING_LIMITS, THROUGHPUT_MPS, Level, throughput_mps

TIERS = tuple(MESSAGING_LIMITS)

ADVICE = {
    "number rate": "more numbers (--spread shows how many), or a higher throughput level from Meta",
    "pair limit": "one user gets more messages than Meta lets through; send fewer, or say more in each",
    "daily tier": "spread it over days, or let Meta raise the portfolio's messaging limit first",
}
COLUMNS = {
    "phone_number_id": "NUMBER", "commands": "COMMANDS", "users": "USERS", "mps": "PER SECOND", "takes": "TAKES",
    "limited_by": "LIMITED BY",
}  # fmt: skip


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option(
    "--number",
    "numbers",
    multiple=True,
    metavar="ID[=LEVEL|MPS]",
    help="Throughput of a number: STANDARD (80), HIGH (1000), NOT_APPLICABLE (20) or a figure; repeatable.",
)
@click.option("--spread", is_flag=True, help="Deal the commands out over the numbers of --number instead of their own.")
@click.option("--ask", is_flag=True, help="Ask the Cloud API for the numbers' levels and the messaging limit.")
@click.option("--tier", type=click.Choice(TIERS), help="Messaging limit of the portfolio: users in 24 hours.")
@click.option("--used", type=click.IntRange(0), default=0, help="Users written to in the last 24 hours already.")
@click.option(
    "--inbound-mps", type=click.FloatRange(0, 1000), default=0.0, help="Inbound messages a second, each number."
)
@click.option("--topic", help="Command topic, whose burst and expiry count. Default: the first of delivery.commands.")
@config_option
@output_option
def command(config_path: Path | None, **options: Any) -> None:
    """Tell how long a campaign takes and what limits it: number rate, pair limit, or daily tier.

    FILE (- is stdin) has commands as `connector send` takes them. A number that is not named by --number has the
    throughput of its settings, or 80 messages a second. Nothing is sent.

    \b
    Examples:
      connector forecast campaign.jsonl --tier TIER_10K --topic whatsapp.outbound-commands.marketing.v1
      connector forecast campaign.jsonl --spread --number 106540352242922=HIGH --number 106540352242923
    """  # noqa: D301 - click keeps the lines behind this mark as they are
    from connector.cli.send import checked_lines, command_topic  # noqa: PLC0415 - needed here only
    from connector.config import load_from_environment  # noqa: PLC0415 - loads all types of the settings
    from connector.operations.forecast import Plan, forecast, spread  # noqa: PLC0415 - loads the codec

    settings = load_from_environment(config_path)
    policy = _policy(settings, command_topic(settings.topic_names, options["topic"]))
    commands = checked_lines(options["file"])
    named = dict(number_and_limit(text) for text in options["numbers"])
    if options["spread"] and not named:
        message = "--spread needs the numbers: --number ID, repeatedly"
        raise click.UsageError(message)
    dealt = spread(commands, list(named)) if options["spread"] else [(c.phone_number_id, c) for c in commands]
    mps, tier = _limits(settings, named, {number for number, _ in dealt}, options)
    plan = Plan(
        mps=mps,
        inbound_mps=options["inbound_mps"],
        burst=policy.burst,
        tier=tier,
        used=options["used"],
        expires_after_s=policy.expires_after_s,
    )
    try:
        found = forecast(dealt, plan)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    _tell(found, plan, options["output"])


def _policy(settings: Any, topic: str) -> Any:
    return settings.delivery.commands[settings.topic_names.commands.index(topic)]


def _limits(
    settings: Any, named: dict[str, int | None], numbers: set[str], options: dict[str, Any]
) -> tuple[dict[str, int], str | None]:
    """Messages a second of each number, and the tier: as said, else as configured, else as asked, else 80."""
    mps = dict.fromkeys(numbers, THROUGHPUT_MPS[Level.STANDARD])
    tier = options["tier"]
    if options["ask"]:
        asked, tiers = _asked(settings, numbers)
        mps |= asked
        tier = tier or min(tiers, key=TIERS.index, default=None)
    configured = {n.phone_number_id: n.throughput_mps for n in settings.numbers if n.throughput_mps != "auto"}
    mps |= {number: figure for number, figure in configured.items() if number in numbers}
    mps |= {number: figure for number, figure in named.items() if figure is not None and number in numbers}
    return mps, tier


def _asked(settings: Any, numbers: set[str]) -> tuple[dict[str, int], list[str]]:
    from connector.clock import SystemClock  # noqa: PLC0415 - see below
    from connector.operations.examining import CloudApi  # noqa: PLC0415 - loads Kafka's client
    from connector.operations.findings import Finding  # noqa: PLC0415 - see above

    mps, tiers = {}, []
    with CloudApi(settings, SystemClock()) as api:
        for number in sorted(numbers):
            found = api.limits(number)
            if isinstance(found, Finding):
                message = f"{found.about}: {found.found}; {found.advice}"
                raise click.ClickException(message)
            if found.level is not None:
                mps[number] = throughput_mps(found.level)
            if found.tier in TIERS:
                tiers.append(found.tier)
    return mps, tiers


def _tell(found: Any, plan: Any, output: str) -> None:
    rows = [
        {**number._asdict(), "total_s": number.total_s, "limited_by": number.limited_by} for number in found.numbers
    ]
    if output == "json":
        told = {**found._asdict(), "numbers": rows, "tier": plan.tier, "hours": round(found.total_s / 3600, 3)}
        echo_json(told)
        return
    echo_table([{**row, "takes": _duration(row["total_s"])} for row in rows], COLUMNS)
    click.echo()
    click.echo(f"{_duration(found.total_s)}, limited by the {found.limited_by}: {ADVICE[found.limited_by]}")
    if found.tier_s:
        click.echo(
            f"{found.tier_users} users need templates; {plan.tier} lets them through in {_duration(found.tier_s)}"
        )
    if plan.tier is None:
        click.echo("The portfolio's messaging limit is not looked at: give --tier, or --ask.")
    if found.expired:
        click.echo(
            f"About {found.expired} commands expire before their turn ({plan.expires_after_s:g} s on this topic)."
        )


def _duration(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    minutes, left = divmod(rest, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {left} s" if minutes else f"{left} s"

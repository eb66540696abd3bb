"""Examine configuration, Kafka, registry and Cloud API, and say what to do."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from connector.cli import EXIT_FAILED, config_option, output_option
from connector.cli.tables import cell, echo_json, printable

PARTS = ("files", "kafka", "registry", "cloud-api")
COLORS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@click.option(
    "--role", type=click.Choice(["ingress", "delivery", "all"]), default="all", show_default=True, help="Whose needs."
)
@click.option("--only", "parts", type=click.Choice(PARTS), multiple=True, help="Look at this part only; repeatable.")
@click.option(
    "--number", "numbers", multiple=True, help="Phone number id to look at, besides those configured; repeatable."
)
@click.option(
    "--waba", "wabas", multiple=True, help="WhatsApp Business Account to look at, with all its numbers; repeatable."
)
@config_option
@output_option
@click.pass_context
def command(ctx: click.Context, /, config_path: Path | None, role: Any, output: str, **options: Any) -> None:
    """Examine configuration, Kafka, registry and Cloud API, and say what to do.

    Looks, with the rights that this configuration has: at the secret files; at brokers, topics, partition counts,
    retention, compaction and rights; at the registry's schemas; at tokens, their permissions and expiry; at each
    number's level, quality and health; at webhook subscriptions; and at the clock. Changes nothing; only, to see that
    delivery may write transactions, it registers the transactional id <installation>-doctor.

    \b
    Examples:
      connector doctor --waba 102290129340398
      connector doctor --only kafka --role delivery --output json

    Exit code 0: nothing stands in the way, though there may be warnings; 1: something does; 2: the configuration is
    faulty.
    """  # noqa: D301 - click keeps the lines behind this mark as they are
    from connector.config import load_from_environment  # noqa: PLC0415 - loads all types of the settings

    settings = load_from_environment(config_path)
    findings = []
    for finding in _findings(settings, role, **options):
        findings.append(finding)
        if output == "text":
            _tell(finding)
    grades = Counter(finding.grade.value for finding in findings)
    if output == "json":
        echo_json({"ok": not grades["fail"], "findings": [finding._asdict() for finding in findings]})
    else:
        click.echo(f"{grades['ok']} ok, {grades['warn']} warnings, {grades['fail']} failures")
    if grades["fail"]:
        ctx.exit(EXIT_FAILED)


def _findings(
    settings: Any, role: Any, *, parts: tuple[str, ...], numbers: tuple[str, ...], wabas: tuple[str, ...]
) -> Iterator[Any]:
    from connector.cli.topics import DEFAULT_SLOTS, planned_topics  # noqa: PLC0415 - loads Kafka's client
    from connector.clock import SystemClock  # noqa: PLC0415 - see above
    from connector.operations import examining  # noqa: PLC0415 - see above

    if not parts:  # the ingress holds no token
        parts = tuple(part for part in PARTS if part != "cloud-api" or role != "ingress" or numbers or wabas)
    if "files" in parts:
        yield from examining.files(settings, role)
    if "kafka" in parts:
        yield from examining.kafka(settings, role, planned_topics(settings, DEFAULT_SLOTS))
    if "registry" in parts:
        yield from examining.registry(settings)
    if "cloud-api" in parts:
        with examining.CloudApi(settings, SystemClock()) as api:
            yield from api.findings(numbers, wabas)


def _tell(finding: Any) -> None:
    grade = click.style(f"{finding.grade.value:<4}", fg=COLORS[finding.grade.value])
    click.echo(f"{grade}  {cell(finding.about)}: {printable(finding.found)}")
    if finding.advice:
        click.echo(f"      -> {printable(finding.advice)}")

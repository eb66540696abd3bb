"""``connector simulator``: a Cloud API that keeps Meta's rules, to develop and test against."""

import asyncio
import json
import secrets
import signal
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import click
import httpx
import msgspec
import uvloop
from rich.console import Console

from connector.cli import EXIT_FAILED, output_option
from connector.collector import calm_the_collector
from connector.simulator import report as judge
from connector.simulator import report_tables, scenario
from connector.simulator import settings as simulator_settings
from connector.simulator.client import SimulatorClient
from connector.simulator.server import RunningSimulator, running
from connector.simulator.settings import SettingsError

DEFAULT_PORT = 8900
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
REPORT_TIMEOUT_S = 60


@click.group(invoke_without_command=True)
@click.option("--config", "config_file", type=_FILE, help="YAML file with any setting; the options below win over it.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=DEFAULT_PORT, show_default=True, type=click.IntRange(0, 65535), help="0: any free port."
)
@click.option("--admin-port", type=click.IntRange(0, 65535), help="A second port, which faults leave alone.")
@click.option("--scenario", "scenario_file", type=_FILE, help="YAML file of faults and other events, each at its time.")
@click.option("--access-token", help="Bearer token to ask for. Default: a random one, printed.")
@click.option("--access-token-file", type=_FILE, help="File with that token.")
@click.option(
    "--app-secret-file", type=_FILE, help="File with the secret that signs webhooks. Default: random, printed."
)
@click.option("--webhook-url", help="Where status and message webhooks are posted. Default: nowhere.")
@click.option("--numbers", multiple=True, metavar="ID[=LEVEL|MPS]", help="A business number. Default: any id is one.")
@click.option("--latency-ms", type=click.FloatRange(0), help="Median time of an answer.")
@click.option("--latency-p99-ms", type=click.FloatRange(0), help="One answer in a hundred takes longer.")
@click.option("--inbound-rate", type=click.FloatRange(0), help="Messages a second that come in by themselves.")
@click.option("--seed", type=int, help="Makes ids, latencies, statuses and faults repeatable.")
@click.pass_context
def command(context: click.Context, /, host: str, port: int, admin_port: int | None, **options: Any) -> None:
    """Serve a simulated Cloud API until interrupted."""
    if context.invoked_subcommand is not None:
        return
    try:
        values, generated = _values(options)
        settings = simulator_settings.from_mapping(values)
        scenario.from_settings(settings.scenario)
        events = scenario.from_file(options["scenario_file"]) if options["scenario_file"] else ()
    except SettingsError as error:
        raise click.UsageError(str(error)) from None
    try:
        uvloop.run(_serve(running(settings, host=host, port=port, admin_port=admin_port, scenario=events), generated))
    except OSError as error:
        message = f"cannot listen on {host}:{port}: {error.strerror}"
        raise click.ClickException(message) from None


def _values(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The settings' mapping, options over file; and the secrets that had to be made up, by name."""
    config_file: Path | None = options["config_file"]
    values = simulator_settings.mapping_from_file(config_file) if config_file else {}
    if options["seed"] is not None:
        values["seed"] = options["seed"]
    _overlay(values, "latency", median_ms=options["latency_ms"], p99_ms=options["latency_p99_ms"])
    _overlay(values, "inbound", rate=options["inbound_rate"])
    _overlay(values, "webhooks", url=options["webhook_url"])
    if options["numbers"]:
        numbers = [simulator_settings.number_from_text(text) for text in options["numbers"]]
        values["numbers"] = [msgspec.to_builtins(number) for number in numbers]
    return values, _secrets(values, options)


def _overlay(values: dict[str, Any], section: str, **given: Any) -> None:
    chosen = {name: value for name, value in given.items() if value is not None}
    if chosen:
        values[section] = {**(values.get(section) or {}), **chosen}


def _secrets(values: dict[str, Any], options: dict[str, Any]) -> dict[str, str]:
    """Set token and secret from the options; make up those that nobody gave."""
    generated = {}
    token = _one_of(options["access_token"], options["access_token_file"])
    if token is not None:
        values["access_tokens"] = [token]
    elif "access_tokens" not in values:
        generated["access token"] = secrets.token_urlsafe(24)
        values["access_tokens"] = [generated["access token"]]
    secret = _one_of(None, options["app_secret_file"])
    if secret is not None:
        values["app_secret"] = secret
    elif "app_secret" not in values:
        generated["app secret"] = secrets.token_hex(16)
        values["app_secret"] = generated["app secret"]
    return generated


def _one_of(value: str | None, file: Path | None) -> str | None:
    if value is not None and file is not None:
        message = "give --access-token or --access-token-file, not both"
        raise click.UsageError(message)
    return file.read_text(encoding="utf-8").strip() if file is not None else value


async def _serve(server: AbstractAsyncContextManager[RunningSimulator], generated: dict[str, str]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with server as served:
        click.echo(_announcement(served, generated))
        sys.stdout.flush()
        # What is remembered only grows: searched again and again, it would hold up answers for half a second.
        calm_the_collector()
        await stop.wait()


def _announcement(served: RunningSimulator, generated: dict[str, str]) -> str:
    settings = served.simulator.settings
    numbers = ", ".join(number.id for number in settings.numbers)
    parts = [
        f"Cloud API simulator at {served.base_url}/{settings.version}",
        *([f"switches at: {served.admin_url}"] if served.admin_url != served.base_url else []),
        f"numbers: {numbers or 'any'}{' and any other' if numbers and settings.creates_numbers else ''}",
        f"webhooks to: {settings.webhooks.url or 'nowhere'}",
        *(f"{name}: {value}" for name, value in generated.items()),
    ]
    return "; ".join(parts)


@command.command()
@click.option("--url", default=f"http://127.0.0.1:{DEFAULT_PORT}", show_default=True, help="The simulator.")
@click.option(
    "--expect", "expected_file", type=_FILE, help="NDJSON: every command in order (number, recipient, command)."
)
@click.option("--sequence", help="Regular expression that finds the sequence number in a command id.")
@click.option("--refused-ok", multiple=True, type=int, help="Commands refused with this code need not be accepted.")
@output_option
def report(
    url: str, expected_file: Path | None, sequence: str | None, refused_ok: tuple[int, ...], output: str
) -> None:
    """Judge the sender by what a running simulator has seen.

    Exit code 1 when something is violated, or cannot be known.
    """
    if expected_file is not None and sequence is not None:
        message = "give --expect or --sequence, not both"
        raise click.UsageError(message)
    try:
        expected = _expectation(expected_file)
        pattern = None if sequence is None else judge.sequence_pattern(sequence)
    except judge.ExpectationError as error:
        raise click.UsageError(str(error)) from None
    try:
        with SimulatorClient(url, timeout_s=REPORT_TIMEOUT_S) as client:
            evidence, webhooks = client.evidence(), client.webhooks()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        message = f"no simulator at {url}: {error}"
        raise click.ClickException(message) from None
    checks = judge.checks(evidence, expected=expected, sequence=pattern, refused_ok=refused_ok)
    if output == "json":
        told = {**evidence.summary, "webhooks": webhooks, "checks": [check._asdict() for check in checks]}
        click.echo(json.dumps(told, indent=2))
    else:
        Console().print(report_tables.report(evidence.summary, webhooks, checks))
    if any(check.result in ("violated", "unknown") for check in checks):
        click.get_current_context().exit(EXIT_FAILED)


def _expectation(file: Path | None) -> list[judge.Ordered] | None:
    if file is None:
        return None
    try:
        with file.open(encoding="utf-8") as lines:
            return judge.read_expectation(lines)
    except (judge.ExpectationError, UnicodeDecodeError) as error:
        message = f"{file}: {error}"
        raise judge.ExpectationError(message) from None

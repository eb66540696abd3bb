"""Check the configuration, or print its JSON Schema."""

import json
from pathlib import Path

import click

from connector.cli import EXIT_USAGE, config_option, output_option
from connector.config import ConfigurationError, Role, Settings, check_files, load_from_environment


@click.group()
def command() -> None:
    """Check the configuration, or print its JSON Schema."""


@command.command()
@config_option
@click.option(
    "--role",
    type=click.Choice(["ingress", "delivery", "all"]),
    default="all",
    show_default=True,
    help="Whose secret files must be there.",
)
@output_option
@click.pass_context
def check(ctx: click.Context, config_path: Path | None, role: Role, output: str) -> None:
    """Check file, environment and secret files.

    All faults are told at once. Nothing is contacted. Exit code 0: everything is good; 2: there are faults.
    """
    try:
        check_files(load_from_environment(config_path), role)
    except ConfigurationError as error:
        if output == "text":
            raise
        _echo_json({"ok": False, "faults": [fault._asdict() for fault in error.faults]})
        ctx.exit(EXIT_USAGE)
    if output == "json":
        _echo_json({"ok": True, "faults": []})
    else:
        click.echo("The configuration is good.")


@command.command()
def schema() -> None:
    """Print the JSON Schema of the file."""
    _echo_json({"$schema": "https://json-schema.org/draft/2020-12/schema", **Settings.model_json_schema()})


def _echo_json(content: object) -> None:
    click.echo(json.dumps(content, indent=2))

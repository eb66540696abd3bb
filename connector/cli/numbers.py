"""List what is held, pause a number, resume it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from connector.cli import config_option, output_option
from connector.cli.faults import told_in_one_line
from connector.cli.person import whoever
from connector.cli.tables import echo_json

SCOPE_HELP = "A phone number id, waba:ID for all numbers of a business account, or app:INSTALLATION for all numbers."

F = TypeVar("F", bound=Callable[..., Any])


def scope_argument(function: F) -> F:
    """``SCOPE``."""
    return click.argument("scope", metavar="SCOPE")(function)


@click.group()
def command() -> None:
    """List what is held, pause a number, resume it.

    A pause stands until it is resumed, over restarts; any worker obeys. It goes through Kafka: whoever may write to the
    control topic may pause.
    """


@command.command(name="list")
@config_option
@output_option
def list_(config_path: Path | None, output: str) -> None:
    """Show every hold that stands, and what is left in the log for later."""
    from connector.operations.control import Control  # noqa: PLC0415 - loads Kafka's client

    with told_in_one_line():
        control = Control.open(config_path, click.get_current_context().call_on_close)
        rows = [*control.holds(), *control.cursors()]
    if output == "json":
        echo_json(rows)
        return
    for row in rows:
        click.echo("  ".join(f"{name} {value}" for name, value in row.items() if value is not None))
    if not rows:
        click.echo("Nothing is held, and nothing is left for later.")


@command.command()
@scope_argument
@config_option
@click.option("--reason", required=True, help="Why, for whoever finds it at night.")
def pause(scope: str, config_path: Path | None, reason: str) -> None:
    """Start no more sends for SCOPE until it is resumed.

    SCOPE is a phone number id, waba:ID for all numbers of a business account, or app:INSTALLATION for all numbers.
    """
    _write(scope, "HOLD", reason, config_path)
    click.echo(f"paused: {_scope(scope)}")


@command.command()
@scope_argument
@config_option
@click.option("--reason", default="", help="Why, for the record.")
def resume(scope: str, config_path: Path | None, reason: str) -> None:
    """End a pause of SCOPE; what waited leaves in its order."""
    _write(scope, "RELEASE", reason, config_path)
    click.echo(f"resumed: {_scope(scope)}")


def _write(scope: str, action: str, reason: str, config_path: Path | None) -> None:
    from connector.operations.control import Control  # noqa: PLC0415 - loads Kafka's client

    with told_in_one_line():
        control = Control.open(config_path, click.get_current_context().call_on_close)
        control.write(_scope(scope), action=action, actor=whoever(), reason=reason)


def _scope(text: str) -> str:
    if text.isdigit():
        return f"number:{text}"
    kind, _, name = text.partition(":")
    if kind in {"number", "waba", "app"} and name:
        return text
    message = f"{text!r} is no scope. {SCOPE_HELP}"
    raise click.BadParameter(message, param_hint="SCOPE")

"""The ``connector`` command. Each module beside this one that defines ``command`` is a subcommand of its name.

A subcommand is imported only when it is called: ``--help`` reads names and first lines from the sources, because
importing all of them would load Kafka's client and more, and take seconds where people expect an instant.
"""

import ast
import importlib
import importlib.util
import os
import pkgutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

F = TypeVar("F", bound=Callable[..., Any])


def config_option(function: F) -> F:
    """``--config FILE``, as ``config_path``: a path, or None for what ``CONNECTOR_CONFIG`` names."""
    option = click.option(
        "--config",
        "config_path",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Configuration file (YAML). Default: what CONNECTOR_CONFIG names, or else built-in defaults.",
    )
    return option(function)


def output_option(function: F) -> F:
    """``--output text|json``, as ``output``: text for people, JSON for programs."""
    option = click.option(
        "--output",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="text for people, json for programs.",
    )
    return option(function)


class Commands(click.Group):
    """The group that finds its commands among the modules of this package."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names of all commands, sorted."""
        return sorted(name.replace("_", "-") for name, source in _sources() if _defines_command(source))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None when there is none of this name."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(f"{__name__}.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """The list in the help, from the modules' docstrings, without importing one."""
        rows = [
            (name.replace("_", "-"), _first_line(source)) for name, source in _sources() if _defines_command(source)
        ]
        with formatter.section("Commands"):
            formatter.write_dl(sorted(rows))


def _sources() -> list[tuple[str, ast.Module]]:
    found = []
    for module in pkgutil.iter_modules(__path__):
        spec = importlib.util.find_spec(f"{__name__}.{module.name}")
        source = spec.loader.get_source(spec.name) if spec and spec.loader else None  # type: ignore[attr-defined]
        if source is not None:
            found.append((module.name, ast.parse(source)))
    return found


def _defines_command(source: ast.Module) -> bool:
    return any(
        (isinstance(node, ast.FunctionDef) and node.name == "command")
        or (isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "command" for t in node.targets))
        for node in source.body
    )


def _first_line(source: ast.Module) -> str:
    return (ast.get_docstring(source) or "").partition("\n")[0]


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="whatsapp-kafka-connector", prog_name="connector")
def connector() -> None:
    """WhatsApp Cloud API and Apache Kafka, joined.

    Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted.
    """


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run one command and leave with its exit code: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted.

    A command leaves with another code by ``ctx.exit(code)`` or by raising ``click.ClickException``.
    """
    sys.exit(run(args))


def run(args: Sequence[str] | None = None) -> int:
    """:func:`main` without leaving: the exit code."""
    try:
        result = connector.main(args, prog_name="connector", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort as error:
        return EXIT_INTERRUPTED if isinstance(error.__cause__, KeyboardInterrupt) else EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough; what is buffered still must not fail at the very end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except Exception as error:
        if not _told_as_configuration(error):
            raise
        return EXIT_USAGE
    return result if type(result) is int else 0


def _told_as_configuration(error: Exception) -> bool:
    # Imported only now: a command that had no configuration did not pay for loading its types.
    from confluent_kafka import KafkaError, KafkaException  # noqa: PLC0415 - see above

    from connector.config import ConfigurationError  # noqa: PLC0415 - see above
    from connector.secrets import UnusableSecret  # noqa: PLC0415 - see above

    if isinstance(error, UnusableSecret):
        click.echo(f"configuration: {error}", err=True)
    elif isinstance(error, ConfigurationError):
        click.echo(f"configuration: {len(error.faults)} fault{'s' if len(error.faults) > 1 else ''}", err=True)
        for fault in error.faults:
            click.echo(f"  {fault}", err=True)
    elif isinstance(error, KafkaException) and error.args[0].code() == KafkaError._INVALID_ARG:  # noqa: SLF001 - the binding's public name
        click.echo(f"configuration: kafka: {error.args[0].str()}", err=True)
    else:
        return False
    return True

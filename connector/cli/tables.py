"""How results look to people: tables and bars; and to programs: JSON. Nothing here is a command."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from connector.telemetry.masking import mask

CELL_MAX = 100

F = TypeVar("F", bound=Callable[..., Any])


def users_option(function: F) -> F:
    """``--show-users``, as ``show_users``: phones and user ids as they are."""
    option = click.option(
        "--show-users", is_flag=True, help="Show phones and user ids whole; they are masked otherwise."
    )
    return option(function)


def user(value: str | None, *, show: bool) -> str | None:
    """A phone or user id, masked unless it was asked for."""
    return value if value is None or show else mask(value)


def echo_json(content: object) -> None:
    """One JSON value, for programs."""
    click.echo(json.dumps(content, indent=2))


def echo_table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
    """Rows under headings; ``columns`` maps keys to headings. No row, no table."""
    if not rows:
        return
    lines = [list(columns.values()), *([cell(row.get(key)) for key in columns] for row in rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    for line in lines:
        click.echo("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def printable(text: str) -> str:
    """One line of text for a terminal: what comes from outside may steer it, so only what prints is shown."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def cell(value: object) -> str:
    """Something for a table: :func:`printable`, and not too long."""
    text = "" if value is None else printable(str(value))
    return text if len(text) <= CELL_MAX else f"{text[: CELL_MAX - 1]}…"


def moment(at_ms: int | None) -> str | None:
    """Unix milliseconds as people read a time, in UTC."""
    if at_ms is None:
        return None
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def bar(label: str, total: int | None = None) -> Iterator[Callable[..., None]]:
    """A bar while a person is looking, nothing otherwise; the function takes how much is done, and of how much."""
    if not sys.stderr.isatty():
        yield lambda _done, _total=None: None
        return
    from rich.console import Console  # noqa: PLC0415 - loaded only when it is seen
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415 - see above

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(label, total=total)
        yield lambda done, total=None: progress.update(task, completed=done, total=total)

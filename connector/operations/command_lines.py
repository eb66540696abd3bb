"""Commands as lines of JSON: what a person hands over is checked as a whole before any of it goes to Kafka. Pure."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from connector.delivery.command import pair_of
from connector.records.codec import Codec, Undecodable
from connector.records.commands import Command, InvalidCommand, parse_command, payload_digest

LINE_MAX_BYTES: Final = 900_000
"""A record may have 1 MB as Kafka's clients and topics come; its headers need room, too."""

LINES_MAX: Final = 1_000_000
BYTES_MAX: Final = 512 * 1024 * 1024


class CommandLine(NamedTuple):
    """One command, as little of it as is needed: a campaign has hundreds of thousands of them.

    Attributes:
        number: of its line, from 1.
        value: its bytes, as they go to Kafka.
        phone_number_id: the number it is sent from.
        command_id: None when delivery will take the place in Kafka.
        user: phone, group or user id, as it is written.
        pair: one name for that user, however it is written.
        type: as Meta names it.
    """

    number: int
    value: bytes
    phone_number_id: str
    command_id: str | None
    user: str
    pair: str
    type: str


class LineFault(NamedTuple):
    """Why a line is no command; the reason never quotes it."""

    number: int
    reason: str


class Lines(NamedTuple):
    """What was handed over; nothing is to be sent while there are faults."""

    commands: list[CommandLine]
    faults: list[LineFault]


class TooManyLinesError(ValueError):
    """More than is held in memory at once."""


def read_lines(lines: Iterable[bytes], codec: Codec) -> Lines:
    """Each line that is not blank as a command, checked by the parser that delivery uses.

    Raises:
        TooManyLinesError: more than a million commands, or 512 MiB of them.
    """
    commands: list[CommandLine] = []
    faults: list[LineFault] = []
    size = 0
    for number, line in enumerate(lines, start=1):
        value = line.strip()
        if not value:
            continue
        size += len(value)
        if len(commands) + len(faults) >= LINES_MAX or size > BYTES_MAX:
            message = f"more than {LINES_MAX:,} commands or {BYTES_MAX >> 20} MiB at once; split them"
            raise TooManyLinesError(message)
        command = _command(value, codec)
        if isinstance(command, Command):
            commands.append(_line(number, value, command))
        else:
            faults.append(LineFault(number, command))
    return Lines(commands, [*faults, *_repeated(commands)])


def command_json(
    *, command_id: str | None, number: str, to: str, text: str | None, template: str | None, language: str,
    parameters: Sequence[str],
) -> bytes:  # fmt: skip
    """The line of one command: a text, or a template with the parameters of its body.

    ``to`` may be a business-scoped user id, which begins with a country's two letters and a dot (Meta, business-scoped
    user ids, 2026-03-10).
    """
    command: dict[str, Any] = {} if command_id is None else {"command_id": command_id}
    command["phone_number_id"] = number
    command["recipient" if _is_user_id(to) else "to"] = to
    if template is None:
        command |= {"type": "text", "text": {"body": text}}
    else:
        content: dict[str, Any] = {"name": template, "language": {"code": language}}
        if parameters:
            texts = [{"type": "text", "text": parameter} for parameter in parameters]
            content["components"] = [{"type": "body", "parameters": texts}]
        command |= {"type": "template", "template": content}
    return json.dumps(command, ensure_ascii=False).encode("utf-8", "surrogateescape")


def _line(number: int, value: bytes, command: Command) -> CommandLine:
    return CommandLine(
        number=number,
        value=value,
        phone_number_id=sys.intern(command.phone_number_id),
        command_id=command.command_id,
        user=command.to or command.recipient or "",
        pair=pair_of(command.to, command.recipient),
        type=sys.intern(command.type),
    )


def _command(value: bytes, codec: Codec) -> Command | str:
    if len(value) > LINE_MAX_BYTES:
        return f"has {len(value):,} bytes; {LINE_MAX_BYTES:,} at most"
    if not value.startswith(b"{"):
        return "is no JSON object; each line holds one command"
    try:
        command = parse_command(value, codec)
        payload_digest(command)
    except (Undecodable, InvalidCommand) as error:
        return str(error)
    return command


def _repeated(commands: Iterable[CommandLine]) -> list[LineFault]:
    """One identity for two commands: delivery would send the first only."""
    first: dict[tuple[str, str], int] = {}
    faults = []
    for line in commands:
        if line.command_id is None:
            continue
        at = first.setdefault((line.phone_number_id, line.command_id), line.number)
        if at != line.number:
            faults.append(LineFault(line.number, f"command_id: is that of line {at} already"))
    return faults


def _is_user_id(to: str) -> bool:
    return len(to) > 3 and to[2] == "." and to[:2].isascii() and to[:2].isalpha()  # noqa: PLR2004 - "US." and more

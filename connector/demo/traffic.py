"""The demo's commands: the samples of ``examples/``, made many, with a few that cannot be sent. Pure."""

import json
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, NamedTuple

NUMBERS: Final = {
    "106540352242922": "STANDARD",
    "106540352242923": "STANDARD",
    "106540352242924": "NOT_APPLICABLE",
    "106540352242925": "HIGH",
}
"""Business numbers and their throughput levels: 80, 80, 20 and 1000 messages a second."""

ANSWERED: Final = "106540352242925"
"""The number people write to: inbound messages count against a number's limit, and this one has room."""

TURNS: Final = (0, 1, 0, 1, 0, 1, 0, 1, 2, 3)
"""Whose turn it is, by position in :data:`NUMBERS`: the first three have about the same seconds of work."""

MARKETING_EVERY: Final = 10

REFUSED_RECIPIENTS: Final = ("+9990131026", "+9990131047")
"""The simulator refuses these with 131026 (undeliverable) and 131047 (no open conversation)."""

UNREADABLE: Final = b"\xff\xfethis is neither Avro nor JSON"
INCOMPLETE: Final = b'{"phone_number_id": "106540352242922", "type": "text", "text": {"body": "to whom?"}}'


class Sample(NamedTuple):
    """One record to produce: for CRM or marketing, keyed by its number."""

    marketing: bool
    key: str
    value: bytes


def samples() -> list[dict[str, Any]]:
    """The commands of ``examples/commands.jsonl``."""
    return [json.loads(line) for line in example("commands.jsonl").splitlines() if line.strip()]


def example(name: str) -> str:
    """The text of an example file: in the wheel beside the package's modules, in a checkout beside the package."""
    packaged = files("connector") / "examples" / name
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    return (Path(__file__).parents[2] / "examples" / name).read_text(encoding="utf-8")


def sendable(count: int) -> Iterator[Sample]:
    """``count`` commands to as many different people, spread over the numbers by their share."""
    templates, numbers = samples(), list(NUMBERS)
    for index in range(count):
        number = numbers[TURNS[index % len(TURNS)]]
        template = templates[index % len(templates)]
        command = {
            **template,
            "command_id": f"{template['command_id']}-{index}",
            "phone_number_id": number,
            "to": f"+1650{5550000 + index:07d}",
        }
        yield Sample(index % MARKETING_EVERY == 0, number, json.dumps(command).encode())


def faulty(numbers: Sequence[str] = tuple(NUMBERS)) -> list[Sample]:
    """Commands that end as dead letters: undecodable, invalid, refused and undeliverable, two each."""
    refused = [
        {"command_id": f"nobody-{recipient}-{number}", "phone_number_id": number, "to": recipient, **_text()}
        for recipient in REFUSED_RECIPIENTS
        for number in numbers[:2]
    ]
    return [
        *(Sample(False, number, UNREADABLE) for number in numbers[:2]),  # noqa: FBT003 - a tuple's field
        *(Sample(False, number, INCOMPLETE) for number in numbers[:2]),  # noqa: FBT003 - a tuple's field
        *(Sample(False, str(c["phone_number_id"]), json.dumps(c).encode()) for c in refused),  # noqa: FBT003 - same
    ]


def _text() -> dict[str, Any]:
    return {"type": "text", "text": {"body": "Anybody there?"}}

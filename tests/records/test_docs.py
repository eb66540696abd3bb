"""The pages about the records say what the code does."""

import json
import re
from pathlib import Path

import pytest

from connector.config import Delivery, Topics
from connector.config.settings import topic_names
from connector.records import schemas
from connector.records.codec import Codec
from connector.records.commands import parse_command
from connector.records.envelope import Envelope, seal, unseal
from connector.records.subjects import RECORD_OF_TOPIC

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "schemas" / "README.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "schemas.md").read_text(encoding="utf-8")
JSON_EXAMPLES = re.findall(r"```json\n(.*?)```", PAGE, flags=re.DOTALL)


def test_the_table_has_every_record_with_its_default_topics() -> None:
    """One row for each record; every topic that carries it is named."""
    rows = {row[0]: row[1] for row in re.findall(r"^\| `(\w+)` \| (.*?) \|", README, flags=re.MULTILINE)}
    assert set(rows) == set(schemas.names())
    names = topic_names(Topics(), Delivery())
    for key, record in RECORD_OF_TOPIC.items():
        named = getattr(names, key)
        for topic in named if isinstance(named, tuple) else (named,):
            assert f"`{topic}`" in rows[record]


@pytest.mark.parametrize("example", JSON_EXAMPLES)
def test_examples_of_commands_are_commands(example: str) -> None:
    """What is shown can be sent."""
    command = parse_command(example.strip().encode(), Codec())
    assert command.body[command.type] == json.loads(example)[command.type]


def test_the_page_shows_commands() -> None:
    """The test above has something to look at."""
    assert len(JSON_EXAMPLES) == 2


def test_the_envelope_shown_is_one() -> None:
    """It opens, and closes to the same text."""
    text = re.findall(r"```text\n(wkc1:.*)\n```", PAGE)[0]
    found = unseal(text)
    assert found is not None
    assert seal(found) == text
    assert found == Envelope(
        "default", "order-4711", 1, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "my data!"
    )

"""connector numbers: what is told when Kafka is away."""

from collections.abc import Callable

import pytest

from connector.kafka import topics
from connector.kafka.reader import PositionedReader
from connector.operations import tail
from tests.cli.told import Told
from tests.fixtures.installation import NUMBER, Installation

Typed = Callable[..., Told]


def test_a_list_without_a_broker_is_one_line_and_exit_code_1(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the key to look at."""
    monkeypatch.setattr(topics, "CALL_TIMEOUT_S", 0.3)
    monkeypatch.setenv("CONNECTOR_KAFKA__COMMON", '{"bootstrap.servers": "127.0.0.1:1", "log_level": 0}')
    told = typed("numbers", "list")
    assert (told.code, told.out) == (1, "")
    assert told.err.startswith("Error: no broker answered at 127.0.0.1:1 (")
    assert told.err.endswith("check kafka.common.bootstrap.servers\n")


def test_a_pause_is_listed_until_it_ends(installation: Installation, typed: Typed) -> None:
    """With who said so, and why."""
    words = ["--config", installation.config]
    assert typed("numbers", "pause", "waba:47", "--reason", "an audit", *words).code == 0
    held = [row for row in typed("numbers", "list", "--output", "json", *words).json if row.get("held") == "waba:47"]
    assert [(row["reason"], "@" in row["by"]) for row in held] == [("an audit", True)]
    assert typed("numbers", "resume", "waba:47", *words).code == 0
    assert "waba:47" not in typed("numbers", "list", *words).out


def test_a_list_that_kafka_does_not_give_ends(
    installation: Installation, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may not read the topic gets nothing of it for ever, and is told."""
    words = ["--config", installation.config]
    assert typed("numbers", "pause", NUMBER, "--reason", "x", *words).code == 0
    assert typed("numbers", "resume", NUMBER, *words).code == 0
    monkeypatch.setattr(tail, "QUIET_MAX_S", 0.3)
    monkeypatch.setattr(PositionedReader, "read", lambda *_: [])
    told = typed("numbers", "list", *words)
    assert (told.code, "nothing more came from Kafka" in told.err) == (1, True)

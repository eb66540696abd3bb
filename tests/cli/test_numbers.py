"""connector numbers: what is told when Kafka is away."""

from collections.abc import Callable

import pytest

from connector.kafka import topics
from tests.cli.told import Told

Typed = Callable[..., Told]


def test_a_list_without_a_broker_is_one_line_and_exit_code_1(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the key to look at."""
    monkeypatch.setattr(topics, "CALL_TIMEOUT_S", 0.3)
    monkeypatch.setenv("CONNECTOR_KAFKA__COMMON", '{"bootstrap.servers": "127.0.0.1:1", "log_level": 0}')
    told = typed("numbers", "list")
    assert (told.code, told.out) == (1, "")
    assert told.err.startswith("Error: Kafka did not answer (")
    assert told.err.endswith("check kafka.common.bootstrap.servers\n")

"""connector topics plan: what is missing, and how numbers spread over slots."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from connector.cli.topics import STANDARD_MPS, _throughputs
from connector.config import settle
from tests.cli.told import Told
from tests.fixtures.installation import NUMBER, OTHER, Installation
from tests.integration.system import SLOTS

Typed = Callable[..., Told]


def test_missing_topics_are_told_with_exit_code_1(
    tmp_path: Path, installation: Installation, topic_prefix: str, typed: Typed
) -> None:
    """Nothing is made."""
    config = tmp_path / "c.yaml"
    config.write_text(json.dumps({**installation.system.values, "topics": {"prefix": topic_prefix}, "numbers": []}))
    for _ in range(2):
        told = typed("topics", "plan", "--config", config, "--output", "json")
        assert told.code == 1
        assert {row["state"] for row in told.json["topics"]} == {"missing"}
        assert told.json["slots"] is None


def test_numbers_are_shown_slot_by_slot_with_a_recommendation(installation: Installation, typed: Typed) -> None:
    """Configured, named and observed ones; all topics are there."""
    assert typed(
        "send", "--number", OTHER, "--to", "+16505558001", "--text", "Hi", "--wait", "--config", installation.config
    ).code == 0  # fmt: skip
    words = ["--slots", SLOTS, "--observe", "1h", "--number", f"{NUMBER}=HIGH", "--config", installation.config]
    told = typed("topics", "plan", *words, "--output", "json")
    assert told.code == 0, told
    loads = {number: load["mps"] for load in told.json["slots"]["loads"] for number in load["numbers"]}
    assert loads.keys() >= {NUMBER, OTHER}
    assert told.json["slots"]["recommended"] == 24
    told = typed("topics", "plan", *words)
    assert "Recommended: --slots 24" in told.out
    assert "SLOT" in told.out


def test_naming_a_number_without_a_limit_keeps_the_configured_one() -> None:
    """What is said counts, then what is configured, then what Meta gives everybody."""
    settings = settle({"numbers": [{"phone_number_id": NUMBER, "throughput_mps": 500}]}, [])
    assert _throughputs(settings, (NUMBER, OTHER)) == {NUMBER: 500, OTHER: STANDARD_MPS}
    assert _throughputs(settings, (f"{NUMBER}=HIGH",)) == {NUMBER: 1000}


@pytest.mark.parametrize("words", [["--number", "abc"], ["--observe", "yesterday"], ["--slots", "0"]])
def test_wrong_usage_is_exit_code_2(typed: Typed, words: list[str]) -> None:
    """Before Kafka is asked."""
    assert typed("topics", "plan", *words).code == 2

"""connector send: commands from files, stdin and arguments, and what became of them."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Message

from connector.records.keys import slot_of
from tests.cli.told import Told
from tests.fixtures.installation import NUMBER, OTHER, Installation
from tests.integration.system import SLOTS, Enough, read_committed

Typed = Callable[..., Told]
DEAD = "+9990131026"


def lines(path: Path, *commands: dict[str, object]) -> Path:
    """A file of commands."""
    path.write_text("".join(json.dumps(command) + "\n" for command in commands))
    return path


def text(command_id: str, number: str = NUMBER, to: str = "+16505550001") -> dict[str, object]:
    """A command."""
    return {"command_id": command_id, "phone_number_id": number, "to": to, "type": "text", "text": {"body": "Hi"}}


def test_a_file_goes_to_kafka_as_it_stands_keyed_by_number(
    tmp_path: Path, kafka_bootstrap: str, installation: Installation, typed: Typed
) -> None:
    """Bytes of the lines, Java's partitions, the topic that was named."""
    marketing = installation.system.settings.topic_names.commands[1]
    file = lines(tmp_path / "c.jsonl", text("f1"), text("f2", OTHER), text("f3"))
    told = typed("send", file, "--topic", "whatsapp.outbound-commands.marketing.v1", "--config", installation.config)
    assert (told.code, told.err.strip()) == (0, f"3 of 3 written to {marketing}")
    found: list[Message] = read_committed(kafka_bootstrap, [marketing], Enough(3))
    assert sorted(message.value() or b"" for message in found) == sorted(file.read_bytes().splitlines())
    for message in found:
        key = (message.key() or b"").decode()
        assert json.loads(message.value() or b"")["phone_number_id"] == key
        assert message.partition() == slot_of(key, SLOTS)


def test_one_message_from_arguments_is_followed_to_its_delivery(installation: Installation, typed: Typed) -> None:
    """``--wait --until delivered``: the outcome and the statuses, and no phone in the output."""
    told = typed(
        "send", "--number", NUMBER, "--to", "+16505550002", "--text", "Hi", "--command-id", "arg-1", "--wait",
        "--until", "delivered", "--output", "json", "--config", installation.config,
    )  # fmt: skip
    assert told.code == 0, told
    (row,) = told.json["commands"]
    assert (row["command_id"], row["outcome"], row["to"]) == ("arg-1", "ACCEPTED", "***0002")
    assert row["status"] in {"delivered", "read"}
    assert "+16505550002" not in told.out + told.err


def test_a_failure_is_told_with_its_reason_and_exit_code_1(
    tmp_path: Path, installation: Installation, typed: Typed
) -> None:
    """One of two is refused by the Cloud API; users are shown when asked for."""
    file = lines(tmp_path / "c.jsonl", text("good"), text("bad", to=DEAD))
    told = typed("send", file, "--wait", "--show-users", "--config", installation.config)
    assert told.code == 1
    (refused,) = [line for line in told.out.splitlines() if "bad" in line]
    assert refused.split()[:5] == ["2", "bad", NUMBER, DEAD, "DEAD_LETTERED"]
    assert "131026" in refused
    assert "1 failed" in told.err


def test_stdin_is_read_and_nothing_is_written_when_a_line_is_faulty(
    installation: Installation, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2 and every fault; the message's text is not told."""
    stdin = io.TextIOWrapper(io.BytesIO(json.dumps(text("s1")).encode() + b'\n{"text": "secret"}\n'))
    monkeypatch.setattr(sys, "stdin", stdin)
    told = typed("send", "-", "--config", installation.config)
    assert told.code == 2
    assert "one line is no command" in told.err
    assert "line 2: text: the member named by type" in told.err
    assert "secret" not in told.err


def test_a_dry_run_counts_and_writes_nothing(tmp_path: Path, typed: Typed) -> None:
    """No broker is needed for it."""
    file = lines(tmp_path / "c.jsonl", text("d1"), text("d2", OTHER), text("d3"))
    told = typed("send", file, "--dry-run", "--output", "json")
    assert told.code == 0
    assert told.json["numbers"] == [
        {"phone_number_id": NUMBER, "commands": 2},
        {"phone_number_id": OTHER, "commands": 1},
    ]


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--number", NUMBER, "--to", "+1"],
        ["--number", NUMBER, "--to", "+1", "--text", "Hi", "--template", "hello"],
        ["--number", "abc", "--to", "+1", "--text", "Hi"],
        ["--number", NUMBER, "--to", "+1", "--text", "Hi", "--topic", "elsewhere"],
    ],
)
def test_wrong_usage_is_exit_code_2(typed: Typed, words: list[str]) -> None:
    """Nothing to send, half a command, two contents, a number that is none, a topic that is none of ours."""
    assert typed("send", *words).code == 2


def test_what_does_not_come_in_time_is_exit_code_1(tmp_path: Path, installation: Installation, typed: Typed) -> None:
    """A command that may not leave before 2090 is written, and nothing is known of it."""
    later = lines(tmp_path / "c.jsonl", {**text("late"), "not_before": "2090-01-01T00:00:00Z"})
    told = typed("send", later, "--wait", "--timeout", "0.5", "--config", installation.config)
    assert told.code == 1
    assert "1 did not get so far in time" in told.err


def test_without_a_broker_it_says_so(tmp_path: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line that names the key to look at."""
    monkeypatch.setenv("CONNECTOR_KAFKA__COMMON", '{bootstrap.servers: "127.0.0.1:1"}')
    monkeypatch.setattr("connector.kafka.topics.CALL_TIMEOUT_S", 0.3)
    file = lines(tmp_path / "c.jsonl", text("nowhere"))
    told = typed("send", file, "--wait")
    assert told.code == 1
    assert "check kafka.common.bootstrap.servers" in told.err

"""connector watch: one command from Kafka to the phone and back."""

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable

import pytest

from connector.operations import tail
from tests.cli.told import Told
from tests.fixtures.installation import NUMBER, Installation
from tests.integration.system import Enough, clean_environment, read_committed

Typed = Callable[..., Told]


def test_a_command_is_followed_from_its_record_to_read(installation: Installation, typed: Typed) -> None:
    """Command, attempt, outcome, statuses, each once; phones masked; it ends by itself."""
    sent = typed(
        "send", "--number", NUMBER, "--to", "+16505557001", "--text", "a private word", "--command-id", "watched-1",
        "--wait", "--until", "delivered", "--config", installation.config,
    )  # fmt: skip
    assert sent.code == 0
    told = typed(
        "watch", "--command-id", "watched-1", "--since", "5m", "--output", "json", "--config", installation.config,
    )  # fmt: skip
    assert told.code == 0
    rows = [json.loads(line) for line in told.out.splitlines()]
    said = Counter((row["kind"], row["detail"].split(" ")[0]) for row in rows)
    assert {("attempt", "1"), ("status", "sent"), ("status", "read")} <= said.keys()
    assert (said["command", "text"], said["outcome", "ACCEPTED"]) == (1, 1)
    assert {row["command_id"] for row in rows} == {"watched-1"}
    assert "+16505557001" not in told.out
    assert "16505557001" not in told.out
    assert "private word" not in told.out


def test_a_command_that_was_put_back_is_followed_to_its_last_outcome(
    installation: Installation, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first outcome is not its end: both rounds are shown, in whatever order the partitions come."""
    monkeypatch.setattr(tail, "BATCH_MAX", 1)
    words = ["--config", installation.config]
    sending = ["--number", NUMBER, "--to", "+16505550047", "--text", "Hi", "--command-id", "watched-2"]
    sent = typed("send", *sending, "--wait", *words)
    assert sent.code == 1
    letters = typed("deadletters", "list", "--number", NUMBER, "--output", "json", *words).json["dead_letters"]
    (place,) = [letter["place"] for letter in letters if letter["command_id"] == "watched-2"]
    assert typed("deadletters", "redrive", place, "--reason", "x", "--yes", *words).code == 0
    told = typed("watch", "--command-id", "watched-2", "--since", "5m", "--output", "json", *words)
    assert told.code == 0
    said = Counter(json.loads(line)["kind"] for line in told.out.splitlines())
    assert (said["command"], said["outcome"]) == (2, 2)


def test_a_user_is_followed_for_people(installation: Installation, typed: Typed) -> None:
    """However the phone is written; answers are seen too; whole when they are asked for."""
    typed(
        "send", "--number", NUMBER, "--to", "+16505557002", "--text", "Hi", "--wait", "--config", installation.config
    )  # fmt: skip
    installation.simulator.inbound(NUMBER, sender="16505557002", text="Thanks")
    names = installation.system.settings.topic_names
    assert read_committed(installation.system.bootstrap, [names.inbound_messages], Enough(1))
    told = typed(
        "watch", "--user", "+1 (650) 555-7002", "--since", "5m", "--idle", "1", "--show-users",
        "--config", installation.config,
    )  # fmt: skip
    assert told.code == 0
    assert "  outcome  " in told.out
    assert "+16505557002" in told.out
    assert "text from the user" in told.out


@pytest.mark.parametrize("words", [[], ["--number", NUMBER, "--since", "yesterday"]])
def test_wrong_usage_is_exit_code_2(typed: Typed, words: list[str]) -> None:
    """Nothing to follow, or no time."""
    assert typed("watch", *words).code == 2


def test_it_ends_with_130_when_it_is_interrupted(installation: Installation, typed: Typed) -> None:
    """Ctrl-C, as people end it."""
    sent = typed("send", "--number", NUMBER, "--to", "+16505557003", "--text", "Hi", "--config", installation.config)
    assert sent.code == 0
    words = ["watch", "--user", "+16505557003", "--since", "5m", "--config", str(installation.config)]
    with subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "connector", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=clean_environment(),
    ) as watching:  # fmt: skip
        assert watching.stdout is not None
        assert watching.stderr is not None
        assert watching.stdout.readline()
        watching.send_signal(signal.SIGINT)
        assert watching.wait(30) == 130
        assert watching.stderr.read().strip() == ""


def test_nobody_is_bothered_when_the_reader_has_seen_enough(installation: Installation, typed: Typed) -> None:
    """``connector watch ... | head -1`` ends without a traceback."""
    typed("send", "--number", NUMBER, "--to", "+16505557004", "--text", "Hi", "--wait", "--config", installation.config)
    line = f"{sys.executable} -m connector watch --number {NUMBER} --since 5m --idle 1 --config {installation.config}"
    done = subprocess.run(  # noqa: S602 - a pipe is what this is about
        f"{line} | head -1", shell=True, capture_output=True, text=True, env=clean_environment(), check=True
    )
    assert (done.stdout.count("\n"), done.stderr) == (1, "")

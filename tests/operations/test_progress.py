"""How far commands have come, in whatever order the records arrive."""

import json
from typing import Any

import pytest

from connector.delivery.command import Source
from connector.ingress.mapping import STATUS_RANKS
from connector.operations.command_lines import read_lines
from connector.operations.progress import Awaited, Progress, Until
from connector.records.codec import Codec


def awaited(*command_ids: str | None) -> list[Awaited]:
    """Commands of number 1."""
    lines = [
        json.dumps({"command_id": id_, "phone_number_id": "1", "to": "+1", "type": "text", "text": {}}).encode()
        for id_ in command_ids
    ]
    return [Awaited(line) for line in read_lines(lines, Codec()).commands]


def outcome(place: Source, word: str = "ACCEPTED") -> dict[str, Any]:
    """The outcome of the command that lies there."""
    return {"source": place._asdict(), "outcome": word}


def status(word: str, command_id: str | None = "a", number: str = "1") -> dict[str, Any]:
    """A status webhook of a command."""
    rank = STATUS_RANKS[word]
    errors = [{"code": 131026}] if word == "failed" else []
    return {"phone_number_id": number, "command_id": command_id, "status": word, "status_rank": rank, "errors": errors}


def test_an_outcome_is_known_by_the_place_of_its_command() -> None:
    """An older command of the same identity has another place, and says nothing."""
    progress = Progress(awaited("a"))
    progress.written(progress.commands[0], Source("t", 0, 5))
    progress.outcome(outcome(Source("t", 0, 4), "DEAD_LETTERED"))
    assert progress.open == 1
    progress.outcome(outcome(Source("t", 0, 5)))
    assert (progress.open, progress.commands[0].failed) == (0, False)


@pytest.mark.parametrize("word", ["DEAD_LETTERED", "EXPIRED", "SUPPRESSED"])
def test_a_command_that_was_not_sent_has_failed(word: str) -> None:
    """Nothing more is waited for, however far it should have come."""
    progress = Progress(awaited("a"), Until.READ)
    progress.written(progress.commands[0], Source("t", 0, 0))
    progress.outcome(outcome(Source("t", 0, 0), word))
    assert (progress.open, progress.commands[0].failed) == (0, True)


def test_a_duplicate_was_sent_before() -> None:
    """It has not failed, and its statuses count."""
    progress = Progress(awaited("a"))
    progress.written(progress.commands[0], Source("t", 0, 0))
    progress.outcome(outcome(Source("t", 0, 0), "DUPLICATE"))
    assert (progress.open, progress.commands[0].failed) == (0, False)


def test_statuses_only_go_forward_and_skip_steps() -> None:
    """Read without delivered is enough for delivered; a late sent changes nothing."""
    progress = Progress(awaited("a"), Until.DELIVERED)
    progress.written(progress.commands[0], Source("t", 0, 0))
    progress.outcome(outcome(Source("t", 0, 0)))
    progress.status(status("sent"))
    assert progress.open == 1
    progress.status(status("read"))
    progress.status(status("sent"))
    assert (progress.open, progress.commands[0].status) == (0, "read")


def test_a_status_may_come_before_the_outcome() -> None:
    """The command is done when both are there."""
    progress = Progress(awaited("a"), Until.SENT)
    progress.written(progress.commands[0], Source("t", 0, 0))
    progress.status(status("sent"))
    assert progress.open == 1
    progress.outcome(outcome(Source("t", 0, 0)))
    assert progress.open == 0


def test_failed_ends_the_waiting_and_keeps_its_error() -> None:
    """A late sent changes nothing."""
    progress = Progress(awaited("a"), Until.DELIVERED)
    progress.written(progress.commands[0], Source("t", 0, 0))
    progress.outcome(outcome(Source("t", 0, 0)))
    progress.status(status("failed"))
    progress.status(status("sent"))
    (command,) = progress.commands
    assert (progress.open, command.failed, command.status, command.status_error) == (
        0,
        True,
        "failed",
        {"code": 131026},
    )


def test_what_was_delivered_did_not_fail() -> None:
    """Whatever else was said of it."""
    progress = Progress(awaited("a"), Until.READ)
    progress.written(progress.commands[0], Source("t", 0, 0))
    for word in ("failed", "delivered", "failed"):
        progress.status(status(word))
    assert (progress.commands[0].status, progress.commands[0].failed) == ("delivered", False)


def test_statuses_of_others_are_passed_over() -> None:
    """Another command, another number, a message nobody sent through Kafka."""
    progress = Progress(awaited("a"), Until.SENT)
    for foreign in (status("failed", "b"), status("failed", number="2"), status("failed", None)):
        progress.status(foreign)
    assert (progress.open, progress.commands[0].failed) == (1, False)


def test_a_command_without_an_id_is_known_by_its_place() -> None:
    """Its id in statuses is its topic, partition and offset."""
    progress = Progress(awaited(None), Until.SENT)
    progress.written(progress.commands[0], Source("t", 3, 7))
    progress.outcome(outcome(Source("t", 3, 7)))
    progress.status(status("sent", "t/3/7"))
    assert progress.open == 0


def test_what_kafka_does_not_take_has_failed() -> None:
    """With the reason."""
    progress = Progress(awaited("a", "b"))
    progress.not_written(progress.commands[0], "too large")
    assert (progress.open, progress.commands[0].failed, progress.commands[1].failed) == (1, True, False)

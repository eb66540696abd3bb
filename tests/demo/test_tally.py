"""The demo's totals: each disagreement is seen."""

from typing import Any

import pytest

from connector.demo.tally import Tally


def _outcome(command_id: str, outcome: str = "ACCEPTED") -> dict[str, Any]:
    return {"command_id": command_id, "outcome": outcome, "phone_number_id": "1"}


def _status(command_id: str | None, status: str) -> dict[str, Any]:
    return {"command_id": command_id, "status": status, "phone_number_id": "1"}


@pytest.fixture
def complete() -> Tally:
    """Two commands that went all the way, one that could not be sent, one inbound message."""
    tally = Tally()
    for command_id in ("a", "b"):
        tally.outcome(_outcome(command_id))
        tally.status(_status(command_id, "sent"))
        tally.status(_status(command_id, "delivered"))
    tally.outcome(_outcome("c", "DEAD_LETTERED"))
    tally.dead_letter("invalid")
    tally.inbound_message({"event_id": "m1", "phone_number_id": "1"})
    return tally


def _failed(tally: Tally, **changes: int) -> list[str]:
    totals = {"produced": 3, "faulty": 1, "sent": 2, "webhooks": 1, **changes}
    return [check.text for check in tally.checks(**totals) if not check.ok]


def test_equal_totals_pass(complete: Tally) -> None:
    """When everything has come back once, every check is good and the run is complete."""
    assert _failed(complete) == []
    assert complete.complete(produced=3, faulty=1, webhooks=1)


def test_a_lost_command_is_seen(complete: Tally) -> None:
    """More commands produced than outcomes: two totals disagree, and the run is not complete."""
    assert _failed(complete, produced=4) == [
        "commands produced = outcomes on Kafka",
        "commands that can be sent = accepted outcomes",
    ]
    assert not complete.complete(produced=4, faulty=1, webhooks=1)


def test_a_second_send_is_seen(complete: Tally) -> None:
    """The Cloud API accepted more than there are outcomes."""
    assert _failed(complete, sent=3) == ["accepted by the Cloud API = accepted outcomes"]


def test_a_second_outcome_is_seen(complete: Tally) -> None:
    """A command that settles twice counts once, and is told."""
    complete.outcome(_outcome("a"))
    assert _failed(complete) == ["no command with a second outcome"]


def test_a_status_that_is_not_joined_is_seen(complete: Tally) -> None:
    """Statuses without our command id, or repeated ones, do not fill the place of a missing one."""
    complete.outcome(_outcome("d"))
    complete.status(_status(None, "sent"))
    complete.status(_status("a", "sent"))
    complete.status(_status("d", "delivered"))
    assert _failed(complete, produced=4, sent=3) == ["accepted = status 'sent' joined by command id"]


def test_a_missing_dead_letter_and_a_missing_webhook_are_seen(complete: Tally) -> None:
    """Both kinds of loss have a check of their own."""
    assert _failed(complete, faulty=2, produced=4, webhooks=2) == [
        "commands produced = outcomes on Kafka",
        "commands that cannot be sent = dead letters",
        "inbound webhooks = inbound messages on Kafka",
    ]

"""One message followed through, as the demo tells it."""

from connector.demo.story import Story

OUTCOME = {
    "command_id": "a", "outcome": "ACCEPTED", "type": "text", "attempts": 1, "message_id": "wamid.abc",
    "queued_at": 1000, "first_attempt_at": 1250, "source": {"topic": "crm", "partition": 2, "offset": 7},
}  # fmt: skip


def test_follows_the_first_accepted_command_only() -> None:
    """Its place, its send, its outcome and its own statuses, in order; nobody else's."""
    story = Story()
    story.outcome({**OUTCOME, "outcome": "DEAD_LETTERED"}, "nowhere")
    story.outcome(OUTCOME, "outcomes[2]")
    story.outcome({**OUTCOME, "command_id": "b"}, "outcomes[3]")
    story.status({"command_id": "b", "status": "sent"}, "statuses[0]")
    story.status({"command_id": "a", "status": "sent"}, "statuses[1]")
    story.inbound_message({"type": "text", "text": {"body": "Hello?"}}, "inbound[0]")
    assert story.lines() == [
        "command  a (text), JSON on crm[2]",
        "send     attempt 1 after 0.25 s, accepted: wamid.abc…",
        "outcome  ACCEPTED, outcomes[2]",
        "status   sent      with command id a, statuses[1]",
        "webhook  a text message, 'Hello?', inbound[0]",
    ]


def test_nothing_yet_is_no_story() -> None:
    """Before the first record there is nothing to tell."""
    assert Story().lines() == []

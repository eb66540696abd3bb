"""Following one number, user or command over all records that speak of it."""

import json
from typing import Any

import pytest

from connector.delivery.command import Source, recipient_digest
from connector.operations.following import Event, Followed, Kind, Lying, event, is_last, is_over
from connector.records.codec import Codec

CODEC = Codec()
PLACE = Source("commands", 1, 2)
NUMBER, PHONE = "106540352242922", "+1 650-555-1234"
SOURCE = PLACE._asdict()


def encoded(kind: Kind, **changes: Any) -> bytes | None:
    """A record of a kind that speaks of the one command, or of another."""
    if kind is Kind.COMMAND:
        command = {
            "command_id": "a",
            "phone_number_id": NUMBER,
            "to": PHONE,
            "type": "text",
            "text": {"body": "secret"},
        }
        return json.dumps({**command, **changes}).encode()
    name, record = {
        Kind.ATTEMPT: (
            "DeliveryAttempt",
            {"command_id": "a", "attempt": 2, "phase": "ENDED", "result": "throttled", "phone_number_id": NUMBER,
             "recipient_digest": recipient_digest(NUMBER, "16505551234"), "source": SOURCE, "at": 5},
        ),
        Kind.OUTCOME: (
            "DeliveryOutcome",
            {"event_id": "e", "command_id": "a", "outcome": "DEAD_LETTERED", "phone_number_id": NUMBER, "to": PHONE,
             "error": {"class": "refused", "code": 131047, "title": "Re-engagement"}, "queued_at": 1, "settled_at": 6,
             "source": SOURCE},
        ),
        Kind.STATUS: (
            "MessageStatus",
            {"event_id": "e", "received_at": 7, "waba_id": "1", "phone_number_id": NUMBER, "message_id": "wamid.x",
             "status": "read", "occurred_at": 7, "recipient": {"wa_id": "16505551234"}, "command_id": "a", "raw": "{}"},
        ),
        Kind.INBOUND: (
            "InboundMessage",
            {"event_id": "e", "received_at": 8, "waba_id": "1", "phone_number_id": NUMBER, "message_id": "wamid.y",
             "sent_at": 8, "sender": {"wa_id": "16505551234"}, "type": "text", "raw": "{}"},
        ),
    }[kind]  # fmt: skip
    return CODEC.encode(name, {**record, **changes})


def seen(kind: Kind, followed: Followed, **changes: Any) -> Event | None:
    """What is told of a record."""
    return event(kind, Lying(PLACE, NUMBER.encode(), encoded(kind, **changes), 3), CODEC, followed)


@pytest.mark.parametrize("kind", list(Kind))
def test_a_number_and_a_user_are_followed_through_every_kind(kind: Kind) -> None:
    """However the phone is written, and though an attempt has a digest only."""
    assert seen(kind, Followed(number=NUMBER)) is not None
    assert seen(kind, Followed(number="1")) is None
    assert seen(kind, Followed(user="+16505551234")) is not None
    assert seen(kind, Followed(user="+16505551235")) is None


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.INBOUND])
def test_a_command_is_followed_by_its_id(kind: Kind) -> None:
    """All that is given has to agree."""
    assert seen(kind, Followed(command_id="a")) is not None
    assert seen(kind, Followed(command_id="b")) is None
    assert seen(kind, Followed(command_id="a", number="1")) is None


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        (Kind.COMMAND, "text on commands"),
        (Kind.ATTEMPT, "2 ended: throttled"),
        (Kind.OUTCOME, "DEAD_LETTERED refused 131047 Re-engagement"),
        (Kind.STATUS, "read"),
        (Kind.INBOUND, "text from the user"),
    ],
)
def test_each_is_told_in_a_few_words_without_its_text(kind: Kind, detail: str) -> None:
    """What people wrote stays where it is."""
    found = seen(kind, Followed(number=NUMBER))
    assert found is not None
    assert found.detail == detail
    assert "secret" not in str(found)


def test_a_command_without_an_id_is_named_by_its_place() -> None:
    """As its outcome will be."""
    found = seen(Kind.COMMAND, Followed(command_id="commands/1/2"), command_id=None)
    assert found is not None


def test_what_cannot_be_read_is_told_of_a_command_only() -> None:
    """Its number may be the key; elsewhere it is somebody else's record."""
    found = event(Kind.COMMAND, Lying(PLACE, NUMBER.encode(), b"\xff", 3), CODEC, Followed(number=NUMBER))
    assert found is not None
    assert found.detail.startswith("unreadable: ")
    assert event(Kind.OUTCOME, Lying(PLACE, None, b"\xff", 3), CODEC, Followed(number=NUMBER)) is None
    assert event(Kind.OUTCOME, Lying(PLACE, None, None, 3), CODEC, Followed(number=NUMBER)) is None


@pytest.mark.parametrize(
    ("kind", "changes", "last"),
    [
        (Kind.OUTCOME, {}, True),
        (Kind.OUTCOME, {"outcome": "ACCEPTED", "error": None}, False),
        (Kind.STATUS, {}, True),
        (Kind.STATUS, {"status": "delivered"}, False),
        (Kind.STATUS, {"status": "failed", "errors": [{"code": 131026, "title": "Undeliverable"}]}, True),
        (Kind.ATTEMPT, {}, False),
    ],
)
def test_a_command_ends_when_it_was_not_sent_failed_or_was_read(
    kind: Kind,
    changes: dict[str, Any],
    last: bool,  # noqa: FBT001 - a row of the table
) -> None:
    """Accepted is not the end, nor is delivered."""
    found = seen(kind, Followed(number=NUMBER), **changes)
    assert found is not None
    assert is_last(found) is last


OTHER_PLACE = Source("commands", 1, 9)


def happened(kind: Kind, at_ms: int, detail: str, source: Source | None = None) -> Event:
    """An event of the one command."""
    return Event(at_ms, kind, NUMBER, "a", None, detail, source=source)


def test_the_order_in_which_partitions_come_ends_nothing() -> None:
    """A command that was put back goes on after its first outcome, and ends with its second one, or is read."""
    first = happened(Kind.COMMAND, 1, "text", PLACE)
    refused = happened(Kind.OUTCOME, 2, "DEAD_LETTERED refused", PLACE)
    again = happened(Kind.COMMAND, 3, "text", OTHER_PLACE)
    refused_again = happened(Kind.OUTCOME, 4, "DEAD_LETTERED refused", OTHER_PLACE)
    accepted = happened(Kind.OUTCOME, 4, "ACCEPTED", OTHER_PLACE)
    read = happened(Kind.STATUS, 5, "read")
    repeated = happened(Kind.OUTCOME, 4, "DUPLICATE", OTHER_PLACE)
    lives: dict[tuple[Event, ...], bool] = {
        (): False,
        (first,): False,
        (first, refused): True,
        (first, refused, again): False,
        (first, refused, again, refused_again): True,
        (first, refused, again, accepted): False,
        (first, refused, again, accepted, read): True,
        (first, refused, again, repeated): True,
    }
    for life, over in lives.items():
        assert is_over(life) is over
        assert is_over(reversed(life)) is over

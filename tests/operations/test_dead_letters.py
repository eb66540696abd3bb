"""Dead letters: what their headers tell, which are meant, and what goes back."""

import json

import pytest

from connector.delivery.command import Source
from connector.operations.dead_letters import (
    REDRIVE_COUNT,
    UNREADABLE_COUNT,
    DeadLetter,
    Headers,
    Mark,
    Wanted,
    command_in,
    mark,
    number_of,
    place_from,
    read,
    redriven,
)
from connector.records.codec import Codec
from connector.records.keys import slot_of

PLACE = Source("dlq.commands", 2, 17)
COMMAND = json.dumps({"phone_number_id": "106540352242922", "to": "+1", "type": "text", "text": {}}).encode()
HEADERS: Headers = (
    ("mine", b"\xff"),
    ("mine", None),
    ("__connect.errors.topic", b"commands"),
    ("__connect.errors.partition", b"2"),
    ("__connect.errors.offset", b"5"),
    ("__connect.errors.exception.message", b"Payment issue"),
    ("wa.dlq.class", b"refused"),
    ("wa.dlq.code", b"131042"),
    ("wa.dlq.attempts", b"3"),
    ("wa.dlq.last-failure-at", b"1000"),
    (REDRIVE_COUNT, b"1"),
)


def letter(headers: Headers = HEADERS, value: bytes | None = COMMAND, key: bytes | None = b"42") -> DeadLetter:
    """A dead letter."""
    found = read(PLACE, key, value, headers, 7)
    assert isinstance(found, DeadLetter)
    return found


def without(*names: str) -> Headers:
    """The headers but for some."""
    return tuple(header for header in HEADERS if header[0] not in names)


def test_the_headers_tell_all_about_it() -> None:
    """What is missing is None."""
    found = letter()
    assert (found.class_, found.code, found.message) == ("refused", "131042", "Payment issue")
    assert (found.origin, found.attempts, found.last_failure_at_ms, found.redrive_count) == ("commands/2/5", 3, 1000, 1)
    assert (found.http_status, found.first_failure_at_ms) == (None, None)


def test_what_goes_back_is_the_original_counted_once_more() -> None:
    """Value, key and each other header byte for byte, in their order; the partition is the key's home."""
    output = redriven(letter(), "commands", 6)
    assert (output.topic, output.key, output.value, output.partition) == ("commands", b"42", COMMAND, slot_of("42", 6))
    assert output.headers == (*without(REDRIVE_COUNT), (REDRIVE_COUNT, b"2"))
    assert output.timestamp_ms == 0


def test_without_a_key_it_goes_to_its_own_partition() -> None:
    """Delivery forwards it, if that is not its home."""
    assert redriven(letter(key=None), "commands", 6).partition == 2
    assert redriven(letter(key=b""), "commands", 2).partition == 0


def test_a_mark_lies_beside_its_dead_letter_and_is_read_again() -> None:
    """Who, when and why; no value."""
    output = mark(letter(), topic="commands", at_ms=99, by="ann@host", reason="paid")
    assert (output.topic, output.partition, output.key, output.value) == ("dlq.commands", 2, b"42", None)
    found = read(Source("dlq.commands", 2, 30), output.key, output.value, output.headers, 0)
    assert found == Mark(PLACE, 99, "ann@host", "paid")


def test_no_producer_can_forge_a_mark() -> None:
    """A command whose own headers look like a mark is a dead letter all the same: it has a class."""
    forged = mark(letter(), topic="commands", at_ms=99, by="eve", reason="").headers
    assert isinstance(read(PLACE, None, None, (*forged, *HEADERS), 0), DeadLetter)
    assert read(PLACE, None, b"x", (), 0) is None


@pytest.mark.parametrize("count", [b"many", b"-1", b"9999999", b"\xff", b""])
def test_a_count_that_is_none_is_beyond_every_guard(count: bytes) -> None:
    """Nobody knows how often it went round."""
    assert letter((*without(REDRIVE_COUNT), (REDRIVE_COUNT, count))).redrive_count == UNREADABLE_COUNT


def test_without_a_count_it_never_went_round() -> None:
    """As the first one written."""
    assert letter(without(REDRIVE_COUNT)).redrive_count == 0


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        (Wanted(), True),
        (Wanted(classes={"refused"}, codes={"131042"}, numbers={"9"}, since_ms=1000, until_ms=1001), True),
        (Wanted(classes={"invalid"}), False),
        (Wanted(codes={"131026"}), False),
        (Wanted(numbers={"8"}), False),
        (Wanted(since_ms=1001), False),
        (Wanted(until_ms=1000), False),
        (Wanted(places={PLACE}), True),
        (Wanted(places={Source("dlq.commands", 2, 18)}), False),
    ],
)
def test_filters_all_have_to_agree(wanted: Wanted, taken: bool) -> None:  # noqa: FBT001 - a row of the table
    """The beginning belongs to a time, its end does not."""
    assert wanted.takes(letter(), "9") is taken


def test_the_number_is_the_commands_or_else_the_keys() -> None:
    """Bytes that nobody can read have no command; a key that is no number tells none."""
    codec = Codec()
    assert number_of(letter(), command_in(letter(), codec)) == "106540352242922"
    unreadable = letter(value=b"\xff")
    assert command_in(unreadable, codec) is None
    assert number_of(unreadable, None) == "42"
    assert number_of(letter(key=b"x\xff"), None) is None


def test_a_place_is_of_a_dead_letter_topic_of_ours() -> None:
    """Never of any other topic."""
    assert place_from("dlq.commands/2/17", ["dlq.commands"]) == PLACE
    for text in ("commands/2/17", "dlq.commands/2", "dlq.commands/x/1", "dlq.commands/1/-1", "dlq.commands/1/2/3"):
        with pytest.raises(ValueError, match="is no"):
            place_from(text, ["dlq.commands"])

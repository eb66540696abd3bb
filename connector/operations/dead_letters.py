"""Dead letters as an operator sees them: what they say of themselves, which are meant, and how one goes back. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from connector.delivery.command import DeadLetterClass, Output, Source
from connector.records.codec import Codec, Undecodable
from connector.records.commands import Command, InvalidCommand, parse_command
from connector.records.keys import murmur2

Headers = tuple[tuple[str, bytes | None], ...]

REDRIVE_COUNT: Final = "wa.dlq.redrive-count"
MARK_OFFSET: Final = "wa.redrive.offset"
_CLASS: Final = "wa.dlq.class"
_COUNT_LENGTH_MAX: Final = 6
UNREADABLE_COUNT: Final = 10**_COUNT_LENGTH_MAX
"""Of a count that is no number: beyond every guard, for nobody knows how often it went round."""

ADVICE: Final[Mapping[str, str]] = {
    DeadLetterClass.UNDECODABLE: "Neither JSON nor Avro that could be read. Mend the producer and send it anew; a"
    " redrive helps only when a schema has been registered since.",
    DeadLetterClass.INVALID: "No command: the code names the member. Mend the producer and send it anew.",
    DeadLetterClass.ID_CONFLICT: "Another command had this number and command id. Send it anew with an id of its own.",
    DeadLetterClass.REFUSED: "Meta refuses it, and will again until the cause is gone: see the code in docs/errors.md,"
    " remove the cause, then redrive.",
    DeadLetterClass.UNDELIVERABLE: "This person cannot get it now. A redrive makes sense when they have written again,"
    " or with another message.",
    DeadLetterClass.ATTEMPTS_EXHAUSTED: "Network, Meta or a limit failed too often. Redrive when that is over.",
    DeadLetterClass.AMBIGUOUS: "Nobody knows whether it was sent. Look for a status with its command id first:"
    " a redrive may send it a second time.",
}


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter; ``place`` is its own, ``origin`` the command's, as its headers tell it.

    Times are Unix milliseconds; what the headers do not tell is None.
    """

    place: Source
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int
    class_: str
    code: str
    message: str
    origin: str
    attempts: int | None
    http_status: int | None
    fbtrace_id: str | None
    first_failure_at_ms: int | None
    last_failure_at_ms: int | None
    redrive_count: int


@dataclass(frozen=True, slots=True)
class Mark:
    """The record of a redrive: the dead letter at ``place`` went back, when, by whom and why."""

    place: Source
    at_ms: int | None
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which dead letters are meant; an empty collection, or None, asks for nothing of its kind."""

    classes: Collection[str] = ()
    codes: Collection[str] = ()
    numbers: Collection[str] = ()
    since_ms: int | None = None
    until_ms: int | None = None
    places: Collection[Source] = ()

    def takes(self, letter: DeadLetter, number: str | None) -> bool:
        """Whether it is one of them; the times are those of the last failure, the end not included."""
        at_ms = letter.last_failure_at_ms or 0
        return (
            (not self.classes or letter.class_ in self.classes)
            and (not self.codes or letter.code in self.codes)
            and (not self.numbers or number in self.numbers)
            and (self.since_ms is None or at_ms >= self.since_ms)
            and (self.until_ms is None or at_ms < self.until_ms)
            and (not self.places or letter.place in self.places)
        )


def read(
    place: Source, key: bytes | None, value: bytes | None, headers: Headers, timestamp_ms: int
) -> DeadLetter | Mark | None:
    """What a record of a dead-letter topic is; None when it is neither a dead letter nor a mark.

    A dead letter always has a class: so no header that a producer gave to its command makes a mark of it.
    """
    told = {name: (content or b"").decode(errors="replace") for name, content in headers}
    if _CLASS not in told:
        offset = _whole(told.get(MARK_OFFSET))
        if offset is None:
            return None
        marked = Source(place.topic, place.partition, offset)
        at_ms, by = _whole(told.get("wa.redrive.at")), told.get("wa.redrive.by", "")
        return Mark(marked, at_ms, by, told.get("wa.redrive.reason", ""))
    return DeadLetter(
        place=place,
        key=key,
        value=value,
        headers=headers,
        timestamp_ms=timestamp_ms,
        class_=told[_CLASS],
        code=told.get("wa.dlq.code", ""),
        message=told.get("__connect.errors.exception.message", ""),
        origin="/".join(told.get(f"__connect.errors.{name}", "?") for name in ("topic", "partition", "offset")),
        attempts=_whole(told.get("wa.dlq.attempts")),
        http_status=_whole(told.get("wa.dlq.http-status")),
        fbtrace_id=told.get("wa.dlq.fbtrace-id"),
        first_failure_at_ms=_whole(told.get("wa.dlq.first-failure-at")),
        last_failure_at_ms=_whole(told.get("wa.dlq.last-failure-at")),
        redrive_count=_count(told.get(REDRIVE_COUNT, "0")),
    )


def command_in(letter: DeadLetter, codec: Codec) -> Command | None:
    """The command, when its bytes are one."""
    try:
        return parse_command(letter.value, codec)
    except (Undecodable, InvalidCommand):
        return None


def number_of(letter: DeadLetter, command: Command | None) -> str | None:
    """The business number: the command's, or the key's when that looks like one."""
    if command is not None:
        return command.phone_number_id
    key = (letter.key or b"").decode(errors="replace")
    return key if key.isascii() and key.isdigit() else None


def redriven(letter: DeadLetter, topic: str, partitions: int) -> Output:
    """The command back on its topic: value, key and headers as they are, counted once more; its time is now's.

    Its own time would let the topic's retention or its policy's expiry take it at once. It lies where Java's
    partitioner puts its key; without one, at the dead letter's own partition.
    """
    partition = (murmur2(letter.key) & 0x7FFFFFFF if letter.key else letter.place.partition) % partitions
    count = str(letter.redrive_count + 1).encode()
    headers = (*((name, value) for name, value in letter.headers if name != REDRIVE_COUNT), (REDRIVE_COUNT, count))
    return Output(topic, partition, letter.key, letter.value, headers)


def mark(letter: DeadLetter, *, topic: str, at_ms: int, by: str, reason: str) -> Output:
    """The record that a dead letter went back to ``topic``: beside it, without a value, for as long as it is kept."""
    told = {
        MARK_OFFSET: str(letter.place.offset),
        "wa.redrive.to": topic,
        "wa.redrive.count": str(letter.redrive_count + 1),
        "wa.redrive.at": str(at_ms),
        "wa.redrive.by": by,
        "wa.redrive.reason": reason,
    }
    headers = tuple((name, text.encode("utf-8", "replace")) for name, text in told.items())
    return Output(letter.place.topic, letter.place.partition, letter.key, None, headers)


def place_from(text: str, topics: Iterable[str]) -> Source:
    """A place written as ``TOPIC/PARTITION/OFFSET``, of one of these topics.

    Raises:
        ValueError: it is none; the message says why.
    """
    topic, _, rest = text.partition("/")
    partition, _, offset = rest.partition("/")
    if topic not in topics:
        message = f"{topic!r} is no dead-letter topic of this configuration"
        raise ValueError(message)
    numbers = _whole(partition), _whole(offset)
    if numbers[0] is None or numbers[1] is None:
        message = f"{text!r} is not written as TOPIC/PARTITION/OFFSET"
        raise ValueError(message)
    return Source(topic, numbers[0], numbers[1])


def _whole(text: str | None) -> int | None:
    fits = text is not None and text.isascii() and text.isdigit() and len(text) <= 18  # noqa: PLR2004 - below 2^63
    return int(text) if text is not None and fits else None


def _count(text: str) -> int:
    found = _whole(text)
    return found if found is not None and len(text) <= _COUNT_LENGTH_MAX else UNREADABLE_COUNT

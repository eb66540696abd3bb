"""Reads dead-letter topics, and puts chosen dead letters back: command and mark in one transaction."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from confluent_kafka import Message

from connector.clock import Clock
from connector.config import Settings
from connector.delivery.command import Output, Source
from connector.kafka.topics import TopicAdmin
from connector.kafka.transaction import (
    FatalProducerError,
    RecordRefusedError,
    TransactionAbortedError,
    TransactionalProducer,
    UnreachableProducerError,
)
from connector.operations.dead_letters import DeadLetter, Mark, Wanted, command_in, mark, number_of, read, redriven
from connector.operations.tail import KafkaFault, Tail, partitions_of
from connector.records.codec import Codec
from connector.records.commands import Command
from connector.service.startup import client_config

BATCH_MAX: Final = 100
"""Dead letters of one transaction: what is sent again when it has to be repeated."""

CHOSEN_MAX_BYTES: Final = 256 * 1024 * 1024
"""Of what is held in memory at once; the rest is for another call."""


class Found(NamedTuple):
    """A dead letter with what its bytes say."""

    letter: DeadLetter
    command: Command | None
    number: str | None


class DeadLetterLog:
    """The dead-letter topics of an installation, each read up to its present end; used from one thread.

    Args:
        settings: of the installation.
        codec: reads commands in Avro.
        clock: for the patience with Kafka.
        topics: full names of those that are meant; all when empty.
    """

    def __init__(
        self,
        settings: Settings,
        codec: Codec,
        clock: Clock,
        topics: Sequence[str] = (),
    ) -> None:
        names = settings.topic_names
        self.command_topics: Mapping[str, str] = {names.dead_letters_of(topic): topic for topic in names.commands}
        self.settings = settings
        self.clock = clock
        self._codec = codec
        self._topics = list(topics) or list(self.command_topics)
        self.show: Callable[[int, int], None] = lambda _done, _total: None
        """Is told how many records have been read, and of how many."""

    def marks(self) -> dict[Source, Mark]:
        """Every redrive that is on record; the last one of each dead letter."""
        return {mark_.place: mark_ for mark_ in self._records() if isinstance(mark_, Mark)}

    def letters(self, wanted: Wanted) -> Iterator[Found]:
        """The dead letters that are meant, partition by partition in their order."""
        for letter in self._records():
            if isinstance(letter, DeadLetter):
                command = command_in(letter, self._codec)
                number = number_of(letter, command)
                if wanted.takes(letter, number):
                    yield Found(letter, command, number)

    def _records(self) -> Iterator[DeadLetter | Mark | None]:
        tail = Tail(self.settings, self._topics)
        try:
            tail.from_start()
            for message in tail.to_the_end(self.clock):
                self.show(tail.total - tail.left, tail.total)
                yield _record(message)
        finally:
            tail.close()


@dataclass(slots=True)
class Choice:
    """What a redrive would take, and what it leaves and why."""

    chosen: list[DeadLetter] = field(default_factory=list)
    redriven_before: int = 0
    too_often: int = 0
    beyond_limit: int = 0
    beyond_memory: int = 0


def choose(log: DeadLetterLog, wanted: Wanted, *, redrives_max: int, limit: int) -> Choice:
    """The dead letters that are meant, without those that went back already and those that keep coming back.

    Args:
        log: where they are.
        wanted: which ones.
        redrives_max: how often a command may go round.
        limit: how many are taken at most; those are held in memory, as far as CHOSEN_MAX_BYTES go.
    """
    marks, choice, size = log.marks(), Choice(), 0
    for found in log.letters(wanted):
        if found.letter.place in marks:
            choice.redriven_before += 1
        elif found.letter.redrive_count >= redrives_max:
            choice.too_often += 1
        elif len(choice.chosen) >= limit:
            choice.beyond_limit += 1
        elif size >= CHOSEN_MAX_BYTES:
            choice.beyond_memory += 1
        else:
            choice.chosen.append(found.letter)
            size += len(found.letter.value or b"")
    return choice


class Redriver:
    """Puts dead letters back. One at a time for each installation: a second one shuts out the first.

    Each command and its mark are one transaction: none goes back twice, and none without a trace. For that it has to be
    there before the dead letters are chosen: whoever chose them earlier can write no more, and has left its marks.

    Raises:
        KafkaFault: Kafka does not answer, or this user may not write.
    """

    def __init__(self, log: DeadLetterLog) -> None:
        settings = log.settings
        config = client_config(settings, settings.kafka.producer)
        places = partitions_of(TopicAdmin(config), settings, log.command_topics.values())
        self._topics = log.command_topics
        self._partitions = {topic: sum(name == topic for name, _ in places) for topic in self._topics.values()}
        self._clock = log.clock
        self.refused: dict[Source, str] = {}
        """Why Kafka never takes a dead letter, of each that it does not."""
        self._id = f"{settings.delivery.installation}-redrive"
        self._producer = TransactionalProducer(config, self._id)
        try:
            self._producer.start()
        except (FatalProducerError, UnreachableProducerError) as error:
            message = f"cannot write as {self._id} ({error}); is there the right to use this transactional id?"
            raise KafkaFault(message) from None

    def run(self, letters: Sequence[DeadLetter], *, rate: float, by: str, reason: str) -> Iterator[list[DeadLetter]]:
        """Put them back, ``rate`` a second; yields those of each transaction that is committed.

        A dead letter that Kafka never takes, such as one too large for its command topic, is left: it is in none of
        them, and :attr:`refused` tells why.

        Raises:
            KafkaFault: Kafka takes no more; what was yielded is back. Of the transaction that was under way nobody
                knows, but its marks tell: another choice leaves what is back.
        """
        began, done = self._clock.monotonic(), 0
        batch = max(1, min(BATCH_MAX, int(rate)))
        while done < len(letters):
            time.sleep(max(0.0, began + done / rate - self._clock.monotonic()))
            part = list(letters[done : done + batch])
            done += len(part)
            yield self._commit(part, by, reason)

    def close(self) -> None:
        """Let go."""
        self._producer.close()

    def _commit(self, letters: list[DeadLetter], by: str, reason: str) -> list[DeadLetter]:
        while letters:
            outputs = [output for letter in letters for output in self._outputs(letter, by, reason)]
            try:
                self._producer.commit(outputs, [], None)
            except FatalProducerError as error:
                message = f"{self._id} may write no more ({error}); was another redrive started?"
                raise KafkaFault(message) from None
            except TransactionAbortedError as error:
                if isinstance(error, RecordRefusedError) and not error.undone:
                    self.refused[letters.pop(error.index // 2).place] = str(error)
                    continue
                also = ", and those just before them are gone as well: redrive them again" if error.undone else ""
                message = f"Kafka did not take them ({error}); nothing of the last {len(letters)} was written{also}"
                raise KafkaFault(message) from None
            else:
                break
        return letters

    def _outputs(self, letter: DeadLetter, by: str, reason: str) -> tuple[Output, Output]:
        topic = self._topics[letter.place.topic]
        at_ms = self._clock.wall_ms()
        return (
            redriven(letter, topic, self._partitions[topic]),
            mark(letter, topic=topic, at_ms=at_ms, by=by, reason=reason),
        )


def _record(message: Message) -> DeadLetter | Mark | None:
    place = Source(message.topic() or "", message.partition() or 0, message.offset() or 0)
    headers: Any = message.headers() or ()
    _, timestamp_ms = message.timestamp()
    return read(place, message.key(), message.value(), tuple(headers), timestamp_ms)

"""What the journal says of a command, in whatever order, and again when older records are left behind."""

import itertools
from typing import Final

import pytest

from connector.delivery.command import Output, QueuedCommand, Source, Tried
from connector.delivery.ledger.attempts import AttemptWriter, PairKey, SlotAttempts, tried_of
from connector.delivery.pair_limit import PairDebt
from connector.records.codec import Codec, Undecodable
from connector.whatsapp.response import maybe_sent
from tests.delivery.making import NUMBER, WALL_MS, queued

CODEC: Final = Codec()
WRITER: Final = AttemptWriter("attempts", "worker", CODEC)
NOTHING: Final = PairDebt(0, 0)


def tried_once() -> QueuedCommand:
    """An attempt of it begins."""
    command = queued(slot=5)
    command.attempts, command.started_at_ms, command.first_attempt_at_ms = 1, WALL_MS, WALL_MS
    return command


def started(command: QueuedCommand, debt: PairDebt = NOTHING) -> Output:
    """Its beginning."""
    return WRITER.started(command, debt)


def ended(command: QueuedCommand, debt: PairDebt = NOTHING, *, retry_at_ms: int = WALL_MS + 5) -> Output:
    """Its answer."""
    return WRITER.ended(command, debt, result="transient", charged=True, retry_at_ms=retry_at_ms)


def life() -> tuple[QueuedCommand, list[Output]]:
    """Two attempts that failed, and a third that is under way."""
    command = tried_once()
    records = [started(command)]
    for attempt in (2, 3):
        command.failures += 1
        command.first_failure_at_ms = command.first_failure_at_ms or WALL_MS + 1
        records.append(ended(command, retry_at_ms=WALL_MS + 1000 * attempt))
        command.attempts, command.started_at_ms = attempt, WALL_MS + 1000 * attempt
        records.append(started(command))
    return command, records


def read(*outputs: Output, tried: bool = True) -> SlotAttempts:
    """What the next owner makes of them."""
    past = SlotAttempts()
    for output in outputs:
        past.read(output.value, CODEC, tried=tried)
    return past


def only(past: SlotAttempts) -> Tried:
    """The one command."""
    (tried,) = past.tried.values()
    return tried


def test_a_record_lies_in_the_slot_of_its_command_under_its_number() -> None:
    """There its next owner looks for it; the recipient is named by a digest only."""
    output = started(tried_once())
    assert (output.topic, output.partition, output.key) == ("attempts", 5, NUMBER.encode())
    assert b"16505551234" not in (output.value or b"")


def test_a_record_is_a_cloud_event_of_its_commands_trace() -> None:
    """The same id when it is written again, by whomever; then nobody knows the trace any more."""
    command = tried_once()
    command.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    origin = command.reading.origin
    once = dict(started(command).headers)
    assert once == {
        "ce_id": f"attempt-{origin.topic}/{origin.partition}/{origin.offset}-1-started".encode(),
        "ce_type": b"whatsapp.connector.v1.DeliveryAttempt",
        "ce_source": b"/whatsapp-kafka-connector/worker",
        "ce_specversion": b"1.0",
        "traceparent": command.traceparent.encode(),
    }
    again = dict(WRITER.again(5, origin, only(read(started(command)))).headers)
    assert again == {name: value for name, value in once.items() if name != "traceparent"}
    assert (dict(ended(command).headers)["ce_id"] or b"").endswith(b"-1-ended")


def test_a_beginning_without_an_answer_is_open() -> None:
    """Nobody knows whether it arrived; all that the next owner needs is in that one record."""
    command = tried_once()
    command.failures = 2
    past = read(started(command))
    tried = only(past)
    assert tried.is_open
    assert (tried.command_id, tried.attempts, tried.failures, tried.started_at_ms) == ("order-4711", 1, 2, WALL_MS)
    assert list(past.tried) == [command.reading.origin]
    assert past.oldest_open_ms(WALL_MS + 99) == WALL_MS


def test_an_answer_closes_its_attempt() -> None:
    """Receipts of it do not matter any more, and its retry has its time."""
    command = tried_once()
    past = read(started(command), ended(command))
    assert (only(past).is_open, only(past).retry_at_ms) == (False, WALL_MS + 5)
    assert past.oldest_open_ms(WALL_MS + 99) == WALL_MS + 99


def test_the_order_of_the_records_does_not_matter() -> None:
    """Beginnings are written at once, answers with the next transaction, or the one after an abort."""
    _, records = life()
    for order in itertools.permutations(records):
        tried = only(read(*order))
        assert (tried.attempts, tried.answered, tried.failures) == (3, 2, 2)
        assert (tried.started_at_ms, tried.retry_at_ms) == (WALL_MS + 3000, WALL_MS + 3000)
        assert (tried.first_attempt_at_ms, tried.first_failure_at_ms) == (WALL_MS, WALL_MS + 1)
        assert tried.is_open


def test_an_answer_alone_is_enough() -> None:
    """Its beginning may lie before the pointer."""
    command = tried_once()
    tried = only(read(ended(command)))
    assert (tried.attempts, tried.answered, tried.is_open) == (1, 1, False)


@pytest.mark.parametrize("failures", [0, 3])
def test_an_open_attempt_counts_as_one_failure_however_often_it_changes_hands(failures: int) -> None:
    """Taken over and written again three times: the budget is charged once."""
    command = tried_once()
    command.failures = failures
    record = started(command)
    for _ in range(3):
        successor = queued(slot=5, read=command.reading.record)
        successor.resume(only(read(record)), 1000.0, WALL_MS)
        assert (successor.attempts, successor.failures) == (1, failures + 1)
        assert successor.unresolved is not None
        record = WRITER.again(5, successor.reading.origin, tried_of(successor, NOTHING, 1000.0, WALL_MS))


def test_what_is_written_again_says_the_same() -> None:
    """Of a command that was read again, and of one that was not; under way, looked for, or waiting for its retry."""
    command, records = life()
    told = only(read(*records))
    for output in (
        WRITER.again(5, command.reading.origin, told),
        WRITER.again(5, command.reading.origin, _in_flight(command)),
        WRITER.again(5, command.reading.origin, _looked_for(command)),
    ):
        tried = only(read(output))
        assert (tried.attempts, tried.is_open, tried.failures) == (3, True, 2)
        assert (tried.started_at_ms, tried.first_attempt_at_ms) == (WALL_MS + 3000, WALL_MS)
        assert only(read(output, *records)).is_open
        assert only(read(*records, output)).is_open
    waiting = queued(slot=5, read=command.reading.record)
    waiting.resume(only(read(*records[:4])), 1000.0, WALL_MS)
    tried = only(read(WRITER.again(5, waiting.reading.origin, tried_of(waiting, NOTHING, 1000.0, WALL_MS))))
    assert (tried.attempts, tried.is_open, tried.failures, tried.retry_at_ms) == (2, False, 2, WALL_MS + 3000)


def _in_flight(command: QueuedCommand) -> Tried:
    command.in_flight = True
    try:
        return tried_of(command, NOTHING, 1000.0, WALL_MS)
    finally:
        command.in_flight = False


def _looked_for(command: QueuedCommand) -> Tried:
    command.unresolved = maybe_sent("TimeoutError")
    command.failures += 1
    try:
        return tried_of(command, NOTHING, 1000.0, WALL_MS)
    finally:
        command.unresolved = None
        command.failures -= 1


def test_pairs_owe_what_the_longest_record_says() -> None:
    """Free at the latest time, with the newest exponent; what is written again owes nothing new."""
    command = tried_once()
    pair = PairKey(NUMBER, only(read(started(command))).recipient_digest)
    past = read(
        started(command, PairDebt(WALL_MS + 500, 2)),
        ended(command, PairDebt(WALL_MS + 400, 3)),
        WRITER.again(5, command.reading.origin, tried_of(command, NOTHING, 1000.0, WALL_MS)),
    )
    assert past.debts == {pair: PairDebt(WALL_MS + 500, 3)}


def test_a_number_has_sent_last_when_its_newest_attempt_began() -> None:
    """Answers do not count."""
    command, records = life()
    assert read(*records, ended(command)).last_sent_ms == {NUMBER: WALL_MS + 3000}
    assert read(ended(command)).last_sent_ms == {}


def test_below_the_pointer_only_limits_matter() -> None:
    """The commands have been written again or are settled."""
    past = read(started(tried_once(), PairDebt(WALL_MS + 500, 2)), tried=False)
    assert past.tried == {}
    assert (len(past.debts), past.last_sent_ms) == (1, {NUMBER: WALL_MS})


def test_a_forwarded_command_is_known_by_where_it_was_produced() -> None:
    """That is its place in outcomes too."""
    command = tried_once()
    elsewhere = Source("crm", 1, 77)
    command.reading = command.reading._replace(origin=elsewhere)
    assert list(read(started(command)).tried) == [elsewhere]


@pytest.mark.parametrize("value", [None, b"", b"rubbish"])
def test_what_is_not_ours_is_not_passed_over(value: bytes | None) -> None:
    """Somebody else writes there: to go on would be to guess."""
    with pytest.raises(Undecodable):
        SlotAttempts().read(value, CODEC)


def test_what_a_pair_owes_outlives_the_record_that_said_so() -> None:
    """A wait of 1024 s was forgotten when the pointer had passed: what is written again says it too, by either way."""
    command, debt = tried_once(), PairDebt(WALL_MS + 1_024_000, 5)
    pair = PairKey(NUMBER, only(read(started(command))).recipient_digest)
    by_its_owner = WRITER.again(5, command.reading.origin, tried_of(command, debt, 1000.0, WALL_MS))
    by_its_successor = WRITER.again(5, command.reading.origin, only(read(by_its_owner)))
    assert read(by_its_owner).debts == read(by_its_successor).debts == {pair: debt}

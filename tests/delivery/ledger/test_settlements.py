"""Settlements become durable together with the offsets behind them, once, or not at all."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from connector.clock import SystemClock
from connector.delivery.backlog import Partition
from connector.delivery.command import Output, Settlement, Source
from connector.delivery.ledger.settlements import Ledger
from connector.kafka.transaction import FatalProducerError, RecordRefusedError, TransactionAbortedError

CRM_0: Final = Partition("crm", 0)
CRM_1: Final = Partition("crm", 1)
MEMBER: Final = object()


class FakeTransactions:
    """Writes all or nothing; ``trouble`` is what it does next instead."""

    def __init__(self) -> None:
        self.trouble: list[Exception | None] = []
        self.written: list[Output] = []
        self.offsets: dict[Partition, int] = {}
        self.tried: list[list[Output]] = []
        self.limit = 10**9
        self.oldest_ms = 0
        self.closed = False

    def commit(self, records: Iterable[Output], offsets: Sequence[tuple[str, int, int]], member: object) -> None:
        """One transaction."""
        assert member is MEMBER
        found = list(records)
        self.tried.append(found)
        for index, output in enumerate(found):
            if size_of(output) > self.limit:
                raise RecordRefusedError(index, "too large")
            if 0 < output.timestamp_ms < self.oldest_ms:
                raise RecordRefusedError(index, "too old", for_its_time=True)
        if self.trouble and (error := self.trouble.pop(0)) is not None:
            raise error
        self.written += found
        for topic, partition, offset in offsets:
            assert offset >= self.offsets.get(Partition(topic, partition), 0)
            self.offsets[Partition(topic, partition)] = offset

    def close(self) -> None:
        """Let go."""
        self.closed = True


def size_of(output: Output) -> int:
    """Bytes of a record."""
    headers = sum(len(name) + len(value or b"") for name, value in output.headers)
    return len(output.key or b"") + len(output.value or b"") + headers


class Measured:
    """What the observer is told."""

    def __init__(self) -> None:
        self.transactions: list[bool] = []

    def transaction(self, *, committed: bool, seconds: float) -> None:
        """One more."""
        assert seconds >= 0.0
        self.transactions.append(committed)


class Book:
    """A ledger with its surroundings."""

    def __init__(self, *assigned: Partition, epoch: int = 1) -> None:
        self.kafka = FakeTransactions()
        self.measured = Measured()
        self.ledger = Ledger(self.kafka, self.measured, SystemClock())
        for partition in assigned:
            self.ledger.assign(partition, epoch)

    def read(self, partition: Partition, *offsets: int) -> None:
        """Records of the live stream."""
        for offset in offsets:
            assert self.ledger.read(Source(*partition, offset)) is not None

    def commit(self) -> list[int] | None:
        """The offsets of what is committed now."""
        committed = self.ledger.commit(lambda: MEMBER)
        return None if committed is None else [settlement.source.offset for settlement in committed]

    def values(self) -> list[bytes | None]:
        """What lies in Kafka."""
        return [output.value for output in self.kafka.written]


def settlement(
    partition: Partition, offset: int, epoch: int = 1, value: bytes | None = None, *, timestamp_ms: int = 0
) -> Settlement:
    """What settles a record: one output that names it."""
    output = Output("outcomes", partition.partition, b"key", value or b"%d" % offset, (("h", b"1"),), timestamp_ms)
    return Settlement(Source(*partition, offset), b"key", epoch, (output,), "ACCEPTED")


def test_outputs_and_offsets_go_together() -> None:
    """The second record is settled first: it is written, and its offset waits for the first.

    The offset that is committed already goes with it: without one the broker would not ask whether we are a member.
    """
    book = Book(CRM_0)
    book.read(CRM_0, 10, 11)
    assert book.ledger.add(settlement(CRM_0, 11))
    assert book.commit() == [11]
    assert (book.values(), book.kafka.offsets) == ([b"11"], {CRM_0: 10})
    assert book.ledger.add(settlement(CRM_0, 10))
    assert book.commit() == [10]
    assert (book.values(), book.kafka.offsets) == ([b"11", b"10"], {CRM_0: 12})
    assert book.measured.transactions == [True, True]


def undone() -> TransactionAbortedError:
    """The broker has lost the transaction before the aborted one as well."""
    error = TransactionAbortedError("planted")
    error.undone = True
    return error


def one_committed_and_one_read(value: bytes = b"11") -> Book:
    """The first with a state beside it; the second, of this value, goes into the next transaction."""
    book = Book(CRM_0)
    book.read(CRM_0, 10, 11)
    book.ledger.add(settlement(CRM_0, 10))
    assert book.ledger.commit(lambda: MEMBER, [Output("state", 0, b"key", b"state", ())])
    book.kafka.written.clear()
    book.kafka.offsets.clear()
    book.ledger.add(settlement(CRM_0, 11, value=value))
    return book


def test_what_the_broker_has_lost_after_its_commit_is_written_again() -> None:
    """Records, state and offsets of the transaction before the aborted one; told as committed once only."""
    book = one_committed_and_one_read()
    book.kafka.trouble = [undone()]
    assert book.commit() is None
    assert (book.ledger.pending, book.ledger.is_due()) == (2, True)
    assert book.commit() == [11]
    assert (book.values(), book.kafka.offsets) == ([b"10", b"11", b"state"], {CRM_0: 12})
    assert (book.ledger.pending, book.ledger.is_due()) == (0, False)


def test_a_refused_record_hides_no_loss() -> None:
    """Both at once: the lost states come back too, and the record is refused again before it goes in another form."""
    book = one_committed_and_one_read(bytes(500))
    refused = RecordRefusedError(0, "too large")
    refused.undone = True
    book.kafka.trouble = [refused]
    assert book.commit() is None
    book.kafka.limit = 100
    assert book.commit() == [11]
    assert book.values() == [b"10", None, b"state"]


def test_only_what_the_broker_has_lost_is_written_again() -> None:
    """With nothing new to say: its records and its offset, and nothing of the transactions before it."""
    book = Book(CRM_0)
    for offset in (10, 11):
        book.read(CRM_0, offset)
        book.ledger.add(settlement(CRM_0, offset))
        assert book.commit() == [offset]
    book.kafka.written.clear()
    book.kafka.trouble = [undone()]
    assert book.ledger.commit(lambda: MEMBER, [Output("state", 0, b"key", b"state", ())]) is None
    assert book.ledger.is_due()
    assert book.commit() == []
    assert (book.values(), book.kafka.offsets) == ([b"11"], {CRM_0: 12})


@pytest.mark.parametrize("comes_back", [False, True])
def test_of_a_slot_that_has_left_nothing_is_written_again(*, comes_back: bool) -> None:
    """Its next owner knows what is missing, and has settled it; also when we own it once more."""
    of_slot, of_nobody = Output("state", 0, b"key", b"state", ()), Output("control", 0, b"key", b"hold", ())
    book = Book(CRM_0, CRM_1)
    book.read(CRM_0, 10)
    book.read(CRM_1, 20)
    book.ledger.add(settlement(CRM_0, 10))
    book.ledger.add(settlement(CRM_1, 20))
    assert book.ledger.commit(lambda: MEMBER, [of_slot, of_nobody])
    book.kafka.written.clear()
    book.kafka.trouble = [undone()]
    assert book.ledger.commit(lambda: MEMBER, [Output("state", 1, b"key", b"other", ())]) is None
    book.ledger.forget(CRM_0)
    book.ledger.keep_states(lambda state: state is not of_slot)
    if comes_back:
        book.ledger.assign(CRM_0, 2)
    assert book.commit() == []
    assert book.values() == [b"20", b"hold"]


def test_what_stays_here_is_written_again_under_another_assignment() -> None:
    """A partition whose slot rests keeps its cursors: its offsets have passed what they stand for."""
    book = Book(CRM_0)
    book.read(CRM_0, 10, 11)
    book.ledger.add(settlement(CRM_0, 10))
    book.ledger.let_go(CRM_0, [11])
    assert book.ledger.commit(lambda: MEMBER, [Output("state", 0, b"key", b"cursor 11", ())])
    book.ledger.assign(CRM_0, 2)
    book.kafka.written.clear()
    book.kafka.offsets.clear()
    book.kafka.trouble = [undone()]
    assert book.ledger.commit(lambda: MEMBER, [Output("state", 1, b"key", b"other", ())]) is None
    assert book.commit() == []
    assert (book.values(), book.kafka.offsets) == ([b"10", b"cursor 11"], {CRM_0: 12})


def test_what_was_lost_and_is_refused_now_stops_nobody() -> None:
    """A limit may have been lowered since: it goes without its value, like any other."""
    book = Book(CRM_0)
    book.read(CRM_0, 10)
    book.ledger.add(settlement(CRM_0, 10, value=bytes(500)))
    assert book.commit() == [10]
    book.kafka.written.clear()
    book.kafka.trouble = [undone()]
    assert book.ledger.commit(lambda: MEMBER, [Output("state", 0, b"key", b"state", ())]) is None
    book.kafka.limit = 100
    assert book.commit() == []
    assert book.values() == [None]


def test_without_anything_to_say_there_is_no_transaction() -> None:
    """Neither at first nor after a commit."""
    book = Book(CRM_0)
    book.read(CRM_0, 10)
    assert not book.ledger.is_due()
    assert book.commit() == []
    book.ledger.add(settlement(CRM_0, 10))
    assert book.ledger.is_due()
    book.commit()
    assert not book.ledger.is_due()
    assert book.commit() == []
    assert len(book.kafka.tried) == 1


def test_what_was_let_go_moves_the_offset_without_an_output() -> None:
    """A cursor stands for it."""
    book = Book(CRM_0)
    book.read(CRM_0, 10, 11)
    book.ledger.let_go(CRM_0, [10, 11])
    assert book.ledger.is_due()
    assert book.commit() == []
    assert book.kafka.offsets == {CRM_0: 12}


def test_an_aborted_transaction_is_written_again_whole() -> None:
    """Together with what has come meanwhile, once."""
    book = Book(CRM_0)
    book.read(CRM_0, 10, 11)
    book.kafka.trouble = [TransactionAbortedError("away"), TransactionAbortedError("away")]
    book.ledger.add(settlement(CRM_0, 10))
    with capture_logs():
        assert book.commit() is None
        assert book.commit() is None
    assert (book.values(), book.kafka.offsets, book.ledger.pending) == ([], {}, 1)
    book.ledger.add(settlement(CRM_0, 11))
    assert book.commit() == [10, 11]
    assert (book.values(), book.kafka.offsets, book.ledger.pending) == ([b"10", b"11"], {CRM_0: 12}, 0)
    assert book.measured.transactions == [False, False, True]


def test_a_fatal_error_is_passed_on() -> None:
    """Nothing is pretended."""
    book = Book(CRM_0)
    book.read(CRM_0, 10)
    book.ledger.add(settlement(CRM_0, 10))
    book.kafka.trouble = [FatalProducerError("fenced")]
    with pytest.raises(FatalProducerError):
        book.commit()
    assert book.values() == []


def test_what_belongs_to_a_partition_that_has_gone_is_never_written() -> None:
    """Settled before, pending or too late: void. The rest is written."""
    book = Book(CRM_0, CRM_1)
    book.read(CRM_0, 10)
    book.read(CRM_1, 20)
    book.ledger.add(settlement(CRM_0, 10))
    book.ledger.add(settlement(CRM_1, 20))
    book.ledger.forget(CRM_0)
    assert not book.ledger.add(settlement(CRM_0, 10))
    assert book.commit() == [20]
    assert (book.values(), book.kafka.offsets) == ([b"20"], {CRM_1: 21})


def test_what_belongs_to_an_earlier_assignment_is_void() -> None:
    """The partition went and came back: a result from before settles nothing, the record is read and settled anew."""
    book = Book(CRM_0)
    book.read(CRM_0, 10)
    book.ledger.add(settlement(CRM_0, 10))
    book.ledger.forget(CRM_0)
    book.ledger.assign(CRM_0, 2)
    book.read(CRM_0, 10)
    assert not book.ledger.add(settlement(CRM_0, 10, epoch=1))
    assert book.commit() == []
    assert book.ledger.add(settlement(CRM_0, 10, epoch=2))
    assert book.commit() == [10]
    assert book.values() == [b"10"]


def test_a_record_of_nobody_is_not_read() -> None:
    """Neither of a partition that is not ours, nor one that was read already."""
    book = Book(CRM_0)
    assert book.ledger.read(Source("crm", 1, 5)) is None
    assert book.ledger.read(Source("crm", 0, 5)) == 1
    assert book.ledger.read(Source("crm", 0, 5)) is None
    assert (book.ledger.epoch(CRM_0), book.ledger.epoch(CRM_1)) == (1, None)


def test_the_live_stream_begins_where_the_group_has_committed() -> None:
    """A record below is not expected; the position is known before the first record comes."""
    book = Book(CRM_0)
    assert book.ledger.live_position(CRM_0) is None
    book.ledger.begin(CRM_0, 10)
    assert book.ledger.live_position(CRM_0) == 10
    assert book.ledger.read(Source("crm", 0, 9)) is None
    assert book.ledger.read(Source("crm", 0, 10)) == 1


BIG: Final = 5000


def test_a_record_that_is_too_large_stops_nobody() -> None:
    """It goes without its value, with all that says where the original lies; the others go as they are."""
    book = Book(CRM_0)
    book.read(CRM_0, 10, 11)
    book.kafka.limit = 1000
    book.ledger.add(settlement(CRM_0, 10))
    book.ledger.add(settlement(CRM_0, 11, value=bytes(BIG)))
    with capture_logs() as logs:
        assert book.commit() == [10, 11]
    small, large = book.kafka.written
    assert (small.value, large.value, large.key, large.headers) == (b"10", None, b"key", (("h", b"1"),))
    assert book.kafka.offsets == {CRM_0: 12}
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["delivery.record_refused"]


def test_headers_that_are_too_large_stop_nobody() -> None:
    """Nothing of the original is left then; its outcome tells where it lies."""
    book = Book(CRM_0)
    book.read(CRM_0, 10)
    book.kafka.limit = 1000
    large = settlement(CRM_0, 10, value=bytes(BIG))
    outcome, letter = Output("outcomes", 0, None, b"outcome", ()), large.outputs[0]
    letter = letter._replace(headers=(("h", bytes(BIG)),))
    book.ledger.add(replace(large, outputs=(outcome, letter)))
    with capture_logs():
        assert book.commit() == [10]
    assert book.kafka.written == [outcome, Output(letter.topic, letter.partition, None, None, ())]


def test_a_state_that_is_too_large_is_not_shortened() -> None:
    """It is no copy of anything: without its value it would say something else."""
    book = Book(CRM_0)
    book.kafka.limit = 1000
    state = Output("state", 0, b"key", bytes(BIG), ())
    with capture_logs():
        assert book.ledger.commit(lambda: MEMBER, [state]) is None
    assert book.values() == []


def test_closing_lets_go_of_the_producer() -> None:
    """What is pending stays unwritten."""
    book = Book(CRM_0)
    book.read(CRM_0, 10)
    book.ledger.add(settlement(CRM_0, 10))
    book.ledger.close()
    assert (book.kafka.closed, book.values()) == (True, [])


def name_of(partition: Partition, offset: int) -> bytes:
    """The value of what settles a record."""
    return b"%d/%d" % (partition.partition, offset)


class Course:
    """A ledger, and what a worker and its group do with it."""

    def __init__(self) -> None:
        self.book = Book(CRM_0, CRM_1)
        self.epochs = {CRM_0: 1, CRM_1: 1}
        self.positions = {CRM_0: 0, CRM_1: 0}
        self.under_way: list[Settlement] = []
        self.gone: list[Settlement] = []

    def read(self, partition: Partition) -> None:
        """The next record of a partition."""
        offset = self.positions[partition]
        self.book.read(partition, offset)
        self.under_way.append(settlement(partition, offset, self.epochs[partition], name_of(partition, offset)))
        self.positions[partition] += 1

    def settle(self, choice: int) -> None:
        """One of those that are under way."""
        if self.under_way:
            assert self.book.ledger.add(self.under_way.pop(choice % len(self.under_way)))

    def settle_late(self, choice: int) -> None:
        """One of those whose assignment has ended."""
        if self.gone:
            assert not self.book.ledger.add(self.gone[choice % len(self.gone)])

    def commit(self, *, aborts: bool) -> None:
        """A transaction."""
        self.book.kafka.trouble = [TransactionAbortedError("planted")] if aborts else []
        with capture_logs():
            self.book.commit()

    def reassign(self, partition: Partition) -> None:
        """The partition goes, and comes back; it is read again from where it was committed.

        What was settled beyond that and is written already is known by its outcomes.
        """
        self.gone += [each for each in self.under_way if each.source[:2] == partition]
        self.under_way = [each for each in self.under_way if each.source[:2] != partition]
        self.book.ledger.forget(partition)
        self.epochs[partition] += 1
        self.book.ledger.assign(partition, self.epochs[partition])
        self.positions[partition] = self.book.kafka.offsets.get(partition, 0)
        while name_of(partition, self.positions[partition]) in self.book.values():
            self.book.read(partition, self.positions[partition])
            self.book.ledger.let_go(partition, [self.positions[partition]])
            self.positions[partition] += 1

    def check(self) -> None:
        """What lies in Kafka is right at any time."""
        values = self.book.values()
        assert len(values) == len(set(values))
        for partition, offset in self.book.kafka.offsets.items():
            assert {name_of(partition, each) for each in range(offset)} <= set(values)


PARTITIONS = st.sampled_from([CRM_0, CRM_1])
STEPS: st.SearchStrategy[Callable[[Course], None]] = st.one_of(
    PARTITIONS.map(lambda partition: lambda course: course.read(partition)),
    st.integers(0, 30).map(lambda choice: lambda course: course.settle(choice)),
    st.integers(0, 30).map(lambda choice: lambda course: course.settle_late(choice)),
    st.booleans().map(lambda aborts: lambda course: course.commit(aborts=aborts)),
    PARTITIONS.map(lambda partition: lambda course: course.reassign(partition)),
)


@given(steps=st.lists(STEPS, max_size=80))
def test_each_record_has_one_outcome_and_no_offset_is_ahead_of_it(steps: list[Callable[[Course], None]]) -> None:
    """Results in any order and too late, aborts, assignments that end and begin again from the committed offset."""
    course = Course()
    for step in steps:
        step(course)
        course.check()


def test_a_record_of_a_time_that_the_broker_refuses_gets_the_time_of_writing() -> None:
    """Its value is not what was in the way."""
    book = Book(CRM_0)
    book.read(CRM_0, 10)
    book.kafka.oldest_ms = 2_000
    book.ledger.add(settlement(CRM_0, 10, timestamp_ms=1_000))
    with capture_logs():
        assert book.commit() == [10]
    (written,) = book.kafka.written
    assert (written.value, written.timestamp_ms) == (b"10", 0)


def test_a_record_that_nobody_takes_in_any_form_is_dropped() -> None:
    """The offsets and the other records go on: one topic's limits must not stop a slot for ever."""
    book = Book(CRM_0)
    book.read(CRM_0, 10)
    book.kafka.limit = -1
    book.ledger.add(settlement(CRM_0, 10))
    with capture_logs() as logs:
        assert book.commit() == [10]
    assert (book.kafka.written, book.kafka.offsets) == ([], {CRM_0: 11})
    assert [line["dropped"] for line in logs if line["log_level"] == "error"] == [False, False, True]

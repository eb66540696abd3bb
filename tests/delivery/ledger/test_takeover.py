"""What a new owner reads back of its slot, on a broker in memory: whom it shuts out, what counts, what is open."""

from collections.abc import Iterable
from typing import Any, Final

import pytest
from confluent_kafka import KafkaError, KafkaException

from connector.delivery.backlog import Partition
from connector.delivery.command import DeadLetterClass, Output, QueuedCommand, Settle, Source, Verdict
from connector.delivery.identities import Repeat
from connector.delivery.ledger import takeover as takeover_module
from connector.delivery.ledger.attempts import AttemptWriter
from connector.delivery.ledger.states import StateWriter
from connector.delivery.ledger.takeover import EVIDENCE_MS, History, MissingOffsetsError, Takeover, Topics
from connector.delivery.outcomes import Destinations, OutcomeWriter
from connector.delivery.pair_limit import PairDebt
from connector.kafka.transaction import UnreachableProducerError
from connector.records.codec import Codec, Undecodable
from tests.delivery.making import NUMBER, WALL_MS, queued
from tests.simulation.broker import Broker, Place, Reader, State, Transaction

CODEC: Final = Codec()
OUTCOMES: Final = OutcomeWriter(Destinations("outcomes", {}, "dlq", "shop"), CODEC)
ATTEMPTS: Final = AttemptWriter("attempts", "dead", CODEC)
MINE: Final = (Partition("crm", 0), Partition("rerouted", 0))


class Site:
    """A broker, and whoever takes slot 0 over."""

    def __init__(self, *, on_missing: str = "earliest", self_id: str = "new") -> None:
        self.now_ms = WALL_MS
        self.broker = Broker(lambda: self.now_ms)
        self.fenced: list[tuple[str, int]] = []
        self.readers: list[Reader] = []
        self.broker.register("dead")
        self.takeover = Takeover(
            lambda: self.broker,
            "group",
            self._reader,  # type: ignore[arg-type]
            CODEC,
            self,
            topics=Topics("state", "outcomes", "attempts"),
            fence=self._fence,
            self_id=self_id,
            on_missing=on_missing,
        )

    def wall_ms(self) -> int:
        """Of the broker."""
        return self.now_ms

    def monotonic(self) -> float:
        """The same."""
        return self.now_ms / 1000

    def own(self, worker: str = "dead", *, released: bool = False, pointer: int = 0) -> None:
        """Somebody says that the slot is his, or was."""
        record = StateWriter("state", 2, worker, CODEC).slot(0, self.now_ms, released=released, attempts_offset=pointer)
        self.broker.append(record)

    def open(self, *outputs: Output) -> Transaction:
        """The dead worker has written so much and not ended its transaction."""
        transaction = self.broker.begin("dead", 1)
        for output in outputs:
            self.broker.append(output, transaction)
        return transaction

    def write(self, *outputs: Output) -> None:
        """Committed."""
        self.broker.end(self.open(*outputs), State.COMMITTED)

    def take_over(self, partitions: Iterable[Partition] = MINE) -> History:
        """What is read back."""
        (history,) = self.takeover.read(partitions, [0])
        return history

    def _reader(self, committed: bool) -> Reader:  # noqa: FBT001 - as the production code calls it
        self.readers.append(Reader(self.broker, committed))
        return self.readers[-1]

    def _fence(self, transactional_id: str) -> None:
        self.fenced.append((transactional_id, len(self.broker.logs["outcomes", 0])))
        self.broker.fence(transactional_id)


def command(name: str) -> QueuedCommand:
    """One that was tried once."""
    tried = queued(command_id=name)
    tried.payload_digest = "ab" * 32
    tried.attempts, tried.started_at_ms = 1, WALL_MS
    return tried


def started(tried: QueuedCommand) -> Output:
    """Its beginning."""
    return ATTEMPTS.started(tried, PairDebt(0, 0))


def outcome(tried: QueuedCommand, at_ms: int = WALL_MS) -> Output:
    """Accepted."""
    return OUTCOMES.settle(tried, Settle(Verdict.ACCEPTED, "accepted"), at_ms).outputs[0]


def origins(*commands: QueuedCommand) -> set[Source]:
    """Where they were produced."""
    return {each.reading.origin for each in commands}


def test_committed_uncommitted_and_open_are_told_apart() -> None:
    """Committed is settled; what lies in an aborted transaction is evidence; a beginning without either is open."""
    site = Site()
    settled, answered, unanswered = command("settled"), command("answered"), command("unanswered")
    site.own()
    for each in (settled, answered, unanswered):
        site.broker.append(started(each))
    site.write(outcome(settled))
    site.open(outcome(answered))
    history = site.take_over()
    assert history.identities.is_settled(settled.reading.origin)
    assert not history.identities.is_settled(answered.reading.origin)
    assert set(history.evidence) == origins(answered)
    assert set(history.attempts.tried) == origins(answered, unanswered)
    assert all(tried.is_open for tried in history.attempts.tried.values())
    assert all(reader.closed for reader in site.readers)


def test_the_dead_owner_is_shut_out_before_anything_is_read() -> None:
    """Its open transaction can then never be committed behind our back."""
    site = Site()
    tried = command("answered")
    site.own()
    transaction = site.open(outcome(tried))
    history = site.take_over()
    assert site.fenced == [("dead", 1)]
    assert not site.broker.is_open(transaction)
    assert set(history.evidence) == origins(tried)


@pytest.mark.parametrize(
    ("owner", "released", "self_id", "fenced"),
    [
        ("dead", False, "new", ["dead"]),
        ("dead", True, "new", []),
        ("new", False, "new", []),
        (None, False, "new", []),
    ],
    ids=["died", "released in good order", "ourselves", "nobody yet"],
)
def test_only_an_owner_that_may_still_write_is_shut_out(
    owner: str | None, *, released: bool, self_id: str, fenced: list[str]
) -> None:
    """To shut out one that has released would end a worker that does its work elsewhere."""
    site = Site(self_id=self_id)
    if owner is not None:
        site.own(owner)
        site.own(owner, released=released)
    assert site.take_over().worked_before == (owner is not None)
    assert [name for name, _ in site.fenced] == fenced


def test_an_owner_that_died_in_its_first_transaction_is_shut_out_too() -> None:
    """Its name is not committed yet; to wait until the broker loses patience would take ten seconds."""
    site = Site()
    site.own("before", released=True)
    site.open(StateWriter("state", 2, "dead", CODEC).slot(0, WALL_MS, released=False, attempts_offset=0))
    site.take_over()
    assert [name for name, _ in site.fenced] == ["dead"]


def test_an_answer_that_is_committed_and_was_aborted_before_is_settled() -> None:
    """What an aborted transaction held was written again."""
    site = Site()
    tried = command("twice")
    site.own()
    site.broker.append(started(tried))
    site.broker.end(site.open(outcome(tried)), State.ABORTED)
    site.write(outcome(tried))
    history = site.take_over()
    assert (history.evidence, history.attempts.tried) == ({}, {})


def test_an_answer_in_an_aborted_transaction_is_an_answer() -> None:
    """ENDED closes the attempt although its worker died before it could say so for good."""
    site = Site()
    tried = command("throttled")
    site.own()
    site.broker.append(started(tried))
    site.open(ATTEMPTS.ended(tried, PairDebt(0, 0), result="throttled", charged=False, retry_at_ms=WALL_MS + 9))
    (known,) = site.take_over().attempts.tried.values()
    assert (known.is_open, known.retry_at_ms) == (False, WALL_MS + 9)


def test_evidence_outlives_an_owner_that_died_before_it_could_use_it() -> None:
    """The first owner dies with an answer; hours later the second one dies before it has read so far.

    While the attempt is known to be open, its answer is looked for since it began, however new the slot's record is.
    """
    site = Site()
    tried = command("answered")
    site.own()
    site.broker.append(started(tried))
    site.broker.end(site.open(outcome(tried)), State.ABORTED)
    site.now_ms += 10 * EVIDENCE_MS
    site.own("second")
    assert set(site.take_over().evidence) == origins(tried)


def test_evidence_of_a_slot_without_a_record_is_found() -> None:
    """Its first owner died before its first transaction was committed."""
    site = Site()
    tried = command("answered")
    site.broker.append(started(tried))
    site.broker.end(site.open(outcome(tried)), State.ABORTED)
    assert set(site.take_over().evidence) == origins(tried)


def test_below_the_pointer_nothing_is_open() -> None:
    """What still matters of it has been written again; what was sent lately counts against the limits all the same."""
    site = Site()
    before, after = command("before"), command("after")
    site.broker.append(started(before))
    site.broker.append(started(after))
    site.own(pointer=1)
    history = site.take_over()
    assert set(history.attempts.tried) == origins(after)
    assert (history.attempts_offset, history.attempts_end) == (1, 2)
    assert history.attempts.last_sent_ms == {NUMBER: WALL_MS}


def test_what_comes_while_it_is_read_is_left_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end is fixed after the fence: another writer cannot keep the reading from ending."""
    site = Site()
    site.own()
    tried = command("first")
    site.broker.append(started(tried))
    read = Reader.read

    def and_one_more(self: Reader, *arguments: Any) -> Any:
        found = read(self, *arguments)
        if self.position("attempts", 0) is not None:
            site.broker.append(started(command("later")))
        return found

    monkeypatch.setattr(Reader, "read", and_one_more)
    assert set(site.take_over().attempts.tried) == origins(tried)


def stored(site: Site, *places: Place) -> None:
    """The group has positions there."""
    site.broker.stored |= dict.fromkeys(places, 1)


def test_a_new_group_starts_by_itself() -> None:
    """With the oldest records, whatever is said of missing offsets; its positions are committed soon."""
    site = Site(on_missing="stop")
    history = site.take_over()
    assert history.positions == dict.fromkeys(MINE, 0)
    assert history.unstored == set(MINE)


def test_a_group_goes_on_where_it_was() -> None:
    """A topic that is new to it begins with its oldest record: nothing was lost there."""
    site = Site(on_missing="stop")
    site.own()
    stored(site, ("crm", 0))
    history = site.take_over()
    assert history.positions == {Partition("crm", 0): 1, Partition("rerouted", 0): 0}
    assert history.unstored == {Partition("rerouted", 0)}


def test_a_group_with_a_past_and_without_offsets_does_not_start_by_itself() -> None:
    """The message says what may be chosen."""
    site = Site(on_missing="stop")
    site.own()
    with pytest.raises(MissingOffsetsError, match=r"from_outcomes.*earliest.*latest"):
        site.take_over()
    assert all(reader.closed for reader in site.readers)


@pytest.mark.parametrize(
    ("on_missing", "position", "boundless"), [("earliest", 0, False), ("latest", 2, False), ("from_outcomes", 0, True)]
)
def test_it_starts_as_it_is_told(on_missing: str, position: int, *, boundless: bool) -> None:
    """With everything, with nothing, or with what has no outcome, however old."""
    site = Site(on_missing=on_missing)
    old = command("old")
    site.write(outcome(old))
    for _ in range(2):
        site.broker.append(Output("crm", 0, b"1", b"command", ()))
    site.now_ms += 8 * 86_400_000
    site.own()
    history = site.take_over()
    assert history.positions[Partition("crm", 0)] == position
    assert history.unstored == set(MINE)
    assert history.identities.is_boundless == boundless
    assert history.identities.is_settled(old.reading.origin) == boundless


def test_brokers_that_are_away_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read again from the start, with new clients; a fence that nobody answers is tried again too."""
    monkeypatch.setattr(takeover_module, "RETRY_S", 0.0)
    site = Site()
    site.own()
    site.broker.append(started(command("open")))
    trouble: list[Exception] = [
        UnreachableProducerError("away"),
        KafkaException(KafkaError(KafkaError._ALL_BROKERS_DOWN)),
    ]

    def away(transactional_id: str) -> None:
        if trouble:
            raise trouble.pop()
        site.fenced.append((transactional_id, 0))

    site.takeover._fence = away
    assert len(site.take_over().attempts.tried) == 1
    assert (len(site.readers), all(reader.closed for reader in site.readers)) == (6, True)


def test_what_is_not_ours_is_not_passed_over() -> None:
    """Somebody else writes there: to start would be to guess."""
    site = Site()
    site.own()
    site.broker.append(Output("outcomes", 0, b"1", b"rubbish", ()))
    with pytest.raises(Undecodable):
        site.take_over()


def test_a_reading_that_is_not_wanted_any_more_ends_with_nothing() -> None:
    """The worker stops."""
    site = Site()
    site.takeover.close()
    assert site.takeover.read(MINE, [0]) == []


@pytest.mark.parametrize("effect", [
    Settle(Verdict.DEAD_LETTERED, "id_conflict", DeadLetterClass.ID_CONFLICT),
    Settle(Verdict.DUPLICATE, "duplicate"),
], ids=["conflict", "duplicate"])  # fmt: skip
def test_repeats_do_not_take_the_place_of_the_first_of_their_identity(effect: Settle) -> None:
    """After a restart the first was a conflict, and a redriven repeat of what Meta had accepted was sent."""
    site, first, repeat = Site(), command("order"), command("order")
    site.write(outcome(first), OUTCOMES.settle(repeat, effect, WALL_MS).outputs[0])
    identities = site.take_over().identities
    assert identities.is_settled(repeat.reading.origin)
    assert identities.origin_of(NUMBER, "order") == first.reading.origin
    again = Source("crm", 0, 999)
    met = identities.meet(NUMBER, "order", first.payload_digest, again, redriven=True)
    assert met is Repeat.DUPLICATE

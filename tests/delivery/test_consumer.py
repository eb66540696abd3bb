"""Kafka's side of delivery on the real code, with a broker, a group and a loop that do what they are told."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from connector.delivery import consumer as consumer_module
from connector.delivery.backfill import STEP
from connector.delivery.backlog import Partition
from connector.delivery.command import QueuedCommand, Source
from connector.delivery.consumer import COMMIT_EVERY_S, READ_MAX, READ_WAIT_S
from connector.kafka.group import FatalConsumerError
from connector.kafka.registry import RegistryUnavailableError
from connector.kafka.transaction import FatalProducerError
from tests.delivery.fake_kafka import NUMBERS, TOPICS, Broker, Site, aborted, whole
from tests.delivery.making import seeded

ONE, TWO = NUMBERS[0][:2]
"""Two numbers of slot 0."""
OTHER: Final = NUMBERS[1][0]
"""A number of slot 1."""


@pytest.fixture(autouse=True)
def quiet() -> Any:
    """The log of these tests is of no interest."""
    with capture_logs() as logs:
        yield logs


def produced(site: Site, count: int, number: str = ONE, topic: str = "crm", name: str = "c") -> list[str]:
    """So many commands; their ids."""
    names = [f"{name}{each}" for each in range(count)]
    for each in names:
        site.broker.produce(topic, number, each)
    return names


def fed(site: Site) -> list[str]:
    """The ids of what was fed, in order."""
    return [command.command_id for command in site.loop.fed]


def test_a_command_goes_its_way() -> None:
    """Read, fed, settled: its outcome and its offset are committed together, and the loop hears of it."""
    site = Site()
    site.own(0)
    (name,) = produced(site, 1)
    site.turn()
    assert fed(site) == [name]
    assert site.broker.outcomes() == []
    site.settle(name)
    site.turn(2)
    assert site.broker.settled_ids() == [name]
    assert site.broker.offsets[Partition("crm", 0)] == 1
    assert [settlement.command_id for settlement in site.loop.settled_] == [name]


def test_a_slot_starts_when_it_is_whole() -> None:
    """Until the last of its partitions has come it rests, while a whole one works."""
    site = Site()
    site.own(1)
    produced(site, 2)
    others = produced(site, 2, OTHER, name="o")
    site.group.assign(Partition("crm", 0), Partition("marketing", 0))
    site.turn(3)
    assert fed(site) == others
    assert site.group.paused == {Partition("crm", 0), Partition("marketing", 0)}
    site.group.assign(Partition("rerouted", 0))
    site.turn(3)
    assert fed(site)[2:] == ["c0", "c1"]
    assert site.group.paused == set()


def test_a_slot_starts_after_its_past() -> None:
    """What the owner before has settled is not fed again, and what he left behind is."""
    before = Site(window=2)
    before.own(0)
    names = produced(before, 6)
    before.turn(2)
    before.settle(names[1])
    before.turn(2)
    before.group.revoke(*whole(0))
    after = Site(before.broker, window=10)
    after.own(0)
    after.turn(3)
    assert fed(after) == [name for name in names if name != names[1]]


def test_the_slot_record_tells_who_owns_it() -> None:
    """From its start on, and that it was released in good order."""
    site = Site()
    site.own(0)
    site.turn(2)
    site.group.revoke(*whole(0))
    records = [output for output in site.broker.outputs if output.key == b"slot"]
    assert {output.partition for output in records} == {0}
    assert b"worker" in (records[0].value or b"")
    assert records[0].value != records[-1].value


def test_transactions_keep_their_distance() -> None:
    """However much settles: one in a tenth of a second."""
    site = Site()
    site.own(0)
    names = produced(site, 50)
    site.turn()
    before, began = site.broker.transactions, site.clock.now
    for name in names:
        site.settle(name)
        site.consumer._turn()
        site.clock.now += 0.01
    assert site.broker.transactions - before <= (site.clock.now - began) / COMMIT_EVERY_S + 1


def test_a_full_window_leaves_the_rest_in_the_log() -> None:
    """Of that number only; what was left is fed when there is room, in its order, each once."""
    site = Site(window=4)
    site.own(0)
    names = produced(site, 20)
    others = produced(site, 3, TWO, name="o")
    site.turn(3)
    assert fed(site) == [*names[:4], *others]
    assert site.group.paused == set()
    while site.loop.open:
        site.settle(*list(site.loop.open))
        site.turn(2)
    assert [name for name in fed(site) if name in names] == names
    assert sorted(site.broker.settled_ids()) == sorted(names + others)
    assert site.broker.offsets[Partition("crm", 0)] == 23


def test_a_number_that_stands_still_holds_the_offsets_of_so_many_others_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Then a cursor stands for it: a crash reads the few behind it again, and sends that number's command alone."""
    monkeypatch.setattr(consumer_module, "AHEAD_MAX", 5)
    site = Site()
    site.own(0)
    waiting = produced(site, 2)
    others = produced(site, 3, TWO, name="o")
    site.turn(2)
    site.settle(*others)
    site.turn(2)
    assert site.broker.offsets.get(Partition("crm", 0), 0) == 0
    others += produced(site, 1, TWO, name="later")
    site.turn(2)
    site.settle(others[-1])
    site.turn(2)
    assert site.broker.offsets[Partition("crm", 0)] == 6
    after_a_crash = Site(site.broker)
    after_a_crash.own(0)
    after_a_crash.turn(2)
    assert fed(after_a_crash) == waiting
    after_a_crash.settle(*waiting)
    after_a_crash.turn(2)
    assert sorted(site.broker.settled_ids()) == sorted([*waiting, *others])


class Refusing:
    """An intake whose registry is away now and then."""

    def __init__(self) -> None:
        self.away = False
        self.intake: Any = None

    def take(self, *arguments: Any) -> Any:
        """The real one's word, or none."""
        if self.away:
            message = "planted"
            raise RegistryUnavailableError(message)
        return self.intake.take(*arguments)

    def reading(self, *arguments: Any) -> Any:
        """The real one's."""
        return self.intake.reading(*arguments)


def test_a_registry_that_is_away_loses_nothing() -> None:
    """Nothing more is read meanwhile; settled commands are committed; then all is fed in its order."""
    refusing = Refusing()
    site = Site(intake=refusing)
    refusing.intake = Site().consumer._reception._intake
    site.own(0)
    (first,) = produced(site, 1)
    site.turn()
    refusing.away = True
    names = produced(site, 3, name="d")
    site.turn(3)
    assert fed(site) == [first]
    assert site.group.paused == set(whole(0))
    site.settle(first)
    site.turn(2)
    assert site.broker.settled_ids() == [first]
    refusing.away = False
    site.turn(2)
    assert fed(site) == [first, *names]
    assert site.group.paused == set()


def test_an_aborted_transaction_is_written_again() -> None:
    """Once, and the loop hears of it when it is committed."""
    site = Site()
    site.own(0)
    names = produced(site, 2)
    site.turn()
    site.broker.fails = aborted
    site.settle(*names)
    site.turn(3)
    assert (site.broker.settled_ids(), site.loop.settled_) == ([], [])
    site.broker.fails = lambda: None
    site.turn(2)
    assert site.broker.settled_ids() == names
    assert len(site.loop.settled_) == 2


def test_a_revoked_slot_is_drained_and_committed_before_it_goes() -> None:
    """What settles during the drain counts; from then on nothing of it does, and nothing of it is in memory."""
    site = Site()
    site.own(0)
    names = produced(site, 3)
    site.turn()
    late = site.loop.open[names[2]]
    site.loop.while_draining = lambda: site.settle(names[0])
    site.group.revoke(*whole(0))
    assert site.loop.happened[-2:] == ["drain [0]", "drop [0]"]
    assert site.broker.settled_ids() == names[:1]
    site.consumer.settle(site.accepted(late))
    site.turn(3)
    assert site.broker.settled_ids() == names[:1]
    assert site.loop.open == {}


def test_the_next_owner_repeats_nothing_and_loses_nothing() -> None:
    """Settled out of order: the middle one is not fed again, those around it are."""
    site = Site()
    site.own(0)
    names = produced(site, 3)
    site.turn()
    site.settle(names[1])
    site.group.revoke(*whole(0))
    site.own(0)
    site.turn(2)
    assert fed(site) == [*names, names[0], names[2]]
    site.settle(names[0], names[2])
    site.turn(2)
    assert sorted(site.broker.settled_ids()) == sorted(names)


def test_a_slot_that_was_lost_writes_nothing_any_more() -> None:
    """Neither what was settled and not committed, nor who owns it: its next owner has said so already."""
    site = Site()
    site.own(0)
    names = produced(site, 2)
    site.turn()
    site.broker.fails = aborted
    site.settle(*names)
    site.consumer._renew()
    site.turn()
    written = len(site.broker.outputs)
    site.group.lose(*whole(0))
    site.broker.fails = lambda: None
    site.turn(3)
    assert site.loop.happened[-1] == "drop [0]"
    assert len(site.broker.outputs) == written


def test_records_read_in_the_turn_that_takes_their_slot_away_are_not_fed() -> None:
    """The client gives them together; they are the next owner's."""
    site = Site()
    site.own(0, 1)
    produced(site, 3)
    others = produced(site, 3, OTHER, name="o")
    site.group.events = [lambda: site.group.revoke(*whole(0))]
    site.turn()
    assert fed(site) == others


def settle_all(site: Site) -> None:
    """Whatever is open is accepted, until nothing is."""
    for _ in range(30):
        site.settle(*list(site.loop.open))
        site.turn(2)


def test_what_a_slot_has_in_partitions_that_stay_is_taken_up_again() -> None:
    """One topic of a slot goes, as while workers with different topics meet: the other one waits and loses nothing.

    Its commands are dropped with the slot. When the slot is whole again they are fed anew, each once.
    """
    site = Site()
    site.own(0)
    crm, marketing = produced(site, 3), produced(site, 3, topic="marketing", name="m")
    site.turn()
    site.settle(marketing[1])
    site.group.revoke(Partition("crm", 0))
    assert site.loop.open == {}
    more = produced(site, 2, topic="marketing", name="n")
    site.turn(3)
    assert len(fed(site)) == 6
    assert site.group.paused == {Partition("marketing", 0), Partition("rerouted", 0)}
    site.group.assign(Partition("crm", 0))
    site.turn(3)
    settle_all(site)
    assert sorted(site.broker.settled_ids()) == sorted(crm + marketing + more)
    assert site.broker.offsets[Partition("marketing", 0)] == 5


def test_records_of_a_partition_that_stays_wait_until_its_slot_is_whole() -> None:
    """Read in the very turn in which another partition of the slot goes: nothing of it is started, nothing is lost."""
    site = Site()
    site.own(0)
    names = produced(site, 3, topic="marketing", name="m")
    site.group.events = [lambda: site.group.revoke(Partition("crm", 0))]
    site.turn(3)
    assert fed(site) == []
    site.group.assign(Partition("crm", 0))
    site.turn(3)
    settle_all(site)
    assert site.broker.settled_ids() == names


def test_what_stays_and_could_not_be_written_ends_the_worker() -> None:
    """Its watermark has let go of commands whose cursors are not on Kafka: to go on would lose them."""
    site = Site()
    site.own(0)
    produced(site, 3, topic="marketing", name="m")
    site.turn()
    site.broker.fails = aborted
    with pytest.raises(FatalConsumerError):
        site.group.revoke(Partition("crm", 0))


def test_a_stop_is_a_revocation_of_all() -> None:
    """Drained, committed, out of the group, everything closed; the thread returns."""
    site = Site()
    (name,) = produced(site, 1)
    site.group.events = [
        lambda: site.group.assign(*whole(0)),
        *[lambda: None] * 3,
        site.consumer.stop,
    ]
    site.loop.while_draining = lambda: site.settle(*list(site.loop.open))
    site.consumer.run()
    assert site.broker.settled_ids() == [name]
    assert site.group.topics == list(TOPICS)
    assert (site.group.closed, site.reader.closed, site.broker.closed) == (True, True, True)


def test_a_producer_that_is_fenced_ends_the_thread() -> None:
    """The group is left all the same: the slots are free at once."""
    site = Site()
    site.group.events = [lambda: site.group.assign(*whole(0))]
    site.broker.fails = lambda: FatalProducerError("fenced")
    with pytest.raises(FatalProducerError):
        site.consumer.run()
    assert (site.reader.closed, site.broker.closed) == (True, True)


def test_a_command_elsewhere_is_forwarded_and_taken_there() -> None:
    """Through Kafka: one outcome, at its home slot."""
    site = Site()
    site.own(0, 1)
    source = site.broker.produce("crm", ONE, "wanderer")
    record = site.broker.logs[Partition("crm", 0)].pop()
    place = site.broker.append("crm", 1, b"any key", record.value())
    assert source.partition == 0
    site.turn(4)
    assert fed(site) == ["wanderer"]
    assert site.loop.fed[0].slot == 0
    settle_all(site)
    (outcome,) = site.broker.outcomes()
    assert Source(**outcome["source"]) == place
    assert site.broker.offsets[Partition("crm", 1)] == 1


def test_garbage_is_answered_and_stops_nobody() -> None:
    """A tombstone, rubbish and a command behind them."""
    site = Site()
    site.own(0)
    site.broker.append("crm", 0, ONE.encode(), None)
    site.broker.append("crm", 0, None, b"rubbish")
    (name,) = produced(site, 1)
    site.turn(2)
    assert fed(site) == [name]
    settle_all(site)
    assert [outcome["outcome"] for outcome in site.broker.outcomes()] == ["DEAD_LETTERED", "DEAD_LETTERED", "ACCEPTED"]
    assert site.broker.offsets[Partition("crm", 0)] == 3


def test_an_idle_worker_renews_its_lease() -> None:
    """There is a transaction although nothing was settled; without slots there is none."""
    site = Site()
    site.turn(300)
    assert site.broker.transactions == 0
    site.own(0)
    before = site.broker.transactions
    site.turn(300)  # 33 s of a lease of 20 s, renewed every third of it
    assert 3 <= site.broker.transactions - before <= 8


class Course:
    """One worker through a random course: what it is fed, settles, loses and takes up again."""

    def __init__(self, seed: int) -> None:
        self.random = seeded(seed)
        self.site = Site(Broker(), window=3)
        self.produced: dict[tuple[str, str], list[str]] = {}
        self.late: list[QueuedCommand] = []
        self.fed: list[QueuedCommand] = []

    def run(self, steps: int) -> None:
        """So many steps, then to the end."""
        actions: list[Callable[[], None]] = [self.produce, self.produce, self.turn, self.settle, self.settle]
        actions += [self.assign, self.revoke, self.lose, self.abort, self.settle_late]
        self.site.own(0, 1)
        for _ in range(steps):
            self.random.choice(actions)()
        self.site.broker.fails = lambda: None
        self.site.group.assign(*sorted(set(whole(0, 1)) - self.site.group.owned))
        self.site.turn(3)
        for _ in range(60):
            self.settle(everything=True)
            self.site.turn(2)

    def produce(self) -> None:
        """A command of some number."""
        topic, number = self.random.choice(["crm", "marketing"]), self.random.choice([ONE, TWO, OTHER])
        names = self.produced.setdefault((topic, number), [])
        names.append(f"{topic}-{number}-{len(names)}")
        self.site.broker.produce(topic, number, names[-1])

    def turn(self) -> None:
        """Some turns."""
        self.site.turn(self.random.randint(1, 3))

    def settle(self, *, everything: bool = False) -> None:
        """Some of what is open."""
        for name in [name for name in self.site.loop.open if everything or self.random.random() < 0.5]:
            self.site.settle(name)

    def settle_late(self) -> None:
        """A result that comes after its slot has gone."""
        if self.late:
            self.site.consumer.settle(self.site.accepted(self.random.choice(self.late)))

    def abort(self) -> None:
        """Transactions fail for a while, or work again."""
        fails = self.random.random() < 0.5
        self.site.broker.fails = aborted if fails else lambda: None

    def assign(self) -> None:
        """What is missing of a slot."""
        slot = self.random.choice([0, 1])
        missing = set(whole(slot)) - self.site.group.owned
        if missing:
            self.site.group.assign(*sorted(missing))

    def revoke(self) -> None:
        """A slot, or one partition of it."""
        slot = self.random.choice([0, 1])
        owned = sorted(set(whole(slot)) & self.site.group.owned)
        if not owned:
            return
        going = owned if self.random.random() < 0.6 else [self.random.choice(owned)]
        if len(going) < len(owned):
            self.site.broker.fails = lambda: None  # or the worker would end
        self._remember_open(slot)
        self.site.group.revoke(*going)

    def lose(self) -> None:
        """Everything, as one does."""
        for slot in (0, 1):
            self._remember_open(slot)
        self.site.group.lose(*sorted(self.site.group.owned))

    def _remember_open(self, slot: int) -> None:
        self.late += [command for command in self.site.loop.open.values() if command.slot == slot]


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_each_command_has_one_outcome_whatever_happens_to_the_slots(seed: int) -> None:
    """Windows that overflow, aborts, slots revoked whole and in part, lost and taken up again, results that come late.

    Nothing is lost, nothing has two outcomes, and what is fed of one number and topic comes in its order.
    """
    course = Course(seed)
    course.run(60)
    names = [name for each in course.produced.values() for name in each]
    assert sorted(course.site.broker.settled_ids()) == sorted(names)
    for partition in whole(0, 1):
        assert course.site.broker.offsets.get(partition, 0) == len(course.site.broker.logs[partition])


def test_a_bulk_of_new_commands_is_taken_in_steps() -> None:
    """All at once they held up what was already being sent: 60 numbers at 20/s reached 83 % of their limits."""
    site = Site(window=1000)
    site.own(0, 1)
    for index in range(700):
        site.broker.produce("crm", NUMBERS[0][0], f"c{index}")
    taken = []
    for _ in range(6):
        before = len(site.loop.fed)
        site.turn()
        taken.append(len(site.loop.fed) - before)
    assert taken == [READ_MAX, STEP, STEP, STEP, STEP, 0]
    assert site.rests == [READ_WAIT_S] * 5
    site.turn(3)
    assert len(site.rests) == 5


def test_the_thread_rests_while_a_full_window_waits() -> None:
    """It turned as fast as it could, and held up the event loop: 0.9 of a core at 320 messages a second."""
    site = Site(window=2)
    site.own(0, 1)
    for index in range(5):
        site.broker.produce("crm", NUMBERS[0][0], f"c{index}")
    site.turn(3)
    site.group.waits.clear()
    site.turn(5)
    assert site.group.waits == [READ_WAIT_S] * 5

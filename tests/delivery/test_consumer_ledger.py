"""What the Kafka thread does with the past of a slot: evidence, attempts, and the pointer that leaves them behind."""

from typing import Any, Final

from connector.delivery.backlog import Partition
from connector.delivery.command import Output, QueuedCommand, Source, Tried
from connector.delivery.consumer import POINT_EVERY_S
from connector.delivery.ledger.attempts import AttemptWriter, SlotAttempts
from connector.delivery.ledger.takeover import History
from connector.delivery.pair_limit import PairDebt
from tests.delivery.fake_kafka import CODEC, NUMBERS, Broker, Site, aborted, whole
from tests.delivery.making import WALL_MS

NUMBER: Final = NUMBERS[0][0]
ATTEMPTS: Final = AttemptWriter("attempts", "before", CODEC)


class Before(Broker):
    """A broker on which earlier owners have left something that was never committed."""

    def __init__(self) -> None:
        super().__init__()
        self.change: Any = lambda _: None

    def read(self, partitions: Any, slots: Any) -> list[History]:
        """With what a test adds."""
        histories = super().read(partitions, slots)
        for history in histories:
            self.change(history)
        return histories


def site_with(change: Any) -> tuple[Site, Source]:
    """One command, and a past."""
    broker = Before()
    broker.change = change
    site = Site(broker)
    return site, broker.produce("crm", NUMBER, "c0")


def accepted(source: Source) -> dict[str, Any]:
    """The outcome of the command, as an earlier owner wrote it."""
    elsewhere = Site()
    elsewhere.group.assign(*whole(0))
    assert elsewhere.broker.produce("crm", NUMBER, "c0") == source
    elsewhere.turn(2)
    return CODEC.decode("DeliveryOutcome", elsewhere.accepted(elsewhere.loop.open["c0"]).outputs[0].value or b"")


def slot_records(site: Site) -> list[dict[str, Any]]:
    """What was said of slot 0."""
    found = [o for o in site.broker.outputs if o.topic == "state" and o.key == b"slot"]
    return [CODEC.decode("DeliveryState", o.value or b"")["slot"] for o in found]


def journalled(site: Site) -> SlotAttempts:
    """What was written again of the attempts."""
    past = SlotAttempts()
    for output in site.broker.outputs:
        if output.topic == "attempts":
            past.read(output.value, CODEC)
    return past


def to_the_next_move(site: Site) -> None:
    """Past the time at which pointers move."""
    site.clock.now += POINT_EVERY_S
    site.turn(2)


def test_evidence_is_written_again_and_not_sent() -> None:
    """The same outcome with the same event id, this time for good."""
    source = Source("crm", 0, 0)
    outcome = accepted(source)
    site, _ = site_with(lambda history: history.evidence.update({source: outcome}) if history.slot == 0 else None)
    site.group.assign(*whole(0))
    site.turn(3)
    assert site.loop.fed == []
    assert site.broker.outcomes() == [outcome]
    assert site.broker.offsets[Partition("crm", 0)] == 1


def test_a_command_that_is_read_again_goes_on_where_its_owner_stopped() -> None:
    """Its attempts count; with an open one it waits."""
    source = Source("crm", 0, 0)
    tried = Tried("c0", NUMBER, attempts=2, answered=1, failures=1, started_at_ms=WALL_MS)
    site, _ = site_with(lambda history: history.attempts.tried.update({source: tried}) if history.slot == 0 else None)
    site.group.assign(*whole(0))
    site.turn(2)
    (command,) = site.loop.fed
    assert (command.attempts, command.failures, command.unresolved is not None) == (2, 2, True)
    assert site.loop.remembered[0].tried == {}


def test_the_pointer_moves_behind_what_was_journalled() -> None:
    """All that is unsettled of it is written again in the same transaction: nothing below it matters any more."""
    site, _ = site_with(lambda _: None)
    site.group.assign(*whole(0))
    site.turn(2)
    (command,) = site.loop.fed
    site.loop.tried_ = [(command, Tried("c0", NUMBER, attempts=1, started_at_ms=WALL_MS))]
    site.loop.attempts_end = {0: 7}
    to_the_next_move(site)
    assert (slot_records(site)[0]["attempts_offset"], slot_records(site)[-1]["attempts_offset"]) == (0, 7)
    (tried,) = journalled(site).tried.values()
    assert (tried.command_id, tried.is_open) == ("c0", True)
    before = len(site.broker.outputs)
    to_the_next_move(site)
    assert [output for output in site.broker.outputs[before:] if output.topic == "attempts"] == []


def test_what_was_not_read_again_yet_is_written_again_too() -> None:
    """Commands that are left in the log for now, and such whose answer is known and not settled."""
    waiting, answered = Source("crm", 0, 500), Source("crm", 0, 501)

    def change(history: History) -> None:
        if history.slot == 0:
            history.attempts_end = 9
            history.evidence[answered] = accepted(Source("crm", 0, 0))
            history.attempts.tried |= {
                waiting: Tried("w", NUMBER, attempts=1, started_at_ms=WALL_MS),
                answered: Tried("a", NUMBER, attempts=1, started_at_ms=WALL_MS),
            }

    site, _ = site_with(change)
    site.group.assign(*whole(0))
    site.turn(2)
    to_the_next_move(site)
    assert set(journalled(site).tried) == {waiting, answered}
    assert slot_records(site)[-1]["attempts_offset"] == 9


def test_an_owner_that_sends_nothing_leaves_old_attempts_behind_as_well() -> None:
    """Else each takeover would read further back, past the outcomes that are still known."""

    def change(history: History) -> None:
        history.attempts_end = 5 if history.slot == 0 else 0

    site, _ = site_with(change)
    site.group.assign(*whole(0))
    site.turn(2)
    to_the_next_move(site)
    assert slot_records(site)[-1]["attempts_offset"] == 5


def test_notes_of_a_slot_that_was_lost_are_dropped() -> None:
    """Its next owner has written since; those of slots that stay are kept until they are committed."""
    site, _ = site_with(lambda _: None)
    site.group.assign(*whole(0, 1))
    site.turn(2)
    written = len(site.broker.outputs)
    site.broker.fails = aborted
    for command in _two(site):
        site.consumer.note(ATTEMPTS.ended(command, PairDebt(0, 0), result="x", charged=False, retry_at_ms=0))
    site.turn(2)
    site.group.lose(*whole(0))
    site.broker.fails = lambda: None
    site.turn(2)
    assert {output.partition for output in site.broker.outputs[written:] if output.topic == "attempts"} == {1}


def _two(site: Site) -> list[QueuedCommand]:
    (command,) = site.loop.fed
    other = QueuedCommand(
        command.command, "c1", "", command.reading._replace(slot=1), command.policy, attempts=1, started_at_ms=WALL_MS
    )
    command.attempts, command.started_at_ms = 1, WALL_MS
    return [command, other]


def test_a_note_that_was_aborted_is_written_again() -> None:
    """In the next transaction."""
    site, _ = site_with(lambda _: None)
    site.group.assign(*whole(0))
    site.turn(2)
    site.broker.fails = aborted
    site.consumer.note(Output("control", 0, b"k", b"v", ()))
    site.turn(3)
    assert [output for output in site.broker.outputs if output.topic == "control"] == []
    site.broker.fails = lambda: None
    site.turn(3)
    assert len([output for output in site.broker.outputs if output.topic == "control"]) == 1

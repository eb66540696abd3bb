"""The oldest unsettled command is always known, whatever settles in which order."""

from hypothesis import given
from hypothesis import strategies as st

from connector.delivery.command import QueuedCommand
from connector.delivery.oldest import VOID_SPARED, Oldest
from tests.delivery.making import MARKETING, WALL_MS, queued, record


@given(course=st.lists(st.tuples(st.booleans(), st.sampled_from(["crm", "marketing"]), st.integers(0, 9))))
def test_it_is_the_first_that_is_not_settled_of_each_topic(course: list[tuple[bool, str, int]]) -> None:
    """Against a plain list, over any course of takes and settlements."""
    oldest = Oldest()
    unsettled: list[QueuedCommand] = []
    for at, (take, topic, which) in enumerate(course):
        if take or not unsettled:
            command = queued(read=record(topic=topic, timestamp_ms=WALL_MS + at))
            unsettled.append(command)
            oldest.taken(command)
        else:
            command = unsettled.pop(which % len(unsettled))
            command.settled = True
            oldest.settled(command)
        places = [(each.reading.record.source.topic, each.reading.record.timestamp_ms) for each in unsettled]
        assert oldest.since_ms == dict(reversed(places))


def test_what_settles_behind_one_that_waits_is_not_kept() -> None:
    """A recipient who has to wait for an hour does not keep a campaign in memory."""
    oldest = Oldest()
    first = queued(read=record(timestamp_ms=WALL_MS))
    oldest.taken(first)
    for index in range(10_000):
        command = queued(policy=MARKETING, read=record(timestamp_ms=WALL_MS + index))
        oldest.taken(command)
        command.settled = True
        oldest.settled(command)
    assert oldest.since_ms == {"crm": WALL_MS}
    assert len(oldest._order["crm"]) <= VOID_SPARED + 3

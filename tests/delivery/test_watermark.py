"""What may be committed of a partition, whatever order its records are settled in."""

from hypothesis import given
from hypothesis import strategies as st

from connector.delivery.watermark import Watermark

FIRST = 100


@st.composite
def courses(draw: st.DrawFn) -> list[tuple[str, int]]:
    """Records read in order, with gaps; each settled once or twice, at any time after it was read, or never."""
    offsets, offset = [], FIRST
    for gap in draw(st.lists(st.integers(0, 3), max_size=25)):
        offset += gap
        offsets.append(offset)
        offset += 1
    steps: list[tuple[str, int]] = []
    for offset in offsets:
        steps.append(("read", offset))
        before = st.sampled_from(offsets[: offsets.index(offset) + 1])
        steps += [("settle", settled) for settled in draw(st.lists(before, max_size=2))]
        if draw(st.booleans()):
            steps.append(("commit", 0))
    return steps + [("settle", offset) for offset in draw(st.permutations(offsets))]


@given(course=courses())
def test_the_position_never_passes_an_unsettled_record(course: list[tuple[str, int]]) -> None:
    """It is the lowest record that is not settled, else what is read next; and it never goes back."""
    watermark, unsettled, read, before = Watermark(FIRST), set[int](), FIRST, FIRST
    for step, offset in course:
        if step == "read":
            assert watermark.read(offset)
            unsettled.add(offset)
            read = offset + 1
        elif step == "settle":
            watermark.settle(offset)
            unsettled.discard(offset)
        elif (position := watermark.uncommitted()) is not None:
            watermark.committed(position)
            assert watermark.uncommitted() is None
        assert watermark.position() == min(unsettled, default=read)
        assert watermark.position() >= before
        before = watermark.position()
        assert watermark.next == read
    assert watermark.position() == read
    assert not watermark._open


def test_a_record_counts_once() -> None:
    """Read again in the same assignment, after a seek or a retry of the client, it is not new."""
    watermark = Watermark(FIRST)
    assert [watermark.read(offset) for offset in (100, 101, 100, 101, 102)] == [True, True, False, False, True]
    assert len(watermark._open) == 3


def test_a_record_below_the_begin_is_not_ours() -> None:
    """It was committed by somebody before."""
    assert not Watermark(FIRST).read(FIRST - 1)


def test_nothing_is_to_be_committed_at_the_begin() -> None:
    """Neither before a record is read, nor before the first one is settled."""
    watermark = Watermark(FIRST)
    assert watermark.uncommitted() is None
    watermark.read(FIRST)
    watermark.read(FIRST + 1)
    watermark.settle(FIRST + 1)
    assert watermark.uncommitted() is None
    watermark.settle(FIRST)
    assert watermark.uncommitted() == FIRST + 2


def test_a_gap_belongs_to_the_record_before_it() -> None:
    """Transaction markers and compacted records have offsets too, and nobody settles those."""
    watermark = Watermark(FIRST)
    for offset in (103, 110):
        watermark.read(offset)
    watermark.settle(103)
    assert watermark.uncommitted() == 110
    watermark.settle(110)
    assert watermark.uncommitted() == 111


def test_an_old_commit_takes_nothing_back() -> None:
    """What was stored stays stored."""
    watermark = Watermark(FIRST)
    for offset in (100, 101):
        watermark.read(offset)
        watermark.settle(offset)
    watermark.committed(102)
    watermark.committed(101)
    assert watermark.uncommitted() is None


def test_memory_follows_what_is_unsettled() -> None:
    """A million settled records leave nothing behind."""
    watermark = Watermark(0)
    for offset in range(100_000):
        watermark.read(offset)
        watermark.settle(offset)
    assert not watermark._settled
    assert not watermark._open
